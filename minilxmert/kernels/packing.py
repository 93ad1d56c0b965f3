"""Packed copies of weights, in the order in which the tile reads them.

A model keeps those of its own parameters (weights.py); whoever calls an operation with plain arrays has them packed for
that call alone. Every linear map begins with a panel of its own; maps of the same inputs lie one after the other, so
that several of them can be one product."""

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
from numba import types

from ..files import forget_pages
from . import pairs
from .compiling import part
from .math import U, bfloat16, flushed
from .memory import aligned
from .shared import add
from .threads import kernel
from .tiles import NARROW, WIDTH
from .vectors import row

BLOCKS = ("query", "key", "value", "output"), ("inner", "outer")  # maps of attention, and of a feed-forward net
READ = 4 << 20  # bytes of weights that are packed at a time: of a mapped file, so much is in memory


def pack_all(counter, bits, panels, column, pair):
    """Copy the bits of weights (O, I), turned round, into outputs column … column + O of panels (P, K, WIDTH): whole,
    as bfloat16 if the panels have 16 bits, or (pair) two neighbouring inputs as bfloat16 in a word. A task is a panel.

    Values are gathered for a row of a panel, not strewn over it: so LLVM rounds a whole vector of them at once."""
    outputs, width = len(bits), panels.shape[2]
    n = column // width + add(counter, 1)
    while n * width < column + outputs:
        first, last = max(n * width, column), min((n + 1) * width, column + outputs)
        source = bits[first - column : last - column]
        for i in range(panels.shape[1]):
            target = row(panels[n], i)[first - n * width : last - n * width]
            if pair:
                pack_pairs(source, 2 * i, target)
            else:
                for j in range(len(target)):
                    value = flushed(source[j, i])
                    target[j] = value if panels.itemsize == 4 else bfloat16(value)
        n = column // width + add(counter, 1)


@part
def pack_pairs(source, i, target):
    """Inputs i and i + 1 of source (O, I), zero where there are none, as the words of target (O,)"""
    if i + 1 < source.shape[1]:
        for j in range(len(target)):
            upper = U(U(bfloat16(flushed(source[j, i + 1]))) << U(16))
            target[j] = U(bfloat16(flushed(source[j, i])) | upper)
    elif i < source.shape[1]:
        for j in range(len(target)):
            target[j] = bfloat16(flushed(source[j, i]))


@functools.cache
def packing_kernel(word):
    """pack_all as a Kernel for panels of a type, uint32 or uint16; compiled when first wanted."""
    kinds = types.Array(types.uint32, 2, "A", readonly=True), word[:, :, ::1], types.int64, types.int64
    return kernel(*kinds)(pack_all)


class Packed(NamedTuple):
    """The weights of linear maps of the same rows, side by side."""

    panels: np.ndarray  # see panels_of; zeros beyond the last output of each map
    bias: np.ndarray  # (P, width of a panel)


class Layer(dict):
    """A linear map {"w": (O, I), "b": (O,)} with its packed copy: panels first … last of `packed`."""

    def __init__(self, layer, packed, first):
        super().__init__(layer)
        self.packed, self.first = packed, first
        self.last = first + -(-len(layer["w"]) // packed.bias.shape[1])


class LinedUp(NamedTuple):
    """How a kernel finds the weights of L blocks that it does one after the other."""

    first: Packed  # the maps of the inputs
    attention: Packed | None  # those of the results of attention, if any block is that
    net: Packed | None  # those of the results of a feed-forward net, if any block is that
    where: np.ndarray  # (L, 4): the first panel and the one after the last, of the inputs' maps and of the results'
    norms: np.ndarray  # (L, 2, E): w and b


class Block(dict):
    """The parameters of attention with its norm, or of a feed-forward net with its own; and, as LinedUp of one block,
    how a kernel finds them. Not to be written into: a kernel reads what was there when it was made."""

    def __init__(self, p, first, outer):
        super().__init__(p)
        (inputs, *a), (results, *b) = find(first), find([outer])
        kinds = (results, None) if len(first) > 1 else (None, results)
        norms = np.stack([p["norm"]["w"], p["norm"]["b"]])[None]
        self.lined_up = LinedUp(inputs, *kinds, np.array([[*a, *b]]), norms)


class Stack(dict):
    """The parameters of layers one after the other, and all their blocks as one LinedUp. Not to be written into, as a
    Block."""

    def __init__(self, p, lined_up):
        super().__init__(p)
        self.lined_up = lined_up


def line_up(blocks):
    """[Block, …] -> their LinedUp; None if the maps of a kind are not in the same Packed"""
    *kinds, where, norms = zip(*(block.lined_up for block in blocks), strict=True)
    shared = [next(filter(None, kind), None) for kind in kinds]
    for packed, kind in zip(shared, kinds, strict=True):
        if not all(one is None or one is packed for one in kind):
            return None
    return LinedUp(*shared, *map(np.concatenate, (where, norms)))


def make_block(p):
    """The Block of a node of a parameter tree, packed for this call if its maps are not Layers; None if the node is
    neither of the two, or its arrays are not float32 or do not fit each other."""
    if isinstance(p, Block):
        return p
    names = next((names for names in BLOCKS if {*names, "norm"} == p.keys()), None)
    if names is None or not all(is_map(p[name]) for name in names):
        return None
    *first, outer = (p[name] for name in names)
    (hidden, width), norm = first[0]["w"].shape, [p["norm"][name] for name in "wb"]
    fitting = (
        (len(first) == 1 or hidden == width)  # attention is as wide as its inputs
        and all(layer["w"].shape == (hidden, width) for layer in first)
        and outer["w"].shape == (width, hidden)
        and all(one.shape == (width,) and one.dtype == np.float32 for one in norm)
    )
    return Block(p, first, outer) if fitting else None


def make_stack(p):
    """The Stack of layers, or cross layers, whose blocks are packed side by side; None if p is not that."""
    if isinstance(p, Stack):
        return p
    blocks = [block for layer in p.values() for block in blocks_of(layer)]
    lined_up = line_up(blocks) if blocks and all(isinstance(block, Block) for block in blocks) else None
    return Stack(p, lined_up) if lined_up else None


def blocks_of(node):
    """The parameters of the blocks of a layer, or of a cross layer, in the order in which they are done; (None,) of any
    other node"""
    match node:
        case {"cross": cross, "language": language, "vision": vision}:
            return cross, *blocks_of(language), *blocks_of(vision)
        case {"attention": attention, "ffn": net}:
            return attention, net
    return (None,)


def is_map(node):
    """Whether a node of a parameter tree is a linear map in float32."""
    w, b = (node.get(name) for name in "wb") if isinstance(node, dict) else (None, None)
    return (
        isinstance(w, np.ndarray) and isinstance(b, np.ndarray) and w.dtype == b.dtype == np.float32
        and w.ndim == 2 and w.shape[1] > 0 and b.shape == w.shape[:1]
    )  # fmt: skip


def pack_tree(tree, halved):
    """A parameter tree of Layers, Blocks and Stacks. The maps of as many inputs share one Packed, in the tree's order.
    halved: the copies are bfloat16."""
    maps, tree = {}, tree if halved else divide(tree)
    for node in maps_of(tree):
        maps.setdefault(node["w"].shape[1], []).append(node)
    return exchange(tree, {inputs: iter(pack_layers(nodes, halved)) for inputs, nodes in maps.items()})


def divide(node):
    """The tree in which a node with a method `maps` has those instead of its own weights, each a Packed."""
    if hasattr(node, "maps"):
        return {"b": node["b"], "maps": [pack_as_one([one]) for one in node.maps()]}
    return {name: divide(inner) for name, inner in node.items()} if isinstance(node, dict) else node


def maps_of(node):
    """The linear maps in a parameter tree, one after the other."""
    if is_map(node):
        yield node
    elif isinstance(node, dict):
        for inner in node.values():
            yield from maps_of(inner)


def exchange(node, layers):
    """The tree with the next of layers[inputs] in the place of every linear map, with Blocks and Stacks of them."""
    if is_map(node):
        return next(layers[node["w"].shape[1]])
    if not isinstance(node, dict):
        return node
    made = {name: exchange(inner, layers) for name, inner in node.items()}
    return make_block(made) or make_stack(made) or made


def pack_layers(layers, halved=False):
    """Linear maps [{"w": (O, I), "b": (O,)}, …] of the same inputs -> their Layers, one after the other"""
    width = pairs.WIDTH if halved and NARROW and pairs.USED else WIDTH
    starts = np.cumsum([0, *(-(-len(layer["w"]) // width) for layer in layers)]).tolist()
    bias = np.zeros((starts[-1], width), np.float32)
    for layer, first in zip(layers, starts, strict=False):
        bias[first:].reshape(-1)[: len(layer["b"])] = layer["b"]
    packed = Packed(panels_of([layer["w"] for layer in layers], starts, width, halved and NARROW), bias)
    return [Layer(layer, packed, first) for layer, first in zip(layers, starts, strict=False)]


def find(layers):
    """Where linear maps of the same inputs lie side by side, packed for this call if they do not -> Packed, and of its
    panels the first and the one after the last"""
    first = layers[0]
    if not all(isinstance(layer, Layer) and layer.packed is first.packed for layer in layers) or any(
        a.last != b.first for a, b in itertools.pairwise(layers)
    ):
        layers = pack_layers(layers)
    return layers[0].packed, layers[0].first, layers[-1].last


def pack_as_one(layers):
    """Linear maps of the same inputs -> one Packed of them all"""
    (panels, bias), first, last = find(layers)
    return Packed(panels[first:last], bias[first:last])


def panels_of(ws, starts, width, halved=False):
    """Weights [(O, I), …], each from a panel of its own, starts[n], up to starts[-1] -> panels (P, I, width): float32;
    halved: bfloat16 as uint16, or, where the processor multiplies pairs, words (P, K, width) of uint32"""
    inputs, paired = ws[0].shape[1], halved and pairs.USED
    kind = np.float32 if not halved else np.uint32 if paired else np.uint16
    panels = aligned_zeros((starts[-1], pairs.words(inputs) if paired else inputs, width), kind)
    pack_rows = packing_kernel(types.uint16 if kind == np.uint16 else types.uint32)
    bits = panels if kind == np.uint16 else panels.view(np.uint32)
    for w, first in zip(ws, starts, strict=False):
        column = first * width
        for rows in np.array_split(w, max(1, w.nbytes // READ)):
            pack_rows(in_rows(rows).view(np.uint32), bits, column, paired)
            forget_pages(rows)  # it was read once; the packed copy stays
            column += len(rows)
    return panels


def in_rows(x):
    """x, or a copy of it if the values of a row are not neighbours in memory: what every kernel asks for."""
    return x if x.strides[-1] == x.itemsize and x.flags.aligned else np.ascontiguousarray(x)


def aligned_zeros(shape, dtype=np.float32):
    """Zeros that begin on a cache line."""
    return aligned(np.dtype(dtype).itemsize * math.prod(shape), np.zeros).view(dtype).reshape(shape)
