"""Mistakes of any exercise, recognised by comparing what was found with what is right: factor, sign, offset, order."""

import numpy as np

CLOSE = 1e-5


def describe(pairs):
    """(right, found) pairs of one output, all different -> half a sentence that says how they differ."""
    if not isinstance(pairs[0][0], np.ndarray | float | np.floating):
        want, have = pairs[0]
        return f"expected {shown(want)}, found {shown(have)}"
    pairs = [(np.asarray(want), np.asarray(have)) for want, have in pairs]
    for detect in (factor, offset, transposed, rolled, shuffled):
        found = detect(pairs)
        if found:
            return found
    return largest(*pairs[0])


def shown(value):
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}…"


def factor(pairs):
    """found = k · right"""
    factors, lone = [], False
    for want, have in pairs:
        square = (want.astype(float) ** 2).sum()
        if want.dtype.kind != "f" or not square:
            return None
        lone = lone or want.size == 1  # one number is always a multiple of another
        k = float((want * have).sum() / square)
        if not close(k * want, have, want):
            return None
        factors.append(k)
    steady = np.ptp(factors) <= CLOSE * max(map(abs, factors))
    if lone and not (steady and len(factors) > 1):
        return None
    if not steady:
        some = ", ".join(f"{k:.4g}" for k in factors[:3])
        return f"right up to a factor that depends on the input ({some}): is it scaled by the wrong size?"
    if abs(factors[0] - 1) < 10 * CLOSE:
        return None  # nearly right: the place of the difference says more
    if abs(factors[0]) < CLOSE:
        return "it is all zeros"
    if abs(factors[0] + 1) < CLOSE:
        return "the sign is wrong: it is the negative of what is right"
    return f"right up to the factor {factors[0]:.6g}"


def offset(pairs):
    """found = right + c"""
    offsets = []
    for want, have in pairs:
        c = (have - want).mean() if want.dtype.kind in "fiu" else np.nan
        if not want.size or not close(want + c, have, want):
            return None
        offsets.append(c)
    if sum(want.size for want, _ in pairs) < 2 or np.ptp(offsets) > CLOSE * max(map(abs, offsets)):
        return None
    return f"off by the same amount everywhere, {offsets[0]:.4g}"


def transposed(pairs):
    """the last two axes are exchanged"""
    if all(want.ndim >= 2 and close(want.swapaxes(-1, -2), have, want) for want, have in pairs):
        return "it is transposed: the last two axes are exchanged"
    return None


def rolled(pairs):
    """moved by one place along the last axis"""
    for step in (1, -1):
        if all(want.ndim and close(np.roll(want, step, -1), have, want) for want, have in pairs):
            return "the right values, but moved by one place along the last axis"
    return None


def shuffled(pairs):
    """the same values in another order"""
    if all(want.size > 1 and close(np.sort(want, None), np.sort(have, None), want) for want, have in pairs):
        return "the right values in the wrong places: a reshape where a transpose is needed, or another order?"
    return None


def close(a, b, scale):
    if a.shape != b.shape or a.dtype.kind == "b":
        return False
    return np.allclose(a, b, rtol=0, atol=CLOSE * max(np.abs(scale).max(initial=0), 1e-30))


def largest(want, have):
    """The place of the largest difference, in words."""
    difference = np.abs(want.astype(float) - have.astype(float))
    place = np.unravel_index(int(difference.argmax()), want.shape)
    at = f" at [{', '.join(map(str, map(int, place)))}]" if place else ""
    share = f"{np.mean(difference > CLOSE * max(np.abs(want).max(), 1e-30)):.0%} of the values differ, most"
    return f"{share}{at}: expected {want[place]:.6g}, found {have[place]:.6g}"
