"""Coefficients under which the FC of several scans is most likely, given its noise."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares

from delssome.evaluation import Evaluator
from delssome.fitting.pilots import find_pilots
from delssome.models import ParameterSpace
from delssome.simulation import Acquisition
from delssome.theory import (
    Spectra,
    TheoryEvaluator,
    choose_edges,
    fisher_z,
    noise_of_z,
)

__all__ = ["DensityOfFC", "Scans", "most_likely"]

Array = NDArray[Any]

# Edges that speak, at most: their noise is so alike that they tell what all do.
MOST_EDGES = 1200
# Places to start from, as descents end in valleys of their own, and candidates of a
# generation of the searches for them.
N_STARTS, POPSIZE = 4, 40
# Noise alike in all directions that is added in the first descent, in mean variances of
# an edge: without it, descents end in valleys of what scans hardly know.
SOFT = 1.0
# Rounds in each of which noise, and what own connectomes add, are taken anew, and
# evaluations of a round.
N_ROUNDS, N_STEPS = 3, 15
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


@dataclass(frozen=True)
class DensityOfFC:
    """How likely FC is under a model at certain coefficients.

    Attributes
    ----------
    expecting : Expecting
    theta : ndarray of shape (n_dim,)
    sc : ndarray of shape (n_rois, n_rois)
        Connectome of the group, for scans on whose own there is no stable state.
    root : ndarray of shape (n_edges, n_edges)
        Of the covariance of Fisher's z of one scan, lower triangular.
    scale : float
        By how much what the model leaves unexplained varies more than noise does.
    """

    expecting: "Expecting"
    theta: Array
    sc: Array
    root: Array
    scale: float = 1.0

    def unexplained(self, scans: Scans) -> Array:
        """Give what is left of scans, in variances of the noise of one, (n_scans,).

        1 if nothing but noise is left.
        """
        off = self.expecting.observed(scans.fc)
        off = off - self.expecting.z_of_own(self.theta, scans.sc, self.sc)
        white = solve_triangular(self.root, off.T, lower=True, check_finite=False)
        return np.asarray(np.square(white).mean(axis=0))

    def log_likelihood(self, scans: Scans) -> Array:
        """Give log densities of scans, (n_scans,), on Fisher's scale.

        Normal about what theory expects on the connectome of the scan, with `scale`
        times the covariance of its noise.
        """
        left = self.unexplained(scans) / self.scale
        left = left + np.log(2.0 * np.pi * self.scale)
        return -0.5 * len(self.root) * left - np.log(np.diag(self.root)).sum()


def most_likely(
    space: ParameterSpace,
    acquisition: Acquisition,
    sc: Array,
    scans: Scans,
    rng: np.random.Generator,
    network: Evaluator | None = None,
) -> DensityOfFC | None:
    """Find the coefficients, the same for all, under which scans are most likely.

    Parameters
    ----------
    space : ParameterSpace
    acquisition : Acquisition
    sc : ndarray of shape (n_rois, n_rois)
        Connectome of the group.
    scans : Scans
    rng : numpy.random.Generator
    network : Evaluator, default=None
        Of expected FC, to find where to start. None: theory.

    Returns
    -------
    DensityOfFC or None
        None if theory finds no stable state where FC is most like that of the scans.

    Notes
    -----
    Short searches end where FC is most alike. From there, least squares of residuals of
    Fisher's z, whitened by the noise of a scan at the coefficients
    (:func:`~delssome.theory.fc_covariance`). FC is expected on the connectome of the
    group; what connectomes of their own add on average is taken anew in every round.
    """
    expecting = Expecting(space, acquisition)
    searched = expecting.theory if network is None else network
    fc = np.tanh(fisher_z(scans.fc).mean(axis=0))
    observed, ends = expecting.observed(fc), []
    for child in rng.spawn(N_STARTS):
        found = find_pilots(space, searched, sc, fc, child, 1, POPSIZE)
        start = expecting.first_described(found, sc)
        if start is not None:
            ends.append(expecting.descend(start, sc, observed, soft=SOFT))
    if not ends:
        return None
    theta, _ = min(ends, key=lambda end: end[1])
    for _ in range(N_ROUNDS):
        own = expecting.z_of_own(theta, scans.sc, sc).mean(axis=0)
        added = own - expecting.z(theta[None], sc)[0]
        theta, _ = expecting.descend(theta, sc, observed - added)
    density = DensityOfFC(expecting, theta, sc, expecting.root(theta, sc))
    return replace(density, scale=float(density.unexplained(scans).mean()))


class Expecting:
    """What theory expects of Fisher's z on some edges, and how much that varies.

    Parameters
    ----------
    space : ParameterSpace
    acquisition : Acquisition
    """

    def __init__(self, space: ParameterSpace, acquisition: Acquisition) -> None:
        self.space, self.acquisition = space, acquisition
        self.theory = TheoryEvaluator(
            space.model, acquisition, n_fcd_bins=2, n_samples=0
        )
        self.edges, self.which = choose_edges(space.n_rois, MOST_EDGES)

    def observed(self, fc: Array) -> Array:
        """Give Fisher's z of upper triangles, (..., n_edges)."""
        return fisher_z(fc[..., self.which])

    def z(self, theta: Array, sc: Array) -> Array:
        """Give expected z, (n, n_edges), of coefficients on one connectome or several.

        NaN where there is no stable state.
        """
        return self._statistics(theta, sc)[0]

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
        known = self._statistics(theta, sc)[1]
        return np.asarray(theta[np.argmax(known)]) if known.any() else None

    def descend(
        self, theta: Array, sc: Array, observed: Array, soft: float = 0.0
    ) -> tuple[Array, float]:
        """Go down to where whitened residuals are least; coefficients and squares."""
        root, space = self.root(theta, sc, soft), self.space
        outside = np.full(len(root), OUTSIDE)

        def white(z: Array) -> Array:
            return np.asarray(solve_triangular(root, z.T, lower=True).T)

        def residual(x: Array) -> Array:
            at = space.theta(x)[None]
            z, known = self._statistics(at, sc)
            if not (known[0] and space.feasible(at)[0]):
                return outside
            return white(z[0] - observed)

        def jacobian(x: Array) -> Array:
            moved = x + STEP * np.vstack([np.eye(len(x)), -np.eye(len(x))])
            z = self.z(space.theta(moved), sc)
            slopes = (z[: len(x)] - z[len(x) :]) / (2.0 * STEP)
            return white(np.nan_to_num(slopes)).T  # flat where a side is unstable

        found = least_squares(
            residual, space.x(theta), jacobian, max_nfev=N_STEPS, ftol=1e-6
        )
        return space.theta(found.x), float(2.0 * found.cost)

    def _statistics(self, theta: Array, sc: Array) -> tuple[Array, Array]:
        """Give expected z, and whether candidates are stable and in range."""
        if sc.ndim == 3:
            theta = np.repeat(theta, len(sc), axis=0)
        said = self.theory.statistics(self.space.candidates(theta, sc))
        z = fisher_z(said.fc[:, self.which])
        known = (said.violation == 0) & np.isfinite(z).all(axis=1)
        return z, known
