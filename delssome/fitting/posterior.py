"""MeanFieldPosterior: one group or one subject in, what its data know out."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from delssome.connectome import prepare_sc, unpack_subjects
from delssome.costs import COST_NAMES
from delssome.evaluation import Evaluator
from delssome.exceptions import UnidentifiedWarning
from delssome.fitting.components import ComposedEstimator, ReadsOut
from delssome.fitting.known import describe, doubts, simulate_typical
from delssome.fitting.posing import make_target
from delssome.fitting.posing_inference import pose_inference
from delssome.fitting.usable import usable_of
from delssome.inference import Tempering
from delssome.models import FIC, Model
from delssome.saying import warn
from delssome.simulation import Acquisition, SimulationEvaluator, Simulator
from delssome.utils import make_generator, row_generators

__all__ = ["MeanFieldPosterior"]

Array = NDArray[Any]

# Draws whose simulations are averaged by `predict`.
N_PREDICTED = 24


# What a population keeps as it is.
RECORDED = (
    "params",
    "params_sd",
    "params_interval",
    "sign_probability",
    "readout",
    "readout_sd",
    "readout_interval",
    "relaxation_over_coupling",
    "relaxation_over_coupling_interval",
    "relative_noise",
    "relative_noise_interval",
    "mean_readout",
    "mean_readout_sd",
    "mean_readout_interval",
    "pattern_probability",
    "n_scans_effective",
    "departure",
    "log_evidence",
    "cost",
    "cost_sd",
    "in_range",
)


class MeanFieldPosterior(ReadsOut, ComposedEstimator):
    """Infer what the FC of a subject or a group knows of a circuit model.

    Where :class:`~delssome.MeanFieldFitter` gives the parameters that fit best, this
    gives draws of all that fit as well, given the noise of the scan, which is known in
    closed form, and an error of the model that is learned from what is left of the
    data. On synthetic groups its intervals hold the truth nearly as often as they say,
    of 90 % in 0.85 to 0.9 (`doc/results.md`, *Posterior*).

    Parameters
    ----------
    maps : array-like of shape (n_rois, n_maps), default=None
        As of :class:`~delssome.MeanFieldFitter`.
    surrogate : {"deep", "linear"} or Evaluator, default="deep"
        What gives the expected FC: the shipped network, corrected by theory where the
        posterior is, theory alone, which serves more models and takes minutes, or a
        fitted Evaluator.
    departure : float, default=0
        How far regions depart from the maps, each on its own: standard deviation as a
        share of the parameters' ranges; inf: uniform in these. 0: not at all. Then all
        regional parameters are unknown, FC by theory, and the posterior is taken for
        normal around its mode (Laplace), cut off at the box.
    n_scans : float, default=None
        Scans of the length of `acquisition` whose average X is: the FC of a group does
        not come with it. It bounds the noise from below; what is left of the data
        beyond it is error of the model. None: the two are not told apart.
    model : Model, default=None
        With its ranges and constraints, uniform over which is the prior. None:
        ``FIC()``.
    acquisition : Acquisition, default=None
        TR, frames and step: those of one scan.
    sampler : Tempering, default=None
        Particles, moves and draws. None: ``Tempering()``.
    simulator : Simulator, default=None
        Of `predict`, `score` and `cost_`.
    interval : float, default=0.9
        Probability that intervals hold.
    n_fcd_bins : int, default=10_000
        Bins of the FCD distribution in X.
    sc_transform : {"log", "log_weights", None}, default="log"
        As of :class:`~delssome.MeanFieldFitter`.
    n_jobs : int, default=None
        Threads of theory and of simulations. Results do not depend on it.
    verbose : int, default=0
        1 or more shows a progress bar.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    draws_ : ndarray of shape (n_draws, n_params)
        Coefficients, named by `param_names_`.
    params_, params_sd_ : ndarray of shape (n_params,)
        Their means and standard deviations.
    params_interval_ : ndarray of shape (n_params, 2)
        Equal-tailed, as all intervals.
    sign_probability_ : ndarray of shape (n_params,)
        Probability that a coefficient is positive.
    readout_draws_ : ndarray of shape (n_draws, n_rois)
        What the model reads out at rest, for FIC the E/I ratio.
    readout_, readout_sd_ : ndarray of shape (n_rois,)
        Mean and standard deviation.
    readout_interval_ : ndarray of shape (n_rois, 2)
        Interval of every region.
    relaxation_over_coupling_, relative_noise_ : ndarray of shape (n_rois,)
        Medians of the two numbers of a region that FC tells, as of
        :class:`~delssome.MeanFieldFitter`.
    relaxation_over_coupling_interval_, relative_noise_interval_ : ndarray
        Their intervals, (n_rois, 2).
    mean_readout_, mean_readout_sd_ : float
        Of the average over regions.
    mean_readout_interval_ : ndarray of shape (2,)
    mean_readout_flat_ : ndarray of shape (3,)
        Mean and interval of the average over regions, had the prior been flat in it:
        how much the prior says.
    pattern_probability_ : float
        Probability that the pattern over regions is not upside down: share of draws
        that correlate with `readout_`.
    map_correlations_ : ndarray of shape (n_maps, 3)
        Mean and interval of the correlation of what is read out with each map. Maps
        are inputs: this says how the model uses them.
    prior_draws_, prior_readout_draws_ : ndarray
        As `draws_` and `readout_draws_`, one row a particle, before any data.
    prior_mean_readout_ : ndarray of shape (3,)
        Mean and interval of the average over regions before any data.
    n_scans_effective_ : ndarray of shape (3,)
        Scans whose noise would be as large as noise and model error together: mean and
        interval.
    model_error_ : ndarray of shape (3,)
        What is left beyond the noise of `n_scans`, in variances of one scan; NaN if
        `n_scans` is None.
    departure_ : ndarray of shape (3,)
        Departure of every region from the maps, as a share of the ranges.
    log_evidence_ : float
        Of the model, maps and prior: comparable for the same FC and `n_scans`.
    share_in_range_ : float
        Share of the feasible coefficients that are within the plausible range.
    n_evaluations_ : int
        Candidates evaluated.
    cost_, cost_sd_, costs_, in_range_, rates_, fc_simulated_, fcd_cdf_simulated_
        Of the draw nearest to the posterior mean, simulated, as of
        :class:`~delssome.MeanFieldFitter`.
    regional_params_ : dict of str to ndarray of shape (n_rois,)
        Of the same draw.
    sc_, fc_, fcd_cdf_ : ndarray
        What was fitted.
    model_, acquisition_, sampler_, simulator_ : components
        As used; ``space_`` is the space of parameters.
    n_rois_, n_features_in_ : int

    See Also
    --------
    delssome.theory.identifiability : The same before any data are taken.

    Notes
    -----
    FC alone speaks: the noise of FCD is not known in closed form, and its predicted
    distribution is off by more than a posterior can bear. The prior is uniform over
    coefficients, in the box, the constraints and the plausible range.

    References
    ----------
    Zeng et al. 2026, Nature Methods (model, box); Brillinger 1981, section 7.6 (noise
    of covariances); Del Moral et al. 2006 (sampler).

    Examples
    --------
    >>> from delssome import FIC, MeanFieldPosterior
    >>> from delssome.datasets import make_cohort
    >>> from delssome.inference import Tempering
    >>> cohort = make_cohort(n_subjects=1, n_rois=30, random_state=0)
    >>> posterior = MeanFieldPosterior(
    ...     cohort.maps, n_scans=1, model=FIC(map_signs=(-1, 1)),
    ...     sampler=Tempering(n_particles=40, n_draws=40), random_state=0,
    ... ).fit(cohort.X)
    >>> posterior.ei_ratio_interval_.shape
    (30, 2)
    """

    _defaults: ClassVar[dict[str, Any]] = {
        "model": FIC,
        "acquisition": Acquisition,
        "sampler": Tempering,
        "simulator": Simulator,
    }

    def __init__(
        self,
        maps: ArrayLike | None = None,
        surrogate: str | Evaluator = "deep",
        *,
        departure: float = 0.0,
        n_scans: float | None = None,
        model: Model | None = None,
        acquisition: Acquisition | None = None,
        sampler: Tempering | None = None,
        simulator: Simulator | None = None,
        interval: float = 0.9,
        n_fcd_bins: int = 10_000,
        sc_transform: str | None = "log",
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.maps = maps
        self.surrogate = surrogate
        self.departure = departure
        self.n_scans = n_scans
        self.model = model
        self.acquisition = acquisition
        self.sampler = sampler
        self.simulator = simulator
        self.interval = interval
        self.n_fcd_bins = n_fcd_bins
        self.sc_transform = sc_transform
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Draw from the posterior, and simulate a typical draw.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects. Several rows are averaged as a group by the published
            rules; one row is an individual, or a group that was averaged before.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        data = usable_of(X, self.n_fcd_bins, self)
        # Nothing is set before all is found: a fit that fails changes nothing.
        inference, simulation = pose_inference(self, data)
        sampled = inference.run()
        found = {
            **describe(inference, sampled, self.interval),
            **simulate_typical(inference, simulation, sampled),
        }
        validate_data(self, X, skip_check_array=True)
        for name, value in found.items():
            setattr(self, name, value)
        self.sampler_, self.simulator_ = inference.sampler, simulation.simulator
        for doubt in doubts(self.model_.readout_name, found):
            warn(doubt, UnidentifiedWarning)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "cost_")

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Simulate draws of the posterior with the connectome of each row.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects; their FC and FCD are not read and may be NaN.
        return_std : bool, default=False
            Whether to give standard deviations over draws as well, of one scan each:
            parameters and noise together.

        Returns
        -------
        mean : ndarray of shape (n_subjects, n_edges + n_fcd_bins)
            Rows of [FC upper triangle | FCD CDF], posterior predictive. Every call
            gives the same answer if `random_state` is an int: a row's own, whatever
            its place and company, by noise that took no part in the fit.
        std : ndarray of the same shape
            If asked for.
        """
        check_is_fitted(self)
        data = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite=False
        )
        sc = unpack_subjects(data, self.n_fcd_bins).sc
        sc = prepare_sc(sc, transform=self.sc_transform)
        rngs = row_generators(make_generator(self.random_state, "predict"), sc)
        simulation = self._simulation(1)
        means, stds = [], []
        for one, rng in zip(sc, rngs, strict=True):
            which = rng.choice(len(self.draws_), N_PREDICTED)
            candidates = self.space_.candidates(self.draws_[which], one)
            found = simulation.statistics(candidates, rng)
            rows = np.hstack([found.fc, found.fcd_cdf])
            means.append(np.nanmean(rows, axis=0))
            stds.append(np.nanstd(rows, axis=0, ddof=1))
        mean = np.array(means)
        return (mean, np.array(stds)) if return_std else mean

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Minus the simulated total cost of a typical draw, against the mean of X.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
        y : None
            Ignored.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        data = usable_of(X, self.n_fcd_bins, self)
        target = make_target(data, self.n_fcd_bins, self.sc_transform)
        candidates = self.space_.candidates(self._point[None], target.sc)
        rng = make_generator(self.random_state, "score")
        rngs = row_generators(rng, target.sc[None])
        found = self._simulation().statistics(candidates, rngs)
        return -float(found.compare(target).total[0])

    @property
    def ei_ratio_interval_(self) -> Array:
        """Intervals of the E/I ratio, of a model that reads it out."""
        return self._ei_ratio("readout_interval_")

    @property
    def ei_ratio_sd_(self) -> Array:
        """Standard deviations of the E/I ratio, of a model that reads it out."""
        return self._ei_ratio("readout_sd_")

    def record(self) -> dict[str, Array]:
        """Give what a population keeps of a posterior, as arrays by name."""
        check_is_fitted(self)
        missing = np.full(self.n_rois_, np.nan)
        return {
            "param_names": np.array(self.param_names_),
            **{name: np.array(getattr(self, f"{name}_")) for name in RECORDED},
            "rates": missing if self.rates_ is None else self.rates_,
            "costs": np.array([self.costs_[name] for name in COST_NAMES]),
        }

    def to_arviz(self) -> Any:
        """Give the draws as ArviZ has them.

        Returns
        -------
        xarray.DataTree, or InferenceData of ArviZ before 1
            Groups ``posterior`` (coefficients, readout, n_scans_effective, departure)
            and ``prior``. Needs ArviZ (``pip install "delssome[arviz]"``).
        """
        import arviz as az

        check_is_fitted(self)
        names = dict(zip(self.param_names_, self.draws_.T, strict=True))
        posterior = {
            **{name: draws[None] for name, draws in names.items()},
            self.model_.readout_key: self.readout_draws_[None],
            "n_scans_effective": (1.0 / self._sampled.scale)[None],
            "departure": self._sampled.departure[None],
        }
        theta = self.space_.theta(self._sampled.prior)
        prior = {
            name: draws[None]
            for name, draws in zip(self.param_names_, theta.T, strict=True)
        }
        groups = {"posterior": posterior, "prior": prior}
        dims = {self.model_.readout_key: ["region"]}
        if int(az.__version__.split(".")[0]) < 1:
            return az.from_dict(**groups, dims=dims)
        return az.from_dict(groups, dims=dims)

    def _simulation(self, n_repeats: int | None = None) -> SimulationEvaluator:
        simulator = self.simulator_
        if n_repeats is not None:
            simulator = replace(simulator, n_repeats=n_repeats)
        return SimulationEvaluator(
            self.model_,
            self.acquisition_,
            simulator,
            n_fcd_bins=self.n_fcd_bins,
            n_jobs=self.n_jobs,
        )
