"""One file an exercise: what it is about, the function with its text and solution, the inputs it is tried with, and the
usual mistakes. SLIPS has a sentence for each and, below it, which words of the function go wrong: old => new. Where the
plain formula is not enough (exercises 6 and 26), they are words of another function, `plainly`.

What a student gets is made of it: the head of the function, without the solution below it.
Below is what many sheets share: inputs of several sizes, random parameters, random masks."""

import functools

import numpy as np

from ...core.inputs import added_mask
from ...core.params import flatten, unflatten

COUNT = 24  # inputs of an exercise


def sized(*sizes):
    """Makes draws(rng) of a function draw(rng, *size) -> arguments: the sizes in turn, once each in float32."""

    def of(draw):
        @functools.wraps(draw)
        def draws(rng):
            for number in range(COUNT):
                args = draw(rng, *sizes[number % len(sizes)])
                yield single(args) if number < len(sizes) else args

        return draws

    return of


def single(value):
    """Nested values with their float64 arrays in float32."""
    if isinstance(value, dict):
        return {key: single(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(single, value))
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


def parameters(rng, shapes):
    """A tree of random parameters, shaped like a tree of shapes."""
    return unflatten({name: rng.standard_normal(shape) for name, shape in flatten(shapes).items()})


def random_mask(rng, b, m):
    """What is added to scores, (B, 1, 1, M): 0 or very negative at random, never for the first of a row."""
    visible = (rng.random((b, m)) < 0.7).astype(np.float32)
    visible[:, 0] = 1
    return added_mask(visible).astype(float)
