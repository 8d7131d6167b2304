"""Which of several models explains data that it was not fitted to."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from joblib import delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, GroupKFold, check_cv
from sklearn.utils import indexable

from delssome.connectome import matrix_to_edges, prepare_sc, unpack_subjects
from delssome.costs import COST_NAMES
from delssome.fitting.comparison import CRITERIA, ModelComparison
from delssome.fitting.expecting import Scans
from delssome.fitting.fitter import MeanFieldFitter
from delssome.fitting.likeliest import DensityOfFC, most_likely
from delssome.fitting.posing import by_shipped_network, make_target, pose
from delssome.fitting.protocol import Task
from delssome.fitting.usable import usable_rows
from delssome.models import Model
from delssome.saying import listening
from delssome.theory import TheoryEvaluator, reason_against
from delssome.utils import check_number, make_generator
from delssome.workers import Parallel

__all__ = ["compare_models"]

Array = NDArray[Any]

# Evaluations of a winner against held-out data, of `n_repeats` simulations each.
N_EVALUATIONS = 8


def compare_models(
    models: Sequence[Model] | Mapping[str, Model | MeanFieldFitter],
    X: ArrayLike,
    *,
    fitter: MeanFieldFitter | None = None,
    cv: int | BaseCrossValidator | Iterable[tuple[Array, Array]] = 5,
    groups: ArrayLike | None = None,
    criterion: str = "likelihood",
    simulate: bool = True,
    level: float = 0.95,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> ModelComparison:
    """Fit models to some subjects, and compare how well they explain the others.

    All models see the same subjects with the same budget. Fits are judged twice: by the
    likelihood of the FC of every held-out subject on the own connectome, given the
    noise of a scan, and by costs simulated with fresh noise, on the average connectome
    of the held-out subjects and against their average FC and FCD, as
    :meth:`.MeanFieldFitter.score` does.

    Parameters
    ----------
    models : sequence of Model, or dict of str to Model or MeanFieldFitter
        At least two. A fitter in place of a model brings settings of its own, such as
        other maps.
    X : array-like of shape (n_subjects, n_features)
        Packed subjects, two or more; those that cannot be used are left out.
    fitter : MeanFieldFitter, default=None
        How models are fitted; its own model and `random_state` do not matter.
        None: ``MeanFieldFitter()``, that is without maps.
    cv : int, cross-validator or iterable of (train, test), default=5
        As of :func:`sklearn.model_selection.cross_validate`. Several times the same
        split measures how much searches and simulations vary, and nothing else.
    groups : array-like of shape (n_subjects,), default=None
        Of subjects that belong together (families, sites): they are all fitted, or
        all held out, with an int as `cv` or a cross-validator that looks at groups.
    criterion : {"likelihood", "cost"}, default="likelihood"
        What decides. The likelihood weighs what scans know well; costs average over
        all edges and tell far less (`doc/results.md`, *Models side by side*), but need
        no theory.
    simulate : bool, default=True
        Whether to fit and simulate costs. False: likelihoods alone, in seconds a fit.
    level : float, default=0.95
        Of the intervals of all differences together.
    n_jobs : int, default=None
        Fits at a time (joblib).
    random_state : int, RandomState instance or None, default=None
        Seeds all fits and simulations.

    Returns
    -------
    ModelComparison
        ``best`` is the model that is better than each other beyond doubt, or None.

    See Also
    --------
    delssome.plotting.ComparisonDisplay : draws it.

    Notes
    -----
    Likelihoods are of coefficients that make the FC of the training subjects most
    likely (weighted least squares by theory), not of those of the lowest cost. The
    noise of a scan has a closed form (:func:`~delssome.theory.fc_covariance`); how much
    larger what the model leaves is, in the same subjects, scales it. Where a subject's
    own connectome has no stable state, that of the group stands in.

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
    ...     [FIC(), MFM()], cohort.X, fitter=fitter, cv=3, criterion="cost",
    ...     random_state=0,
    ... )
    >>> found.costs.shape
    (2, 3, 3)
    """
    check_number("level", level, Real, 0.5, 0.9999)
    if criterion not in CRITERIA:
        raise ValueError(
            f"criterion must be one of {', '.join(CRITERIA)}, got {criterion!r}."
        )
    if criterion == "cost" and not simulate:
        raise ValueError(
            "criterion='cost' needs simulated costs, got simulate=False; ask for "
            "criterion='likelihood', or simulate."
        )
    fitter = MeanFieldFitter() if fitter is None else fitter
    fitters = _fitters(models, fitter)
    n_bins = next(iter(fitters.values())).n_fcd_bins
    data, usable = usable_rows(X, n_bins)
    if len(data) < 2:
        raise ValueError(
            "X must hold two subjects or more, some to fit and some to compare with, "
            f"got {len(data)}."
        )
    _, labels = indexable(data, groups)
    if labels is not None and isinstance(cv, Integral):
        cv = GroupKFold(cv)
    folds = [
        (train[usable[train]], test[usable[test]])
        for train, test in check_cv(cv).split(data, groups=labels)
    ]
    folds = [fold for fold in folds if all(map(len, fold))]
    if not folds:
        raise ValueError(f"cv must give one fold or more, got {cv!r}.")
    asked = Asked(criterion == "likelihood", simulate)
    for name, one in fitters.items():
        _check(name, one, data, folds, asked)
    rng = make_generator(random_state)
    seeds = rng.integers(2**31, size=(len(fitters), len(folds), 3))
    found = Parallel(n_jobs)(
        delayed(_compare)(one, data[train], data[test], asked, *seeds[k, fold])
        for k, one in enumerate(fitters.values())
        for fold, (train, test) in enumerate(folds)
    )
    n_models, n_folds = len(fitters), len(folds)
    said = [found[k * n_folds : (k + 1) * n_folds] for k in range(n_models)]
    units = np.arange(len(data)) if labels is None else np.asarray(labels)
    held_out = np.concatenate([units[test] for _, test in folds])
    return ModelComparison(
        names=tuple(fitters),
        criterion=criterion,
        log_likelihood=_by_unit(said, "log_likelihood", held_out),
        unexplained=_by_unit(said, "unexplained", held_out),
        costs=np.array([[one.costs for one in some] for some in said]),
        in_range=np.array([[one.in_range for one in some] for some in said]),
        n_train=np.array([len(train) for train, _ in folds]),
        n_test=np.array([len(test) for _, test in folds]),
        n_units=np.array([len(np.unique(units[test])) for _, test in folds]),
        level=level,
    )


class Asked(NamedTuple):
    """What is asked of every fit."""

    likelihood: bool
    costs: bool


class Judged(NamedTuple):
    """How well a fit explains the held-out subjects of a fold."""

    log_likelihood: Array
    unexplained: Array
    costs: Array
    in_range: bool


def _by_unit(said: list[list[Judged]], name: str, held_out: Array) -> Array:
    """Average what is said of held-out subjects over units, (n_models, n_units)."""
    values = np.array([np.concatenate([getattr(x, name) for x in one]) for one in said])
    return np.stack(
        [values[:, held_out == unit].mean(axis=1) for unit in np.unique(held_out)], 1
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
    name: str,
    fitter: MeanFieldFitter,
    X: Array,
    folds: list[tuple[Array, Array]],
    asked: Asked,
) -> None:
    """Refuse what cannot be fitted or judged before anything long starts."""
    try:
        for _, test in folds:
            make_target(X[test], fitter.n_fcd_bins, fitter.sc_transform)
        with listening():  # warnings come with the fits
            task = pose(clone(fitter), X[folds[0][0]])
        if asked.likelihood:
            _check_likelihood(task)
    except (TypeError, ValueError) as error:
        error.add_note(f"This is said of {name!r} among the models.")
        raise


def _check_likelihood(task: Task) -> None:
    reason = reason_against(task.space.model)
    if task.space.departs:
        reason = "regions that depart from the maps have none here"
    if reason:
        raise ValueError(
            f"criterion='likelihood' needs the likelihood of FC by theory: {reason}. "
            "Ask for criterion='cost'."
        )


def _compare(
    fitter: MeanFieldFitter,
    train: Array,
    test: Array,
    asked: Asked,
    seed: int,
    fresh: int,
    likely: int,
) -> Judged:
    """Fit to some subjects, and judge the fit by the others."""
    fitter = clone(fitter).set_params(random_state=int(seed))
    log_likelihood = unexplained = np.full(len(test), np.nan)
    costs, in_range = np.full(len(COST_NAMES), np.nan), False
    if asked.costs:
        fitter.fit(train)
        target = make_target(test, fitter.n_fcd_bins, fitter.sc_transform)
        sc = np.repeat(target.sc[None], N_EVALUATIONS, axis=0)
        statistics = fitter._simulate_winner(sc, np.random.default_rng(fresh))
        evaluation = statistics.compare(target)
        costs = evaluation.costs.mean(axis=0)
        in_range = bool(evaluation.in_range.all())
    if asked.likelihood:
        with listening():  # to the network, which only says where to start
            task = pose(fitter, train)
        density = _most_likely(fitter, task, train, np.random.default_rng(likely))
        log_likelihood = np.full(len(test), -np.inf)
        if density is not None:
            unexplained = density.unexplained(_scans(fitter, test))
            log_likelihood = density.log_density(unexplained)
    return Judged(log_likelihood, unexplained, costs, in_range)


def _most_likely(
    fitter: MeanFieldFitter, task: Task, train: Array, rng: np.random.Generator
) -> DensityOfFC | None:
    network = task.evaluators[0] if by_shipped_network(fitter) else None
    if isinstance(network, TheoryEvaluator):  # of a model that the network cannot serve
        network = None
    sc = make_target(train, fitter.n_fcd_bins, fitter.sc_transform).sc
    scans, scan = _scans(fitter, train), task.simulator.acquisition
    return most_likely(task.space, scan, sc, scans, rng, network)


def _scans(fitter: MeanFieldFitter, X: Array) -> Scans:
    """Give the FC of packed subjects, each on its own connectome."""
    subjects = unpack_subjects(X, fitter.n_fcd_bins)
    sc = prepare_sc(subjects.sc, transform=fitter.sc_transform)
    return Scans(sc, matrix_to_edges(subjects.fc))
