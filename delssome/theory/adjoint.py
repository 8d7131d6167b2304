"""From what the numbers of regions weigh back to parameters, through the closure."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve

from delssome.models import Candidates
from delssome.models.steady import jacobian, network_jacobian
from delssome.theory.closure import Closure
from delssome.theory.linearisation import SMALL, regress
from delssome.theory.modes import Modes, Weights
from delssome.theory.network import reduce_regions, region_covariance

__all__ = ["Adjoint", "Numbers"]

Array = NDArray[Any]

# Share of its range by which a parameter is moved to either side.
STEP = 1e-4
# Unit of covariances where they are moved by differences, in products of deviations.
UNIT = 100.0
# Rounds of noise that moves the slopes which shape the noise.
N_ROUNDS = 6


class Numbers(NamedTuple):
    """Derivatives of a cost by all that a network hands on.

    Attributes
    ----------
    regions : ndarray of shape (4, n_rois)
        By decay, log scale, log power and fastest rate of each region.
    outputs : ndarray of shape (n_outputs, n_rois), or 0
        By mean outputs.
    coupling : float
        By the global coupling, regions held.
    activity : float
        By the mean over regions of the state that is seen.
    """

    regions: Array
    outputs: Array
    coupling: float
    activity: float

    @classmethod
    def of(
        cls,
        modes: Modes,
        weights: Weights,
        fastest: Any = 0.0,
        outputs: Any = 0.0,
        activity: float = 0.0,
    ) -> Self:
        """Put them together from the weights of the network."""
        regions, coupling = modes.regions(weights)
        fastest = np.broadcast_to(fastest, (1, regions.shape[1]))
        regions = np.concatenate([regions, fastest])
        return cls(regions, np.asarray(outputs), coupling, activity)


class Adjoint:
    """What moves one candidate's closure: parameters, through rest and noise.

    Parameters
    ----------
    candidates : Candidates
        One.
    closure : Closure
        Of it, settled.
    modes : Modes
        Of the closure's network.
    step : float
        Integration step of the simulation that is described (s).

    Notes
    -----
    Where mean, covariance and slopes agree, mean derivatives are 0 and the covariance
    is that of the network which the slopes make. Both are differentiated where they
    hold (implicit functions): a solution with the network's Jacobian for the mean, a
    few rounds for the covariance, as many as the closure takes to settle. Within a
    region all derivatives are central differences, for all regions at once. What a
    model solves for (w_IE of FIC) is taken to move with a region's own parameters and
    the global ones.
    """

    def __init__(
        self, candidates: Candidates, closure: Closure, modes: Modes, step: float
    ) -> None:
        self.candidates, self.modes, self.step = candidates, modes, step
        model = self.model = candidates.model
        mean, covariance = closure.mean[:, 0], closure.covariance[:, :, 0]
        self.n_states, n = len(model.states), len(mean)
        self._seen = model.states.index(model.observed)
        self.noisy = bool(covariance.any())
        self._pairs = np.triu_indices(n)
        sd = np.maximum(np.sqrt(np.diagonal(covariance)).T, SMALL)
        self._unit = UNIT * sd[self._pairs[0]] * sd[self._pairs[1]]
        spread = covariance[self._pairs] / self._unit
        inputs = [values[0] for values in (*candidates.inputs, candidates.sigma)]
        point = np.concatenate([mean, spread, inputs])
        self._parts = [n, n + len(spread)]
        n_values = self.n_states + len(model.outputs)
        slopes = self._averages(point)[n_values:]
        self._by_rest, self._by_outputs, self._by_slopes = np.split(
            jacobian(self._averages, point), [self.n_states, n_values]
        )
        self._by_numbers = jacobian(
            self._numbers, np.concatenate([slopes, inputs[-1:]])
        )
        slopes = slopes.reshape(self.n_states, n, -1)
        if self.noisy:
            moments = covariance[[0, 0, -1], [0, -1, -1]]  # they enter linearly
            own = slopes[:, : self.n_states].reshape(self.n_states**2, -1)
            by = jacobian(self._covariance, np.concatenate([moments, own, inputs[-1:]]))
            self._by_spread = by / self._unit[:, None]
        k = self._coupled = model.states.index(model.couples[0])
        # The slopes of the mean rates: near the mean slopes, which shape the noise.
        slopes = self._by_rest[:, :n]
        whole = network_jacobian(slopes[:, :, None], modes.network[None], [k])[0]
        self._factors = lu_factor(whole.T)
        self._drive, self._reached = slopes[:, -1], modes.sc @ mean[k]

    def __call__(self, by: Numbers) -> dict[str, Array]:
        """Take derivatives to the searched parameters.

        Parameters
        ----------
        by : Numbers

        Returns
        -------
        dict of str to ndarray
            (n_rois,) for regional parameters, of no dimension for global ones.
        """
        *by_slopes, by_sigma = _back(self._by_numbers, by.regions)
        found = _back(self._by_slopes, np.stack(by_slopes))
        if np.ndim(by.outputs):
            found = found + _back(self._by_outputs, by.outputs)
        found[self._seen] += by.activity / found.shape[1]
        by_inputs, by_coupling = np.zeros_like(found[self._parts[1] :]), by.coupling
        for _ in range(N_ROUNDS if self.noisy else 1):
            by_inputs[-1] += by_sigma
            by_mean, by_spread, by_equations = np.split(found, self._parts)
            by_inputs += by_equations
            # What moves the mean is balanced by the rates at which it would move.
            reached = by_mean[-1]
            by_states = by_mean[:-1].copy()
            by_states[self._coupled] += self.modes.network @ reached
            pushed = -lu_solve(self._factors, by_states.ravel())
            pushed = pushed.reshape(by_states.shape)
            reached = reached + (pushed * self._drive).sum(axis=0)
            by_coupling += float(reached @ self._reached)
            _, spread, by_equations = np.split(
                _back(self._by_rest, pushed), self._parts
            )
            by_inputs += by_equations
            if self.noisy:
                found, by_sigma, more = self._through_noise(by_spread + spread)
                by_coupling += more
        return self._params(by_inputs, by_coupling)

    def _through_noise(self, by_spread: Array) -> tuple[Array, Array, float]:
        """Take derivatives by covariances to slopes of regions and what moves them.

        Returns
        -------
        found : ndarray of shape (n_variables + n_covariances + n_inputs, n_rois)
        by_sigma : ndarray of shape (n_rois,)
        by_coupling : float
        """
        back = _back(self._by_spread, by_spread)
        regions, by_coupling = self.modes.of_slow_moments(self.step, back[:3])
        numbers = self._by_numbers[:3]  # the fastest rate shapes no noise
        *by_slopes, by_sigma = _back(numbers, regions)
        slopes = np.reshape(by_slopes, (self.n_states, -1, by_sigma.size))
        own = back[3:-1].reshape(self.n_states, self.n_states, -1)
        slopes[:, : self.n_states] += own
        found = _back(self._by_slopes, slopes.reshape(-1, by_sigma.size))
        return found, by_sigma + back[-1], by_coupling

    def _params(self, by_inputs: Array, by_coupling: float) -> dict[str, Array]:
        """From inputs of the equations and the coupling to searched parameters."""
        model, params = self.model, self.candidates.params
        names = list(model.searched)
        rows = {
            name: np.repeat(x, 2 * len(names), axis=0) for name, x in params.items()
        }
        for k, name in enumerate(names):
            low, high = getattr(model, name)
            rows[name][2 * k] += STEP * (high - low)
            rows[name][2 * k + 1] -= STEP * (high - low)
        moved = Candidates(model, rows, self.modes.sc)
        inputs = np.stack([*moved.inputs, moved.sigma])
        found = {}
        for k, name in enumerate(names):
            low, high = getattr(model, name)
            slopes = inputs[:, 2 * k] - inputs[:, 2 * k + 1]
            by = (by_inputs * slopes).sum(axis=0) / (2 * STEP * (high - low))
            found[name] = by if name in model.regional else by.sum()
        found["G"] = found["G"] + by_coupling
        return found

    def _averages(self, point: Array) -> Array:
        """Mean derivatives and outputs, and slopes of the derivatives, of regions."""
        mean, spread, inputs = np.split(point, self._parts)
        n = len(mean)
        covariance = np.empty((n, n, point.shape[1]))
        rows, columns = self._pairs
        covariance[rows, columns] = covariance[columns, rows] = spread * self._unit

        def equations(variables: Array) -> Array:
            found = self.model.derivatives(*variables, *inputs[:-1], np.expm1)
            return np.stack(np.broadcast_arrays(*found))

        values, slopes = regress(equations, mean, covariance)
        own = slopes[: self.n_states].reshape(-1, point.shape[1])
        return np.concatenate([values, own])

    def _numbers(self, point: Array) -> Array:
        """Decay, log scale, log power and fastest rate, of slopes and sigma."""
        slopes = point[:-1].reshape(self.n_states, -1, point.shape[1])
        found = reduce_regions(slopes, point[-1])
        scale, power = np.log(found.scale), np.log(found.power)
        return np.stack([found.decay, scale, power, found.fastest])

    def _covariance(self, point: Array) -> Array:
        """Covariance of variables, of slow moments, slopes and sigma."""
        (slow, coupled, coupling), own, (sigma,) = np.split(point, [3, len(point) - 1])
        A = np.moveaxis(own.reshape(self.n_states, self.n_states, -1), -1, 0)
        found = region_covariance(A, sigma, slow, coupled, coupling, self.step)
        return np.asarray(found[self._pairs])


def _back(slopes: Array, by: Array) -> Array:
    """Take derivatives by functions to their variables, region by region."""
    return np.einsum("fvi,fi->vi", slopes, by)
