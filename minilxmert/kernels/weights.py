"""The parameters of one model, and the packed copies that the kernels keep of them.

Copies are made by the first answer and kept as long as nobody else could write into the parameters. Whoever asks for
the parameters might: the copies are dropped. While somebody holds the tree, an array of it or a view of one, every
answer packs anew what it finds, for itself alone; once the last holder has let go, copies are kept again. Arrays that
are read-only down to their memory (a mapped file) may be held by anybody."""

import contextlib
import sys
from collections import Counter

import numpy as np

from . import load
from .memory import Memory
from .switch import NoKernels, current_backend, forks_wait


class Weights:
    """A parameter tree, and whether its linear maps are packed as bfloat16 (halved)."""

    def __init__(self, tree, halved=False):
        self.__setstate__(({"tree": tree}, halved))

    def __getstate__(self):
        """What a copy or a pickle takes along: not the packed copies."""
        return self.holder, self.halved

    def __setstate__(self, state):
        self.holder, self.halved = state
        self.packed, self.memory = {}, Memory()

    def lend(self):
        """The tree, for whoever may write into it."""
        tree = self.holder["tree"]  # held first: so whoever packs into the new dict sees that it is held;
        self.packed = {}  # whoever packs already puts its copies into the old one, where nobody looks
        return tree

    def look(self):
        """The tree, for those who neither write into it nor pass it on."""
        return self.holder["tree"]

    @contextlib.contextmanager
    def for_inference(self):
        """The tree as the backend in use wants it: for the kernels, every linear map with its packed copy."""
        with self.memory.answering():
            quick = current_backend() != "numpy" and (self.packed.get("tree") or self.pack())
            yield quick or self.look()

    def pack(self):
        """The tree with its packed copies; None where no kernel can read them"""
        with forks_wait, contextlib.suppress(NoKernels):
            pack_tree = load("packing").pack_tree
            if kept := self.packed.get("tree"):  # another thread was first
                return kept
            keep, alone = self.packed, not held(self.holder)
            packed = pack_tree(self.look(), self.halved)
            decoder = packed.get("masked_lm", {}).get("decoder")
            if decoder:  # its weights are the word embeddings (tied)
                both = {"decoder": {"w": self.look()["embeddings"]["word"]["w"], **decoder}}
                packed["masked_lm"].update(pack_tree(both, self.halved))
            if alone:
                keep["tree"] = packed
            return packed


def held(tree):
    """Whether anybody but the tree itself holds one of its dicts, one of its arrays or the memory of one.

    By Python's count of references, beside that of an object which nobody else can hold."""
    probe, found, inside = object(), {}, Counter()
    waiting = [probe, *tree.values()]
    while waiting:
        node = waiting.pop()
        found[id(node)] = node
        inside[id(node)] += 1
        if isinstance(node, dict):
            waiting += node.values() if inside[id(node)] == 1 else []
        elif isinstance(node, np.ndarray) and node.base is not None and inside[id(node)] == 1:
            waiting.append(node.base)
    del node
    spare = {key: sys.getrefcount(found[key]) - inside[key] for key in found}
    return any(spare[key] > spare[id(probe)] and may_be_written(found[key]) for key in found)


def may_be_written(node):
    """Whether a dict, an array or what an array shows the memory of could be changed by whoever holds it."""
    if isinstance(node, np.ndarray):
        return node.flags.writeable or (node.base is not None and may_be_written(node.base))
    try:
        return isinstance(node, dict) or not memoryview(node).readonly
    except TypeError:  # memory of a kind of its own
        return True
