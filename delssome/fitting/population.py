"""PopulationFitter: many fits, each of one subject or group, in parallel."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin, clone
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from delssome._version import __version__
from delssome.connectome import n_rois_from_width
from delssome.costs import COST_NAMES
from delssome.fitting.components import ComposedEstimator, ReadsOut
from delssome.fitting.fitter import MeanFieldFitter
from delssome.fitting.posing import by_shipped_network, components_of
from delssome.fitting.posing_inference import inference_components
from delssome.fitting.posterior import MeanFieldPosterior
from delssome.fitting.rows import (
    Opened,
    Result,
    column,
    fit_rows,
    listed,
    report,
    warn_once,
)
from delssome.fitting.store import Store
from delssome.fitting.usable import names_of
from delssome.identity import kind_of
from delssome.models.space import ParameterSpace, check_maps
from delssome.surrogate import CircuitSurrogate
from delssome.utils import check_running, make_generator

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PopulationFitter"]

Array = NDArray[Any]

# None of these changes a result.
NEUTRAL = {"n_jobs", "verbose", "checkpoint"}
# What is taken as it is: a fit makes its own row double, not the population all.
PRECISIONS = [np.float64, np.float32]


class PopulationFitter(ReadsOut, TransformerMixin, ComposedEstimator):  # type: ignore[misc]
    """Fit every subject, or every group of subjects, on its own.

    A subject's fit needs nothing from the others: `transform` fits the rows that it is
    given and has not met, and gives what the model reads out, for FIC their E/I maps,
    as features. A row that cannot be
    fitted becomes a row of NaN with its reason; the others go on.

    Parameters
    ----------
    fitter : MeanFieldFitter or MeanFieldPosterior, default=None
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
        Label of each group, sorted; without groups row numbers, or the index if X is a
        data frame.
    params_ : ndarray of shape (n_fits, n_params)
        Coefficients, named by `param_names_`; NaN where a fit failed, as all below.
    param_names_ : list of str
    model_ : Model
        That of the fits.
    readout_ : ndarray of shape (n_fits, n_rois)
        What the model reads out, as that of :class:`~delssome.MeanFieldFitter`.
    spread_over_restarts_ : ndarray of shape (n_fits, n_rois)
        Standard deviation over restarts that ended alike, NaN if there was one: by how
        much an optimiser moved, which is less than what the data leave open.
    readout_sd_, readout_interval_, mean_readout_, pattern_probability_, ... : ndarray
        Of posteriors alone: all that :class:`~delssome.MeanFieldPosterior` says, one
        row for each.
    ei_ratio_, ei_ratio_sd_ : ndarray of shape (n_fits, n_rois)
        The same of a model that reads out E/I; no other has them.
    relaxation_over_coupling_ : ndarray of shape (n_fits, n_rois)
    spectral_radius_ : ndarray of shape (n_fits,)
        What data tell best, see :class:`~delssome.MeanFieldFitter`.
    rates_ : ndarray of shape (n_fits, n_rois)
        Means of the rate that the model bounds, in Hz; NaN if it bounds none.
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
        From label to what the package warned of in the fit.
    n_features_in_ : int

    See Also
    --------
    delssome.study : What to do with the maps.

    Examples
    --------
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import RidgeCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from delssome import MeanFieldFitter, PopulationFitter
    >>> population = PopulationFitter(MeanFieldFitter(random_state=0), n_jobs=2)
    >>> predict_age = make_pipeline(population, SimpleImputer(), RidgeCV())
    """

    _defaults: ClassVar[dict[str, Any]] = {"fitter": MeanFieldFitter}

    def __init__(
        self,
        fitter: MeanFieldFitter | MeanFieldPosterior | None = None,
        *,
        store: str | Path | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.fitter = fitter
        self.store = store
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(
        self, X: ArrayLike, y: object = None, groups: ArrayLike | None = None
    ) -> Self:
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
        # Nothing but the store is set before all is found: a fit that fails changes
        # nothing, and one that is interrupted goes on from what is in the store.
        data: Array = check_array(
            X,
            dtype=PRECISIONS,
            ensure_all_finite=False,
            estimator=self,
            input_name="X",
        )
        opened = self._open(data.shape[1])
        if groups is None:
            labels = names_of(X, len(data))
            members: list[Any] = [[k] for k in range(len(data))]
        else:
            groups = column_or_1d(groups)
            check_consistent_length(data, groups)
            labels = np.unique(groups)
            members = [np.flatnonzero(groups == label) for label in labels]
        results, failures = fit_rows(
            opened, data, members, labels, self.n_jobs, self.verbose
        )
        if len(failures) == len(labels):
            raise ValueError(
                f"None of {len(labels)} fits succeeded. {listed(failures)}"
            )
        report(failures, len(labels))
        validate_data(self, X, skip_check_array=True)
        self._opened, self.model_ = opened, opened.model
        self.groups_ = labels
        self.failures_ = failures
        self._gather(results)
        warn_once(self.warnings_, len(self.groups_))
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Give the maps of subjects, fitting those that have not been.

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)

        Returns
        -------
        ndarray of shape (n_subjects, n_rois)
            NaN in rows that cannot be fitted; a warning says which and why.
        """
        check_is_fitted(self)
        data: Array = validate_data(
            self, X, dtype=PRECISIONS, reset=False, ensure_all_finite=False
        )
        members = [[k] for k in range(len(data))]
        labels = names_of(X, len(data))
        results, failures = fit_rows(
            self._opened, data, members, labels, self.n_jobs, self.verbose
        )
        report(failures, len(data))
        return column(results, "readout", (self._opened.n_rois,))

    def fit_transform(self, X: ArrayLike, y: object = None, **fit_params: Any) -> Array:
        """Fit every row once and give the maps, (n_subjects, n_rois).

        Parameters
        ----------
        X : array-like of shape (n_subjects, n_features)
        y : None
            Ignored.
        **fit_params
            Not supported: maps of groups are in `readout_` after `fit`.
        """
        if fit_params:
            raise TypeError(
                f"fit_transform takes no {', '.join(fit_params)}: a row in, a row out. "
                "Use fit(X, groups=...) and read readout_."
            )
        return self.fit(X).readout_

    def get_feature_names_out(self, input_features: object = None) -> Array:
        """Name the columns of `transform`: for FIC ei_ratio_0, ei_ratio_1, ..."""
        check_is_fitted(self)
        key = self.model_.readout_key
        return np.array(
            [f"{key}_{k}" for k in range(self._opened.n_rois)], dtype=object
        )

    @property
    def ei_ratio_sd_(self) -> Array:
        """Standard deviations of E/I, of a model that reads it out."""
        return self._ei_ratio("readout_sd_")

    def to_frame(self, region_names: Sequence[str] | None = None) -> "pd.DataFrame":
        """Give one row for each fit: costs, range, coefficients, maps, reason.

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
        key = self.model_.readout_key
        names = self.get_feature_names_out().tolist()
        if region_names is not None:
            if len(region_names) != self._opened.n_rois:
                raise ValueError(
                    f"region_names must have {self._opened.n_rois} entries, "
                    f"got {len(region_names)}."
                )
            names = [f"{key}_{name}" for name in region_names]
        parts = {
            "cost": self.cost_,
            "cost_sd": self.cost_sd_,
            **dict(zip(COST_NAMES, self.costs_.T, strict=True)),
            **self._if_there("validation_cost"),
            "in_range": self.in_range_,
            "rate_min": self.rates_.min(axis=1),
            "rate_max": self.rates_.max(axis=1),
            **dict(zip(self.param_names_, self.params_.T, strict=True)),
            **self._if_there("spectral_radius", "pattern_probability"),
            f"{key}_mean": self.readout_.mean(axis=1),
            **self._ends(f"{key}_mean", "mean_readout_interval"),
            **dict(zip(names, self.readout_.T, strict=True)),
            **self._ends(names, "readout_interval"),
            "failure": [self.failures_.get(k, "") for k in self.groups_.tolist()],
            "warnings": [self.warnings_.get(k, "") for k in self.groups_.tolist()],
        }
        return pd.DataFrame(parts, index=pd.Index(self.groups_, name="group"))

    def _if_there(self, *names: str) -> dict[str, Array]:
        """Give columns that not every kind of fit has."""
        return {k: vars(self)[f"{k}_"] for k in names if f"{k}_" in vars(self)}

    def _ends(self, names: str | list[str], interval: str) -> dict[str, Array]:
        """Give the ends of intervals as columns, of fits that have them."""
        found = self._if_there(interval)
        if not found:
            return {}
        several = [names] if isinstance(names, str) else names
        ends = found[interval].reshape(len(self.groups_), len(several), 2)
        return {
            f"{name}_{end}": ends[:, k, side]
            for k, name in enumerate(several)
            for side, end in enumerate(("low", "high"))
        }

    def _open(self, n_features: int) -> Opened:
        """Check settings, and find what is known already."""
        fitter = MeanFieldFitter() if self.fitter is None else self.fitter
        given: Any
        check_running(self.n_jobs, self.verbose)
        if isinstance(fitter, MeanFieldPosterior):
            given = inference_components(fitter)
        elif isinstance(fitter, MeanFieldFitter):
            given = components_of(fitter)
        else:
            raise TypeError(
                "fitter must be a MeanFieldFitter, a MeanFieldPosterior or None, "
                f"got {type(fitter).__name__}."
            )
        if getattr(fitter, "checkpoint", None) is not None:
            raise ValueError(
                "checkpoint belongs to a single fit; give PopulationFitter a store."
            )
        n_rois = n_rois_from_width(n_features, fitter.n_fcd_bins)
        # What no row can be fitted with is refused before a store remembers it.
        ParameterSpace(given.model, check_maps(fitter.maps, n_rois))
        settings: dict[str, Any] = {"estimator": type(fitter).__name__}
        settings |= {
            name: value
            for name, value in fitter.get_params(deep=False).items()
            if name not in NEUTRAL
        }
        # The same, whether components are spelled out or left at their defaults.
        for name, component in given._asdict().items():
            settings[name] = kind_of(component)
            for setting, value in component.said().items():
                settings[f"{name}__{setting}"] = value
        settings["delssome"] = __version__
        if by_shipped_network(fitter):
            settings["weights"] = CircuitSurrogate.load().digest()
        seed: int
        if isinstance(fitter.random_state, Integral):
            seed = int(fitter.random_state)
        elif self.store is not None:
            raise ValueError(
                "store needs an int as random_state of the fitter, to give a row the "
                f"same answer again, got {fitter.random_state!r}."
            )
        else:
            seed = int(make_generator(fitter.random_state).integers(2**31))
            settings["random_state"] = seed
        store = Store(self.store, settings)
        # What was interrupted, or is fitted again, goes on from what is in memory.
        known = getattr(self, "_store", None)
        if self.store is None and known and known.settings == store.settings:
            store = known
        self._store = store
        fitter = clone(fitter).set_params(n_jobs=1, verbose=0)
        return Opened(fitter, given.model, n_rois, seed, store)

    def _gather(self, results: list[Result | None]) -> None:
        """Turn results into arrays."""
        for name in getattr(self, "_gathered", ()):  # of another kind of fit
            self.__dict__.pop(name, None)
        one = next(result for result in results if result is not None)
        self.param_names_ = one["param_names"].tolist()
        found = {
            f"{name}_": column(results, name, value.shape)
            for name, value in one.items()
            if name not in ("param_names", "in_range", "warnings")
        }
        self.__dict__.update(found)
        self._gathered = tuple(found)
        self.in_range_ = np.array(
            [result is not None and bool(result["in_range"]) for result in results]
        )
        self.warnings_ = {
            label: str(result["warnings"])
            for label, result in zip(self.groups_.tolist(), results, strict=True)
            if result is not None and str(result["warnings"])
        }
