"""A normal posterior of all regional parameters, where regions depart from the maps."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares

from delssome.models import Candidates
from delssome.theory import (
    Sensitivity,
    Spectra,
    choose_edges,
    effective_regions,
    fisher_z,
    noise_of_z,
)

if TYPE_CHECKING:
    from delssome.fitting.inferring import Inference

__all__ = ["MARGIN", "Normal", "approximate", "relaxation_at"]

Array = NDArray[Any]

# Rounds in each of which noise is taken anew, and evaluations of a round.
N_ROUNDS, N_STEPS = 5, 12
# Gain of a round, in nats, below which it is the last.
ENOUGH = 0.1
# Shares of the ranges by which parameters keep off their bounds.
MARGIN = 1e-4
# Share of a range by which a parameter is moved to either side.
STEP = 1e-4
# Residual that stands for a candidate without a stable state.
UNSTABLE = 1e2


class Normal(NamedTuple):
    """A normal density over shares of the ranges.

    Attributes
    ----------
    mean : ndarray of shape (n_shares,)
    root : ndarray of shape (n_shares, n_shares)
        Times a standard normal vector it is a deviation from the mean.
    scale : float
        Noise and model error, in units of the noise of one scan.
    log_evidence : float
    n_evaluations : int
    """

    mean: Array
    root: Array
    scale: float
    log_evidence: float
    n_evaluations: int


def approximate(
    inference: Inference, prior_mean: Array, prior_covariance: Array, start: Array
) -> Normal:
    """Find the mode of a posterior, and how it falls off around it.

    Parameters
    ----------
    inference : Inference
        Of a space that departs.
    prior_mean : ndarray of shape (n_shares,)
        Of shares of the ranges: regions of one parameter after the other, then what
        is global, in the order of the space.
    prior_covariance : ndarray of shape (n_shares, n_shares)
    start : ndarray of shape (n_shares,)

    Returns
    -------
    Normal

    Notes
    -----
    Least squares of whitened residuals of z and of the prior, with derivatives in
    closed form, by a trust region within the box; then Laplace's approximation. The
    scale of the noise is that of what is left of FC, at least that of the scans.
    """
    mode = _Mode(inference, prior_mean, prior_covariance)
    u = start.clip(2 * MARGIN, 1.0 - 2 * MARGIN)
    before = np.inf
    for _ in range(N_ROUNDS):
        mode.take_noise(u)
        found = least_squares(
            mode.residual,
            u,
            mode.jacobian,
            bounds=(MARGIN, 1.0 - MARGIN),
            max_nfev=N_STEPS,
            ftol=1e-5,
        )
        u, gain = found.x, before - found.cost
        before = found.cost
        if abs(gain) < ENOUGH:
            break
    return mode.conclude(u)


def relaxation_at(inference: Inference, u: Array, off: Array) -> Array:
    """Draw relaxation over coupling, log-normal around a candidate.

    Parameters
    ----------
    inference : Inference
    u : ndarray of shape (n_shares,)
        Shares of the ranges.
    off : ndarray of shape (n_draws, n_shares)
        Deviations from these.

    Returns
    -------
    ndarray of shape (n_draws, n_rois)

    Notes
    -----
    Linear in the deviations on the scale of logarithms: draws of parameters themselves
    reach where a region alone would not come to rest, as one at the mode never does.
    A region's ratio is taken to depend on its own parameters and what is global.
    """
    space, model = inference.space, inference.space.model
    here = space.at_shares(u[None])
    rows = [here]
    for name in space.slices:
        step = STEP * np.ptp(getattr(model, name))
        rows += [{**here, name: here[name] + sign * step} for sign in (1, -1)]
    params = {name: np.concatenate([row[name] for row in rows]) for name in here}
    relaxation, _, coupling = effective_regions(
        Candidates(model, params, inference.target.sc)
    )
    log = np.log(np.maximum(relaxation / coupling, 1e-300))
    moved, k = np.repeat(log[:1], len(off), axis=0), 0
    for row, name in enumerate(space.slices):
        slope = (log[1 + 2 * row] - log[2 + 2 * row]) / (2.0 * STEP)
        n = space.n_rois if name in model.regional else 1
        moved += off[:, k : k + n] * slope
        k += n
    return np.asarray(np.exp(moved))


class _Mode:
    """Residuals and derivatives, of theory at one candidate after the other."""

    def __init__(self, inference: Inference, mean: Array, covariance: Array) -> None:
        self.inference, self.space = inference, inference.space
        self.mean, self.n_evaluations = mean, 0
        self._edges, which = choose_edges(self.space.n_rois)
        self._observed = fisher_z(inference.target.fc[which])
        self._root = np.linalg.cholesky(covariance)
        n = len(mean)
        self._unit = solve_triangular(self._root, np.eye(n), lower=True)
        self._last: tuple[Array, Candidates, Spectra | None] | None = None
        least = inference.n_scans
        self._least = 0.0 if least is None else 1.0 / least

    def take_noise(self, u: Array) -> None:
        """Take the noise of one scan at a candidate, and its scale from residuals."""
        spectra = self._spectra(u)[1]
        if spectra is None:
            raise ValueError(
                "The theory finds no stable state where the FC is most like that of X, "
                "so that its noise is not known."
            )
        noise, _ = noise_of_z(spectra, self._edges)
        self._noise = np.linalg.cholesky(noise)
        self.scale = 1.0
        residual = self.residual(u)[: len(noise)]
        moves = self.jacobian(u)[: len(noise)]
        # What the parameters can follow is no noise.
        for _ in range(10):
            information = moves.T @ moves / self.scale
            full = information + self._unit.T @ self._unit
            followed = np.trace(np.linalg.solve(full, information))
            left = residual @ residual / max(len(residual) - followed, 1.0)
            self.scale = max(self._least, float(left))

    def residual(self, u: Array) -> Array:
        """Whitened residuals of z, then those of the prior."""
        self.n_evaluations += 1
        prior = self._unit @ (u - self.mean)
        spectra = self._spectra(u)[1]
        if spectra is None:
            return np.append(np.full(len(self._observed), UNSTABLE), prior)
        off = fisher_z(spectra.fc[self._edges]) - self._observed
        return np.append(self._white(off), prior)

    def jacobian(self, u: Array) -> Array:
        """Give derivatives of the residuals by shares of the ranges."""
        candidates, spectra = self._spectra(u)
        assert spectra is not None
        found = Sensitivity.at(spectra, candidates, self._edges)
        slope = 1.0 / (1.0 - spectra.fc[self._edges] ** 2)
        moves = [
            found.regional[name] if name in found.regional else found.shared[name][None]
            for name in self.space.slices
        ]
        return np.vstack([self._white((np.vstack(moves) * slope).T), self._unit])

    def conclude(self, u: Array) -> Normal:
        """Describe the density around the mode, with evidence by Laplace."""
        residual, moves = self.residual(u), self.jacobian(u)
        n_edges = len(self._observed)
        precision = moves.T @ moves
        root = np.linalg.inv(np.linalg.cholesky(precision)).T
        noise = np.log(np.diag(self._noise)).sum() + 0.5 * n_edges * np.log(self.scale)
        evidence = (
            -0.5 * residual @ residual - noise - 0.5 * n_edges * np.log(2 * np.pi)
        )
        evidence += np.log(np.diag(root)).sum() - np.log(np.diag(self._root)).sum()
        return Normal(u, root, self.scale, float(evidence), self.n_evaluations)

    def _white(self, x: Array) -> Array:
        white = solve_triangular(self._noise, x, lower=True)
        return np.asarray(white / np.sqrt(self.scale))

    def _spectra(self, u: Array) -> tuple[Candidates, Spectra | None]:
        if self._last is None or not np.array_equal(self._last[0], u):
            params = self.space.at_shares(u[None])
            candidates = Candidates(self.space.model, params, self.inference.target.sc)
            try:
                spectra = Spectra.of(candidates, self.inference.acquisition)
            except ValueError:  # no stable state
                spectra = None
            self._last = u.copy(), candidates, spectra
        return self._last[1:]
