"""What the FC of a number of scans can know of a model, before any are taken."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve

from delssome.inference import Tempering, draw_feasible
from delssome.models import Candidates, ParameterSpace
from delssome.simulation import Acquisition
from delssome.theory.closure import expected_readout
from delssome.theory.effective import effective_regions
from delssome.theory.fc_noise import choose_edges, fisher_z, noise_of_z
from delssome.theory.sensitivity import Sensitivity
from delssome.theory.spectra import Spectra
from delssome.utils import check_number, make_generator

__all__ = ["Identifiability", "identifiability"]

Array = NDArray[Any]

SAMPLER = Tempering(n_particles=800, n_moves=8, n_draws=2400)
# Standard deviation of a uniform distribution, as a share of its range.
UNIFORM_SD = 12.0**-0.5


@dataclass(frozen=True)
class Identifiability:
    """What data can know of a candidate that is taken for the truth.

    Attributes
    ----------
    n_scans : float
        Scans that stand behind the FC.
    names : list of str
        Coefficients.
    sd, prior_sd : ndarray of shape (n_params,)
        Their standard deviations, after and before the data.
    readout : ndarray of shape (n_rois,)
        What the model reads out of the candidate.
    readout_sd, readout_prior_sd : ndarray of shape (n_rois,)
        After and before the data: how much of a region's value they know.
    relaxation_sd, relaxation_prior_sd : ndarray of shape (n_rois,)
        The same of the logarithm of relaxation over coupling.
    noise_sd, noise_prior_sd : ndarray of shape (n_rois,)
        The same of the logarithm of the relative noise
        (:func:`~delssome.theory.effective_parameters`).
    mean_readout_sd, mean_readout_prior_sd : float
        Of the average over regions.
    pattern_r : float
        Expected correlation over regions with the truth, where the sign is right.
    pattern_range : ndarray of shape (2,)
        Fifth and 95th percentile of the pattern's standard deviation over regions, in
        units of the truth's: below 1 it is flatter.
    p_upside_down : float
        Probability that the pattern correlates negatively with the truth.
    stiffness : ndarray of shape (n_params,)
        Eigenvalues of the information in units of the prior's: how much narrower than
        the prior the data make every direction, squared. Below 1: sloppy.
    directions : ndarray of shape (n_params, n_params)
        These directions in the coordinates of a search, in rows.

    Examples
    --------
    Of a fit, or of scans that are yet to be taken (:func:`identifiability`)::

        known = fitter.identifiability_
        known.mean_readout_sd / known.mean_readout_prior_sd  # near 1: level unknown
        known.pattern_r, known.p_upside_down
    """

    n_scans: float
    names: list[str]
    sd: Array
    prior_sd: Array
    readout: Array
    readout_sd: Array
    readout_prior_sd: Array
    relaxation_sd: Array
    relaxation_prior_sd: Array
    noise_sd: Array
    noise_prior_sd: Array
    mean_readout_sd: float
    mean_readout_prior_sd: float
    pattern_r: float
    pattern_range: Array
    p_upside_down: float
    stiffness: Array
    directions: Array

    def __str__(self) -> str:
        """Say in words what users ask first; `repr` shows all arrays."""
        said = (
            f"As much as {self.n_scans:.3g} scans know: the mean over regions to +-"
            f"{self.mean_readout_sd:.2g} (before them {self.mean_readout_prior_sd:.2g})"
        )
        if np.ptp(self.readout) > 1e-6 * np.abs(self.readout).max():  # not all alike
            said += (
                f"; the pattern over regions, up to its sign, with r "
                f"{self.pattern_r:.2f}; upside down with probability "
                f"{self.p_upside_down:.2f}"
            )
        n_stiff = np.count_nonzero(self.stiffness > 1)
        return (
            f"{said}; of {len(self.stiffness)} directions they decide {n_stiff}, the "
            "prior the others."
        )


def identifiability(
    space: ParameterSpace,
    theta: ArrayLike,
    sc: ArrayLike,
    acquisition: Acquisition,
    *,
    n_scans: float = 1.0,
    departure: float = 0.0,
    fc: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = 0,
) -> Identifiability:
    """Tell how well the FC of scans determines coefficients and readout.

    Parameters
    ----------
    space : ParameterSpace
        Model with box and constraints, and maps.
    theta : array-like of shape (n_params,)
        Coefficients that are taken for the truth, with a stable state.
    sc : array-like of shape (n_rois, n_rois)
        Scaled structural connectivity.
    acquisition : Acquisition
        Of one scan.
    n_scans : float, default=1
        Scans that share these parameters.
    departure : float, default=0
        Standard deviation of departures of regions from the maps, as a share of the
        ranges; inf: that of a uniform distribution. Of a space that departs.
    fc : array-like of shape (n_edges,), default=None
        Observed FC, upper triangle. Then `n_scans` is the number whose noise is as
        large as what is left of it: errors of the model count like noise.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    Identifiability

    Notes
    -----
    Fisher's information of FC on the scale of z, from its derivatives and its
    covariance, both in closed form, at the candidate. The prior is uniform in the box
    and the constraints; that it ends where rates leave their range is not seen. Draws
    of the two together are read out without further approximation. Where regions
    depart from the maps, both are taken for normal (Laplace), and draws are cut off at
    the box.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import FIC, Acquisition
    >>> from delssome.models import ParameterSpace
    >>> from delssome.theory import identifiability
    >>> space = ParameterSpace(FIC(), np.linspace(-1, 1, 6))
    >>> theta = [3.0, 0.1, 2.0, 0.3, 1.0, 0.005, 0.0]
    >>> sc = 0.02 * (1 - np.eye(6))
    >>> known = identifiability(space, theta, sc, Acquisition(), n_scans=8)
    >>> known.mean_readout_sd < known.mean_readout_prior_sd
    True
    """
    check_number("n_scans", n_scans, Real, 1e-6)
    theta = np.asarray(theta, dtype=np.float64)
    sc = np.asarray(sc, dtype=np.float64)
    candidate = space.candidates(theta[None], sc)
    edges, which = choose_edges(candidate.n_rois)
    spectra = Spectra.of(candidate, acquisition)
    noise, slope = noise_of_z(spectra, edges)
    found = Sensitivity.at(spectra, candidate, edges)
    moves = found.of_coefficients(space) * slope
    factor = cho_factor(noise, lower=True, overwrite_a=True)
    if fc is not None:
        left = fisher_z(np.asarray(fc)[which]) - fisher_z(spectra.fc[edges])
        n_scans = float(len(left) / (left @ cho_solve(factor, left)))
    information = n_scans * (moves @ cho_solve(factor, moves.T))

    centre = space.x(theta)
    rng = make_generator(random_state)
    given = space, sc, theta, acquisition.for_model(space.model).step
    if space.departs:
        if not departure > 0:
            raise ValueError(
                f"departure must be positive of a space that departs, got {departure}."
            )
        share = min(departure, UNIFORM_SD)
        prior, x, spread = _draw_normal(space, centre, information, share, rng)
        return _describe(*given, prior, x, information, spread, float(n_scans))
    prior = draw_feasible(space, SAMPLER.n_particles, rng)

    def log_likelihood(x: Array) -> Array:
        away = x - centre
        value = -0.5 * np.einsum("ij,jk,ik->i", away, information, away)
        return np.where(space.feasible(space.theta(x)), value, -np.inf)

    x = SAMPLER.sample(log_likelihood, prior, rng).points
    spread = np.cov(prior.T).reshape(space.n_dim, space.n_dim)
    return _describe(*given, prior, x, information, spread, float(n_scans))


def _draw_normal(
    space: ParameterSpace,
    centre: Array,
    information: Array,
    departure: float,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Draw from prior and posterior, both normal; give the covariance of the prior."""
    following, n = space.following, SAMPLER.n_particles
    by_maps = draw_feasible(following, n, rng)
    off = departure * rng.standard_normal((n, space.n_dim))
    prior = np.where(np.isin(space.names, following.names), 0.0, off)
    here = [space.names.index(name) for name in following.names]
    prior[:, here] = by_maps
    covariance = np.diag(np.full(space.n_dim, departure**2))
    covariance[np.ix_(here, here)] = np.cov(by_maps.T)
    precision = np.linalg.inv(covariance) + information
    root = np.linalg.cholesky(np.linalg.inv(precision))
    after = centre + rng.standard_normal((n, space.n_dim)) @ root.T
    return _within(space, prior), _within(space, after), covariance


def _within(space: ParameterSpace, x: Array) -> Array:
    """Move every region, and what is global, into the box."""
    params = {
        name: values.clip(*getattr(space.model, name))
        for name, values in space.expand(space.theta(x)).items()
    }
    return space.x(space.departing(params))


def _describe(
    space: ParameterSpace,
    sc: Array,
    theta: Array,
    step: float,
    prior: Array,
    x: Array,
    information: Array,
    spread: Array,
    n_scans: float,
) -> Identifiability:
    """Read draws of prior and posterior out."""
    truth, before, after = (
        expected_readout(space.candidates(points, sc), step)
        for points in (theta[None], space.theta(prior), space.theta(x))
    )
    pattern = truth[0] - truth[0].mean()
    draws = after - after.mean(axis=1, keepdims=True)
    size = np.maximum(draws.std(axis=1) * pattern.std() * len(pattern), 1e-300)
    r = draws @ pattern / size
    root = np.linalg.cholesky(spread)
    stiffness, axes = np.linalg.eigh(root.T @ information @ root)
    ratio = draws.std(axis=1) / max(pattern.std(), 1e-300)
    (relaxation, noise), (relaxation_prior, noise_prior) = (
        _effective_sd(space.candidates(space.theta(draws), sc)) for draws in (x, prior)
    )
    return Identifiability(
        n_scans=n_scans,
        names=list(space.names),
        sd=space.theta(x).std(axis=0),
        prior_sd=space.theta(prior).std(axis=0),
        readout=truth[0],
        readout_sd=after.std(axis=0),
        readout_prior_sd=before.std(axis=0),
        relaxation_sd=relaxation,
        relaxation_prior_sd=relaxation_prior,
        noise_sd=noise,
        noise_prior_sd=noise_prior,
        mean_readout_sd=float(after.mean(axis=1).std()),
        mean_readout_prior_sd=float(before.mean(axis=1).std()),
        pattern_r=float(np.abs(r).mean()),
        pattern_range=np.quantile(ratio, (0.05, 0.95)),
        p_upside_down=float((r < 0).mean()),
        stiffness=np.maximum(stiffness[::-1], 0.0),
        directions=(root @ axes[:, ::-1]).T,
    )


def _effective_sd(candidates: Candidates) -> tuple[Array, Array]:
    """Deviations of the logarithms of relaxation over coupling, and of noise.

    Draws without a state of rest, or with a region that would not return, are left out.
    """
    relaxation, noise, coupling = effective_regions(candidates)
    with np.errstate(invalid="ignore", divide="ignore"):  # regions may be uncoupled
        ratio = relaxation / coupling
    known = ((ratio > 0) & np.isfinite(ratio)).all(axis=1)
    if np.count_nonzero(known) < 2:
        missing = np.full(candidates.n_rois, np.nan)
        return missing, missing
    return np.log(ratio[known]).std(axis=0), np.log(noise[known]).std(axis=0)
