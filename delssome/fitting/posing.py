"""From settings and data to a task, all checked before anything long starts."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

import os
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome._version import __version__
from delssome.connectome import (
    group_average,
    in_order,
    matrix_to_edges,
    n_rois_from_width,
    prepare_sc,
)
from delssome.evaluation import Evaluator, Target
from delssome.fitting.departing import N_LEADING
from delssome.fitting.evaluators import choose_evaluators
from delssome.fitting.journal import Journal
from delssome.fitting.protocol import Task
from delssome.fitting.searching import Deadline, Schedule
from delssome.fitting.usable import check_data
from delssome.fitting.verification import Verification, report_unlike_contexts
from delssome.identity import fingerprint
from delssome.models import FIC, Model, ParameterSpace, check_maps
from delssome.search import CMAES, Search
from delssome.simulation import Acquisition, SimulationEvaluator, Simulator, check_step
from delssome.utils import (
    MOST_BINS,
    check_number,
    check_running,
    instance_or_default,
    make_generator,
)

if TYPE_CHECKING:
    from delssome.fitting.fitter import MeanFieldFitter

__all__ = [
    "Components",
    "by_shipped_network",
    "components_of",
    "make_target",
    "pose",
]

Array = NDArray[Any]

# Restarts by the shipped network, whose candidates cost next to nothing (published),
# and the search of each: theory looks at where they end, longer ones gain nothing.
N_RESTARTS = 5
BY_NETWORK = CMAES(popsize=64, max_iter=80)
# Where descents start, where regions depart from the maps.
N_DESCENTS = 6


class Components(NamedTuple):
    """The components of a fitter, with defaults filled in."""

    model: Model
    acquisition: Acquisition
    search: Search
    simulator: Simulator
    verification: Verification


def components_of(fitter: MeanFieldFitter) -> Components:
    """Give the components of a fitter, with defaults filled in.

    Raises
    ------
    TypeError, ValueError
        For components of another kind, or that do not go together.
    """
    model = FIC() if fitter.model is None else fitter.model
    search = fitter.search
    if search is None:
        follows_maps = np.ndim(fitter.departure) == 0 and fitter.departure == 0
        search = BY_NETWORK if by_shipped_network(fitter) and follows_maps else CMAES()
    given = Components(
        instance_or_default("model", model, Model),
        instance_or_default("acquisition", fitter.acquisition, Acquisition),
        instance_or_default("search", search, Search),  # type: ignore[type-abstract]
        instance_or_default("simulator", fitter.simulator, Simulator),
        instance_or_default("verification", fitter.verification, Verification),
    )
    given.simulator.uses  # noqa: B018, or says why nothing can
    given = given._replace(acquisition=check_step(given.model, given.acquisition))
    if given.search.n_closing and not by_shipped_network(fitter):
        raise ValueError(
            f"n_closing={given.search.n_closing!r} of the search is for "
            f"surrogate='deep', got surrogate={fitter.surrogate!r}; leave it at 0."
        )
    return given


def pose(fitter: MeanFieldFitter, X: Array) -> Task:
    """Check settings and data of a fit, and average the data.

    Parameters
    ----------
    fitter : MeanFieldFitter
    X : ndarray of shape (n_subjects, n_features)

    Returns
    -------
    Task
    """
    check_number("n_fcd_bins", fitter.n_fcd_bins, Integral, 2, MOST_BINS)
    check_running(fitter.n_jobs, fitter.verbose)
    given = components_of(fitter)
    _check_checkpoint(fitter)
    n_rois = n_rois_from_width(X.shape[1], fitter.n_fcd_bins)
    departures = _departures(fitter, given, len(X))
    maps = check_maps(fitter.maps, n_rois)
    space = ParameterSpace(given.model, maps, departs=bool(departures))
    check_data(X, fitter.n_fcd_bins)
    X = in_order(X)
    deadline = Deadline(given.search.max_seconds)
    rng = make_generator(fitter.random_state)
    searched, validated = _split(X, given.verification.validation_fraction, rng)
    target = make_target(searched, fitter.n_fcd_bins, fitter.sc_transform)
    validation = target
    if validated is not None:
        held_out = make_target(validated, fitter.n_fcd_bins, fitter.sc_transform)
        validation = held_out._replace(sc=target.sc)  # as published
    simulator = SimulationEvaluator(
        given.model,
        given.acquisition,
        given.simulator,
        n_fcd_bins=fitter.n_fcd_bins,
        n_jobs=fitter.n_jobs,
    )
    evaluators = choose_evaluators(fitter.surrogate, simulator)
    if departures and evaluators[0].slopes(given.model, target) is None:
        raise ValueError(
            f"departure={fitter.departure!r} needs costs with a gradient, which the "
            "network (surrogate='deep') has for models whose regions rest whatever the "
            "others do (FIC), and theory (surrogate='linear') for models of one slow "
            "state that couples and is seen, without global signal regression and "
            f"censoring; got surrogate={fitter.surrogate!r}, {given.model.name} and "
            f"{given.acquisition!r}."
        )
    journal = _journal(fitter, given, X, evaluators[0])
    report_unlike_contexts(evaluators[0], target, given.acquisition.processing)
    schedule = Schedule(
        given.search.max_iter,
        given.verification.n_simulated(screened=False),
        journal=journal,
        deadline=deadline,
        verbose=fitter.verbose,
    )
    if departures:
        schedule = replace(schedule, max_iter=min(schedule.max_iter, N_LEADING))
    by_network = by_shipped_network(fitter) and evaluators[0].digest() != ""
    n_closing = min(given.search.n_closing, given.search.max_iter // 2)
    if n_closing and by_network:  # by theory, which stands behind the network
        schedule = replace(schedule, closing=evaluators[1], n_closing=n_closing)
    n_restarts = given.search.n_restarts
    if n_restarts is None:
        n_restarts = N_RESTARTS if by_network else 1
        n_restarts = N_DESCENTS if departures else n_restarts
    return Task(
        space=space,
        target=target,
        validation=validation,
        evaluators=evaluators,
        simulator=simulator,
        search=given.search,
        n_restarts=n_restarts,
        verification=given.verification,
        schedule=schedule,
        rng=rng,
        departures=departures,
    )


def make_target(X: Array, n_fcd_bins: int, sc_transform: str | None) -> Target:
    """Average subjects and prepare their connectome for the model.

    Parameters
    ----------
    X : ndarray of shape (n_subjects, n_features)
    n_fcd_bins, sc_transform
        As of :class:`~delssome.MeanFieldFitter`.

    Returns
    -------
    Target
    """
    average = group_average(X, n_fcd_bins)
    sc = prepare_sc(average.sc, transform=sc_transform)
    alone = np.flatnonzero(~(sc > 0).any(axis=1))
    if len(alone):
        raise ValueError(
            "The SC in X leaves regions without any connection (rows "
            f"{', '.join(map(str, alone[:10] + 1))}, counted from 1), so that nothing "
            "explains their FC: leave them out, or use a denser SC (with "
            "sc_transform='log' a count of one or less is none)."
        )
    return Target(sc, matrix_to_edges(average.fc), average.fcd_cdf)


def by_shipped_network(fitter: MeanFieldFitter) -> bool:
    """Tell whether the network shipped with the package ranks candidates."""
    return isinstance(fitter.surrogate, str) and fitter.surrogate == "deep"


def _departures(
    fitter: MeanFieldFitter, given: Components, n_subjects: int
) -> tuple[float, ...]:
    """Give how far regions may depart from the maps, () if not at all."""
    asked = fitter.departure
    if isinstance(asked, str) or np.ndim(asked) > 1:
        raise TypeError(
            "departure must be a number or a sequence of numbers, standard deviations "
            f"as shares of the ranges, got {asked!r}."
        )
    if np.ndim(asked) == 0 and asked == 0:
        return ()
    departures = tuple(np.atleast_1d(asked).tolist())
    for one in departures:
        check_number("departure", one, Real, 1e-6)
    if np.ndim(asked) and given.verification.validation_fraction * n_subjects < 0.5:
        raise ValueError(
            "A choice of departure needs subjects that are held out to choose by: give "
            "several rows and Verification(validation_fraction=...), or one departure."
        )
    if given.search.n_closing:
        raise ValueError(
            f"n_closing={given.search.n_closing!r} of the search is for regions that "
            f"follow maps, got departure={asked!r}; leave it at 0."
        )
    return departures


def _check_checkpoint(fitter: MeanFieldFitter) -> None:
    if fitter.checkpoint is None:
        return
    if not isinstance(fitter.checkpoint, str | os.PathLike):
        raise TypeError(
            f"checkpoint must be a path or None, got {fitter.checkpoint!r}."
        )
    if not Path(fitter.checkpoint).parent.is_dir():
        raise ValueError(
            f"checkpoint={str(fitter.checkpoint)!r} lies in a folder that does "
            "not exist; make it first."
        )
    if not isinstance(fitter.random_state, Integral):
        raise ValueError(
            "checkpoint needs an int as random_state, to repeat what was asked "
            f"for, got {fitter.random_state!r}."
        )


def _journal(
    fitter: MeanFieldFitter, given: Components, X: Array, evaluator: Evaluator
) -> Journal:
    """Open the checkpoint, if there is to be one."""
    if fitter.checkpoint is None:
        return Journal(None, "")
    # Workers, progress and time change nothing of what is found.
    search = replace(given.search, max_seconds=None)
    settings = (
        fitter.maps,
        fitter.surrogate,
        *given._replace(search=search),
        fitter.n_fcd_bins,
        fitter.sc_transform,
        fitter.random_state,
        fitter.departure,
    )
    key = fingerprint(__version__, *settings, X, evaluator.digest())
    return Journal(fitter.checkpoint, key)


def _split(
    X: Array, fraction: float, rng: np.random.Generator
) -> tuple[Array, Array | None]:
    """Hold some subjects out."""
    n_held_out = round(fraction * len(X))
    if n_held_out == 0 or len(X) == 1:
        return X, None
    n_held_out = min(n_held_out, len(X) - 1)
    order = rng.permutation(len(X))
    return X[order[n_held_out:]], X[order[:n_held_out]]
