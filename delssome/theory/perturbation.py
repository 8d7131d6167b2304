"""How the FC of a network in general form moves with whatever moves its Jacobian."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.models.steady import jacobian
from delssome.theory.linearisation import Equations
from delssome.theory.processing import regress
from delssome.theory.spectra import Spectra

__all__ = ["Correlations", "Perturbation"]

Array = NDArray[Any]

# Step of differences along eigenvalues, and how near two count as one, both as a share
# of the slowest decay.
NEAR = 1e-4


class Correlations:
    """From changes of covariances to those of correlations.

    Parameters
    ----------
    covariance : ndarray of shape (n_rois, n_rois)
        Of what is seen, by one response of all regions.
    edges : tuple of two ndarrays of int, shape (n_edges,)
    spectra : Spectra
        By which the global signal is taken out, if the pipeline does.
    """

    def __init__(
        self, covariance: Array, edges: tuple[Array, Array], spectra: Spectra
    ) -> None:
        self.rows, self.columns = edges
        self.spectra, self._seen = spectra, covariance
        covariance = self.measured(covariance)
        self.sd = np.sqrt(np.diagonal(covariance))
        fc = covariance / (self.sd[:, None] * self.sd)
        self.r = fc[self.rows, self.columns]

    def measured(self, covariance: Array) -> Array:
        """Take the global signal out, if the pipeline does."""
        if self.spectra.slopes is None:
            return covariance
        gain = self.spectra.gain
        return regress(covariance * (gain[:, None] * gain), self.spectra.slopes)

    def gain(self, candidates: Candidates) -> Array:
        """Describe by how much each region of a candidate is seen, its logarithm."""
        model = candidates.model
        seen = candidates.states[model.states.index(model.observed)][0]
        return np.log(self.spectra.scan.strength(seen))

    def by_gain(self, change: Array) -> Array | float:
        """By regions that are seen more strongly, of which a global signal is made."""
        if self.spectra.slopes is None:
            return 0.0
        rows = np.eye(len(change))[:, :, None] * self._seen
        return change[:, None] * self.correlations(rows + np.swapaxes(rows, 1, 2))

    def correlations(self, change: Array) -> Array:
        """Take changes of covariances, (n, n_rois, n_rois), to the edges."""
        change = self.measured(change)
        change = change / (self.sd[:, None] * self.sd)
        own = np.diagonal(change, axis1=1, axis2=2)
        own = own[:, self.rows] + own[:, self.columns]
        return np.asarray(change[:, self.rows, self.columns] - 0.5 * self.r * own)


class Perturbation(Correlations):
    r"""Derivatives of correlations by the entries of a Jacobian.

    Parameters
    ----------
    spectra : Spectra
        Of a network in general form.
    edges : tuple of two ndarrays of int, shape (n_edges,)

    Notes
    -----
    The covariance over frames is :math:`\psi(A) S + S \psi(A)^T`, with the stationary
    covariance S. A change E of A changes the function :math:`\psi` of it by divided
    differences, in the modes
    :math:`(\psi_a - \psi_b) / (\lambda_a - \lambda_b) E_{ab}`, and S by the solution of
    the same Lyapunov equation for :math:`E S + S E^T`.
    """

    def __init__(self, spectra: Spectra, edges: tuple[Array, Array]) -> None:
        network, scan = spectra.network, spectra.scan
        self.network = network
        self.step = scan.step
        roots = self._roots = network.roots[0]
        self._stationary = network.mode_covariance(self.step)[0]
        self._share = scan.share(network.roots)[0]
        near = NEAR * network.decay[0, 0]
        ahead, back = (scan.share(network.roots + s * near)[0] for s in (0.5, -0.5))
        slope = (ahead - back) / near
        gap = roots[:, None] - roots
        one = np.abs(gap) < near
        mean = 0.5 * (slope[:, None] + slope)
        apart = self._share[:, None] - self._share
        self._divided = np.where(one, mean, apart / np.where(one, 1.0, gap))
        pairs = (
            roots[:, None] + roots.conj() + self.step * roots[:, None] * roots.conj()
        )
        self._pairs = pairs
        covariance = network.covariance(self._share[None], self.step)[0]
        super().__init__(covariance, edges, spectra)

    def describe(self, candidates: Candidates) -> tuple[Array, Array, Array]:
        """Describe each region: slopes of its derivatives, noise, and gain."""
        equations = Equations(candidates)
        slopes = jacobian(equations, equations.fixed_point())
        slopes = slopes[: len(candidates.model.states), :, 0]
        return slopes, equations.sigma[0], self.gain(candidates)

    def regions(self, above: tuple[Array, ...], below: tuple[Array, ...]) -> Array:
        """By what moves each region from one description to another.

        Returns
        -------
        ndarray of shape (n_rois, n_edges)
        """
        slopes = above[0] - below[0]
        power = above[1] ** 2 - below[1] ** 2
        found = self._along(
            (self._of_slopes(i, slopes[:, :, i]), (i, power[i]))
            for i in range(len(power))
        )
        return found + self.by_gain(above[2] - below[2])

    def connections(self, i: Array, j: Array, mutual: bool) -> Array:
        """By the logarithm of connections from j to i; mutual: and back.

        Returns
        -------
        ndarray of shape (n_connections, n_edges)
        """
        return self._along(
            (self._of_connections([(a, b), (b, a)][: 1 + mutual]), None)
            for a, b in zip(i, j, strict=True)
        )

    def _of_slopes(self, i: int, slopes: Array) -> tuple[Array, Array]:
        """Give the change of the Jacobian that slopes of a region are, in factors."""
        layout, network = self.network.layout, self.network.network[0]
        n, n_rois = layout.n_states, len(network)
        rows = np.zeros((n, n, n_rois))
        rows[:, :, i] = slopes[:, :n]
        for k, b in enumerate(layout.coupled):
            rows[:, b] += slopes[:, n + k, None] * network[i]
        places = np.arange(n) * n_rois + i
        return self._in_modes(places, rows.reshape(n, -1))

    def _of_connections(self, pairs: list[tuple[int, int]]) -> tuple[Array, Array]:
        """Give the change of the Jacobian by the logarithm of connections."""
        layout, network = self.network.layout, self.network.network[0]
        n, n_rois = layout.n_states, len(network)
        driven = self.network.slopes[0][:, n:]
        places, rows = [], []
        for i, j in pairs:
            row = np.zeros((n, n, n_rois))
            for k, b in enumerate(layout.coupled):
                row[:, b, j] += driven[:, k, i] * network[i, j]
            places.append(np.arange(n) * n_rois + i)
            rows.append(row.reshape(n, -1))
        return self._in_modes(np.concatenate(places), np.concatenate(rows))

    def _in_modes(self, places: Array, rows: Array) -> tuple[Array, Array]:
        moved = np.abs(rows).max(axis=1) > 0
        left = self.network.duals[0][:, places[moved]]
        return left, rows[moved] @ self.network.patterns[0]

    def _along(self, changes: Iterable[Any]) -> Array:
        """Give derivatives of correlations along changes of Jacobian and noise."""
        network, S = self.network, self._stationary
        reading, n = network.reading[0], network.layout.n_states
        follow = 1.0 + self.step * self._roots.conj()
        found = []
        for (left, right), noise in changes:
            source = (left @ (right @ S)) * follow
            source = source + source.conj().T
            if noise is not None:
                region, power = noise
                own = network.duals[0][:, region :: len(reading)][:, :n]
                source += power * (own @ own.conj().T)
            moved = (self._divided * (left @ right)) @ S
            moved -= self._share[:, None] * source / self._pairs
            change = (reading @ moved @ reading.conj().T).real
            found.append(change + change.T)
        return self.correlations(np.stack(found))
