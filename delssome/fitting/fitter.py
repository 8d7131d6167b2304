"""MeanFieldFitter: one group or one subject in, verified parameters out."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from delssome._version import __version__
from delssome.connectome import (
    check_fc,
    check_fcd_cdf,
    check_sc,
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    n_rois_from_width,
    prepare_sc,
    unpack_subjects,
)
from delssome.costs import COST_NAMES, Target
from delssome.exceptions import OutOfRangeWarning
from delssome.fitting.journal import Journal
from delssome.fitting.protocol import (
    Deadline,
    choose,
    find_alike,
    report_unlike_contexts,
    search_and_verify,
)
from delssome.models import FIC, ParameterSpace, check_maps
from delssome.simulation import (
    Acquisition,
    SimulationEvaluator,
    check_backend,
    check_step,
    compare,
)
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator, effective_parameters
from delssome.utils import (
    check_number,
    check_surrogate,
    instance_or_default,
    make_generator,
)

__all__ = ["MeanFieldFitter"]


# Finalists simulated once more before one that leaves the range is accepted, and
# evaluations of each in which it has to stay.
MAX_WINNERS, CONFIRMED = 10, 8


class MeanFieldFitter(BaseEstimator):
    """Fit a mean-field model to the FC and FCD of a subject or a group.

    Candidates are searched with CMA-ES, scored by simulation or by a surrogate; the
    best of every generation are simulated afresh and the one with the lowest
    simulated cost wins. All reported costs are simulated.

    Parameters
    ----------
    maps : array-like of shape (n_rois, n_maps), default=None
        Heterogeneity maps in which w_EE, w_EI and sigma are linear, for instance
        T1w/T2w ratio and principal gradient of resting-state FC. None: the same
        values in all regions (homogeneous).
    surrogate : {"deep", "linear", None} or estimator, default="deep"
        What ranks the candidates of the search: "deep" predicts by the network shipped
        with the package (:class:`~delssome.surrogate.CircuitSurrogate`), or by theory
        in the last `n_closing` generations; it warns of data unlike those that the
        network was trained for. "linear" predicts by linear-noise theory alone
        (:mod:`delssome.theory`), which needs no training and serves any number
        of regions and any acquisition; None simulates every candidate;
        any fitted estimator with an ``evaluate`` method predicts in its own way. Wrap
        a fitted one in scikit-learn's ``FrozenEstimator`` wherever the fitter is
        cloned (cross-validation, grid search).
    popsize : int, default=100
        Candidates in a generation.
    max_iter : int, default=100
        Largest number of generations in a search.
    sigma0 : float, default=0.2
        Initial step size of the search, as a share of each parameter's range.
    n_restarts : int, default=None
        Independent searches, pooled before verification; the E/I map is an average
        over those that end alike. Published: 5. None: 5 with ``surrogate="deep"``, 1
        otherwise.
    n_repeats : int, default=3
        Simulations with independent noise per candidate, in verification, `score`
        and `predict`.
    n_search_repeats : int, default=None
        The same in a search by simulation. None: `n_repeats`.
    n_closing : int, default=0
        Generations at the end of a search with ``surrogate="deep"`` that theory
        scores, at most half of `max_iter`: the network leads to a good region, where
        searches end it is less exact than theory. Finalists come from these.
    n_finalists : int, default=20
        Candidates, each the best of its generation, that are simulated afresh to
        choose the winner: all, then the better half again, and so on. Published:
        100, that is every generation's best (of each restart).
    validation_fraction : float, default=0.0
        Share of the subjects held out of the search, against whose average the
        finalists are compared. 0, or a single subject: finalists are compared with
        the data of the search.
    on_disagreement : {"warn", "refine", "raise"}, default="warn"
        What to do where simulation of the finalists contradicts the surrogate, beyond
        chance and the errors that it expects of itself: warn; let the search that led
        to the best finalist go on with what is more exact, theory after a network,
        simulation after theory, until they agree; or raise.
    refine_budget : int, default=2000
        Candidates scored by each evaluator that takes over, rounded up to generations.
    acquisition : Acquisition, default=None
        TR, frames, window, burn-in and step of the simulation: those of the scan.
        None: the Human Connectome Project's (TR 0.72 s, 1200 frames).
    model : FIC, default=None
        Model with its ranges and target rate. None: ``FIC()``.
    n_fcd_bins : int, default=10_000
        Bins of the FCD distribution in X.
    sc_transform : {"log", None}, default="log"
        "log" for streamline counts, None for weights; the result is scaled to a
        maximum of 0.02.
    map_signs : tuple of {-1, 0, 1}, default=None
        Required sign of the correlation of w_EI with each map. None: no constraint;
        then the E/I map can come out upside down at the same cost. Published for
        (T1w/T2w, RSFC gradient): (-1, 1).
    min_w_EI_sd : float, default=0.0
        Smallest standard deviation of w_EI over regions. Published: 0 for groups,
        0.3 for individuals.
    backend : {"auto", "fused", "torch"}, default="auto"
        What simulates: "fused" is compiled for the CPU, in float32; "torch" runs on
        any device. "auto" takes the fused one where it can.
    device : str, default="cpu"
        Where to simulate: "cpu", "cuda".
    dtype : {"float32", "float64"}, default="float32"
        Precision of the simulation.
    n_jobs : int, default=None
        Workers that share the simulations (joblib): threads for the fused backend,
        processes for torch. Results do not depend on it.
    max_seconds : float, default=None
        Wall time after which no generation of a search starts, except for one that
        closes; then come the finalists, some seconds. None: no limit. What is found
        in a time depends on the machine.
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
    params_ : ndarray of shape (n_params,)
        Coefficients of the winner, named by `param_names_`: regional parameters are
        ``c0 + c1 * map1 + ...``.
    param_names_ : list of str
        For instance w_EE_0, w_EE_1, w_EE_2, w_EI_0, ..., G, sigma_0, ....
    regional_params_ : dict of str to ndarray of shape (n_rois,)
        w_EE, w_EI, sigma and the solved feedback inhibition w_IE (nA); and G, a float.
    ei_ratio_ : ndarray of shape (n_rois,)
        Excitation/inhibition ratio <S_E>/<S_I>, simulated: the mean over
        `ei_ratios_`.
    ei_ratios_ : ndarray of shape (n_alike, n_rois)
        The same for the winner (first) and for the best finalists of the other
        restarts whose costs are within 0.1 of its cost, the noise of a scan: parameters
        that the data do not tell apart. Their spread is what is not known of the map.
    relaxation_over_coupling_ : ndarray of shape (n_rois,)
        Rate at which a region alone returns to rest, over the strength at which its
        neighbours drive it (:func:`delssome.theory.effective_parameters`). FC and FCD
        tell this; they hardly tell which w_EE, w_EI and G it is made of.
    spectral_radius_ : float
        How near the winner's network is to losing stability by coupling, at 1.
    rates_ : ndarray of shape (n_rois,)
        Mean excitatory firing rates, simulated, in Hz.
    in_range_ : bool
        Whether all rates of all repeats lay within the model's plausible range.
    cost_ : float
        Total cost of the winner against the data of the search: the mean of eight
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
        ``simulated_total``, ``simulated_<term>``, ``rate_min``, ``rate_max`` (Hz) of
        the first evaluation, ``n_evaluations`` and ``mean_total`` of all of them
        (the better half is simulated again until one is left), ``in_range`` (in all)
        and ``selected``. ``theta`` (n_finalists, n_params) holds their coefficients,
        ``ei_ratio`` (n_finalists, n_rois) their E/I ratios,
        ``stage`` counts searches that refined from 0, and ``predicted_error`` is the
        error that a network expects in the total cost.
    history_ : Bunch of ndarrays
        One entry per generation: ``restart``, ``generation``, ``n_evaluations``
        (running count), ``best_total`` and ``median_total`` of the candidates in
        range (NaN if none), ``n_in_range``, ``step_size``, ``stage``,
        and ``closing``, whether theory scored it in place of the network.
    sc_, fc_, fcd_cdf_ : ndarray
        What was fitted: scaled SC (n_rois, n_rois), FC (n_rois, n_rois) and FCD
        distribution (n_fcd_bins,).
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
    >>> from delssome import MeanFieldFitter
    >>> from delssome.datasets import make_cohort
    >>> from delssome.simulation import Acquisition
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=2, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     maps=cohort.maps, acquisition=scan, popsize=8, max_iter=2, n_repeats=1,
    ...     surrogate=None, random_state=0,
    ... ).fit(cohort.X)
    >>> fitter.ei_ratio_.shape
    (8,)
    """

    def __init__(
        self,
        maps=None,
        surrogate="deep",
        *,
        popsize=100,
        max_iter=100,
        sigma0=0.2,
        n_restarts=None,
        n_repeats=3,
        n_search_repeats=None,
        n_closing=0,
        n_finalists=20,
        validation_fraction=0.0,
        on_disagreement="warn",
        refine_budget=2000,
        acquisition=None,
        model=None,
        n_fcd_bins=10_000,
        sc_transform="log",
        map_signs=None,
        min_w_EI_sd=0.0,
        backend="auto",
        device="cpu",
        dtype="float32",
        n_jobs=None,
        max_seconds=None,
        checkpoint=None,
        verbose=0,
        random_state=None,
    ):
        self.maps = maps
        self.surrogate = surrogate
        self.popsize = popsize
        self.max_iter = max_iter
        self.sigma0 = sigma0
        self.n_restarts = n_restarts
        self.n_repeats = n_repeats
        self.n_search_repeats = n_search_repeats
        self.n_closing = n_closing
        self.n_finalists = n_finalists
        self.validation_fraction = validation_fraction
        self.on_disagreement = on_disagreement
        self.refine_budget = refine_budget
        self.acquisition = acquisition
        self.model = model
        self.n_fcd_bins = n_fcd_bins
        self.sc_transform = sc_transform
        self.map_signs = map_signs
        self.min_w_EI_sd = min_w_EI_sd
        self.backend = backend
        self.device = device
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.max_seconds = max_seconds
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X, y=None):
        """Search, verify and keep the parameters with the lowest simulated cost.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects. Several rows are averaged as a group by the published
            rules; one row is an individual.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        X = validate_data(self, X, dtype=np.float64)
        self._check_settings(X)
        deadline = Deadline(self.max_seconds)
        rng = make_generator(self.random_state)
        searched, validated = self._split(X, rng)
        target = self._target(group_average(searched, self.n_fcd_bins))
        validation = target
        if validated is not None:
            held_out = self._target(group_average(validated, self.n_fcd_bins))
            validation = held_out._replace(sc=target.sc)  # as published

        simulator = self._simulator(self.n_repeats)
        evaluators = self._evaluators(simulator)
        journal = self._journal(X, evaluators[0])
        report_unlike_contexts(evaluators[0], target)
        closing = {}
        if self._by_shipped_network:
            n_closing = min(self.n_closing, self.max_iter // 2)
            closing = {"closing": evaluators[1], "n_closing": n_closing}
        self.verification_, self.history_ = search_and_verify(
            self.space_,
            evaluators,
            simulator,
            target,
            validation,
            popsize=self.popsize,
            sigma0=self.sigma0,
            n_restarts=self._n_restarts(),
            search_settings={
                "max_iter": self.max_iter,
                "n_finalists": self.n_finalists,
                **closing,
            },
            refine_settings={
                "max_iter": -(-self.refine_budget // self.popsize),
                "n_finalists": self.n_finalists,
            },
            on_disagreement=self.on_disagreement,
            rng=rng,
            journal=journal,
            deadline=deadline,
            verbose=self.verbose,
        )
        table = self.verification_
        best = choose(self.space_, simulator, validation, table, rng)
        if len(best) == 0:
            best = np.flatnonzero(table.selected)[-1:]
        # Fresh noise: the winner was partly chosen for the noise it had. Rare escapes
        # show in repeated evaluations alone: one that leaves the range in any of
        # them gives way to the next.
        tried = {}
        for winner in best[:MAX_WINNERS].tolist():
            params = self.space_.expand(table.theta[[winner] * CONFIRMED])
            final = simulator.statistics(params, target.sc, rng)
            tried[winner] = params, final, compare(final, target)
            if tried[winner][2].in_range.all():
                break
        else:
            winner = max(tried, key=lambda k: tried[k][2].in_range.sum())
        params, final, evaluation = tried[winner]
        table.selected[:] = False
        table.selected[winner] = True
        self.params_ = self.verification_.theta[winner].copy()
        self.param_names_ = list(self.space_.names)
        self.cost_ = float(evaluation.total.mean())
        self.cost_sd_ = float(evaluation.total.std(ddof=1))
        self.costs_ = dict(
            zip(COST_NAMES, evaluation.costs.mean(axis=0).tolist(), strict=True)
        )
        self.validation_cost_ = float(compare(final, validation).total.mean())
        self.in_range_ = bool(evaluation.in_range.all())
        self.rates_ = final.rates.mean(axis=0)
        alike = find_alike(table, winner)
        self.ei_ratios_ = np.vstack(
            [final.ei_ratio.mean(axis=0), table.ei_ratio[alike]]
        )
        self.ei_ratio_ = self.ei_ratios_.mean(axis=0)
        # An average over evaluations would be smoother than what was compared.
        typical = np.argmin(np.abs(evaluation.total - self.cost_))
        self.fc_simulated_ = edges_to_matrix(final.fc[typical], diagonal=1.0)
        self.fcd_cdf_simulated_ = final.fcd_cdf[typical]
        params = {name: values[:1] for name, values in params.items()}
        effective = effective_parameters(self.model_, params, target.sc)
        ratio = effective.relaxation[0] / effective.coupling[0]
        self.relaxation_over_coupling_ = ratio
        self.spectral_radius_ = float(effective.spectral_radius[0])
        params = self.model_.dependent(params, target.sc)
        self.regional_params_ = {
            name: values[0] if values.ndim == 2 else float(values[0])
            for name, values in params.items()
        }
        self.sc_ = target.sc
        self.fc_ = edges_to_matrix(target.fc, diagonal=1.0)
        self.fcd_cdf_ = target.fcd_cdf
        if not self.in_range_:
            low, high = self.model_.rate_range
            warnings.warn(
                f"The best parameters found leave the plausible range of firing rates: "
                f"{self.rates_.min():.2f} to {self.rates_.max():.2f} Hz over regions "
                f"(mean of repeats), plausible are {low:.2f} to {high:.2f} Hz in every "
                "repeat. Search longer (max_iter, n_restarts), or widen "
                "model=FIC(rate_tolerance=...).",
                OutOfRangeWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X):
        """Simulate with the fitted parameters and the connectome of each row.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects; their FC and FCD are not read and may be NaN.

        Returns
        -------
        ndarray of shape (n_subjects, n_edges + n_fcd_bins)
            Rows of [simulated FC upper triangle | simulated FCD CDF]. Every call
            gives the same answer if `random_state` is an int.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite=False
        )
        sc = prepare_sc(
            unpack_subjects(X, self.n_fcd_bins).sc, transform=self.sc_transform
        )
        statistics = self._simulate_winner(sc)
        return np.hstack([statistics.fc, statistics.fcd_cdf])

    def score(self, X, y=None):
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
            Higher is better; the connectome is that of X.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        target = self._target(group_average(X, self.n_fcd_bins))
        return -float(compare(self._simulate_winner(target.sc[None]), target).total[0])

    def _check_settings(self, X):
        """Everything that can be wrong, before anything long starts."""
        for name, kind, low, high in (
            ("popsize", Integral, 4, None),
            ("max_iter", Integral, 1, None),
            ("sigma0", Real, 1e-6, 10),
            ("n_repeats", Integral, 1, None),
            ("n_closing", Integral, 0, None),
            ("n_finalists", Integral, 1, None),
            ("refine_budget", Integral, 1, None),
            ("validation_fraction", Real, 0.0, 0.9),
            ("n_fcd_bins", Integral, 2, None),
        ):
            check_number(name, getattr(self, name), kind, low, high)
        if self.on_disagreement not in ("warn", "refine", "raise"):
            raise ValueError(
                "on_disagreement must be 'warn', 'refine' or 'raise', "
                f"got {self.on_disagreement!r}."
            )
        if self.max_seconds is not None:
            check_number("max_seconds", self.max_seconds, Real, 0.0)
        if self.checkpoint is not None:
            if not Path(self.checkpoint).parent.is_dir():
                raise ValueError(
                    f"checkpoint={str(self.checkpoint)!r} lies in a folder that does "
                    "not exist; make it first."
                )
            if not isinstance(self.random_state, Integral):
                raise ValueError(
                    "checkpoint needs an int as random_state, to repeat what was asked "
                    f"for, got {self.random_state!r}."
                )
        for name in ("n_restarts", "n_search_repeats"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), Integral, 1)
        check_backend(self.backend, self.device, self.dtype)
        check_surrogate(self.surrogate)
        self.acquisition_ = instance_or_default(
            "acquisition", self.acquisition, Acquisition
        )
        self.model_ = instance_or_default("model", self.model, FIC)
        check_step(self.model_, self.acquisition_)
        self.n_rois_ = n_rois_from_width(X.shape[1], self.n_fcd_bins)
        maps = check_maps(self.maps, self.n_rois_)
        self.space_ = ParameterSpace(
            self.model_, maps, self.map_signs, self.min_w_EI_sd
        )
        subjects = unpack_subjects(X, self.n_fcd_bins)
        check_sc(subjects.sc, "The SC in X")
        check_fc(subjects.fc, "The FC in X")
        check_fcd_cdf(subjects.fcd_cdf, "The FCD CDF in X")

    def _journal(self, X, evaluator):
        """Open the checkpoint, if there is to be one."""
        if self.checkpoint is None:
            return Journal(None, "")
        # None of these changes what is found.
        others = {"n_jobs", "verbose", "checkpoint", "max_seconds"}
        settings = self.get_params(deep=False)
        settings = {k: v for k, v in settings.items() if k not in others}
        weights = evaluator.digest() if hasattr(evaluator, "digest") else ""
        return Journal(
            self.checkpoint, joblib.hash((__version__, settings, X, weights))
        )

    def _split(self, X, rng):
        n_held_out = round(self.validation_fraction * len(X))
        if n_held_out == 0 or len(X) == 1:
            return X, None
        n_held_out = min(n_held_out, len(X) - 1)
        order = rng.permutation(len(X))
        return X[order[n_held_out:]], X[order[:n_held_out]]

    @property
    def _by_shipped_network(self):
        return isinstance(self.surrogate, str) and self.surrogate == "deep"

    def _n_restarts(self):
        if self.n_restarts is not None:
            return self.n_restarts
        return 5 if self._by_shipped_network else 1

    def _target(self, average):
        sc = prepare_sc(average.sc, transform=self.sc_transform)
        alone = np.flatnonzero(~(sc > 0).any(axis=1))
        if len(alone):
            raise ValueError(
                "The SC in X leaves regions without any connection (rows "
                f"{', '.join(map(str, alone[:10]))}), so that nothing explains their "
                "FC: leave them out, or use a denser SC (with sc_transform='log' a "
                "count of one or less is none)."
            )
        return Target(
            sc,
            matrix_to_edges(average.fc),
            average.fcd_cdf,
        )

    def _simulator(self, n_repeats):
        return SimulationEvaluator(
            self.model_,
            self.acquisition_,
            n_fcd_bins=self.n_fcd_bins,
            n_repeats=n_repeats,
            backend=self.backend,
            device=self.device,
            dtype=self.dtype,
            n_jobs=self.n_jobs,
        )

    def _evaluators(self, simulator):
        """List what scores candidates, and what takes over if it is contradicted."""
        if self.surrogate is None:
            return [self._simulator(self.n_search_repeats or self.n_repeats)]
        theory = TheoryEvaluator(
            self.model_,
            self.acquisition_,
            n_fcd_bins=self.n_fcd_bins,
            n_repeats=self.n_repeats,
            n_jobs=self.n_jobs,
        )
        if not isinstance(self.surrogate, str):
            return [self.surrogate, theory, simulator]
        if self.surrogate == "linear":
            return [theory, simulator]
        network = CircuitSurrogate.load(
            acquisition=self.acquisition_, model=self.model_, n_repeats=self.n_repeats
        )
        return [network, theory, simulator]

    def _simulate_winner(self, sc):
        theta = np.repeat(self.params_[None], len(sc), axis=0)
        rng = make_generator(self.random_state)
        simulator = self._simulator(self.n_repeats)
        return simulator.statistics(self.space_.expand(theta), sc, rng)
