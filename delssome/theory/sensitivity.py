"""How FC moves with the parameters of every region, and with every connection."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates, ParameterSpace
from delssome.models.steady import jacobian
from delssome.theory.general import GeneralNetwork
from delssome.theory.linearisation import Equations
from delssome.theory.network import reduce_regions
from delssome.theory.perturbation import Correlations, Perturbation
from delssome.theory.spectra import Spectra

__all__ = ["Sensitivity"]

Array = NDArray[Any]

# Share of its range by which a parameter is moved to either side.
STEP = 1e-4
# Frequencies that carry less of the variance are left out.
NEGLIGIBLE = 1e-6
# Connections handled at once: arrays of some MiB.
BATCH = 128


@dataclass(frozen=True)
class Sensitivity:
    """Derivatives of expected FC at one candidate.

    Attributes
    ----------
    regional : dict of str to ndarray of shape (n_rois, n_edges)
        By each region's own parameter, in units of the parameter's range.
    shared : dict of str to ndarray of shape (n_edges,)
        By global parameters, in units of their range.
    connections : ndarray of shape (n_connections, n_edges)
        By the logarithm of every connection that there is; of a directed SC, of each
        direction.

    Notes
    -----
    With M the system of the linear network and q the power of its noise, BOLD has the
    cross-spectrum ``S = R diag(q) R^H``, ``R = (M + i omega)^-1``, and ``dS = - R dM S
    - (R dM S)^H + R diag(dq) R^H``. Regions enter by three numbers: their decay on the
    diagonal of M, their reach, which scales row and column of what couples them, and
    q. The state at which a region rests is taken to move with its own parameters and
    the strength of its own connections, as in FIC, which holds it; where regions move
    each other's rest (MFM) that part is left out. Slopes are those of the fixed point,
    within some 10 per cent of slopes averaged over the noise, and 30 near the edge of
    stability.
    """

    regional: dict[str, Array]
    shared: dict[str, Array]
    connections: Array

    @classmethod
    def at(
        cls, spectra: Spectra, candidates: Candidates, edges: tuple[Array, Array]
    ) -> Self:
        """Take them at one candidate, of some edges of FC.

        Parameters
        ----------
        spectra : Spectra
            Of the candidate.
        candidates : Candidates
            It alone.
        edges : tuple of two ndarrays of int, shape (n_edges,)
            Rows and columns.
        """
        model, sc = candidates.model, candidates.sc.reshape(spectra.fc.shape)
        if candidates.params["G"][0] == 0:
            raise ValueError(
                "G is 0: regions that are not coupled have no FC that could move; take "
                "a candidate with some coupling."
            )
        general = isinstance(spectra.network, GeneralNetwork)
        kind: Any = Perturbation if general else _Directions
        by = kind(spectra, edges)
        own: dict[str, Array] = {}
        for name in model.searched:
            if name == "G":
                continue
            low, high = getattr(model, name)
            moved = []
            for sign in (1, -1):
                params = dict(candidates.params)
                params[name] = params[name] + sign * STEP * (high - low)
                moved.append(by.describe(Candidates(model, params, sc)))
            own[name] = by.regions(*moved) / (2.0 * STEP)
        stronger, weaker = (
            by.describe(Candidates(model, candidates.params, sc * (1.0 + sign * STEP)))
            for sign in (1, -1)
        )
        strength = by.regions(stronger, weaker) / (2.0 * STEP)
        mutual = candidates.symmetric  # otherwise each connection has one direction
        i, j = np.nonzero(np.triu(sc, k=1) if mutual else sc)
        total = sc.sum(axis=1)
        connections = by.connections(i, j, mutual)
        connections += (sc[i, j] / total[i])[:, None] * strength[i]
        if mutual:
            connections += (sc[i, j] / total[j])[:, None] * strength[j]
        low, high = model.G
        by_coupling = connections.sum(axis=0) * (high - low) / candidates.params["G"]
        shared = {n: d.sum(axis=0) for n, d in own.items() if n not in model.regional}
        regional = {n: d for n, d in own.items() if n in model.regional}
        return cls(regional, {"G": by_coupling, **shared}, connections)

    def of_coefficients(self, space: ParameterSpace) -> Array:
        """Give derivatives by the coordinates of a search, (n_dim, n_edges)."""
        unit = np.vstack([np.zeros(space.n_dim), np.eye(space.n_dim)])
        params = space.expand(space.theta(unit))  # linear in the coordinates
        total: Any = 0.0
        for name, values in params.items():
            low, high = getattr(space.model, name)
            moved = (values[1:] - values[0]) / (high - low)
            known = self.regional.get(name)
            if known is None:
                total = total + moved[:, None] * self.shared[name]
            else:
                total = total + moved @ known
        return np.asarray(total)

    def of_departures(self, per_range: float, per_connection: float) -> Array:
        """Give derivatives by independent departures, (n_sources, n_edges).

        Parameters
        ----------
        per_range : float
            Departure of every regional parameter, as a share of its range.
        per_connection : float
            Relative departure of every connection.
        """
        regional = per_range * np.concatenate([*self.regional.values()])
        return np.concatenate([regional, per_connection * self.connections])


class _Directions(Correlations):
    """Derivatives of correlations by entries of the system, over frequencies."""

    def __init__(self, spectra: Spectra, edges: tuple[Array, Array]) -> None:
        network = spectra.network
        patterns, decay = network.patterns[0], network.decay[0]
        scale = np.linalg.norm(patterns, axis=1)
        vectors = patterns / scale[:, None]
        weights = (spectra.weights * spectra.power).ravel()
        omega = spectra.omega.ravel()
        keep = weights > NEGLIGIBLE * weights.max()
        transfer = 1.0 / (1j * omega[keep, None] + decay)
        response = (vectors * transfer[:, None, :]) @ vectors.T
        self.power = network.power[0] * scale**2
        cross = (response * self.power) @ np.swapaxes(response.conj(), 1, 2)
        self.coupling = scale[:, None] * network.network[0] * scale
        covariance = np.tensordot(weights[keep], cross.real, axes=1)
        super().__init__(covariance, edges, spectra)
        weighted = weights[keep, None, None] * response
        # The real part of a sum over frequencies of R_ai S_jb is left[i] @ right[j].
        self.left, self.right = _left(weighted), _right(cross)
        self.left_of_coupled = _left(weighted @ self.coupling)
        self.right_of_coupled = _right(self.coupling @ cross)
        self.left_of_noise = _left(weighted.conj())
        self.right_of_noise = np.ascontiguousarray(
            np.concatenate([response.real, response.imag]).transpose(2, 0, 1)
        )

    def describe(self, candidates: Candidates) -> "_Numbers":
        """Describe each region: decay, and logarithms of reach, noise and gain."""
        equations = Equations(candidates)
        slopes = jacobian(equations, equations.fixed_point())
        regions = reduce_regions(slopes, equations.sigma)
        power = regions.power * regions.scale**2
        reach, power = np.log(regions.scale[0]), np.log(power[0])
        return regions.decay[0], reach, power, self.gain(candidates)

    def regions(self, above: "_Numbers", below: "_Numbers") -> Array:
        """By what moves each region from one description to another."""
        decay, reach, power, gain = (
            (a - b)[:, None] for a, b in zip(above, below, strict=True)
        )
        return (
            decay * self.correlations(-_symmetric(self.left @ self.right))
            + reach * self.correlations(_symmetric(self._by_reach()))
            + power * self.power[:, None] * self.correlations(self._by_power())
            + self.by_gain(gain[:, 0])
        )

    def connections(self, i: Array, j: Array, mutual: bool = True) -> Array:
        """By the logarithm of connections, both ways, (n_connections, n_edges)."""
        found = np.empty((len(i), len(self.rows)))
        for k in range(0, len(i), BATCH):
            a, b = i[k : k + BATCH], j[k : k + BATCH]
            change = self.left[a] @ self.right[b] + self.left[b] @ self.right[a]
            change *= self.coupling[a, b][:, None, None]
            found[k : k + BATCH] = self.correlations(_symmetric(change))
        return found

    def _by_reach(self) -> Array:
        coupled = self.left @ self.right_of_coupled
        return np.asarray(coupled + self.left_of_coupled @ self.right)

    def _by_power(self) -> Array:
        return np.asarray(self.left_of_noise @ self.right_of_noise)


_Numbers = tuple[Array, Array, Array, Array]


def _left(x: Array) -> Array:
    """(f, a, i) to (i, a, parts of f), such that imaginary parts are subtracted."""
    return np.ascontiguousarray(np.concatenate([x.real, -x.imag]).transpose(2, 1, 0))


def _right(x: Array) -> Array:
    """(f, j, b) to (j, parts of f, b)."""
    return np.ascontiguousarray(np.concatenate([x.real, x.imag]).transpose(1, 0, 2))


def _symmetric(x: Array) -> Array:
    return np.asarray(x + np.swapaxes(x, -1, -2))
