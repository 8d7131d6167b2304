"""What theory expects of the FC of scans, on edges that stand for all."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares

from delssome.models import Candidates, ParameterSpace
from delssome.simulation import Acquisition
from delssome.theory import (
    Spectra,
    TheoryEvaluator,
    choose_edges,
    fisher_z,
    noise_of_z,
)

__all__ = ["Expected", "Expecting", "Scans", "whiten"]

Array = NDArray[Any]

# Edges that speak, at most: their noise is so alike that they tell what all do.
MOST_EDGES = 1200
# Evaluations of a descent.
N_STEPS = 15
# Step of derivatives in search coordinates.
STEP = 1e-4
# Residual of a candidate that is infeasible, or out of range.
OUTSIDE = 30.0


class Scans(NamedTuple):
    """FC of several scans, each on a connectome of its own.

    Attributes
    ----------
    sc : ndarray of shape (n_scans, n_rois, n_rois)
        Scaled for the model.
    fc : ndarray of shape (n_scans, n_edges)
        Upper triangles.
    """

    sc: Array
    fc: Array


class Expected(NamedTuple):
    """What theory says of candidates.

    Attributes
    ----------
    z : ndarray of shape (n, n_edges)
        Fisher's z of FC; NaN where there is no stable state.
    known : ndarray of bool, shape (n,)
        Whether they are stable and in range.
    decay : ndarray of shape (n,)
        Decay rate of the slowest mode (1/s).
    """

    z: Array
    known: NDArray[np.bool_]
    decay: Array


def whiten(root: Array, values: Array) -> Array:
    """Divide values, (..., n_edges), by the lower root of their covariance."""
    rows = values.reshape(-1, len(root))
    white = solve_triangular(root, rows.T, lower=True).T
    return np.asarray(white).reshape(values.shape)


class Expecting:
    """What theory expects of Fisher's z on some edges, and how much that varies.

    Parameters
    ----------
    space : ParameterSpace
    acquisition : Acquisition
    n_jobs : int, default=None
        Threads of theory.
    """

    def __init__(
        self,
        space: ParameterSpace,
        acquisition: Acquisition,
        n_jobs: int | None = None,
    ) -> None:
        self.space, self.acquisition = space, acquisition
        self.theory = TheoryEvaluator(
            space.model, acquisition, n_fcd_bins=2, n_samples=0, n_jobs=n_jobs
        )
        self.edges, self.which = choose_edges(space.n_rois, MOST_EDGES)

    def observed(self, fc: Array) -> Array:
        """Give Fisher's z of upper triangles, (..., n_edges)."""
        return fisher_z(fc[..., self.which])

    def z(self, theta: Array, sc: Array) -> Array:
        """Give expected z, (n, n_edges), of coefficients on one connectome or several.

        NaN where there is no stable state.
        """
        return self._of_theta(theta, sc).z

    def z_of_own(self, theta: Array, own: Array, sc: Array) -> Array:
        """Give expected z of the same coefficients on connectomes of their own.

        On that of the group where an own one has no stable state: subjects differ in
        more than connectomes, and one that simulates is no reason against a model.
        """
        z = self.z(theta[None], own)
        lost = ~np.isfinite(z).all(axis=1)
        if lost.any():
            z[lost] = self.z(theta[None], sc)
        return z

    def root(self, theta: Array, sc: Array, soft: float = 0.0) -> Array:
        """Give the root of the covariance of one scan, lower triangular.

        Raises
        ------
        ValueError
            If there is no stable state.
        """
        candidate = self.space.candidates(theta[None], sc)
        spectra = Spectra.of(candidate, self.acquisition)
        noise, _ = noise_of_z(spectra, self.edges)
        noise += soft * np.diag(noise).mean() * np.eye(len(noise))
        return np.linalg.cholesky(noise)

    def first_described(self, theta: Array, sc: Array) -> Array | None:
        """Give the first of coefficients that are stable and in range, if any is."""
        known = self._of_theta(theta, sc).known
        return np.asarray(theta[np.argmax(known)]) if known.any() else None

    def descend(
        self, theta: Array, sc: Array, observed: Array, soft: float = 0.0
    ) -> tuple[Array, float]:
        """Go down to where whitened residuals are least; coefficients and squares."""
        root, space = self.root(theta, sc, soft), self.space
        outside = np.full(len(root), OUTSIDE)

        def residual(x: Array) -> Array:
            at = space.theta(x)[None]
            found = self._of_theta(at, sc)
            if not (found.known[0] and space.feasible(at)[0]):
                return outside
            return whiten(root, found.z[0] - observed)

        def jacobian(x: Array) -> Array:
            moved = x + STEP * np.vstack([np.eye(len(x)), -np.eye(len(x))])
            z = self.z(space.theta(moved), sc)
            slopes = (z[: len(x)] - z[len(x) :]) / (2.0 * STEP)
            return whiten(
                root, np.nan_to_num(slopes)
            ).T  # flat where a side is unstable

        found = least_squares(
            residual, space.x(theta), jacobian, max_nfev=N_STEPS, ftol=1e-6
        )
        return space.theta(found.x), float(2.0 * found.cost)

    def of(self, candidates: Candidates) -> Expected:
        """Ask theory of candidates."""
        said = self.theory.statistics(candidates)
        z = fisher_z(said.fc[:, self.which])
        known = (said.violation == 0) & np.isfinite(z).all(axis=1)
        return Expected(z, known, np.asarray(said.decay))

    def _of_theta(self, theta: Array, sc: Array) -> Expected:
        """Ask theory of coefficients."""
        if sc.ndim == 3:
            theta = np.repeat(theta, len(sc), axis=0)
        return self.of(self.space.candidates(theta, sc))
