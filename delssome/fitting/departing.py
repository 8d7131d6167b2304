"""Regions that depart from the maps: descents from where they follow them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.evaluation import Evaluation, Evaluator
from delssome.fitting.searching import Finalists
from delssome.saying import progress_bar
from delssome.search.descent import STAGES, Descended, descend

if TYPE_CHECKING:
    from delssome.fitting.protocol import Task

__all__ = ["N_LEADING", "depart"]

Array = NDArray[Any]

# Generations of a search that lead to where a descent starts: what parameters of maps
# can gain beyond is little beside what regions gain.
N_LEADING = 5
# Stages after which only so many descents go on: those that are lowest.
N_TRIED, N_KEPT = 2, 2


def depart(
    task: Task, evaluator: Evaluator, leaders: Finalists
) -> tuple[Finalists, NDArray[np.float64], Bunch]:
    """Descend from the best candidate of every search.

    Parameters
    ----------
    task : Task
        Of a space that departs.
    evaluator : Evaluator
        That knows slopes.
    leaders : Finalists
        In the space of the maps, best first.

    Returns
    -------
    finalists : Finalists
        Best first.
    departure : ndarray of shape (n_finalists,)
        With which each was found.
    history : Bunch of ndarrays
        One entry for a stage of a descent, as of generations.
    """
    space, target, schedule = task.space, task.target, task.schedule
    loss = evaluator.slopes(space.model, target)
    assert loss is not None
    found: list[Array] = []
    rows: list[dict[str, Any]] = []
    origin: list[tuple[int, int, float]] = []
    firsts = [int(np.argmax(leaders.restart == r)) for r in np.unique(leaders.restart)]
    first_generation = int(leaders.generation.max()) + 1
    verbose, n_kept = schedule.verbose, min(N_KEPT, len(firsts))
    total = len(task.departures) * (len(firsts) + n_kept)
    with progress_bar(total=total, desc="descent", unit="run", verbose=verbose) as bar:

        def go_down(start: Array, k: int, departure: float, first: int) -> Descended:
            stages = STAGES[:N_TRIED] if first == 0 else STAGES[N_TRIED:]
            ended = descend(space, loss, start, departure, stages)
            restart = int(leaders.restart[k])
            for stage in range(len(ended.theta)):
                generation = first_generation + first + stage
                rows.append(_row(restart, generation, ended, stage))
                # Ends of the last stages, and whatever there is when time is over.
                if first or schedule.deadline.passed:
                    found.append(ended.theta[stage])
                    origin.append((restart, generation, departure))
            bar.update()
            return ended

        for departure in task.departures:
            if found and schedule.deadline.passed:
                break
            tried = []
            for k in firsts:
                params = space.following.expand(leaders.theta[k])
                start = space.departing(params)[0]
                tried.append((k, go_down(start, k, departure, 0)))
                if schedule.deadline.passed:
                    break
            tried.sort(key=lambda one: one[1].loss[-1])
            for k, ended in tried[:n_kept]:
                if found and schedule.deadline.passed:
                    break
                go_down(ended.theta[-1], k, departure, N_TRIED)
    theta = np.array(found)
    ok = space.feasible(theta)
    if not ok.any():
        raise ValueError(
            f"No descent kept the constraints of {space.model!r}; relax them, or let "
            "regions follow the maps (departure=0)."
        )
    restarts, generations, departures = map(np.array, zip(*origin, strict=True))
    (rng,) = task.rng.spawn(1)  # theory draws samples behind FCD
    evaluation = evaluator.evaluate(space.candidates(theta, target.sc), target, rng)
    order = np.argsort(np.where(ok, evaluation.fitness, np.inf), kind="stable")
    order = order[ok[order]]
    finalists = Finalists(
        theta[order],
        restarts[order],
        generations[order],
        Evaluation(evaluation.costs[order], evaluation.violation[order]),
    )
    history = Bunch(**{name: np.array([r[name] for r in rows]) for name in rows[0]})
    history.n_evaluations = history.n_evaluations.cumsum()
    return finalists, departures[order], history


def _row(restart: int, generation: int, ended: Descended, stage: int) -> dict[str, Any]:
    """Describe a stage of a descent as a generation of one candidate."""
    return {
        "restart": restart,
        "generation": generation,
        "n_evaluations": int(ended.n_evaluations[stage]),
        "best_total": float(ended.loss[stage]),
        "median_total": np.nan,  # of one candidate there is none
        "n_in_range": 1,
        "step_size": np.nan,
        "closing": False,
    }
