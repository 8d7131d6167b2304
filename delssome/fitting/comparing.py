"""Which of several models explains data that it was not fitted to."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, GroupKFold, check_cv
from sklearn.utils import check_array, indexable

from delssome.costs import COST_NAMES
from delssome.fitting.fitter import MeanFieldFitter
from delssome.fitting.posing import check_data, make_target, pose
from delssome.models import Model
from delssome.utils import check_number, make_generator

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ModelComparison", "compare_models"]

Array = NDArray[Any]

# Evaluations of a winner against held-out data, of `n_repeats` simulations each.
N_EVALUATIONS = 8


@dataclass(frozen=True)
class ModelComparison:
    """Simulated costs of models in data that they were not fitted to.

    Attributes
    ----------
    names : tuple of str
        Models, as they were given.
    costs : ndarray of shape (n_models, n_folds, 3)
        Terms of the cost against the held-out subjects of each fold, means of eight
        evaluations; NaN where the winner diverged on their connectome.
    in_range : ndarray of bool, shape (n_models, n_folds)
        Whether the winner kept the plausible range in all of these simulations.
    n_train, n_test : ndarray of int, shape (n_folds,)
        Subjects that were fitted, and held out.
    level : float
        Of all intervals together.

    Notes
    -----
    Folds are compared in pairs, so that what makes held-out subjects hard to explain
    does not count. Fits of different folds share subjects; the variance over folds is
    enlarged for that by ``n_test / n_train`` (Nadeau and Bengio 2003, Machine Learning
    52, 239-281), and the level divided among the comparisons with the best model
    (Bonferroni).
    """

    names: tuple[str, ...]
    costs: Array
    in_range: Array
    n_train: Array
    n_test: Array
    level: float = 0.95

    @property
    def totals(self) -> Array:
        """Total costs, (n_models, n_folds); inf where the winner diverged."""
        totals = self.costs.sum(axis=2)
        return np.where(np.isnan(totals), np.inf, totals)

    @property
    def lowest(self) -> str:
        """The model whose held-out costs are lowest on average, by however little."""
        return self.names[self._first]

    @property
    def alike(self) -> list[str]:
        """Models that the data do not tell from that of the lowest cost, and itself."""
        low = self.differences()[1]
        return [
            name
            for k, name in enumerate(self.names)
            if k == self._first or not low[k] > 0
        ]

    @property
    def best(self) -> str | None:
        """The model that explains the data better than each other; None: undecided."""
        decided = len(self.alike) == 1 and np.isfinite(self.totals[self._first]).all()
        return self.lowest if decided else None

    @property
    def _first(self) -> int:
        return int(np.argmin(self.totals.mean(axis=1)))

    def differences(self) -> tuple[Array, Array, Array]:
        """Give what models cost beyond that of the lowest cost, with intervals.

        Returns
        -------
        difference, low, high : ndarray of shape (n_models,)
            Mean over folds, 0 of the model itself; inf of one that diverged in a fold.
            Limits are infinite if there is a single fold.
        """
        totals = self.totals
        with np.errstate(invalid="ignore"):  # where both diverged
            paired = totals - totals[self._first]
        paired = np.where(np.isnan(paired), 0.0, paired)
        n_models, n_folds = paired.shape
        difference = paired.mean(axis=1)
        half = np.full(n_models, np.inf)
        finite = np.isfinite(paired).all(axis=1)
        if n_folds > 1:
            shared = np.mean(self.n_test / self.n_train)
            variance = paired[finite].var(axis=1, ddof=1)
            error = np.sqrt((1.0 / n_folds + shared) * variance)
            tail = (1.0 - self.level) / max(n_models - 1, 1) / 2.0
            half[finite] = stats.t.ppf(1.0 - tail, n_folds - 1) * error
        half[self._first] = 0.0
        with np.errstate(invalid="ignore"):
            low, high = difference - half, difference + half
        return difference, np.where(finite, low, np.inf), np.where(finite, high, np.inf)

    def to_frame(self) -> "DataFrame":
        """Give a table, the model of the lowest cost first.

        Returns
        -------
        pandas.DataFrame
            A row a model: ``cost`` (held-out total), its terms, ``beyond`` (what it
            costs beyond the first), ``low`` and ``high`` (interval of that), and
            ``in_range`` (share of folds whose winner kept the plausible range). Needs
            pandas (``pip install "delssome[study]"``).
        """
        import pandas as pd

        difference, low, high = self.differences()
        terms = self.costs.mean(axis=1)
        columns = {
            "cost": self.totals.mean(axis=1),
            **dict(zip(COST_NAMES, terms.T, strict=True)),
            "beyond": difference,
            "low": low,
            "high": high,
            "in_range": self.in_range.mean(axis=1),
        }
        index = pd.Index(self.names, name="model")
        return pd.DataFrame(columns, index=index).sort_values("cost", kind="stable")

    def __str__(self) -> str:
        difference, low, high = self.differences()
        n_folds, share = len(self.n_test), f"{self.level:.0%}"
        lines = [self.says()]
        for k in np.argsort(self.totals.mean(axis=1), kind="stable"):
            line = f"{self.names[k]}: held-out cost {self.totals[k].mean():.3f}"
            if k != self._first:
                line += (
                    f", {difference[k]:+.3f} beyond {self.lowest} "
                    f"[{low[k]:+.3f}, {high[k]:+.3f}]"
                )
            if not self.in_range[k].all():
                line += f", out of range in {(~self.in_range[k]).sum()} folds"
            lines.append(line)
        lines.append(
            f"{n_folds} folds; intervals hold with {share}, all together, and count "
            "that fits share subjects."
        )
        return "\n".join(lines)

    def says(self) -> str:
        """Say in a sentence which model it is, or that these data cannot tell."""
        if self.best is not None:
            return f"{self.best} explains held-out data best."
        if not np.isfinite(self.totals.mean(axis=1)).any():
            return "No model could be simulated in all folds."
        *some, last = self.alike
        return f"These data cannot tell {', '.join(some) or 'any model'} from {last}."


def compare_models(
    models: Sequence[Model] | Mapping[str, Model | MeanFieldFitter],
    X: ArrayLike,
    *,
    fitter: MeanFieldFitter | None = None,
    cv: int | BaseCrossValidator | Iterable[tuple[Array, Array]] = 5,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> ModelComparison:
    """Fit models to some subjects, and compare them by their costs in the others.

    All models see the same subjects with the same budget. What is compared are costs
    simulated with fresh noise, on the connectome of the held-out subjects and against
    their average FC and FCD, as :meth:`.MeanFieldFitter.score` does.

    Parameters
    ----------
    models : sequence of Model, or dict of str to Model or MeanFieldFitter
        At least two. A fitter in place of a model brings settings of its own, such as
        other maps.
    X : array-like of shape (n_subjects, n_features)
        Packed subjects, two or more.
    fitter : MeanFieldFitter, default=None
        How models are fitted; its own model and `random_state` do not matter.
        None: ``MeanFieldFitter()``, that is without maps.
    cv : int, cross-validator or iterable of (train, test), default=5
        As of :func:`sklearn.model_selection.cross_validate`. Several times the same
        split measures how much searches and simulations vary, and nothing else.
    groups : array-like of shape (n_subjects,), default=None
        Of subjects that belong together (families, sites): they are all fitted, or
        all held out, with an int as `cv` or a cross-validator that looks at groups.
    level : float, default=0.95
        Of the intervals of all differences together.
    n_jobs : int, default=None
        Fits at a time (joblib).
    random_state : int, RandomState instance or None, default=None
        Seeds all fits and simulations.

    Returns
    -------
    ModelComparison
        ``best`` is the model that costs less than each other beyond doubt, or None.

    See Also
    --------
    delssome.plotting.ComparisonDisplay : draws it.

    Examples
    --------
    >>> from delssome import CMAES, FIC, MFM, Acquisition, MeanFieldFitter, Simulator
    >>> from delssome import compare_models
    >>> from delssome.datasets import make_cohort
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=3, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     surrogate=None, acquisition=scan, search=CMAES(popsize=8, max_iter=2),
    ...     simulator=Simulator(n_repeats=1),
    ... )
    >>> found = compare_models(
    ...     [FIC(), MFM()], cohort.X, fitter=fitter, cv=3, random_state=0
    ... )
    >>> found.costs.shape
    (2, 3, 3)
    """
    check_number("level", level, Real, 0.5, 0.9999)
    fitter = MeanFieldFitter() if fitter is None else fitter
    fitters = _fitters(models, fitter)
    data = check_array(X, dtype=np.float64, input_name="X")
    if len(data) < 2:
        raise ValueError(
            "X must hold two subjects or more, some to fit and some to compare with, "
            f"got {len(data)}."
        )
    _, labels = indexable(data, groups)
    if labels is not None and isinstance(cv, Integral):
        cv = GroupKFold(cv)
    folds = list(check_cv(cv).split(data, groups=labels))
    for name, one in fitters.items():
        _check(name, one, data, folds)
    rng = make_generator(random_state)
    seeds = rng.integers(2**31, size=(len(fitters), len(folds), 2))
    found = joblib.Parallel(n_jobs)(
        joblib.delayed(_compare)(one, data[train], data[test], *seeds[k, fold])
        for k, one in enumerate(fitters.values())
        for fold, (train, test) in enumerate(folds)
    )
    costs, in_range = zip(*found, strict=True)
    shape = len(fitters), len(folds)
    return ModelComparison(
        names=tuple(fitters),
        costs=np.reshape(costs, (*shape, len(COST_NAMES))),
        in_range=np.reshape(in_range, shape),
        n_train=np.array([len(train) for train, _ in folds]),
        n_test=np.array([len(test) for _, test in folds]),
        level=level,
    )


def _fitters(
    models: Sequence[Model] | Mapping[str, Model | MeanFieldFitter],
    fitter: MeanFieldFitter,
) -> dict[str, MeanFieldFitter]:
    """Give a fitter a model, by name."""
    if not isinstance(fitter, MeanFieldFitter):
        raise TypeError(
            f"fitter must be a MeanFieldFitter or None, got {type(fitter).__name__}."
        )
    named: Mapping[str, Any]
    if isinstance(models, Mapping):
        named = models
    else:
        given = list(models)
        for one in given:
            if not isinstance(one, Model):
                raise TypeError(
                    "models must be a sequence of models, such as [FIC(), MFM()], or a "
                    f"dict of models or fitters by name, got {one!r} in it."
                )
        named = {one.name: one for one in given}
        if len(named) < len(given):
            raise ValueError(
                "models must differ in name, got "
                f"{', '.join(one.name for one in given)}; give a dict of models by "
                "names of your own."
            )
    if len(named) < 2:
        raise ValueError(f"models must hold two or more to compare, got {len(named)}.")
    fitters = {}
    for name, one in named.items():
        if isinstance(one, Model):
            fitters[name] = clone(fitter).set_params(model=one)
        elif isinstance(one, MeanFieldFitter):
            fitters[name] = clone(one)
        else:
            raise TypeError(
                f"models[{name!r}] must be a Model or a MeanFieldFitter, "
                f"got {type(one).__name__}."
            )
        if fitters[name].checkpoint is not None:
            raise ValueError(
                f"models[{name!r}] has a checkpoint, which is of one fit: leave it out."
            )
    scans = {one.n_fcd_bins for one in fitters.values()}
    if len(scans) > 1:
        raise ValueError(
            f"All models must see the same X, got n_fcd_bins {sorted(scans)}."
        )
    return fitters


def _check(
    name: str, fitter: MeanFieldFitter, X: Array, folds: list[tuple[Array, Array]]
) -> None:
    """Refuse what cannot be fitted or scored before anything long starts."""
    try:
        check_data(X, fitter.n_fcd_bins)
        for _, test in folds:
            make_target(X[test], fitter.n_fcd_bins, fitter.sc_transform)
        with warnings.catch_warnings():  # they come with the fits
            warnings.simplefilter("ignore")
            pose(clone(fitter), X[folds[0][0]])
    except (TypeError, ValueError) as error:
        error.add_note(f"This is said of {name!r} among the models.")
        raise


def _compare(
    fitter: MeanFieldFitter, train: Array, test: Array, seed: int, fresh: int
) -> tuple[Array, bool]:
    """Fit to some subjects and simulate the others; costs (3,) and range."""
    fitter = clone(fitter).set_params(random_state=int(seed)).fit(train)
    target = make_target(test, fitter.n_fcd_bins, fitter.sc_transform)
    sc = np.repeat(target.sc[None], N_EVALUATIONS, axis=0)
    statistics = fitter._simulate_winner(sc, np.random.default_rng(fresh))
    evaluation = statistics.compare(target)
    return evaluation.costs.mean(axis=0), bool(evaluation.in_range.all())
