"""Where a model comes to rest without noise, found without integrating it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from delssome.models.base import Model

__all__ = ["jacobian", "network_jacobian", "newton", "relax"]

Array = NDArray[np.float64]

# Step of central differences, in units of states (of order one).
SMALL = 1e-6
# Implicit steps (s): the first follows the start of a simulation. Each grows or shrinks
# by no more than these factors, as far as the equations are straight along it: rates
# that end otherwise than foreseen by more than the tolerance, as a share of those it
# began with, shorten the next; beyond 1 it is taken back. The last ones are Newton's.
FIRST_STEP, SHORTEST_STEP, LONGEST_STEP = 0.005, 1e-9, 1e6
LEAST, MOST, TOLERANCE = 0.2, 4.0, 0.1
MAX_STEPS = 400
# Largest derivative (1/s) at rest.
AT_REST = 1e-9


def jacobian(functions: Callable[[Array], Array], point: Array) -> Array:
    """Slopes of functions at a point, by central differences.

    Parameters
    ----------
    functions : callable
        (n_variables, ...) to (n_functions, ...), smooth over `SMALL`.
    point : ndarray of shape (n_variables, ...)

    Returns
    -------
    ndarray of shape (n_functions, n_variables, ...)
    """
    columns = []
    for k in range(len(point)):
        above, below = point.copy(), point.copy()
        above[k] += SMALL
        below[k] -= SMALL
        columns.append((functions(above) - functions(below)) / (2 * SMALL))
    return np.stack(columns, axis=1)


def network_jacobian(slopes: Array, network: Array, coupled: Sequence[int]) -> Array:
    """Slopes of all states of networks, from those of single regions.

    Parameters
    ----------
    slopes : ndarray of shape (n_states, n_variables, n_candidates, n_rois)
        Of the derivatives of the states, by states and then couplings.
    network : ndarray of shape (n_candidates, n_rois, n_rois)
    coupled : sequence of int
        The states that couple regions.

    Returns
    -------
    ndarray of shape (n_candidates, n_states * n_rois, n_states * n_rois)
        Rows and columns state by state, regions within.
    """
    n_states, (n, n_rois) = len(slopes), slopes.shape[2:]
    blocks = np.zeros((n, n_states, n_rois, n_states, n_rois))
    regions = np.arange(n_rois)
    for a in range(n_states):
        for k, b in enumerate(coupled):
            blocks[:, a, :, b] += slopes[a, n_states + k][:, :, None] * network
        for b in range(n_states):
            blocks[:, a, regions, b, regions] += slopes[a, b]
    return blocks.reshape(n, n_states * n_rois, n_states * n_rois)


def newton(
    function: Callable[[Any], Any], start: ArrayLike, max_iter: int = 100
) -> Array:
    """Root of an elementwise function; its slope is exact by a complex step."""
    x = np.array(start, dtype=np.float64)
    step, found = 1e-30, np.zeros(x.shape, dtype=bool)
    for _ in range(max_iter):
        value = function(x + 1j * step)
        # An element that is found stays, whatever the others still need.
        update = np.where(found, 0.0, value.real / (value.imag / step))
        x = x - update
        # Convergence is quadratic: what is left is of the order of the square.
        found |= np.abs(update) <= 1e-8 * np.abs(x)
        if found.all():
            return np.asarray(x)
    raise RuntimeError("The fixed point of the model was not found.")


def relax(model: Model, params: Mapping[str, Array], sc: Array) -> tuple[Array, ...]:
    """Follow the equations without noise from the initial state until they rest.

    Parameters
    ----------
    model : Model
    params : dict of str to ndarray
        Searched and solved parameters.
    sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)

    Returns
    -------
    tuple of ndarray of shape (n_candidates, n_rois)
        NaN for candidates that come to no rest, or to none that they would stay at.

    Notes
    -----
    Linearly implicit Euler steps (pseudo-transient continuation; Kelley and Keyes 1998,
    https://doi.org/10.1137/S0036142996304796), exact for linear equations: short ones
    follow the trajectory into the basin that a simulation enters, long ones are
    Newton's. A state of rest that is unstable is none that a simulation finds.
    """
    n, n_rois, n_states = len(params["G"]), sc.shape[-1], len(model.states)
    inputs = [_regional(params[name], n, n_rois) for name in model.inputs]
    motion = _Motion(model, inputs, params["G"][:, None, None] * sc)
    start = np.asarray(model.initial_state, dtype=np.float64)
    states = np.broadcast_to(start[:, None, None], (n_states, n, n_rois)).copy()
    step, moving = np.full(n, FIRST_STEP), np.arange(n)
    rests = np.zeros(n, dtype=bool)
    with np.errstate(all="ignore"):  # of candidates that diverge
        rates = motion.rates(states, moving)
        for _ in range(MAX_STEPS):
            move = motion.implicit_step(
                states[:, moving], rates[:, moving], moving, step[moving]
            )
            there = states[:, moving] + move
            now = motion.rates(there, moving)
            bent = _largest(now - move / step[moving][:, None])
            bent = bent / _largest(rates[:, moving])
            taken = ~(bent >= 1.0)  # NaN, 0 over 0, of what rests from the start
            states[:, moving[taken]] = there[:, taken]
            rates[:, moving[taken]] = now[:, taken]
            change = np.clip(TOLERANCE / bent, LEAST, MOST)
            step[moving] = np.minimum(step[moving] * change, LONGEST_STEP)
            at_rest = taken & (_largest(now) < AT_REST)
            rests[moving[at_rest]] = True
            moving = moving[~at_rest & (step[moving] > SHORTEST_STEP)]
            if len(moving) == 0:
                break
    found = np.flatnonzero(rests)
    rests[found] = motion.stable(states[:, found], found)
    states[:, ~rests] = np.nan
    return tuple(states)


class _Motion:
    """Equations of all states of a network, and their slopes.

    Parameters
    ----------
    model : Model
    inputs : list of ndarray of shape (n_candidates, n_rois)
    network : ndarray of shape (n_candidates, n_rois, n_rois)
    """

    def __init__(self, model: Model, inputs: list[Array], network: Array) -> None:
        self.model, self.inputs, self.network = model, inputs, network
        self.coupled = [model.states.index(name) for name in model.couples]

    def _variables(self, states: Array, which: Any) -> Array:
        network = self.network[which]
        reaching = [(network @ states[k][..., None])[..., 0] for k in self.coupled]
        return np.stack([*states, *reaching])

    def _of_variables(self, variables: Array, which: Any) -> Array:
        inputs = [values[which] for values in self.inputs]
        found = self.model.derivatives(*variables, *inputs, np.expm1)
        n_states = len(self.model.states)
        return np.stack(np.broadcast_arrays(*found[:n_states]))

    def rates(self, states: Array, which: Any) -> Array:
        """Give derivatives (1/s) of states, (n_states, n_candidates, n_rois) both."""
        return self._of_variables(self._variables(states, which), which)

    def _slopes(self, states: Array, which: Any) -> Array:
        """Slopes of derivatives by states and couplings, region by region."""
        variables = self._variables(states, which)
        return jacobian(lambda x: self._of_variables(x, which), variables)

    def implicit_step(
        self, states: Array, rates: Array, which: Any, step: Array
    ) -> Array:
        """Give the change of all states in a step (s) of each candidate.

        States that couple no regions are eliminated region by region.
        """
        slopes = np.moveaxis(self._slopes(states, which), (0, 1), (-2, -1))
        n_states, n_coupled = len(states), len(self.coupled)
        own = np.eye(n_states) / step[:, None, None, None] - slopes[..., :n_states]
        given = np.moveaxis(rates, 0, -1)[..., None]
        given = np.concatenate([given, slopes[..., n_states:]], axis=-1)
        alone = _solve(own, given)
        # Coupled states move by what they do alone, and by what reaches them.
        n, n_rois = alone.shape[:2]
        answer = np.moveaxis(alone[..., self.coupled, :], 1, 2)
        through = answer[..., 1:, None] * self.network[which][:, None, :, None]
        size = n_coupled * n_rois
        system = np.eye(size) - through.reshape(n, size, size)
        coupled = _solve(system, answer[..., 0].reshape(n, size, 1))
        coupled = coupled.reshape(n, n_coupled, n_rois)
        reaching = np.matmul(self.network[which][:, None], coupled[..., None])[..., 0]
        move = alone[..., 0]
        move = move + np.einsum("nisk,nki->nis", alone[..., 1:], reaching)
        return np.moveaxis(move, -1, 0)

    def stable(self, states: Array, which: Any) -> NDArray[np.bool_]:
        """Tell which states of rest small pushes do not leave."""
        if len(which) == 0:
            return np.ones(0, dtype=bool)
        slopes = self._slopes(states, which)
        system = network_jacobian(slopes, self.network[which], self.coupled)
        return np.asarray(np.linalg.eigvals(system).real.max(axis=1) < 0)


def _largest(rates: Array) -> Array:
    """Largest size over states and regions; infinite of what diverged."""
    return np.asarray(np.nan_to_num(np.abs(rates).max(axis=(0, 2)), nan=np.inf))


def _solve(system: Array, right: Array) -> Array:
    """Solve each system; what diverged, or is singular, gives NaN."""
    both = np.concatenate([system, right], axis=-1)
    sound = np.isfinite(both).all(axis=(-2, -1))
    found = np.full_like(right, np.nan)
    try:
        found[sound] = np.linalg.solve(system[sound], right[sound])
    except np.linalg.LinAlgError:  # of one; the others must not feel it
        for k in zip(*np.nonzero(sound), strict=True):
            with suppress(np.linalg.LinAlgError):
                found[k] = np.linalg.solve(system[k], right[k])
    return found


def _regional(values: Array, n: int, n_rois: int) -> Array:
    return np.broadcast_to(values.reshape(n, -1), (n, n_rois))
