"""PopulationFitter: many fits, each of one subject or group, in parallel."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from hashlib import sha256
from numbers import Integral
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from delssome._version import __version__
from delssome.connectome import n_rois_from_width
from delssome.costs import COST_NAMES
from delssome.exceptions import (
    OutOfRangeWarning,
    SearchInterruptedWarning,
    SurrogateDomainWarning,
)
from delssome.fitting.fitter import MeanFieldFitter
from delssome.fitting.store import Store
from delssome.surrogate import CircuitSurrogate
from delssome.utils import make_generator, progress_bar

__all__ = ["PopulationFitter"]

# None of these changes a result.
NEUTRAL = {"n_jobs", "verbose", "checkpoint"}
# Warnings that libraries have for developers, at the first use in a process.
NOT_OF_THE_FIT = (DeprecationWarning, FutureWarning, ImportWarning)


class PopulationFitter(TransformerMixin, BaseEstimator):
    """Fit every subject, or every group of subjects, on its own.

    A subject's fit needs nothing from the others: `transform` fits the rows that it is
    given and has not met, and gives their E/I maps as features. A row that cannot be
    fitted becomes a row of NaN with its reason; the others go on.

    Parameters
    ----------
    fitter : MeanFieldFitter, default=None
        Cloned for every fit. None: ``MeanFieldFitter()``. Each fit has a seed of its
        own, made of the fitter's `random_state` and the data, so that results depend
        neither on order nor on company.
    store : path, default=None
        Folder that keeps one file per fit, written as it ends: a run that was killed
        goes on from there, and cross-validation fits every subject once. Needs an int
        as `random_state` of the fitter; a folder of other settings is refused. Results
        are kept by the data of a row, not by its place. None: results are kept in
        memory, until this estimator is fitted with other settings.
    n_jobs : int, default=None
        Fits at a time (joblib). Each runs on one core. Within
        ``joblib.parallel_config(backend="dask")`` they run on a cluster.
    verbose : int, default=0
        1 or more shows a progress bar with the time left.

    Attributes
    ----------
    groups_ : ndarray of shape (n_fits,)
        Label of each group, sorted; row numbers if there are no groups.
    params_ : ndarray of shape (n_fits, n_params)
        Coefficients, named by `param_names_`; NaN where a fit failed, as all below.
    param_names_ : list of str
    ei_ratio_ : ndarray of shape (n_fits, n_rois)
        E/I maps, as those of :class:`~delssome.MeanFieldFitter`.
    ei_ratio_sd_ : ndarray of shape (n_fits, n_rois)
        Standard deviation over restarts that ended alike; NaN if there was one.
    relaxation_over_coupling_ : ndarray of shape (n_fits, n_rois)
    spectral_radius_ : ndarray of shape (n_fits,)
        What data tell best, see :class:`~delssome.MeanFieldFitter`.
    rates_ : ndarray of shape (n_fits, n_rois)
        Mean excitatory firing rates, in Hz.
    cost_, cost_sd_ : ndarray of shape (n_fits,)
        Simulated total cost, and its standard deviation over evaluations.
    costs_ : ndarray of shape (n_fits, 3)
        Its terms: fc_correlation, fc_l1 and fcd_ks.
    validation_cost_ : ndarray of shape (n_fits,)
        Against held-out subjects of a group; the same as `cost_` without any.
    in_range_ : ndarray of bool, shape (n_fits,)
        Whether all firing rates lay within the plausible range; False where a fit
        failed.
    seconds_ : ndarray of shape (n_fits,)
        Wall time of each fit.
    failures_ : dict
        From label to the reason, for fits that failed.
    warnings_ : dict
        From label to what the fit warned of.
    n_features_in_ : int

    See Also
    --------
    delssome.study : What to do with the maps.

    Examples
    --------
    >>> from sklearn.linear_model import RidgeCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from delssome import MeanFieldFitter, PopulationFitter
    >>> population = PopulationFitter(MeanFieldFitter(random_state=0), n_jobs=2)
    >>> predict_age = make_pipeline(population, RidgeCV())
    """

    def __init__(self, fitter=None, *, store=None, n_jobs=None, verbose=0):
        self.fitter = fitter
        self.store = store
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y=None, groups=None):
        """Fit every row, or every group of rows.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
            Packed subjects. NaN and the like fail their row alone.
        y : None
            Ignored.
        groups : array-like of shape (n_subjects,), default=None
            Labels: one fit for each, of the average of its subjects (which the
            fitter's `validation_fraction` splits). None: one fit for each row.

        Returns
        -------
        self
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite=False)
        self._open_store(X.shape[1])
        if groups is None:
            labels, members = np.arange(len(X)), [[k] for k in range(len(X))]
        else:
            groups = column_or_1d(groups)
            check_consistent_length(X, groups)
            labels = np.unique(groups)
            members = [np.flatnonzero(groups == label) for label in labels]
        results, failures = self._fit_all(X, members, labels)
        if len(failures) == len(labels):
            raise ValueError(
                f"None of {len(labels)} fits succeeded. {_listed(failures)}"
            )
        _report(failures, len(labels))
        self.groups_ = labels
        self.failures_ = failures
        self._gather(results)
        self._report_warnings()
        return self

    def transform(self, X):
        """Give the E/I maps of subjects, fitting those that have not been.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)

        Returns
        -------
        ndarray of shape (n_subjects, n_rois)
            NaN in rows that cannot be fitted; a warning says which and why.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite=False
        )
        members = [[k] for k in range(len(X))]
        results, failures = self._fit_all(X, members, np.arange(len(X)))
        _report(failures, len(X))
        return _column(results, "ei_ratio", (self._n_rois,))

    def fit_transform(self, X, y=None, **fit_params):
        """Fit every row once and give the E/I maps.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
        y : None
            Ignored.
        **fit_params
            Not supported: maps of groups are in `ei_ratio_` after `fit`.

        Returns
        -------
        ndarray of shape (n_subjects, n_rois)
        """
        if fit_params:
            raise TypeError(
                f"fit_transform takes no {', '.join(fit_params)}: a row in, a row out. "
                "Use fit(X, groups=...) and read ei_ratio_."
            )
        return self.fit(X).ei_ratio_

    def get_feature_names_out(self, input_features=None):
        """Name the columns of `transform`: ei_ratio_0, ei_ratio_1, ...

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        return np.array([f"ei_ratio_{k}" for k in range(self._n_rois)], dtype=object)

    def to_frame(self, region_names=None):
        """Give one row for each fit: costs, range, coefficients, E/I ratios, reason.

        Parameters
        ----------
        region_names : sequence of str of length n_rois, default=None

        Returns
        -------
        pandas.DataFrame
            Indexed by `groups_`. Needs pandas (``pip install "delssome[study]"``).
        """
        import pandas as pd

        check_is_fitted(self)
        names = self.get_feature_names_out()
        if region_names is not None:
            if len(region_names) != self._n_rois:
                raise ValueError(
                    f"region_names must have {self._n_rois} entries, "
                    f"got {len(region_names)}."
                )
            names = [f"ei_ratio_{name}" for name in region_names]
        parts = {
            "cost": self.cost_,
            "cost_sd": self.cost_sd_,
            **dict(zip(COST_NAMES, self.costs_.T, strict=True)),
            "validation_cost": self.validation_cost_,
            "in_range": self.in_range_,
            "rate_min": self.rates_.min(axis=1),
            "rate_max": self.rates_.max(axis=1),
            **dict(zip(self.param_names_, self.params_.T, strict=True)),
            "spectral_radius": self.spectral_radius_,
            "ei_ratio_mean": self.ei_ratio_.mean(axis=1),
            **dict(zip(names, self.ei_ratio_.T, strict=True)),
            "failure": [self.failures_.get(label, "") for label in self.groups_],
            "warnings": [self.warnings_.get(label, "") for label in self.groups_],
        }
        return pd.DataFrame(parts, index=pd.Index(self.groups_, name="group"))

    def _open_store(self, n_features):
        """Check settings, and find what is known already."""
        fitter = MeanFieldFitter() if self.fitter is None else self.fitter
        if not isinstance(fitter, MeanFieldFitter):
            raise TypeError(
                "fitter must be a MeanFieldFitter or None, "
                f"got {type(fitter).__name__}."
            )
        if fitter.checkpoint is not None:
            raise ValueError(
                "checkpoint belongs to a single fit; give PopulationFitter a store."
            )
        self._n_rois = n_rois_from_width(n_features, fitter.n_fcd_bins)
        settings = {
            name: np.asarray(value) if name == "maps" and value is not None else value
            for name, value in fitter.get_params(deep=False).items()
            if name not in NEUTRAL
        }
        settings["delssome"] = __version__
        if fitter._by_shipped_network:
            settings["weights"] = CircuitSurrogate.load().digest()
        if isinstance(fitter.random_state, Integral):
            self._seed = int(fitter.random_state)
        elif self.store is not None:
            raise ValueError(
                "store needs an int as random_state of the fitter, to give a row the "
                f"same answer again, got {fitter.random_state!r}."
            )
        else:
            self._seed = int(make_generator(fitter.random_state).integers(2**31))
            settings["random_state"] = self._seed
        store = Store(self.store, settings)
        known = getattr(self, "_store", None)
        # What was interrupted, or is fitted again, goes on from what is in memory.
        if self.store is not None or known is None or known.settings != store.settings:
            self._store = store
        self._fitter = clone(fitter).set_params(n_jobs=1, verbose=0)

    def _fit_all(self, X, members, labels):
        """Give the result of each, None where it failed, and the reasons."""
        # Rows are taken when they are needed: X may be a memory map.
        keys = [_key(X[rows]) for rows in members]
        todo = {key: k for k, key in enumerate(keys) if key not in self._store}
        parallel = Parallel(
            n_jobs=self.n_jobs, batch_size=1, return_as="generator_unordered"
        )
        jobs = (
            delayed(_fit_one)(self._fitter, X[members[k]], key, self._seed)
            for key, k in todo.items()
        )
        reasons = {}
        with progress_bar(
            total=len(todo), desc="population", unit="fit", verbose=self.verbose
        ) as bar:
            for key, result in parallel(jobs):
                if isinstance(result, str):
                    reasons[key] = result
                else:
                    self._store[key] = result
                bar.set_postfix(failed=len(reasons), refresh=False)
                bar.update()
        failures = {
            label: reasons[key]
            for label, key in zip(labels.tolist(), keys, strict=True)
            if key in reasons
        }
        return [None if k in reasons else self._store[k] for k in keys], failures

    def _gather(self, results):
        """Turn results into arrays."""
        one = next(result for result in results if result is not None)
        self.param_names_ = one["param_names"].tolist()
        for name in (
            "params",
            "ei_ratio",
            "ei_ratio_sd",
            "relaxation_over_coupling",
            "spectral_radius",
            "rates",
            "cost",
            "cost_sd",
            "costs",
            "validation_cost",
            "seconds",
        ):
            setattr(self, f"{name}_", _column(results, name, one[name].shape))
        self.in_range_ = np.array(
            [result is not None and bool(result["in_range"]) for result in results]
        )
        self.warnings_ = {
            label: str(result["warnings"])
            for label, result in zip(self.groups_.tolist(), results, strict=True)
            if result is not None and str(result["warnings"])
        }

    def _report_warnings(self):
        """Say once what many fits may have warned of."""
        for category in (SurrogateDomainWarning, OutOfRangeWarning):
            name = category.__name__
            which = [k for k, said in self.warnings_.items() if name in said]
            if which:
                listed = ", ".join(map(str, which[:10])) + ", ..." * (len(which) > 10)
                warnings.warn(
                    f"{name} in {len(which)} of {len(self.groups_)} fits ({listed}); "
                    "warnings_ holds what they say.",
                    category,
                    stacklevel=3,
                )


def _listed(failures):
    return "; ".join(f"{label}: {why}" for label, why in failures.items())


def _report(failures, n_fits):
    """Warn of rows that are NaN."""
    if failures:
        warnings.warn(
            f"{len(failures)} of {n_fits} fits failed and are NaN. {_listed(failures)}",
            FitFailedWarning,
            stacklevel=3,
        )


def _key(rows):
    """Name data, in single precision: rounding in a step before is no other row."""
    return sha256(rows.astype(np.float32).tobytes()).hexdigest()[:32]


def _column(results, name, shape):
    """Stack one entry of all results, NaN where a fit failed."""
    missing = np.full(shape, np.nan)
    return np.stack([missing if r is None else r[name] for r in results])


def _fit_one(fitter, X, key, seed):
    """Fit a row or a group; give its key with the result or the reason of failure."""
    own_seed = np.random.SeedSequence([seed, int(key, 16)]).generate_state(1)[0]
    fitter = clone(fitter).set_params(random_state=int(own_seed))
    started = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitter.fit(X)
        except Exception as error:  # one bad row must not end the run
            reason = str(error).partition("\n")[0]
            return key, f"{type(error).__name__}: {reason}"
    if any(issubclass(w.category, SearchInterruptedWarning) for w in caught):
        raise KeyboardInterrupt  # half a search is no result
    maps = fitter.ei_ratios_
    said = dict.fromkeys(
        f"{w.category.__name__}: {w.message}"
        for w in caught
        if not issubclass(w.category, NOT_OF_THE_FIT)
    )
    return key, {
        "param_names": np.array(fitter.param_names_),
        "params": fitter.params_,
        "ei_ratio": fitter.ei_ratio_,
        "ei_ratio_sd": (
            maps.std(axis=0, ddof=1)
            if len(maps) > 1
            else np.full(maps.shape[1], np.nan)
        ),
        "relaxation_over_coupling": fitter.relaxation_over_coupling_,
        "spectral_radius": np.float64(fitter.spectral_radius_),
        "rates": fitter.rates_,
        "cost": np.float64(fitter.cost_),
        "cost_sd": np.float64(fitter.cost_sd_),
        "costs": np.array([fitter.costs_[name] for name in COST_NAMES]),
        "validation_cost": np.float64(fitter.validation_cost_),
        "in_range": np.bool_(fitter.in_range_),
        "seconds": np.float64(perf_counter() - started),
        "warnings": np.array("; ".join(said)),
    }
