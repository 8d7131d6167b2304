"""Elementary functions and Gaussian noise for compiled code, one SIMD lane each.

Plain scalar functions in single precision without branches or table look-ups, so that
the compiler turns a loop over lanes into vector instructions.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, njit, types
from numpy.typing import ArrayLike, NDArray

__all__ = ["INTERNAL", "exp", "expm1", "log", "next_pair", "seed_lanes", "specialise"]

intrinsic: Any = extending.intrinsic  # it hands in two arguments of its own
f32, i32, u32 = np.float32, np.int32, np.uint32

# Fused multiply-add and reciprocals, but no reordering: the rounding tricks below and
# the guard in the models' transfer functions depend on the order as written.
OPTIONS: dict[str, Any] = {
    "fastmath": {"contract", "nsz", "arcp"},
    "error_model": "numpy",  # no exception on division by zero: no branch
    "nogil": True,
}
# Of what compiled code alone calls: no way in is compiled, and Python would crash.
INTERNAL: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def with_scope(function: Any, scope: dict[str, Any], tag: str) -> FunctionType:
    """Copy a function with other global names and a name of its own.

    Compiled code of functions of the same name is taken for the same by the linker,
    so that whatever differs between two kernels must bear the kernel's tag.
    """
    copy = FunctionType(function.__code__, scope, f"{function.__name__}_{tag}")
    copy.__qualname__ = copy.__name__
    copy.__module__ = __name__  # one that can always be imported: cached code needs it
    return copy


def specialise(function: Any, tag: str, **names: Any) -> Any:
    """Compile a function written for Python floats in single precision.

    Parameters
    ----------
    function : function
        Plain function; the numbers in it, and in its module, become float32.
    tag : str
        Tells it from other functions of its name.
    **names : object
        Replace or add global names, for instance by compiled functions.

    Returns
    -------
    numba dispatcher
    """

    def as_float32(value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return f32(value) if is_number else value

    constants = tuple(as_float32(value) for value in function.__code__.co_consts)
    code = function.__code__.replace(co_consts=constants)
    scope = {name: as_float32(value) for name, value in function.__globals__.items()}
    single = FunctionType(code, {**scope, **names}, function.__name__)
    return lane(with_scope(single, single.__globals__, tag))


def lane(function: Callable) -> Any:
    """Compile a function that is written in single precision already."""
    return njit(**OPTIONS, forceinline=True)(function)


@intrinsic
def bits_of(context, value):
    """Reinterpret a float32 as int32."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def float_of(context, value):
    """Reinterpret (the low half of) an integer as float32."""

    def generate(context, builder, signature, arguments):
        (bits,) = arguments
        if bits.type.width > 32:
            bits = builder.trunc(bits, ir.IntType(32))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(value), generate


ONE, HALF, ZERO = f32(1), f32(0.5), f32(0)
LOG2_E = f32(1 / math.log(2))
# ln 2 in two parts, the first exact in few bits (Cody and Waite).
LN2_HIGH, LN2_LOW = f32(0.693359375), f32(math.log(2) - 0.693359375)
# Adding it rounds to an integer, which then stands in the low bits.
ROUNDER = f32(1.5 * 2**23)
EXPONENT_ONE = i32(127 - 0x4B400000)
LOWEST, HIGHEST = f32(-87), f32(88)
E2, E3, E4, E5, E6, E7 = (f32(1 / math.factorial(k)) for k in range(2, 8))


@lane
def expm1(x):
    """Give exp(x) - 1; relative error below 2e-7, also near 0."""
    x = min(max(x, LOWEST), HIGHEST)
    shifted = x * LOG2_E + ROUNDER
    n = shifted - ROUNDER
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E7 * r + E6) * r + E5) * r + E4) * r + E3) * r + E2
    p = p * (r * r) + r
    scale = float_of((bits_of(shifted) + EXPONENT_ONE) << i32(23))
    return scale * p + (scale - ONE)


@lane
def exp(x):
    """Give exp(x)."""
    return expm1(x) + ONE


SQRT_HALF_BITS = i32(0x3F3504F3)
# log(1 + r) = r - r^2 / 2 + r^3 P(r) for r between sqrt(1/2) - 1 and sqrt(2) - 1:
# minimax coefficients of the Cephes library (Moshier).
L0, L1, L2, L3, L4, L5, L6, L7, L8 = (
    f32(c)
    for c in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
)


@lane
def log(x):
    """Give log(x) of a positive, normal number; error below 1e-7."""
    bits = bits_of(x)
    exponent = i32(bits - SQRT_HALF_BITS) >> i32(23)
    r = float_of(bits - (exponent << i32(23))) - ONE
    p = (((L0 * r + L1) * r + L2) * r + L3) * r + L4
    p = (((p * r + L5) * r + L6) * r + L7) * r + L8
    square = r * r
    n = f32(exponent)
    return r + (p * r * square - HALF * square + n * LN2_LOW) + n * LN2_HIGH


# Taylor-like minimax coefficients of sin and cos on [-pi/4, pi/4] (Cephes).
SIN1, SIN2, SIN3 = f32(-1.6666654611e-1), f32(8.3321608736e-3), f32(-1.9515295891e-4)
COS1, COS2, COS3 = f32(4.1666645683e-2), f32(-1.3887316255e-3), f32(2.4433157118e-5)
ANGLE = f32(math.pi / 4 / 2**29)
UNIT, HALF_UNIT = f32(2.0**-24), f32(2.0**-25)
MINUS_TWO = f32(-2)
SWAP_BIT, SIGN_BIT = i32(0x40000000), i32(-(2**31))


@lane
def gaussian_pair(a, b):
    """Turn two random 32-bit words into two standard normal numbers (Box-Muller).

    24 bits make the radius, so that no number is beyond 5.9.
    """
    uniform = f32(i32(a >> u32(8))) * UNIT + HALF_UNIT
    radius = np.sqrt(MINUS_TWO * log(uniform))
    # 30 bits choose an angle around 0; a swap and a sign spread it over the circle.
    bits = i32(b)
    t = f32(i32(bits << i32(2)) >> i32(2)) * ANGLE
    t2 = t * t
    sine = t + t * t2 * (SIN1 + t2 * (SIN2 + t2 * SIN3))
    cosine = ONE - HALF * t2 + t2 * t2 * (COS1 + t2 * (COS2 + t2 * COS3))
    cosine = float_of(bits_of(cosine) ^ (bits & SIGN_BIT))
    swap = (bits & SWAP_BIT) != i32(0)
    first = sine if swap else cosine
    second = cosine if swap else sine
    return radius * first, radius * second


@lane
def advance(x0, x1, x2, x3):
    """Step the generator xoshiro128 (Blackman and Vigna 2021)."""
    shifted = u32(x1 << u32(9))
    x2, x3 = u32(x2 ^ x0), u32(x3 ^ x1)
    x1, x0 = u32(x1 ^ x2), u32(x0 ^ x3)
    x2 = u32(x2 ^ shifted)
    x3 = u32(u32(x3 << u32(11)) | u32(x3 >> u32(21)))
    return x0, x1, x2, x3


@lane
def next_pair(x0, x1, x2, x3):
    """Give two standard normal numbers and the generator's next state."""
    a = u32(x0 + x3)
    x0, x1, x2, x3 = advance(x0, x1, x2, x3)
    b = u32(x0 + x3)
    x0, x1, x2, x3 = advance(x0, x1, x2, x3)
    first, second = gaussian_pair(a, b)
    return first, second, x0, x1, x2, x3


def seed_lanes(seeds: ArrayLike) -> NDArray[np.uint32]:
    """Give the generator's first state for every seed.

    Parameters
    ----------
    seeds : array-like of int, shape (n,)

    Returns
    -------
    ndarray of uint32, shape (4, n)
        Two outputs of SplitMix64 for each seed, as the authors of xoshiro advise.
    """
    state = np.asarray(seeds, dtype=np.int64).astype(np.uint64)
    words = []
    for _ in range(2):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        words += [z & np.uint64(0xFFFFFFFF), z >> np.uint64(32)]
    return np.array(words).astype(np.uint32)
