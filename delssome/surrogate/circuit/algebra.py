"""What the network computes of circuits, compiled: a candidate in every lane.

:mod:`.plain` says the same in torch: shorter, slower, and on any device.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.simd import linalg, vectors
from delssome.simd.cache import kept
from delssome.simd.linalg import (
    LANES,
    ONE,
    OPTIONS,
    U0,
    U1,
    U2,
    U3,
    U4,
    U5,
    U6,
    U7,
    U8,
    U9,
    U10,
    ZERO,
    Index,
    Lanes,
    Rows,
    compiled,
    dot,
    invert,
    multiply,
    put_in_lanes,
    scale_columns,
    square_times,
    standardise,
    take_from_lanes,
    times,
    trace_of_product,
    trace_of_square,
    workspace,
)
from delssome.simd.vectors import constant, load, store
from delssome.surrogate.circuit import stages
from delssome.surrogate.circuit.stages import (
    add_to_all,
    describe_edges,
    describe_first_mode,
    describe_noise,
    describe_slowest_mode,
    put_fc,
    put_inverse,
    put_ones,
    put_pattern,
    put_pattern_times_fc,
    put_sum,
    put_system,
    regress,
    take_edges,
)

__all__ = ["at_frequency_zero", "describe"]

# What Python calls.
compiled_once = kept(linalg, vectors, stages, **OPTIONS)


@compiled_once
def at_frequency_zero(
    sc: Rows,
    reach: Rows,
    decay: Rows,
    power: Rows,
    smallest: Rows,
    sums: Rows,
    regions: Rows,
    mode: Rows,
) -> None:
    """Describe the response of circuits to slow inputs, by the inverse of the system.

    Parameters
    ----------
    sc : ndarray of shape (1 or n, n_rois, n_rois)
    reach, decay, power : ndarray of shape (n, n_rois)
        The system is decay on the diagonal less ``reach_i sc_ij reach_j``; power is
        that of the noise.
    smallest : ndarray of shape (n, 1)
        Filled with the smallest pivot, above 0 where the system is stable.
    sums : ndarray of shape (n, n_rois)
        Filled with the row sums of the system.
    regions : ndarray of shape (4, n, n_rois)
        Filled with the variances of regions, the diagonal of the inverse, its row
        sums, and the share of regions in the slowest mode (squares, sum 1).
    mode : ndarray of shape (n, 2)
        Filled with two estimates of the slowest mode's time (s).
    """
    count, size = np.uint64(decay.shape[0]), np.uint64(decay.shape[1])
    n = (size + U3) // U4 * U4
    # By their places: what is unpacked counts as scattered, and compiles a second time.
    matrix, tall = workspace(U1, n * n)[0], workspace(U2, n * U4)
    vectors, small = workspace(U4, n), workspace(U2, U10)
    rows, divided, block, found = tall[0], tall[1], small[0], small[1]
    x, y, z, ones = vectors[0], vectors[1], vectors[2], vectors[3]
    put_ones(ones, size, n)
    for first in range(U0, count, LANES):
        put_in_lanes(reach, first, n, x)
        put_in_lanes(decay, first, n, y)
        put_system(sc, first, n, x, y, matrix)
        times(matrix, n, ones, x)
        take_from_lanes(x, first, sums)
        invert(matrix, n, rows, divided, block, found)
        take_from_lanes(found, first, smallest)
        put_in_lanes(power, first, n, x)
        square_times(matrix, n, x, y)
        take_from_lanes(y, first, regions[0])
        # The matrix is minus the inverse: twice it is the inverse twice.
        for i in range(n):
            store(x, i, constant(ZERO) - load(matrix, i * n + i))
        take_from_lanes(x, first, regions[1])
        times(matrix, n, ones, x)
        times(matrix, n, x, y)
        for i in range(n):
            store(x, i, constant(ZERO) - load(x, i))
        take_from_lanes(x, first, regions[2])
        describe_slowest_mode(matrix, n, y, z, x, found)
        take_from_lanes(found, first, mode)
        take_from_lanes(x, first, regions[3])


@compiled_once
def describe(
    sc: Rows,
    reach: Rows,
    decay: Rows,
    slow: Rows,
    power: Rows,
    mix: Rows,
    rates: Rows,
    regressed: bool,
    edges: Rows,
    deviations: Rows,
    shares: Rows,
    numbers: Rows,
) -> None:
    """Give FC of circuits and describe it.

    Parameters
    ----------
    sc, reach, decay
        As of :func:`at_frequency_zero`.
    slow : ndarray of shape (n, n_rois)
        Added to decay: makes the inverse K nearly that of the whole band of BOLD.
    power : ndarray of shape (n, n_rois)
        Of the noise.
    mix : ndarray of shape (2,)
        With ``V = K slow K`` and ``U = K + mix[0] V``, covariances are ``U power U +
        mix[1]**2 V power V``.
    rates : ndarray of shape (2,)
        Share of `slow`, and a rate (1/s), with which two other inverses see the slow
        and the fast part of that band.
    regressed : bool
        Whether the sum over regions is regressed out of their signals.
    edges : ndarray of shape (n, n_edges)
        Filled with FC, upper triangle.
    deviations, shares : ndarray of shape (n, n_rois)
        Filled with standard deviations, and shares of regions in the first mode of FC.
    numbers : ndarray of shape (n, 30)
        Filled with mean, variance, third and fourth moment over edges; mean square of
        the row sums; the largest eigenvalue; decay of its mode; traces of FC and
        of its square with the system; then, for FC and the two other views of its
        signals, the numbers of :func:`describe_noise`.
    """
    count, size = np.uint64(decay.shape[0]), np.uint64(decay.shape[1])
    n = (size + U3) // U4 * U4
    matrices, rows = workspace(U5, n * n), workspace(U2, n * U4)
    own, vectors = workspace(U4, n), workspace(U6, n)
    small = workspace(U2, U10)
    found = workspace(U1, np.uint64(30))[0]
    put_ones(vectors[5], size, n)
    for first in range(U0, count, LANES):
        put_in_lanes(reach, first, n, own[0])
        put_in_lanes(decay, first, n, own[1])
        put_in_lanes(slow, first, n, own[2])
        put_in_lanes(power, first, n, own[3])
        describe_lanes(
            sc,
            first,
            size,
            n,
            own,
            mix,
            rates,
            regressed,
            matrices,
            rows,
            vectors,
            small,
            found,
        )
        take_edges(matrices[0], first, size, n, edges)
        take_from_lanes(vectors[0], first, deviations)
        take_from_lanes(vectors[1], first, shares)
        take_from_lanes(found, first, numbers)


@compiled
def describe_lanes(
    sc: Rows,
    first: Index,
    size: Index,
    n: Index,
    own: Lanes,
    mix: Rows,
    rates: Rows,
    regressed: bool,
    matrices: Lanes,
    rows: Lanes,
    vectors: Lanes,
    small: Lanes,
    found: Lanes,
) -> None:
    """Do the work of `describe` for the candidates in lanes.

    Leaves FC in the first of the matrices, and standard deviations and shares in the
    first two of the vectors, the last of which holds ones.
    """
    fc, matrix, view = matrices[0], matrices[1], matrices[2]
    pattern, squared = matrices[3], matrices[4]
    reach, decay, slow, power = own[0], own[1], own[2], own[3]
    sd, share, strength = vectors[0], vectors[1], vectors[2]
    x, slopes, ones = vectors[3], vectors[4], vectors[5]
    put_sum(decay, slow, ONE, n, x)
    put_inverse(sc, first, n, reach, x, matrix, rows, small)
    put_fc(matrix, n, slow, power, mix, regressed, ones, view, slopes, sd, x, fc)
    describe_edges(fc, size, n, found)
    times(fc, n, ones, strength)
    describe_first_mode(fc, size, n, sd, strength, share, x, found)
    # How fast it decays, by the system; rows that pad are 0 in FC and its square.
    put_system(sc, first, n, reach, decay, view)
    times(view, n, x, rows[0])
    store(found, U6, dot(rows[0], x, n))
    store(found, U7, trace_of_product(view, fc, n))
    multiply(fc, fc, n, True, squared)
    store(found, U8, trace_of_product(view, squared, n))

    mean = load(found, U0)
    put_pattern(fc, size, n, mean, pattern)
    describe_noise(fc, fc, squared, size, n, strength, found, U9)
    put_pattern_times_fc(fc, squared, size, n, mean, pattern, strength, matrix)
    store(found, U10, trace_of_square(matrix, size, n))
    for which in range(2):
        if which == 0:
            put_sum(decay, slow, rates[0], n, x)
        else:
            add_to_all(decay, rates[1], n, x)
        put_inverse(sc, first, n, reach, x, matrix, rows, small)
        scale_columns(matrix, n, power, x, squared)
        multiply(squared, squared, n, True, view)
        if regressed:
            times(view, n, ones, x)
            regress(view, n, slopes, x, ones)
        standardise(view, n, sd, x)
        multiply(view, view, n, True, squared)
        at = U9 + U7 * np.uint64(which + 1)
        describe_noise(fc, view, squared, size, n, strength, found, at)
        multiply(pattern, view, n, False, squared)
        store(found, at + U1, trace_of_square(squared, size, n))
