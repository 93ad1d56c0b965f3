"""The two loops of a JPEG reader: bits to coefficients, and coefficients to samples by the inverse cosine transform.

Sources: ITU-T T.81, annexes F.2, G.2 and A.3; the transform is the accurate one of libjpeg (jidctint.c)."""

import numpy as np

from . import jitable, looped

DAMAGE = (None, "bits that are no code", "the end of the data", "no restart marker", "more than 64 coefficients")
NO_CODE, ENDED, NO_RESTART, TOO_MANY = range(1, 5)
# A scan's state, int64: where its next byte is; bits read, not yet used, and how many; how many of them lie beyond the
# end; blocks of a run that are still to come; units until a restart, and that marker's number; the damage found; from
# PREDICTED on, each component's last mean.
POSITION, BITS, COUNT, BEYOND, RUN, LEFT, MARKER, FAULT, PREDICTED = range(9)
STATE = PREDICTED + 3
DIAGONALS = sorted(range(64), key=lambda n: (n // 8 + n % 8, n // 8 if (n // 8 + n % 8) % 2 else -(n // 8)))
ZIGZAG = np.array(DIAGONALS)  # the coefficients in the order of the file: down one diagonal, up the next


@jitable
def refill(data, state):
    """Whole bytes until more than 24 bits are at hand. FF 00 is a byte FF; at a marker and at the end zeros follow."""
    while state[COUNT] <= 24:
        at, byte = state[POSITION], np.int64(0)
        if at < len(data) and (data[at] != 0xFF or (at + 1 < len(data) and data[at + 1] == 0)):
            byte = np.int64(data[at])
            state[POSITION] += 2 if byte == 0xFF else 1
        else:
            state[BEYOND] += 8
        state[BITS] = (state[BITS] << 8 | byte) & 0xFFFFFFFF
        state[COUNT] += 8


@jitable
def take(data, state, n):
    """The next n bits, at most 16, as a number."""
    if state[COUNT] < n:
        refill(data, state)
    state[COUNT] -= n
    return (state[BITS] >> state[COUNT]) & ((1 << n) - 1)


@jitable
def symbol(data, state, table):
    """The symbol of the next code; table (65536,): by the next 16 bits, the code's length · 256 + its symbol, or 0."""
    entry = np.int64(table[take(data, state, 16)])
    state[COUNT] += 16 - (entry >> 8)
    if entry == 0:
        state[FAULT] = NO_CODE
    return entry & 255


@jitable
def signed(data, state, n):
    """A number of n bits, whose first says its sign: 0… stands for negative ones."""
    value = take(data, state, n)
    return value if n == 0 or value >> (n - 1) else value - (1 << n) + 1


@jitable
def int16(value):
    """The lower 16 bits, as a signed number: what a damaged file makes larger wraps round."""
    return ((value + 32768) & 0xFFFF) - 32768


@jitable
def mean(data, state, block, dc, place, high, low):
    """What a scan says of a block's mean: how far it is from the component's last one, or one bit more of it."""
    if high == 0:
        state[PREDICTED + place] += signed(data, state, symbol(data, state, dc) & 15)
        block[0] = int16(state[PREDICTED + place] << low)
    elif take(data, state, 1):
        block[0] = np.int64(block[0]) | (1 << low)


@jitable
def others(data, state, block, ac, first, last, high, low):
    """What a scan says of the other coefficients, up to the last: their upper bits, or one bit more of each.

    A run is of blocks that end here: in a progressive file, whose scans have either means or others, of several."""
    k = max(first, 1)
    while state[RUN] == 0 and k <= last and state[FAULT] == 0:
        code = symbol(data, state, ac)
        zeros, size = code >> 4, code & 15
        if size == 0 and zeros < 15:
            more = zeros if first else 0
            state[RUN] = (1 << more) + take(data, state, more)
        else:
            value = signed(data, state, size) << low
            k = refine(data, state, block, k, last, zeros, low) if high else k + zeros
            if k > 63:
                state[FAULT] = TOO_MANY
            elif size:
                block[ZIGZAG[k]] = int16(value)
            k += 1
    if state[RUN] > 0:
        if high:
            refine(data, state, block, k, last, 64, low)
        state[RUN] -= 1


@jitable
def refine(data, state, block, k, last, zeros, low):
    """A bit more for each coefficient from k that has some, past `zeros` that have none -> where the next such is."""
    while k <= last:
        z = ZIGZAG[k]
        value = np.int64(block[z])
        if value == 0:
            if zeros == 0:
                break
            zeros -= 1
        elif take(data, state, 1) and value & (1 << low) == 0:
            block[z] = int16(value + ((1 << low) if value > 0 else -(1 << low)))
        k += 1
    return k


@jitable
def restart(data, state, every):
    """Go to the restart marker that must be next, and begin anew behind it."""
    at = state[POSITION]
    while at + 1 < len(data) and not (data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7):
        at += 1
    if at + 1 >= len(data) or data[at + 1] != 0xD0 + state[MARKER]:
        state[FAULT] = NO_RESTART
    state[POSITION], state[MARKER], state[LEFT] = at + 2, (state[MARKER] + 1) % 8, every
    state[BITS] = state[COUNT] = state[BEYOND] = state[RUN] = 0
    state[PREDICTED:] = 0


@looped(
    lambda t: (
        t.Array(t.uint8, 1, "C", readonly=True), t.int64[::1], t.int64, t.int64, t.int64, t.int64[:, ::1],
        *(t.int16[:, :, ::1],) * 3, t.int16[:, ::1], t.int16[:, ::1], t.int64[::1],
    )
)  # fmt: skip
def read_units(data, state, rows, columns, every, parts, c0, c1, c2, dc, ac, band):
    """Rows of units of a scan: the coefficients (rows, columns, 64) int16 of each component are written, until FAULT.

    data: the scan's bytes, and its state; parts (components, 2): how many blocks a unit has, down and across; dc, ac
    (components, 65536): tables of codes; every: units between restarts, or 0; band: first and last coefficient, bits
    before and after this scan; 0, 63, 0, 0 of a sequential file."""
    first, last, high, low = band
    for y in range(rows):
        for x in range(columns):
            if every and state[LEFT] == 0:
                restart(data, state, every)
            state[LEFT] -= 1
            for place in range(len(parts)):
                down, across = parts[place]
                blocks = c0 if place == 0 else c1 if place == 1 else c2
                for n in range(down * across):
                    block = blocks[y * down + n // across, x * across + n % across]
                    if first == 0:
                        mean(data, state, block, dc[place], place, high, low)
                    if last > 0:
                        others(data, state, block, ac[place], first, last, high, low)
            if state[FAULT] == 0 and state[BEYOND] > state[COUNT]:
                state[FAULT] = ENDED
            if state[FAULT]:
                return


@jitable
def half(line, shift):
    """A row or column of eight, transformed: sums of cosines in whole numbers of 2**-13, rounded by `shift`."""
    a, b, c, d, e, f, g, h = line[0], line[1], line[2], line[3], line[4], line[5], line[6], line[7]
    middle = (c + g) * 4433
    low, high = middle - g * 15137, middle + c * 6270
    plus, minus = (a + e) << 13, (a - e) << 13
    half_bit = 1 << (shift - 1)
    e0, e1, e2, e3 = plus + high + half_bit, minus + low + half_bit, minus - low + half_bit, plus - high + half_bit
    all_four = (h + d + f + b) * 9633
    z1, z2 = (h + b) * -7373, (f + d) * -20995
    z3, z4 = all_four - (h + d) * 16069, all_four - (f + b) * 3196
    o0, o1, o2, o3 = b * 12299 + z1 + z4, d * 25172 + z2 + z3, f * 16819 + z2 + z4, h * 2446 + z1 + z3
    return (
        (e0 + o0) >> shift, (e1 + o1) >> shift, (e2 + o2) >> shift, (e3 + o3) >> shift,
        (e3 - o3) >> shift, (e2 - o2) >> shift, (e1 - o1) >> shift, (e0 - o0) >> shift,
    )  # fmt: skip


@looped(lambda t: (t.int16[:, :, ::1], t.int64[::1], t.uint8[:, ::1], t.int64[:, ::1]))
def transform_blocks(blocks, steps, samples, work):
    """to_samples, block by block: samples (8R, 8C) are written, and work (8, 8) on the way."""
    for r in range(blocks.shape[0]):
        for c in range(blocks.shape[1]):
            for k in range(64):
                work[k // 8, k % 8] = blocks[r, c, k] * steps[k]
            for x in range(8):
                column = half(work[:, x], 11)
                for y in range(8):
                    work[y, x] = column[y]
            for y in range(8):
                line = half(work[y], 18)
                for x in range(8):
                    samples[8 * r + y, 8 * c + x] = min(max(line[x] + 128, 0), 255)


def to_samples(blocks, steps):
    """The twin of vision/jpeg.py's."""
    samples = np.empty((8 * blocks.shape[0], 8 * blocks.shape[1]), np.uint8)
    transform_blocks(blocks, steps, samples, np.empty((8, 8), np.int64))
    return samples
