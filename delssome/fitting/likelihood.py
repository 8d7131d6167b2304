"""The likelihood of an observed FC: noise of scans, and errors of models."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from delssome.evaluation import Evaluator, Target
from delssome.fitting.correction import Gap
from delssome.inference import Emulator
from delssome.models import ParameterSpace
from delssome.simulation import Acquisition
from delssome.theory import Sensitivity, Spectra, choose_edges, fisher_z, noise_of_z
from delssome.theory.fc_noise import MOST_EDGES

__all__ = ["LikelihoodOfFC"]

Array = NDArray[Any]

# Noise and model error in the manner of noise, together, in scans: from that of ten
# thousand scans to that of a hundredth of one.
SCALE = (1e-4, 1e2)
# Departures of regional parameters from the maps, in shares of their range, and of
# connections from SC, relative, to one of the former.
DEPARTURE, PER_CONNECTION = (3e-4, 0.2), 10.0
# Bins of alike departures, even in the logarithm from this share of the largest.
N_BINS, SMALLEST = 48, 1e-7
# Batches of evaluations that an emulator may learn from, and how many of the best; how
# much worse than the worst particles they may be.
N_KEPT, N_TAUGHT, BELOW = 40, 4000, 20.0


class LikelihoodOfFC:
    r"""Log likelihood of coefficients, and of two numbers that say how far they err.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : Evaluator
        Of expected FC.
    target : Target
    acquisition : Acquisition
    pilot : ndarray of shape (n_dim,)
        Coefficients at which noise and sensitivity are taken.
    n_scans : float, default=None
        Scans whose mean the FC is. None: not known.
    gap : Gap, default=None
        What has to be added to the evaluator's z. None: nothing.
    most_edges : int
        Edges that speak, at most.

    Notes
    -----
    On Fisher's scale, z is normal about that of the expected FC with covariance
    :math:`c V + \tau^2 K`. V is the noise of one scan; c is one over the number of
    scans, plus a model error that looks like noise. K is what independent departures
    of every region's parameters from the maps and of every connection from SC do to
    FC. A rotation makes V the identity and K diagonal, so that c and tau cost nothing.
    """

    def __init__(
        self,
        space: ParameterSpace,
        evaluator: Evaluator,
        target: Target,
        acquisition: Acquisition,
        pilot: Array,
        n_scans: float | None = None,
        gap: Gap | None = None,
        most_edges: int = MOST_EDGES,
    ) -> None:
        self.space, self.evaluator, self.sc = space, evaluator, target.sc
        self.least = 0.0 if n_scans is None else 1.0 / n_scans
        candidate = space.candidates(pilot[None], target.sc)
        edges, self._which = choose_edges(len(target.sc), most_edges)
        spectra = Spectra.of(candidate, acquisition)
        noise, slope = noise_of_z(spectra, edges)
        found = Sensitivity.at(spectra, candidate, edges)
        moved = found.of_departures(1.0, PER_CONNECTION) * slope
        root = np.linalg.cholesky(noise)
        # What makes densities of different noise comparable.
        self._constant = -np.log(np.diag(root)).sum()
        self._constant -= 0.5 * len(root) * np.log(2.0 * np.pi)
        whiten = solve_triangular(root, np.eye(len(root)), lower=True)
        moved = moved @ whiten.T
        departures, axes = np.linalg.eigh(moved.T @ moved)
        # Alike ones share one number, so that a likelihood is a sum of few terms.
        self._starts = _bins(departures)
        self._counts = np.diff(np.append(self._starts, len(axes)))
        sums = np.add.reduceat(np.maximum(departures, 0.0), self._starts)
        self._departures = sums / self._counts
        self._rotation = (axes.T @ whiten).astype(np.float32)
        self._observed = fisher_z(target.fc[self._which])
        self._record: list[tuple[Array, Array, Array]] = []
        self._gap: Emulator | None = None
        if gap is not None:
            self._correct(gap)

    def corrected(self, gap: Gap) -> Self:
        """Give the same with another correction, and the same evaluations."""
        other = copy(self)
        other._correct(gap)
        return other

    @property
    def n_dim(self) -> int:
        """Coordinates: those of the search and, in [0, 1], two that say how far off."""
        return self.space.n_dim + 2

    @property
    def n_edges(self) -> int:
        """Edges that speak."""
        return len(self._observed)

    def scale(self, points: Array) -> Array:
        """Noise and model error in units of the noise of one scan, (n,)."""
        return self.least + _between(SCALE, points[:, self.space.n_dim])

    def departure(self, points: Array) -> Array:
        """Departure of regional parameters, as a share of their range, (n,)."""
        return _between(DEPARTURE, points[:, self.space.n_dim + 1])

    def __call__(self, points: Array) -> Array:
        """Give it for points, (n, n_dim) to (n,): -inf outside the prior."""
        n_dim = self.space.n_dim
        inside = self._inside(points)
        theta = self.space.theta(points[:, :n_dim])
        value = np.full(len(points), -np.inf)
        if not inside.any():
            return value
        points, theta = points[inside], theta[inside]
        found = self.evaluator.statistics(self.space.candidates(theta, self.sc))
        off = self._observed - fisher_z(found.fc[:, self._which])
        off = off.astype(np.float32) @ self._rotation.T
        residual = off - self._correction(points)
        squares = np.add.reduceat(np.square(residual), self._starts, axis=1)
        log_density = self._of_squares(points, squares)
        known = (found.violation == 0) & np.isfinite(log_density)
        value[inside] = np.where(known, log_density, -np.inf)
        kept = points[known], off[known], log_density[known]
        self._record = [*self._record, kept][-N_KEPT:]
        return value

    def _of_squares(self, points: Array, squares: Array) -> Array:
        """Log density from sums of squares of residuals, (n, n_bins)."""
        departed = np.square(self.departure(points))[:, None] * self._departures
        variance = self.scale(points)[:, None] + departed
        terms = squares / variance + self._counts * np.log(variance)
        return np.asarray(self._constant - 0.5 * terms.sum(axis=1))

    def emulate(self, value: Array) -> Callable[[Array], Array] | None:
        """Give a cheap likelihood from what was evaluated, where particles are.

        Parameters
        ----------
        value : ndarray of shape (n_particles,)
            Log likelihoods of the particles.

        Returns
        -------
        callable or None
            From points to log likelihoods; None if too little is known yet.
        """
        points, off, known = map(np.concatenate, zip(*self._record, strict=True))
        n_dim, order = self.space.n_dim, np.argsort(-known, kind="stable")
        worst = np.quantile(value, 0.05) - BELOW
        n = max(np.count_nonzero(known > worst), 4 * n_dim)
        order = order[: min(n, N_TAUGHT)]
        if len(order) < 4 * n_dim:
            return None
        # In no order, so that any of them stand for all.
        order = np.random.default_rng(0).permutation(order)
        points = points[order]
        residual = off[order] - self._correction(points)
        emulator = Emulator(points[:, :n_dim], residual)
        # Sums of squares of centre + amplitudes @ components, bin by bin.
        centre, components = emulator.centre, emulator.components
        constant = np.add.reduceat(np.square(centre), self._starts)
        linear = 2.0 * np.add.reduceat(centre * components, self._starts, axis=1)
        products = components[:, None] * components[None]
        quadratic = np.add.reduceat(products, self._starts, axis=2)

        def log_likelihood(points: Array) -> Array:
            inside = self._inside(points)
            found = np.full(len(points), -np.inf)
            points = points[inside]
            if len(points):
                y = emulator.amplitudes(points[:, :n_dim])
                pairs = (y[:, :, None] * y[:, None, :]).reshape(len(y), -1)
                squares = constant + y @ linear
                squares += pairs @ quadratic.reshape(pairs.shape[1], -1)
                squares = np.maximum(squares, 0.0)
                found[inside] = self._of_squares(points, squares)
            return found

        return log_likelihood

    def _correct(self, gap: Gap) -> None:
        self._gap = gap.on(self._which)
        if self._gap is not None:
            self._rotated = self._rotation @ self._gap.centre.astype(np.float32)
            components = self._gap.components.T.astype(np.float32)
            self._turned = (self._rotation @ components).T

    def _correction(self, points: Array) -> Array | float:
        """Give what corrects residuals, rotated."""
        if self._gap is None:
            return 0.0
        amplitudes = self._gap.amplitudes(points[:, : self.space.n_dim])
        return self._rotated + amplitudes.astype(np.float32) @ self._turned

    def _inside(self, points: Array) -> NDArray[np.bool_]:
        """Tell which points are in the prior, but for the range."""
        rest = points[:, self.space.n_dim :]
        inside = ((rest >= 0.0) & (rest <= 1.0)).all(axis=1)
        theta = self.space.theta(points[:, : self.space.n_dim])
        return np.asarray(inside & self.space.feasible(theta))


def _bins(departures: Array) -> Array:
    """Give where bins of alike ones start, among ascending departures."""
    if len(departures) <= N_BINS:
        return np.arange(len(departures))
    limits = np.geomspace(SMALLEST, 1.0, N_BINS)[1:] * departures[-1]
    return np.unique(np.append(0, np.searchsorted(departures, limits)))


def _between(limits: tuple[float, float], unit: Array) -> Array:
    """From [0, 1] to between limits, evenly in the logarithm."""
    low, high = np.log(limits)
    return np.exp(low + (high - low) * unit)
