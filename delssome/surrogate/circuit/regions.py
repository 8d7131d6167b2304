"""What the network knows of a region on its own: its linear part, and how it bends."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.models.steady import jacobian
from delssome.theory.linearisation import Equations
from delssome.theory.network import Regions, reduce_regions

__all__ = ["N_BENDS", "Described", "describe_alone"]

Array = NDArray[Any]

N_BENDS = 13
# Decay rates (1/s) below which a region is taken to be held by others when it is asked
# how far it swings.
HELD = 1.0
# Standard deviations of a region on its own to which it is moved: in a network it
# swings as far.
FAR = 3.0
# What brings numbers to the order of one: bends that are the same on both sides of the
# fixed point, and those that are not; place of a rate in its range, its shift by a move
# to either side, and its change by one.
EVEN, ODD, PLACE, SHIFT, CHANGE = 100.0, 1000.0, 5.0, 50.0, 5.0


class Described(NamedTuple):
    """Regions of candidates as circuits, (n_candidates, n_rois) each.

    Attributes
    ----------
    decay, reach, power : ndarray
        As of :class:`.Circuit`.
    fastest : ndarray
        As of :class:`~delssome.theory.network.LinearNetwork`.
    bends : ndarray of shape (n_candidates, n_rois, 13)
        How the equations bend where noise moves the slow state, the coupling and the
        fast states, of the order of one: what noise shifts, and what it does to slopes,
        depends on that. For a model whose rate is bounded also where the rate lies in
        its range, and how it moves there; 0 for others. Last, how the start of a
        simulation pushes the slow state.
    """

    decay: Array
    reach: Array
    power: Array
    fastest: Array
    bends: Array


def describe_alone(candidates: Candidates) -> Described:
    """Describe regions at the fixed point.

    Parameters
    ----------
    candidates : Candidates

    Returns
    -------
    Described
        What is said of candidates without rest means nothing.
    """
    equations = Equations(candidates)
    point = equations.fixed_point()
    slopes = jacobian(equations, point)
    with np.errstate(all="ignore"):  # of candidates without rest
        regions = reduce_regions(slopes, equations.sigma)
        coupling = candidates.params["G"][:, None]
        reach = np.sqrt(coupling) * regions.scale
        power = regions.power * regions.scale**2
        bends = _bends(equations, point, slopes, regions, power)
    return Described(regions.decay, reach, power, regions.fastest, bends)


def _bends(
    equations: Equations, point: Array, slopes: Array, regions: Regions, power: Array
) -> Array:
    """Ask the equations at the ends of three moves, each to either side."""
    n_states = len(point) - 1
    rate = np.maximum(regions.decay, HELD)
    swing = FAR * regions.scale * np.sqrt(power / (2.0 * rate))
    candidates = equations.candidates
    # As if all others swung as this one does: what bends stays a region's own.
    reaching = candidates.params["G"][:, None] * candidates.sc.sum(axis=-1) * swing
    moves = _moves(slopes, swing, reaching, FAR * equations.sigma)
    # Of a push on the states, what the slow state is moved by.
    left = np.moveaxis(regions.local[..., 0, :], -1, 0) * regions.decay
    at_rest = equations(point)[n_states:]
    found, of_rate = [], []
    for move in moves:
        ends = [equations(point + sign * move) for sign in (1.0, -1.0)]
        above, below = ((left * end[:n_states]).sum(axis=0) for end in ends)
        straight = np.einsum("kvcn,vcn->kcn", slopes[:n_states], move)
        straight = (left * straight).sum(axis=0)
        scale = 2.0 * swing * rate
        found += [
            np.arcsinh(EVEN * (above + below) / scale),
            np.arcsinh(ODD * (above - below - 2.0 * straight) / scale),
        ]
        outputs = [end[n_states:] for end in ends]
        of_rate.append((outputs[0] + outputs[1] - 2.0 * at_rest, outputs))
    found += _in_range(candidates, at_rest, of_rate)
    found += _at_start(equations, point, left, swing * rate)
    return np.stack(np.broadcast_arrays(*found), axis=-1)


def _at_start(
    equations: Equations, point: Array, left: Array, scale: Array
) -> list[Array]:
    """Give how fast states push the slow one where a simulation starts, and mirrored.

    Explicit steps that hardly damp a fast state let it swing from one to the other.
    """
    model = equations.candidates.model
    n = len(model.states)
    move = np.zeros_like(point)
    for k in range(1, n):
        move[k] = model.initial_state[k] - point[k]
    ends = (equations(point + sign * move)[:n] for sign in (1.0, -1.0))
    return [np.arcsinh((left * end).sum(axis=0) / scale) / 2.0 for end in ends]


def _moves(slopes: Array, swing: Array, reaching: Array, sigma: Array) -> list[Array]:
    """Give moves of the slow state, of the coupling and of the fast states.

    The fast states follow the slow one and the coupling; their own noise is the third.
    """
    n = slopes.shape[1] - 1
    by_slow, by_coupling = _following(slopes)
    move = np.zeros((3, *slopes.shape[1:]))
    move[0, 0], move[0, 1:n] = swing, by_slow * swing
    move[1, n], move[1, 1:n] = reaching, by_coupling * reaching
    for k in range(1, n):
        move[2, k] = sigma / np.sqrt(2.0 * np.abs(slopes[k, k]))
    return list(move)


def _following(slopes: Array) -> tuple[Array, Array]:
    """Give how fast states follow the slow one and the coupling, (n_fast, ...) each."""
    n = slopes.shape[1] - 1
    if n == 2:
        return -slopes[1:2, 0] / slopes[1, 1], -slopes[1:2, 2] / slopes[1, 1]
    if n == 1:
        nothing = np.empty((0, *slopes.shape[2:]))
        return nothing, nothing
    fast = np.moveaxis(slopes[1:n, 1:n], (0, 1), (-2, -1))
    driven = np.moveaxis(slopes[1:n][:, [0, n]], (0, 1), (-2, -1))
    sound = np.isfinite(fast).all(axis=(-2, -1)) & (np.abs(np.linalg.det(fast)) > 0)
    follow = np.zeros_like(driven)
    follow[sound] = -np.linalg.solve(fast[sound], driven[sound])
    by_slow, by_coupling = np.moveaxis(follow, (-1, -2), (0, 1))
    return by_slow, by_coupling


def _in_range(
    candidates: Candidates, at_rest: Array, moved: list[tuple[Array, list[Array]]]
) -> list[Array]:
    """Give place, shifts and change of rates in halves of their range's width."""
    model = candidates.model
    low, high = model.rate_range
    half, nothing = (high - low) / 2.0, np.zeros(())
    if model.rate is None or not np.isfinite(half):
        return [nothing] * 5
    k = model.outputs.index(model.rate)
    above, below = moved[0][1]
    found = [PLACE * (at_rest[k] - (high + low) / 2.0)]
    found += [SHIFT * even[k] for even, _ in moved]
    found.append(CHANGE * (above[k] - below[k]) / 2.0)
    return [np.arcsinh(x / half) for x in found]
