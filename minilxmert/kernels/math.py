"""exp and the exact GELU as short polynomials, so that LLVM computes a whole vector of them at once (libm is scalar).

Written without branches on the value: what is chosen between is computed on both sides, and NaN comes through. Even and
odd powers are added up apart: two short chains of sums, where each waits for the one before it, are faster than a long
one."""

import numpy as np

from .compiling import part

F, U = np.float32, np.uint32
LOG2_E = F(1.4426950408889634)
LN2_HIGH, LN2_LOW = F(0.693359375), F(-2.12194440e-4)  # ln 2 in two parts: whole multiples of the first are exact
ROUND = F(1.5 * 2**23)  # added to a small float32, it leaves no room for a fraction: the sum is a whole number
SMALLEST = F(-87.3)  # below, exp is no normal float32


@part
def bfloat16(bits):
    """The upper half of a float32 (uint32 -> uint16), rounded, half to even; NaN stays NaN

    U around every step: Numba makes sums of uint32 64 bits wide, and LLVM then finds no vectors."""
    upper = U(bits >> U(16))
    rounded = U(U(U(bits + U(0x7FFF)) + U(upper & U(1))) >> U(16))
    return np.uint16(upper | U(0x40)) if U(bits & U(0x7FFFFFFF)) > U(0x7F800000) else np.uint16(rounded)


@part
def flushed(bits):
    """The bits of a float32 (uint32), or 0 for one so small that it has no exponent: products of those take 27 times
    as long"""
    return bits if U(bits & U(0x7F800000)) else U(0)


@part(fastmath={"contract"})  # a·b + c may be rounded once; nothing else may change
def exp32(x):
    """exp(x) for x ≤ 0, to 1e-7 relative: 2ⁿ·exp(r) with |r| ≤ ln(2)/2 by its Taylor series; 0 where x < -87.3"""
    shifted = F(x * LOG2_E + ROUND)
    n = shifted - ROUND
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    r2 = r * r
    even = (F(1 / 720) * r2 + F(1 / 24)) * r2 + F(1 / 2)
    odd = (F(1 / 5040) * r2 + F(1 / 120)) * r2 + F(1 / 6)
    p = F((odd * r + even) * r2 + r) + F(1)
    power = np.int32((shifted.view(np.int32) + 127) << 23).view(np.float32)  # 2ⁿ, written as its exponent
    return F(0) if x < SMALLEST else p * power


@part(fastmath={"contract"})  # a·b + c may be rounded once; nothing else may change
def gelu32(x):
    """x·Φ(x) to 5e-7 absolute where |x| < 10 (half of it is the rounding of x itself) and exact limits beyond.

    The tail Φ(-|x|) is ½·exp(-q): q is so nearly a parabola that eight terms in |x|, fitted here, are enough."""
    a = min(abs(x), F(12))  # Φ(-12) is 0 in float32
    a2 = a * a
    even = ((F(-1.94467211e-05) * a2 + F(1.88602164e-04)) * a2 + F(3.64786983e-02)) * a2 + F(7.97889352e-01)
    odd = ((F(1.31834895e-06) * a2 + F(9.11254901e-05)) * a2 + F(-5.02216443e-03)) * a2 + F(3.18266928e-01)
    q = odd * a + even
    tail = F(0.5) * exp32(-q * a)
    return x * (F(1) - tail if x > F(0) else tail)
