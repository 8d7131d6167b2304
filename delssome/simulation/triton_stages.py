"""The stages of integration steps, as the kernel for a GPU runs them.

These functions are never called as they stand. When a kernel is built, they are
compiled by Triton with the names in capitals and the model's equations put in. All
that belongs to a tile of simulations stands in rows of memory, one for a variable: of
each region one number for every simulation, a lane.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

# Tuples grow by addition.
# mypy: disable-error-code="assignment"

from typing import TYPE_CHECKING, Any

import triton
import triton.language as tl
from triton.language.extra import libdevice

__all__ = [
    "advance",
    "box_muller",
    "couple",
    "divide",
    "draw",
    "move",
    "read",
    "renew",
    "weights_of",
    "write",
]

if TYPE_CHECKING:  # names that are put in
    N_STATES = N_INPUTS = N_OUTPUTS = N_COUPLED = N_CHANGED = N_PARTS = N_ROWS = 0
    N_ROIS = LANES = SIZE = HALF = WIDE = BLOCK = SPAN = TALL = DEEP = SEEN = 0
    BLOOD = SUMS = INPUTS = G = AMPLITUDE = NET = 0
    SINGLE = SHARED = DENSE = KEPT = HELD = HAEMODYNAMICS = False
    COUPLED: Any = ()
    STARTS: Any = ()
    LENGTHS: Any = ()
    PRECISION = ""
    DTYPE: Any = None
    derivatives: Any = None
    blood_derivatives: Any = None


@triton.jit
def expm1(x):
    """Give exp(x) - 1."""
    return libdevice.expm1(x)


@triton.jit
def exp(x):
    """Give exp(x)."""
    return tl.exp(x)


@triton.jit
def log(x):
    """Give the natural logarithm."""
    return tl.log(x)


@triton.jit
def divide(a, b):
    """Divide; in single precision without care for numbers beyond 1e38."""
    if SINGLE:
        return libdevice.fast_dividef(a, b)
    else:
        return a / b


@triton.jit
def box_muller(a, b):
    """Make two normal numbers of two words; 24 bits are what float32 holds."""
    uniform = ((a >> 8).to(DTYPE) + 0.5) * 5.9604644775390625e-08
    angle = (b >> 8).to(DTYPE) * 3.7450702829239286e-07  # 2 pi / 2**24
    radius = tl.sqrt(-2.0 * tl.log(uniform))
    if SINGLE:
        return radius * libdevice.fast_cosf(angle), radius * libdevice.fast_sinf(angle)
    else:
        return radius * tl.cos(angle), radius * tl.sin(angle)


@triton.jit
def draw(seeds, step, at):
    """Draw the noise of regions, and of their counterparts in the other half."""
    seed = tl.load(seeds + at % LANES)
    upper, lower = (), ()
    for pair in tl.static_range((N_STATES + 1) // 2):
        # Four words make two pairs of numbers: one for a region of either half.
        a, b, c, d = tl.philox(seed, step, at // LANES, pair, 0)
        upper += box_muller(a, b)
        lower += box_muller(c, d)
    return upper, lower


@triton.jit
def weights_of(matrix, top, left):
    """Read a part of a shared connectome."""
    row, column = top + tl.arange(0, TALL), left + tl.arange(0, DEEP)
    return tl.load(matrix + row[:, None] * WIDE + column[None, :])


@triton.jit
def couple(rows, matrix, kept):
    """Multiply connectomes with the coupled states of a tile."""
    lane = tl.arange(0, LANES)[None, :]
    for c in tl.static_range(N_COUPLED):
        source, target = rows + COUPLED[c] * SIZE, rows + (NET + c) * SIZE
        if not DENSE:  # no tensor cores: double precision, or one for each simulation
            for start in range(0, SIZE, SPAN):
                at = start + tl.arange(0, SPAN)
                inside = at < SIZE
                net = tl.zeros((SPAN,), DTYPE)
                for j in tl.range(0, N_ROIS, loop_unroll_factor=4):
                    if SHARED:
                        weight = tl.load(matrix + at // LANES * WIDE + j, inside, 0.0)
                    else:
                        weight = tl.load(matrix + j * SIZE + at, inside, 0.0)
                    net += weight * tl.load(source + j * LANES + at % LANES)
                tl.store(target + at, net, inside)
        elif KEPT:  # at once, all reads first
            active = ()
            for left in tl.static_range(0, N_ROIS, DEEP):
                of = left + tl.arange(0, DEEP)[:, None]
                active += (tl.load(source + of * LANES + lane, of < N_ROIS, 0.0),)
            net = tl.zeros((TALL, LANES), tl.float32)
            for k in tl.static_range(len(active)):
                net = tl.dot(kept[k], active[k], net, input_precision=PRECISION)
            to = tl.arange(0, TALL)[:, None]
            tl.store(target + to * LANES + lane, net, to < N_ROIS)
        else:
            for top in range(0, N_ROIS, TALL):
                net = tl.zeros((TALL, LANES), tl.float32)
                for left in range(0, N_ROIS, DEEP):
                    of = left + tl.arange(0, DEEP)[:, None]
                    active = tl.load(source + of * LANES + lane, of < N_ROIS, 0.0)
                    weights = weights_of(matrix, top, left)
                    net = tl.dot(weights, active, net, input_precision=PRECISION)
                to = top + tl.arange(0, TALL)[:, None]
                tl.store(target + to * LANES + lane, net, to < N_ROIS)


@triton.jit
def read(at, inside):
    """Read what a step changes: states, haemodynamics and what they lose, sums."""
    values = ()
    for k in tl.static_range(N_CHANGED):
        values += (tl.load(at + k * SIZE, inside, 1.0),)
    return values


@triton.jit
def write(at, inside, values):
    """Write what a step changed."""
    for k in tl.static_range(N_CHANGED):
        tl.store(at + k * SIZE, values[k], inside)


@triton.jit
def move(at, inside, old, noise, dt):
    """Move some regions of some simulations on by a step."""
    strength = tl.load(at + G * SIZE, inside, 1.0)
    amplitude = tl.load(at + AMPLITUDE * SIZE, inside, 1.0)
    given = ()
    for k in tl.static_range(N_COUPLED):
        given += (strength * tl.load(at + (NET + k) * SIZE, inside, 1.0),)
    for k in tl.static_range(N_INPUTS):
        given += (tl.load(at + (INPUTS + k) * SIZE, inside, 1.0),)
    values = derivatives(*old[:N_STATES], *given, expm1)
    new, sums = (), ()
    for k in tl.static_range(N_STATES):
        new += (old[k] + dt * values[k] + amplitude * noise[k],)
        sums += (old[SUMS + k] + new[k],)
    for k in tl.static_range(N_STATES, N_STATES + N_OUTPUTS):
        sums += (old[SUMS + k] + values[k],)
    if HAEMODYNAMICS:
        blood, lost = old[BLOOD : BLOOD + 4], ()
        slopes = blood_derivatives(new[SEEN], *blood, exp, log)
        for k in tl.static_range(4):
            # What is below rounding is carried on (Kahan 1965).
            change = dt * slopes[k] - old[BLOOD + 4 + k]
            new += (blood[k] + change,)
            lost += ((new[BLOOD + k] - blood[k]) - change,)
        new += lost
    return new + sums


@triton.jit
def renew(at, inside, held, noise, dt):
    """Move on what is held, and write what other regions see of it."""
    values = move(at, inside, held, noise, dt)
    for k in tl.static_range(N_COUPLED):
        tl.store(at + COUPLED[k] * SIZE, values[COUPLED[k]], inside)
    return values


@triton.jit
def advance(work, matrix, seeds, length, begin, n_steps, n_tiles):
    """Move all tiles on by some steps."""
    dt, first = tl.load(length), tl.load(begin).to(tl.int32)
    kept = ()
    if KEPT:
        for left in tl.static_range(0, N_ROIS, DEEP):
            kept += (weights_of(matrix, 0, left),)
    for tile in range(tl.program_id(0), n_tiles, tl.num_programs(0)):
        # In 64 bits, as there may be more than 2**31 numbers.
        rows = work + tile * tl.full((), N_ROWS * SIZE, tl.int64)
        own = matrix
        if not SHARED:
            own += tile * tl.full((), N_ROIS * SIZE, tl.int64)
        if HELD:  # in registers from the first step to the last
            held = ()
            for k in tl.static_range(N_PARTS):
                at = STARTS[k] + tl.arange(0, LENGTHS[k])
                held += (read(rows + at, at < HALF),)
                held += (read(rows + HALF + at, at < SIZE - HALF),)
            for step in range(first, first + n_steps):
                couple(rows, own, kept)
                tl.debug_barrier()
                new = ()
                for k in tl.static_range(N_PARTS):
                    at = STARTS[k] + tl.arange(0, LENGTHS[k])
                    upper, lower = draw(seeds + tile * LANES, step, at)
                    new += (renew(rows + at, at < HALF, held[2 * k], upper, dt),)
                    to, inside = rows + HALF + at, at < SIZE - HALF
                    new += (renew(to, inside, held[2 * k + 1], lower, dt),)
                held = new
                tl.debug_barrier()
            for k in tl.static_range(N_PARTS):
                at = STARTS[k] + tl.arange(0, LENGTHS[k])
                write(rows + at, at < HALF, held[2 * k])
                write(rows + HALF + at, at < SIZE - HALF, held[2 * k + 1])
        else:  # too many: in the cache
            for step in range(first, first + n_steps):
                couple(rows, own, kept)
                tl.debug_barrier()
                for start in range(0, HALF, BLOCK):
                    at = start + tl.arange(0, BLOCK)
                    upper, lower = draw(seeds + tile * LANES, step, at)
                    to, inside = rows + at, at < HALF
                    write(to, inside, move(to, inside, read(to, inside), upper, dt))
                    to, inside = rows + HALF + at, at < SIZE - HALF
                    write(to, inside, move(to, inside, read(to, inside), lower, dt))
                tl.debug_barrier()
