"""MeanFieldFitter: one group or one subject in, verified parameters out."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from delssome.connectome import matrix_to_edges, prepare_sc, unpack_subjects
from delssome.costs import COST_NAMES
from delssome.evaluation import Evaluator, Statistics
from delssome.exceptions import OutOfRangeWarning
from delssome.fitting import callbacks
from delssome.fitting.components import ComposedEstimator, ReadsOut
from delssome.fitting.outcome import Outcome, conclude, implausible
from delssome.fitting.posing import make_target, pose
from delssome.fitting.protocol import Task, search_and_verify
from delssome.fitting.usable import usable_of
from delssome.fitting.verification import Verification
from delssome.models import FIC, Model
from delssome.saying import warn
from delssome.search import CMAES, Search
from delssome.simulation import Acquisition, SimulationEvaluator, Simulator
from delssome.theory import Identifiability, check_assumptions, identifiability
from delssome.utils import make_generator, row_generators

__all__ = ["MeanFieldFitter"]

Array = NDArray[Any]


class MeanFieldFitter(callbacks.CallbackSupportMixin, ReadsOut, ComposedEstimator):
    """Fit a circuit model to the FC and FCD of a subject or a group.

    Candidates are searched, with CMA-ES unless said, scored by simulation or by a
    surrogate; the best of every generation are simulated afresh and the one with the
    lowest simulated cost wins. All reported costs are simulated.

    Parameters
    ----------
    maps : array-like of shape (n_rois, n_maps), default=None
        Heterogeneity maps in which the regional parameters are linear, for instance
        T1w/T2w ratio and principal gradient of resting-state FC. None: the same
        values in all regions (homogeneous).
    surrogate : {"deep", "linear", None} or Evaluator, default="deep"
        What ranks the candidates of the search: "deep" predicts by the network shipped
        with the package (:class:`~delssome.surrogate.CircuitSurrogate`), or by theory
        in the last generations of ``CMAES(n_closing=...)``; it warns of data unlike
        those it was trained for. "linear" predicts by linear-noise theory alone
        (:mod:`delssome.theory`), which needs no training and serves any regions, any
        acquisition, and any model that comes to rest; None simulates all. A fitted
        :class:`~delssome.evaluation.Evaluator` predicts in its own way. Wrap it in
        scikit-learn's ``FrozenEstimator`` wherever the fitter is cloned
        (cross-validation, grid search). One that cannot serve the model is refused
        with the reason.
    departure : float or sequence of float, default=0
        How far regions depart from the maps, each on its own: standard deviation as a
        share of the parameters' ranges; inf: as far as they like. 0: not at all. They
        are found by descent in the gradient of the network (``surrogate="deep"``) or of
        theory ("linear"), and departures cost as much as they are unlikely. Of
        several, the one whose winner fits held-out subjects best (`verification`).
    model : Model, default=None
        Model with its ranges and constraints, such as ``FIC(map_signs=(-1, 1))``, the
        published signs for (T1w/T2w, RSFC gradient). None: ``FIC()``.
    acquisition : Acquisition, default=None
        TR, frames, window, burn-in and step of the simulation: those of the scan.
        None: the Human Connectome Project's (TR 0.72 s, 1200 frames).
    search : Search, default=None
        Strategy, candidates in a generation, generations, restarts. None: ``CMAES()``;
        by the shipped network and maps alone, 64 candidates in 80 generations.
    simulator : Simulator, default=None
        Repeats, backend, device and precision of simulations, in verification, `score`,
        `predict`, and a search by simulation. None: ``Simulator()``.
    verification : Verification, default=None
        Finalists, held-out subjects, and what to do where simulation contradicts the
        surrogate. None: ``Verification()``.
    n_fcd_bins : int, default=10_000
        Bins of the FCD distribution in X.
    sc_transform : {"log", "log_weights", None}, default="log"
        "log" for streamline counts, "log_weights" for weights of any unit, None for
        what is as the model needs it. See :func:`~delssome.connectome.prepare_sc`.
    n_jobs : int, default=None
        Workers that share the simulations (joblib): threads for the fused backend,
        processes for torch. Results do not depend on it.
    checkpoint : path, default=None
        A file that keeps what was evaluated after every generation: the same fit,
        started again after a kill, goes on from there and gives the same answer. One
        of other data or settings is refused. Needs an int as `random_state`.
    verbose : int, default=0
        1 or more shows a progress bar.
    random_state : int, RandomState instance or None, default=None
        Seeds the search, the noise and the split.

    Attributes
    ----------
    outcome_ : Outcome
        All of the following but the components, in one object that nothing changes.
    params_ : ndarray of shape (n_params,)
        Coefficients of the winner, named by `param_names_`: regional parameters are
        ``c0 + c1 * map1 + ...``.
    param_names_ : list of str
        For FIC w_EE_0, w_EE_1, w_EE_2, w_EI_0, ..., G, sigma_0, ....
    departure_ : float
        Of those that were tried, the one of the winner; 0: regions follow the maps.
    departures_ : dict of str to ndarray of shape (n_rois,)
        What the maps do not explain of the regional parameters, in shares of their
        ranges; empty if regions follow the maps.
    regional_params_ : dict of str to ndarray of shape (n_rois,)
        Searched and solved parameters (for FIC w_EE, w_EI, sigma and the feedback
        inhibition w_IE, in nA); a float where they are global: G.
    readout_ : ndarray of shape (n_rois,)
        What the model reads out, simulated (``model_.readout_name``; for FIC the
        excitation/inhibition ratio <S_E>/<S_I>): of FIC the mean over `readouts_`, of
        models that do not average the winner's.
    readouts_ : ndarray of shape (n_alike, n_rois)
        The same for the winner (first) and for the best finalists of the other
        restarts whose costs are within 0.1 of its cost, the noise of a scan: parameters
        that the data do not tell apart. Their spread is what is not known of the map.
    ei_ratio_, ei_ratios_ : ndarray
        `readout_` and `readouts_` of a model that reads out E/I; no other has them.
    relaxation_over_coupling_ : ndarray of shape (n_rois,)
        Rate at which a region alone returns to rest, over the strength at which its
        neighbours drive it (:func:`delssome.theory.effective_parameters`). FC and FCD
        tell this; they hardly tell which parameters it is made of. NaN for a model
        whose regions do not reduce to the state that couples them, as Hopf.
    relative_noise_ : ndarray of shape (n_rois,)
        Likewise, power of the noise that drives a region, in units of what its
        neighbours drive it with, over the geometric mean of regions.
    spectral_radius_ : float
        How near the winner's network is to losing stability by coupling, at 1.
    rates_ : ndarray of shape (n_rois,)
        Means of the rate that the model bounds, simulated, in Hz; only where it does.
    in_range_ : bool
        Whether all rates of all repeats lay within the model's plausible range.
    cost_ : float
        Total cost of the winner against the data of the search: the mean of five
        evaluations, of `n_repeats` simulations each, with noise that took no part in
        choosing it.
    cost_sd_ : float
        Standard deviation of the total cost over these evaluations.
    costs_ : dict of str to float
        Its terms: fc_correlation, fc_l1 and fcd_ks.
    validation_cost_ : float
        Total cost of the winner against the held-out subjects (the same as `cost_`
        if none are held out), from the same simulations.
    fc_simulated_ : ndarray of shape (n_rois, n_rois)
        FC of the winner, in the evaluation with the cost nearest to `cost_`.
    fcd_cdf_simulated_ : ndarray of shape (n_fcd_bins,)
        FCD distribution of the winner in the same.
    verification_ : Bunch of ndarrays of shape (n_finalists,)
        One entry per finalist: ``restart``, ``generation``, ``predicted_total`` and
        ``predicted_<term>`` (what the search went by), ``predicted_in_range``,
        ``simulated_total``, ``simulated_<term>``, ``rate_min``, ``rate_max`` (Hz, where
        the model bounds a rate) of the first evaluation, ``n_evaluations`` and
        ``mean_total`` of all of them (the better half is simulated again until five
        are left), ``in_range`` (in all) and ``selected``. ``theta`` (n_finalists,
        n_params) holds their coefficients, ``readout`` (n_finalists, n_rois) what it
        reads out; ``stage`` counts searches that refined from 0, ``predicted_error`` is
        the error that a network expects in the total cost.
    history_ : Bunch of ndarrays
        One entry per generation: ``restart``, ``generation``, ``n_evaluations``
        (running count), ``best_total`` and ``median_total`` of the candidates in
        range (NaN if none), ``n_in_range``, ``step_size``, ``stage``,
        and ``closing``, whether theory scored it in place of the network.
    identifiability_ : Identifiability or None
        What the FC that was fitted can know of the winner, if its parameters were the
        truth and what is left of FC were noise
        (:func:`delssome.theory.identifiability`); computed when first asked for, in
        seconds. None if the theory does not describe the model or the winner.
    sc_, fc_, fcd_cdf_ : ndarray
        What was fitted: scaled SC (n_rois, n_rois), FC (n_rois, n_rois) and FCD
        distribution (n_fcd_bins,).
    model_, acquisition_, search_, simulator_ : components
        As used, with defaults filled in; ``space_`` is the space of parameters.
    n_rois_ : int
        Number of regions.
    n_features_in_ : int
        Number of columns of X.

    See Also
    --------
    delssome.pack_subjects : Builds X.

    References
    ----------
    Zeng et al. 2026, Nature Methods (DELSSOME; protocol and constraints).
    Zhang et al. 2024, PNAS, https://doi.org/10.1073/pnas.2318641121 (pFIC).

    Examples
    --------
    >>> from delssome import CMAES, Acquisition, MeanFieldFitter, Simulator
    >>> from delssome.datasets import make_cohort
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=2, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     maps=cohort.maps, surrogate=None, acquisition=scan,
    ...     search=CMAES(popsize=8, max_iter=2), simulator=Simulator(n_repeats=1),
    ...     random_state=0,
    ... ).fit(cohort.X)
    >>> fitter.ei_ratio_.shape
    (8,)
    """

    _defaults: ClassVar[dict[str, Any]] = {
        "model": FIC,
        "acquisition": Acquisition,
        "search": CMAES,
        "simulator": Simulator,
        "verification": Verification,
    }

    def __init__(
        self,
        maps: ArrayLike | None = None,
        surrogate: str | Evaluator | None = "deep",
        *,
        departure: float | Sequence[float] = 0.0,
        model: Model | None = None,
        acquisition: Acquisition | None = None,
        search: Search | None = None,
        simulator: Simulator | None = None,
        verification: Verification | None = None,
        n_fcd_bins: int = 10_000,
        sc_transform: str | None = "log",
        n_jobs: int | None = None,
        checkpoint: str | Path | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.maps = maps
        self.surrogate = surrogate
        self.departure = departure
        self.model = model
        self.acquisition = acquisition
        self.search = search
        self.simulator = simulator
        self.verification = verification
        self.n_fcd_bins = n_fcd_bins
        self.sc_transform = sc_transform
        self.n_jobs = n_jobs
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    @callbacks.with_callbacks
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Search, verify and keep the parameters with the lowest simulated cost.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects. Several rows, in any order, are averaged as a group by the
            published rules, without unusable ones; one row is an individual.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        # Nothing is set before all is found: a fit that fails changes nothing.
        task = pose(self, usable_of(X, self.n_fcd_bins, self))
        with callbacks.watching(self, X, y, task.n_parts, task.fitted) as watch:
            outcome = conclude(task, *search_and_verify(task.watched(watch)))
            validate_data(self, X, skip_check_array=True)
            return self._keep(task, outcome)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "outcome_")

    def predict(self, X: ArrayLike) -> Array:
        """Simulate with the fitted parameters and the connectome of each row.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects; their FC and FCD are not read and may be NaN.

        Returns
        -------
        ndarray of shape (n_subjects, n_edges + n_fcd_bins)
            Rows of [simulated FC upper triangle | simulated FCD CDF], by noise that
            took no part in the fit. If `random_state` is an int, a row has the same
            answer in every call and company.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite=False
        )
        sc = unpack_subjects(X, self.n_fcd_bins).sc
        statistics = self._simulate_winner(prepare_sc(sc, transform=self.sc_transform))
        return np.hstack([statistics.fc, statistics.fcd_cdf])

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Minus the simulated total cost against the average of X.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects; several rows are averaged as a group.
        y : None
            Ignored.

        Returns
        -------
        float
            Higher is better; the connectome is that of X, noise as of `predict`.
        """
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        data = usable_of(X, self.n_fcd_bins, self)
        target = make_target(data, self.n_fcd_bins, self.sc_transform)
        statistics = self._simulate_winner(target.sc[None])
        return -float(statistics.compare(target).total[0])

    @property
    def ei_ratios_(self) -> Array:
        """E/I of the searches that ended alike, of a model that reads it out."""
        return self._ei_ratio("readouts_")

    @property
    def rates_(self) -> Array:
        """Means of the rate that the model bounds, in Hz."""
        if self.outcome_.rates is None:
            raise AttributeError(f"The {self.model_.name} model bounds no rate.")
        return self.outcome_.rates

    def record(self) -> dict[str, Array]:
        """Give what a population keeps of a fit, as arrays by name."""
        check_is_fitted(self)
        maps, rates = self.readouts_, self.outcome_.rates
        missing = np.full(self.n_rois_, np.nan)
        spread = maps.std(axis=0, ddof=1) if len(maps) > 1 else missing
        return {
            "param_names": np.array(self.param_names_),
            "params": self.params_,
            "readout": self.readout_,
            "spread_over_restarts": spread,
            "relaxation_over_coupling": self.relaxation_over_coupling_,
            "relative_noise": self.relative_noise_,
            "spectral_radius": np.array(self.spectral_radius_),
            "rates": missing if rates is None else rates,
            "cost": np.array(self.cost_),
            "cost_sd": np.array(self.cost_sd_),
            "costs": np.array([self.costs_[name] for name in COST_NAMES]),
            "validation_cost": np.array(self.validation_cost_),
            "in_range": np.array(self.in_range_),
        }

    @property
    def identifiability_(self) -> Identifiability | None:
        """What the FC that was fitted can know of the winner."""
        check_is_fitted(self)
        if "_identifiability" not in vars(self):
            self._identifiability = self._identify()
        return self._identifiability

    def _identify(self) -> Identifiability | None:
        try:
            check_assumptions(self.model_)
            return identifiability(
                self.space_,
                self.params_,
                self.sc_,
                self.acquisition_,
                departure=self.departure_,
                fc=matrix_to_edges(self.fc_),
            )
        except ValueError:  # not described, or not stable
            return None

    def _keep(self, task: Task, outcome: Outcome) -> Self:
        """Keep what was fitted and found, and warn if it is implausible."""
        self.__dict__.pop("_identifiability", None)
        for name, value in task.fitted.items():
            setattr(self, name, value)
        self.outcome_ = outcome
        for name, value in vars(outcome).items():
            if name != "rates":  # there are none of some models
                setattr(self, f"{name}_", value)
        if not outcome.in_range:
            warn(implausible(self.model_, outcome), OutOfRangeWarning)
        return self

    def _simulate_winner(
        self, sc: Array, rng: np.random.Generator | None = None
    ) -> Statistics:
        """Simulate on connectomes; None: by noise that took no part in the fit."""
        fresh = rng or row_generators(make_generator(self.random_state, "fresh"), sc)
        theta = np.repeat(self.params_[None], len(sc), axis=0)
        how = self.model_, self.acquisition_, self.simulator_
        simulation = SimulationEvaluator(
            *how, n_fcd_bins=self.n_fcd_bins, n_jobs=self.n_jobs
        )
        return simulation.statistics(self.space_.candidates(theta, sc), fresh)
