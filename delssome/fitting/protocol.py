"""The protocol of a fit: search, verify, and search on where simulation contradicts."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from delssome.evaluation import Evaluator, Target
from delssome.exceptions import SurrogateDomainError, SurrogateDomainWarning
from delssome.fitting.callbacks import Watch
from delssome.fitting.departing import depart
from delssome.fitting.screening import LOOKED_AT, screen
from delssome.fitting.searching import Finalists, Schedule, search
from delssome.fitting.verification import Verification, disagreement, verify
from delssome.models import ParameterSpace
from delssome.saying import say, warn
from delssome.search import Search
from delssome.simulation import SimulationEvaluator

__all__ = ["Task", "search_and_verify"]


@dataclass(frozen=True)
class Task:
    """What is fitted, by what, and how.

    Attributes
    ----------
    space : ParameterSpace
    target, validation : Target
        What is searched for, and what finalists are compared with.
    evaluators : sequence of Evaluator
        What scores candidates, from fast to exact: the next takes over where
        simulation contradicts one before it.
    simulator : SimulationEvaluator
        Verifies.
    search : Search
    n_restarts : int
    verification : Verification
    schedule : Schedule
        Of the first search.
    rng : numpy.random.Generator
    departures : tuple of float
        How far regions may depart from the maps, each tried; none: not at all.
    """

    space: ParameterSpace
    target: Target
    validation: Target
    evaluators: Sequence[Evaluator]
    simulator: SimulationEvaluator
    search: Search
    n_restarts: int
    verification: Verification
    schedule: Schedule
    rng: np.random.Generator
    departures: tuple[float, ...] = ()

    @property
    def n_parts(self) -> int | None:
        """Searches, and what verifies; None where it may be followed by others."""
        refines = self.verification.on_disagreement == "refine"
        return None if refines else self.n_restarts + 1

    @property
    def fitted(self) -> dict[str, Any]:
        """What an estimator has of it after a fit."""
        return {
            "space_": self.space,
            "model_": self.space.model,
            "acquisition_": self.simulator.acquisition,
            "search_": self.search,
            "simulator_": self.simulator.simulator,
            "n_rois_": self.space.n_rois,
        }

    def watched(self, watch: Watch) -> "Task":
        """Give the task, of which somebody is told."""
        return replace(self, schedule=replace(self.schedule, watch=watch))


def search_and_verify(task: Task) -> tuple[Bunch, Bunch]:
    """Search and verify, and search on where simulation contradicts.

    Parameters
    ----------
    task : Task

    Returns
    -------
    verification, history : Bunch of ndarrays
        Of all stages; ``stage`` counts them from 0.
    """
    space, target, how = task.space, task.target, task.verification
    tables: list[Bunch] = []
    histories: list[Bunch] = []
    leading = space.following if task.departures else space
    searchers = [
        task.search.start(leading, child) for child in task.rng.spawn(task.n_restarts)
    ]
    schedule = task.schedule
    further = -(-how.refine_budget // task.search.popsize)
    for stage, evaluator in enumerate(task.evaluators):
        if stage:
            schedule = replace(
                schedule, max_iter=further, closing=None, n_closing=0, stage=stage
            )
        theory = None if stage else _theory_of(task)
        looked_at, screened = schedule, how.n_simulated(screened=True)
        if theory is not None:
            looked_at = replace(schedule, n_finalists=LOOKED_AT * screened)
        finalists, history = search(leading, evaluator, target, searchers, looked_at)
        if theory is not None:
            finalists = screen(space, theory, task.validation, finalists, screened)
        departure = np.zeros(len(finalists.theta))
        if task.departures:
            finalists, departure, descents = depart(task, evaluator, finalists)
            descents.n_evaluations += history.n_evaluations[-1]
            history = _join([history, descents])
        with schedule.watch.task("verify"):
            together = len(finalists.theta) if theory is None else screened
            table = _verify_until_one_stays(task, finalists, together)
        finalists = finalists.select(slice(0, len(table.in_range)))
        if schedule.n_closing == 0:
            candidates = space.candidates(finalists.theta, target.sc)
            expected = evaluator.expected_error(candidates, target)
            if expected is not None:
                table.predicted_error = expected
        table.stage = np.full(len(table.in_range), stage)
        table.departure = departure[: len(table.in_range)]
        history.stage = np.full(len(history.restart), stage)
        if histories:
            history.n_evaluations += histories[-1].n_evaluations[-1]
        tables.append(table)
        histories.append(history)
        # Searches by simulation are contradicted by nothing but noise.
        said = "" if evaluator.simulates else disagreement(table)
        if not said:
            break
        if how.on_disagreement == "raise":
            raise SurrogateDomainError(said)
        if how.on_disagreement == "warn" or schedule.deadline.passed or task.departures:
            warn(said, SurrogateDomainWarning)
            break
        if schedule.verbose >= 1:
            say(f"{said}\nSearching on with the next evaluator.")
        searchers = [searchers[table.restart[np.flatnonzero(table.selected)[0]]]]
    return _join(tables), _join(histories)


def _verify_until_one_stays(task: Task, finalists: Finalists, together: int) -> Bunch:
    """Simulate finalists, some together, until one of them stays in range."""
    tables: list[Bunch] = []
    for start in range(0, len(finalists.theta), together):
        part = finalists.select(slice(start, start + together))
        given = task.space, task.simulator, task.validation, part, task.rng
        tables.append(verify(*given, task.schedule.verbose))
        if tables[-1].in_range.any():
            break
    # Where none stays, the best of those found best.
    chosen = tables[-1] if tables[-1].in_range.any() else tables[0]
    for table in tables:
        table.selected &= table is chosen
    return _join(tables)


def _theory_of(task: Task) -> Evaluator | None:
    """Give the theory behind what searches, if there is one."""
    if task.departures or task.schedule.n_closing:
        return None
    following = [one for one in task.evaluators[1:] if not one.simulates]
    return following[0] if following else None


def _join(tables: list[Bunch]) -> Bunch:
    """Put tables below each other; what one of them lacks is NaN."""
    names = dict.fromkeys(name for table in tables for name in table)
    joined = Bunch()
    for name in names:
        parts = [
            table.get(name, np.full(len(table.restart), np.nan)) for table in tables
        ]
        joined[name] = np.concatenate(parts)
    return joined
