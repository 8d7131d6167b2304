"""The stages of an integration step, as the fused kernel runs them.

These functions are never called as they stand. When a kernel is built, they are
compiled with the names in capitals (sizes, and rows of a region's block of memory) and
the functions they call put in. Indices are unsigned: the compiler then knows that none
counts from the end, which would keep it from vectorising.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING, Any

import numpy as np

__all__ = [
    "balloon",
    "close_sums",
    "coupling",
    "kernel",
    "no_blood",
    "own_coupling",
    "take_frame",
    "take_state",
]


if TYPE_CHECKING:  # names that are put in
    U0 = U1 = U2 = U3 = U4 = np.uint64(0)
    LANES = BLOCK = N_AVERAGES = SUMS = SEEN = Z = F = V = Q = np.uint64(0)
    LOST_Z = LOST_F = LOST_V = LOST_Q = np.uint64(0)
    ZERO = np.float32(0)
    exp: Any = None
    log: Any = None
    blood_derivatives: Any = None
    bold_signal: Any = None
    couple: Any = None
    couple_own: Any = None
    neural: Any = None


def coupling(matrix, activity, net, padded):
    """Multiply the shared connectome with the activity of all regions and lanes."""
    for i in range(U0, padded, U4):
        row0 = i * LANES
        row1, row2, row3 = row0 + LANES, row0 + U2 * LANES, row0 + U3 * LANES
        for lane in range(LANES):
            net[row0 + lane] = ZERO
            net[row1 + lane] = ZERO
            net[row2 + lane] = ZERO
            net[row3 + lane] = ZERO
        for j in range(U0, padded, U4):
            m0 = i * padded + j
            m1, m2, m3 = m0 + padded, m0 + U2 * padded, m0 + U3 * padded
            a0, a1 = matrix[m0], matrix[m0 + U1]
            a2, a3 = matrix[m0 + U2], matrix[m0 + U3]
            b0, b1 = matrix[m1], matrix[m1 + U1]
            b2, b3 = matrix[m1 + U2], matrix[m1 + U3]
            c0, c1 = matrix[m2], matrix[m2 + U1]
            c2, c3 = matrix[m2 + U2], matrix[m2 + U3]
            d0, d1 = matrix[m3], matrix[m3 + U1]
            d2, d3 = matrix[m3 + U2], matrix[m3 + U3]
            source = j * LANES
            for lane in range(LANES):
                s0 = activity[source + lane]
                s1 = activity[source + LANES + lane]
                s2 = activity[source + U2 * LANES + lane]
                s3 = activity[source + U3 * LANES + lane]
                net[row0 + lane] += a0 * s0 + a1 * s1 + a2 * s2 + a3 * s3
                net[row1 + lane] += b0 * s0 + b1 * s1 + b2 * s2 + b3 * s3
                net[row2 + lane] += c0 * s0 + c1 * s1 + c2 * s2 + c3 * s3
                net[row3 + lane] += d0 * s0 + d1 * s1 + d2 * s2 + d3 * s3


def own_coupling(matrix, activity, net, padded):
    """Do the same where every lane has its own connectome."""
    for i in range(U0, padded):
        row = i * LANES
        for lane in range(LANES):
            net[row + lane] = ZERO
        for j in range(U0, padded, U4):
            m = (i * padded + j) * LANES
            source = j * LANES
            for lane in range(LANES):
                m0, s0 = m + lane, source + lane
                m1, s1 = m0 + LANES, s0 + LANES
                m2, s2 = m1 + LANES, s1 + LANES
                m3, s3 = m2 + LANES, s2 + LANES
                net[row + lane] += (
                    matrix[m0] * activity[s0]
                    + matrix[m1] * activity[s1]
                    + matrix[m2] * activity[s2]
                    + matrix[m3] * activity[s3]
                )


def balloon(work, n_rois, dt):
    """Move the haemodynamics on by a step."""
    for i in range(U0, n_rois):
        block = i * BLOCK
        for lane in range(LANES):
            z = work[block + Z + lane]
            f = work[block + F + lane]
            v = work[block + V + lane]
            q = work[block + Q + lane]
            x = work[block + SEEN + lane]
            dz, df, dv, dq = blood_derivatives(x, z, f, v, q, exp, log)
            # Of short steps of slow states most is below rounding: it is carried on
            # (Kahan 1965).
            dz = dt * dz - work[block + LOST_Z + lane]
            df = dt * df - work[block + LOST_F + lane]
            dv = dt * dv - work[block + LOST_V + lane]
            dq = dt * dq - work[block + LOST_Q + lane]
            z1, f1, v1, q1 = z + dz, f + df, v + dv, q + dq
            work[block + LOST_Z + lane] = (z1 - z) - dz
            work[block + LOST_F + lane] = (f1 - f) - df
            work[block + LOST_V + lane] = (v1 - v) - dv
            work[block + LOST_Q + lane] = (q1 - q) - dq
            work[block + Z + lane] = z1
            work[block + F + lane] = f1
            work[block + V + lane] = v1
            work[block + Q + lane] = q1


def no_blood(work, n_rois, dt):
    """Move nothing on: the observed state is seen itself."""


def take_state(work, frames, start, n_rois):
    """Write the observed state as one frame."""
    for i in range(U0, n_rois):
        block = i * BLOCK
        for lane in range(LANES):
            frames[start + i * LANES + lane] = work[block + SEEN + lane]


def take_frame(work, frames, start, n_rois):
    """Write the BOLD signal of one frame."""
    for i in range(U0, n_rois):
        block = i * BLOCK
        for lane in range(LANES):
            v, q = work[block + V + lane], work[block + Q + lane]
            frames[start + i * LANES + lane] = bold_signal(v, q)


def close_sums(work, totals, n_rois, keep):
    """Add the sums of a frame to the totals in double precision, and clear them."""
    for k in range(U0, N_AVERAGES):
        for i in range(U0, n_rois):
            row = i * BLOCK + SUMS + k * LANES
            for lane in range(LANES):
                if keep:
                    totals[(k * n_rois + i) * LANES + lane] += work[row + lane]
                work[row + lane] = ZERO


def kernel(
    matrix,
    shared,
    work,
    activity,
    net,
    generator,
    frames,
    totals,
    n_rois,
    padded,
    dt,
    warm_up_steps,
    burn_in_frames,
    n_frames,
    steps_per_frame,
):
    """Integrate one block from start to end."""
    for _ in range(warm_up_steps):
        if shared:
            couple(matrix, activity, net, padded)
        else:
            couple_own(matrix, activity, net, padded)
        neural(work, activity, net, generator, n_rois, padded, dt)
    close_sums(work, totals, n_rois, False)
    for frame in range(burn_in_frames + n_frames):
        for _ in range(steps_per_frame):
            if shared:
                couple(matrix, activity, net, padded)
            else:
                couple_own(matrix, activity, net, padded)
            neural(work, activity, net, generator, n_rois, padded, dt)
            balloon(work, n_rois, dt)
        close_sums(work, totals, n_rois, True)
        if frame >= burn_in_frames:
            start = np.uint64(frame - burn_in_frames) * n_rois * LANES
            take_frame(work, frames, start, n_rois)
