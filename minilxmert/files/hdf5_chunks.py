"""Arrays that HDF5 stores in chunks: where each chunk is, by any of the six indexes, and the filters undone.

Source: HDF5 File Format Specification, version 3.0."""

import itertools
import math
import struct
import zlib

import numpy as np

from .hdf5_bytes import UNDEFINED, leaves, records

GZIP, SHUFFLE, LZF = 1, 2, 32000
FILTERS = {GZIP: "gzip", SHUFFLE: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scale-offset", LZF: "lzf"}


class Chunks:
    """What a layout message says of an array in chunks. shape, most: of the array, now and when it has grown."""

    def __init__(self, source, data, shape, most, packed):
        self.source, self.packed = source, packed
        if data[0] == 3:
            rank, self.at = struct.unpack_from("<BQ", data, 2)
            sizes, self.how = struct.unpack_from(f"<{rank}I", data, 11), (0, b"")
        else:
            flags, rank, width = data[2:5]
            end = 5 + rank * width
            sizes = [int.from_bytes(data[at : at + width], "little") for at in range(5, end, width)]
            more = end + 1 + (12 if flags & 2 else 0, 0, 1, 5, 6)[data[end] - 1]
            self.how, (self.at,) = (data[end], data[end + 1 : more]), struct.unpack_from("<Q", data, more)
            if flags & 1:
                raise ValueError("chunks of which some are packed otherwise")
        *self.shape, self.itemsize = sizes
        if len(self.shape) != len(shape) or not all(sizes):
            raise ValueError(f"chunks of {self.shape} for shape {shape}")
        self.size = math.prod(sizes)  # bytes of a chunk
        self.grid = [-(-length // step) for length, step in zip(shape, self.shape, strict=True)]
        grown = zip(most, self.shape, self.grid, strict=True)
        self.most = [now if limit == UNDEFINED else -(-limit // step) for limit, step, now in grown]
        self.growing = [axis for axis, limit in enumerate(most) if limit == UNDEFINED]

    def find(self):
        """{place in the grid: (address, size, mask)} of every chunk that is stored. ValueError for one outside of the
        grid, or one that is stored twice."""
        if self.at == UNDEFINED or 0 in self.grid:
            return {}
        found, left = {}, len(self.source.content)
        for place, *where in INDEXES[self.how[0]](self):
            left -= where[1]
            if place in found or not all(i < n for i, n in zip(place, self.grid, strict=True)):
                raise ValueError(f"{math.prod(self.grid)} chunks, of which {place} is none")
            if left < 0 or not where[1]:
                raise ValueError("chunks of more bytes than the file has")
            found[place] = where
        return found

    def assemble(self, array, found, filters):
        """Put the chunks that `find` found into an array, where the last ones may reach beyond it. -> the array"""
        for place, (at, size, mask) in found.items():
            data = undo_filters(self.source.take(at, size), filters, mask, self.size)
            target = tuple(slice(i * step, (i + 1) * step) for i, step in zip(place, self.shape, strict=True))
            inside = tuple(slice(length) for length in array[target].shape)
            array[target] = np.frombuffer(data, array.dtype).reshape(self.shape)[inside]
        return array

    def old_tree(self):
        width = 8 * len(self.shape) + 16
        for key, at in leaves(self.source, self.at, 1, width):
            size, mask, *offset = struct.unpack(f"<2I{len(self.shape) + 1}Q", key)
            place = [divmod(first, step) for first, step in zip(offset, self.shape, strict=False)]
            if any(rest for _, rest in place):
                raise ValueError(f"a chunk at {offset}")
            yield tuple(index for index, _ in place), at, size if self.packed else self.size, mask

    def single(self):
        size, mask = struct.unpack("<QI", self.how[1]) if self.how[1] else (self.size, 0)
        yield (0,) * len(self.shape), self.at, size, mask

    def implicit(self):
        for number, place in enumerate(np.ndindex(*self.most)):
            if number * self.size > len(self.source.content):
                break
            if all(i < n for i, n in zip(place, self.grid, strict=True)):
                yield place, self.at + number * self.size, self.size, 0

    def fixed_array(self):
        head = self.source.take_sealed(b"FAHD\0", self.at, 24)
        width, bits, count, at = struct.unpack_from("<2B2Q", head, 6)
        if count != math.prod(self.most):
            raise ValueError(f"an index of {count} chunks")
        page, start = 1 << bits, 14
        if at == UNDEFINED:
            return
        if count <= page:
            yield from self.number([self.source.take_sealed(b"FADB\0", at, start + width * count)[start:]], width)
            return
        pages = -(-count // page)
        written = self.source.take_sealed(b"FADB\0", at, start + -(-pages // 8))[start:]
        yield from self.number(self.pages(at + start + len(written) + 4, count, page, width, written), width)

    def pages(self, at, count, page, width, written, first=0):
        """The elements of an index, page by page; b"" times their number for a page that was never written."""
        for number in range(-(-count // page)):
            size = width * min(page, count - number * page)
            bit = first + number
            on = written[bit // 8] & 128 >> bit % 8
            yield self.source.take_sealed(b"", at, size) if on else size // width
            at += size + 4

    def extensible_array(self):
        """The chunks in order: those in the index block, then those in blocks whose size doubles now and then."""
        head = struct.unpack_from("<6B48xQ", self.source.take_sealed(b"EAHD\0", self.at, 68), 6)
        width, bits, inside, least, pointers, page, at = head
        if at == UNDEFINED:
            return
        rows, early, wide = 2 + bits - least.bit_length(), 2 * (pointers.bit_length() - 1), -(-bits // 8)
        count = (
            2 * (pointers - 1) + rows - early
        )  # of places: of data blocks in the early rows, of tables of the others
        start = 14 + width * inside
        block = self.source.take_sealed(b"EAIB\0", at, start + 8 * count)
        places = iter(struct.unpack(f"<{count}Q", block[start:]))
        sizes = [(1 << row // 2, least << (row + 1) // 2) for row in range(rows)]  # blocks in a row, chunks in a block
        parts = itertools.chain(
            [block[14:start]],
            *(self.data_block(next(places), n, width, wide) for blocks, n in sizes[:early] for _ in range(blocks)),
            *(self.table(next(places), *size, width, wide, page) for size in sizes[early:]),
        )
        yield from self.number(parts, width)

    def data_block(self, at, count, width, wide):
        """The elements of a data block of an extensible array."""
        start = 14 + wide
        yield count if at == UNDEFINED else self.source.take_sealed(b"EADB\0", at, start + width * count)[start:]

    def table(self, at, blocks, count, width, wide, page):
        """The elements of a table of `blocks` data blocks of `count` elements each, large ones in pages."""
        if at == UNDEFINED:
            yield blocks * count
            return
        pages, start = count >> page if count > 1 << page else 0, 14 + wide  # both are powers of two
        bitmap = blocks * -(-pages // 8)
        data = self.source.take_sealed(b"EASB\0", at, start + bitmap + 8 * blocks)[start:]
        for number, at in enumerate(struct.unpack(f"<{blocks}Q", data[bitmap:])):
            if at == UNDEFINED or not pages:
                yield from self.data_block(at, count, width, wide)
            else:
                self.source.take_sealed(b"EADB\0", at, start)
                yield from self.pages(at + start + 4, count, 1 << page, width, data[:bitmap], number * pages)

    def number(self, parts, width):
        """The chunks of an index by number. parts: bytes of elements, or how many there are of which none is stored."""
        order = self.growing[:1] if self.how[0] == 4 else []  # the axis without limit counts first
        order += [axis for axis in range(len(self.grid)) if axis not in order]
        grid, first = [self.most[axis] for axis in order], 0
        for part in parts:
            count = part if isinstance(part, int) else len(part) // width
            for number, *where in () if isinstance(part, int) else self.elements(part, width):
                place = np.unravel_index(first + number, grid)
                yield tuple(int(place[order.index(axis)]) for axis in range(len(grid))), *where
            first += count
            if first >= math.prod(grid):
                break

    def elements(self, data, width):
        """(number, address, size, mask) of the elements, or records of a tree, that are chunks."""
        table = np.frombuffer(data, np.uint8).reshape(-1, width)
        addresses = table[:, :8].copy().view("<u8")[:, 0]
        for number in np.flatnonzero(addresses != UNDEFINED).tolist():
            size = int.from_bytes(table[number, 8:-4].tobytes(), "little") if self.packed else self.size
            mask = int.from_bytes(table[number, -4:].tobytes(), "little") if self.packed else 0
            yield number, int(addresses[number]), size, mask

    def new_tree(self):
        rank = len(self.shape)
        for record in records(self.source, self.at, 11 if self.packed else 10):
            (_, *where) = next(self.elements(record[: -8 * rank], len(record) - 8 * rank))
            yield struct.unpack(f"<{rank}Q", record[-8 * rank :]), *where


INDEXES = (
    Chunks.old_tree, Chunks.single, Chunks.implicit, Chunks.fixed_array, Chunks.extensible_array, Chunks.new_tree,
)  # fmt: skip


def read_filters(data):
    """[(filter, its values)] of a filter message, the first applied first."""
    version, count = data[:2]
    at, found = 8 if version == 1 else 2, []
    for _ in range(count):
        (code,) = struct.unpack_from("<H", data, at)
        named = version == 1 or code >= 256
        length = int.from_bytes(data[at + 2 : at + 4], "little") if named else 0
        at += 6 if named else 4
        (many,) = struct.unpack_from("<H", data, at)
        at += 2 + (-(-length // 8) * 8 if version == 1 else length)
        found.append((code, struct.unpack_from(f"<{many}I", data, at)))
        at += 4 * (many + (many & 1 if version == 1 else 0))
    return found


def undo_filters(data, filters, mask, size):
    """The `size` bytes of a chunk from those that are stored. A filter whose bit is in the mask was left out for this
    chunk, as writers do where it would not make it smaller."""
    for number, (code, values) in reversed(list(enumerate(filters))):
        if not mask & 1 << number and code == SHUFFLE:  # all first bytes of the numbers, then all second bytes, …
            data = np.frombuffer(data, np.uint8).reshape(values[0], -1).T.tobytes()
        elif not mask & 1 << number:
            data = UNPACK[code](data, size)
    return data


def unzip(data, size):
    """zlib data -> exactly `size` bytes; ValueError for any other length, without unpacking more."""
    unpacker = zlib.decompressobj()
    result = unpacker.decompress(data, size + 1)
    if len(result) != size or not unpacker.eof:
        raise ValueError(f"a chunk of other than {size} bytes")
    return result


def unlzf(data, size):
    """LZF data, as h5py's own filter writes it -> exactly `size` bytes; ValueError for any other length or other data.

    Steps of two kinds: copy the next bytes, or repeat bytes from an earlier place. Source: LibLZF 3.6."""
    result, at = bytearray(), 0
    try:
        while at < len(data) and len(result) <= size:
            head, at = data[at], at + 1
            if head < 32:
                result += data[at : at + head + 1]
                at += head + 1
                continue
            count = (head >> 5) + 2
            if count == 9:
                count, at = count + data[at], at + 1
            back, at = ((head & 31) << 8 | data[at]) + 1, at + 1
            seen = result[max(0, len(result) - back) :]
            if len(seen) < back:
                raise ValueError("a step back before the first byte")
            result += (seen * -(-count // back))[:count]  # it may repeat what it has just written
    except IndexError:
        raise ValueError("half a step at the end") from None
    if len(result) != size or at != len(data):
        raise ValueError(f"a chunk of other than {size} bytes")
    return bytes(result)


UNPACK = {GZIP: unzip, LZF: unlzf}
