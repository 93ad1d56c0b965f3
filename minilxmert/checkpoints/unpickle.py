"""An interpreter of the pickles inside torch's weight files. It imports nothing and calls nothing: the few names that
such a pickle may mention are inert symbols, and each has a meaning here. Everything else is an error.

Source: the opcodes as Python's pickletools documents them; which of them torch writes was found by looking."""

import struct
from typing import NamedTuple

MOST_STEPS, MOST_MARKS, MOST_MEMO = 250_000, 64, 250_000
LONGEST_INT, LONGEST_TEXT = 16, 4096  # bytes


class Symbol(NamedTuple):
    """A name that the pickle mentions, "module name"; never looked up."""

    name: str


class Tensor(NamedTuple):
    """How torch describes a tensor: a window into a storage. The numbers are checked when it is cut out."""

    storage: object
    offset: object
    size: object
    stride: object


ORDERED_DICT = Symbol("collections OrderedDict")
REBUILD_TENSOR = Symbol("torch._utils _rebuild_tensor_v2")
REBUILD_PARAMETER = Symbol("torch._utils _rebuild_parameter")
KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
STORAGES = tuple(Symbol(f"torch {kind}Storage") for kind in KINDS)
SYMBOLS = {symbol.name: symbol for symbol in (ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, *STORAGES)}


class Unpickler:
    """One pickle: `load` gives the object at its STOP, `position` is where it ended in the data.

    data: bytes; refuse(entry, expected, found): makes the error; storage_of(id): the meaning of a persistent id."""

    def __init__(self, data, refuse, storage_of=None, position=0):
        self.data, self.position = data, position
        self.fault = lambda expected, found: refuse(f"pickle, byte {self.position}", expected, found)
        self.storage_of = storage_of
        self.stack, self.below, self.memo = [], [], {}  # below: the stacks under open marks

    def load(self):
        """Run the instructions up to STOP -> the pickled object."""
        if self.take(1) != b"\x80" or self.take(1) not in (b"\x02", b"\x03"):
            raise self.fault("a pickle of protocol 2 or 3", "another; save it again with torch's default protocol")
        for _ in range(MOST_STEPS):
            code = self.take(1)
            if code == b".":
                value = self.pop()
                if self.stack or self.below:
                    raise self.fault("one object", "more")
                return value
            step = OPCODES.get(code)
            if step is None:
                raise self.fault("the instructions of a weight file", f"instruction {code!r}")
            step(self)
        raise self.fault(f"at most {MOST_STEPS} instructions", "more")

    def take(self, count):
        """The next bytes of the pickle."""
        end = self.position + count
        if end > len(self.data):
            raise self.fault(f"{count} more bytes", "the end")
        piece = self.data[self.position : end]
        self.position = end
        return bytes(piece)

    def line(self):
        """The text up to the next newline, which ends the names of modules and classes."""
        text, end, _ = bytes(self.data[self.position : self.position + 256]).partition(b"\n")
        if not end:
            raise self.fault("a name of at most 255 bytes", "a longer one")
        self.position += len(text) + 1
        return text.decode("latin-1")

    def number(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def text(self, count):
        if count > LONGEST_TEXT:
            raise self.fault(f"a text of at most {LONGEST_TEXT} bytes", count)
        try:
            return self.take(count).decode("utf-8")
        except UnicodeDecodeError:
            raise self.fault("UTF-8 text", "other bytes") from None

    def push(self, value):
        self.stack.append(value)

    def pop(self, kind=object):
        """Take the topmost object above the last mark, which must be of a kind."""
        if not self.stack:
            raise self.fault("an object to take", "none")
        value = self.stack.pop()
        if type(value) is not kind and kind is not object:
            raise self.fault(f"a {kind.__name__}", type(value).__name__)
        return value

    def mark(self):
        if len(self.below) == MOST_MARKS:
            raise self.fault(f"at most {MOST_MARKS} open marks", "more")
        self.below.append(self.stack)
        self.stack = []

    def above_mark(self):
        """The objects above the last mark, taken off together with it."""
        if not self.below:
            raise self.fault("a mark", "none")
        values, self.stack = self.stack, self.below.pop()
        return values

    def remember(self, index):
        if not self.stack or index > MOST_MEMO:
            raise self.fault("an object to remember", "none")
        self.memo[index] = self.stack[-1]

    def recall(self, index):
        if index not in self.memo:
            raise self.fault("an object remembered before", f"number {index}")
        self.push(self.memo[index])

    def symbol(self):
        module, name = self.line(), self.line()
        symbol = SYMBOLS.get(f"{module} {name}")
        if symbol is None:
            raise self.fault("only names of tensors", f"{module}.{name}, which is not run")
        self.push(symbol)

    def set_items(self, pairs):
        """Put key, value, key, value … into the topmost dict; keys are texts (or numbers, in an optimizer's state)."""
        target = self.stack[-1] if self.stack else None
        if type(target) is not dict or len(pairs) % 2:
            raise self.fault("a dict and pairs", type(target).__name__)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(key) not in (str, int) or key in target:
                raise self.fault("text keys, each once", repr(key)[:40] if type(key) is str else type(key).__name__)
            target[key] = value

    def append(self, values):
        if not self.stack or type(self.stack[-1]) is not list:
            raise self.fault("a list", "none")
        self.stack[-1].extend(values)

    def persistent(self):
        if self.storage_of is None:
            raise self.fault("no storages here", "one")
        self.push(self.storage_of(self.pop(tuple)))

    def reduce(self):
        """The only calls there are: an empty dict, a Tensor, a parameter (which is its Tensor)."""
        arguments, function = self.pop(tuple), self.pop(Symbol)
        if function is ORDERED_DICT and arguments == ():
            self.push({})
        elif function is REBUILD_TENSOR and len(arguments) in (6, 7) and self.plain(arguments[4:]):
            self.push(Tensor(*arguments[:4]))
        elif function is REBUILD_PARAMETER and len(arguments) == 3 and type(arguments[0]) is Tensor:
            if not self.plain(arguments[1:]):
                raise self.fault("a parameter without hooks", "hooks")
            self.push(arguments[0])
        else:
            raise self.fault("a tensor or an empty dict", f"{function.name} with {len(arguments)} arguments")

    @staticmethod
    def plain(arguments):
        """requires_grad, backward hooks, metadata: a bool, then empty dicts."""
        return type(arguments[0]) is bool and all(type(a) is dict and not a for a in arguments[1:])

    def build(self):
        """The only state that a weight file gives to its dict is torch's `_metadata`, which holds version numbers."""
        state = self.pop(dict)
        if not self.stack or type(self.stack[-1]) is not dict or list(state) != ["_metadata"]:
            raise self.fault("only _metadata as a dict's state", "another state")

    def long(self):
        count = self.number("<B")
        if count > LONGEST_INT:
            raise self.fault(f"a number of at most {LONGEST_INT} bytes", count)
        self.push(int.from_bytes(self.take(count), "little", signed=True))

    def tuple_of(self, count):
        values = [self.pop() for _ in range(count)]
        self.push(tuple(values[::-1]))


OPCODES = {
    b"c": Unpickler.symbol,
    b"R": Unpickler.reduce,
    b"b": Unpickler.build,
    b"Q": Unpickler.persistent,
    b"(": Unpickler.mark,
    b"t": lambda u: u.push(tuple(u.above_mark())),
    b")": lambda u: u.push(()),
    b"\x85": lambda u: u.tuple_of(1),
    b"\x86": lambda u: u.tuple_of(2),
    b"\x87": lambda u: u.tuple_of(3),
    b"}": lambda u: u.push({}),
    b"s": lambda u: u.set_items([u.pop(), u.pop()][::-1]),
    b"u": lambda u: u.set_items(u.above_mark()),
    b"]": lambda u: u.push([]),
    b"a": lambda u: u.append([u.pop()]),
    b"e": lambda u: u.append(u.above_mark()),
    b"q": lambda u: u.remember(u.number("<B")),
    b"r": lambda u: u.remember(u.number("<I")),
    b"h": lambda u: u.recall(u.number("<B")),
    b"j": lambda u: u.recall(u.number("<I")),
    b"X": lambda u: u.push(u.text(u.number("<I"))),
    b"U": lambda u: u.push(u.text(u.number("<B"))),  # Python 2 wrote these two
    b"T": lambda u: u.push(u.text(u.number("<I"))),
    b"K": lambda u: u.push(u.number("<B")),
    b"M": lambda u: u.push(u.number("<H")),
    b"J": lambda u: u.push(u.number("<i")),
    b"\x8a": Unpickler.long,
    b"G": lambda u: u.push(u.number(">d")),
    b"N": lambda u: u.push(None),
    b"\x88": lambda u: u.push(True),
    b"\x89": lambda u: u.push(False),
}
