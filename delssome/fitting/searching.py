"""Independent searches by whatever evaluates, and the best that they find."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.evaluation import Evaluation, Evaluator, Target
from delssome.exceptions import SearchInterruptedWarning
from delssome.fitting.callbacks import Watch
from delssome.fitting.journal import Journal
from delssome.models import ParameterSpace
from delssome.saying import progress_bar, warn
from delssome.search import Searcher

__all__ = ["Deadline", "Finalists", "Schedule", "search"]

Array = NDArray[Any]


class Finalists(NamedTuple):
    """Candidates to be verified, with what the search knew of them.

    Attributes
    ----------
    theta : ndarray of shape (n_finalists, n_params)
    restart, generation : ndarray of int, shape (n_finalists,)
    evaluation : Evaluation
        Costs and range as the search's evaluator gave them.
    """

    theta: Array
    restart: Array
    generation: Array
    evaluation: Evaluation

    def select(self, which: Any) -> "Finalists":
        """Take some of them, by indices or a slice."""
        parts = Evaluation(*(part[which] for part in self.evaluation))
        return Finalists(
            self.theta[which], self.restart[which], self.generation[which], parts
        )


class Deadline:
    """When searches have to end.

    Parameters
    ----------
    seconds : float, default=None
        From now on. None: never.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._end = np.inf if seconds is None else time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self._end

    def set_now(self) -> None:
        """End it."""
        self._end = -np.inf


@dataclass(frozen=True)
class Schedule:
    """How long searches go on, and by what they close.

    Attributes
    ----------
    max_iter, n_finalists : int
        Generations of a search; candidates that all of them give.
    closing : Evaluator, default=None
        Scores the last generations of every search in place of the first evaluator;
        then only the best of these generations become finalists.
    n_closing : int, default=0
        How many generations these are, of `max_iter`.
    journal : Journal
        Keeps evaluations, and knows those of an earlier run.
    stage : int, default=0
        Counts searches in the journal.
    deadline : Deadline
        After it no generation starts, but for one that closes.
    watch : Watch
        Is told of every generation, and may end a search after one.
    verbose : int, default=0
    """

    max_iter: int
    n_finalists: int
    closing: Evaluator | None = None
    n_closing: int = 0
    journal: Journal = field(default_factory=lambda: Journal(None, ""))
    stage: int = 0
    deadline: Deadline = field(default_factory=Deadline)
    watch: Watch = field(default_factory=Watch)
    verbose: int = 0

    @property
    def closes(self) -> int:
        """First generation that closes."""
        return self.max_iter - self.n_closing


class _Leader(NamedTuple):
    """The best candidate of a generation."""

    theta: Array
    restart: int
    generation: int
    costs: Array
    violation: float
    closed: bool

    @classmethod
    def of(
        cls,
        theta: Array,
        evaluation: Evaluation,
        restart: int,
        generation: int,
        closed: bool,
    ) -> Self:
        """Find it."""
        best = int(np.argmin(evaluation.fitness))
        costs, violation = evaluation.costs[best], evaluation.violation[best]
        return cls(theta[best], restart, generation, costs, violation, closed)


def search(
    space: ParameterSpace,
    evaluator: Evaluator,
    target: Target,
    searchers: Sequence[Searcher],
    schedule: Schedule,
) -> tuple[Finalists, Bunch]:
    """Run independent searches and keep the best candidates of their generations.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : Evaluator
    target : Target
    searchers : sequence of Searcher
        New ones, or some that another call has used and that go on from there.
    schedule : Schedule

    Returns
    -------
    finalists : Finalists
        Best first, as many of each restart.
    history : Bunch of ndarrays
        One entry per generation.
    """
    rows: list[dict[str, Any]] = []
    leaders: list[_Leader] = []
    bar = progress_bar(
        total=len(searchers) * schedule.max_iter,
        desc="search",
        unit="gen",
        verbose=schedule.verbose,
    )
    with bar, _interruptible(leaders, schedule.deadline):
        for restart, searcher in enumerate(searchers):
            with schedule.watch.task("search", schedule.max_iter) as watch:
                _run(
                    space,
                    evaluator,
                    target,
                    searcher,
                    restart,
                    replace(schedule, watch=watch),
                    rows,
                    leaders,
                    bar,
                )
    history = Bunch(**{name: np.array([r[name] for r in rows]) for name in rows[0]})
    history.n_evaluations = history.n_evaluations.cumsum()
    return _finalists(leaders, schedule.n_finalists), history


def _run(
    space: ParameterSpace,
    evaluator: Evaluator,
    target: Target,
    searcher: Searcher,
    restart: int,
    schedule: Schedule,
    rows: list[dict[str, Any]],
    leaders: list[_Leader],
    bar: Any,
) -> None:
    """Run one search, noting its generations in `rows` and `leaders`."""
    generation, closes = 0, schedule.closes
    # One that ended by another evaluator has more to learn from this one.
    may_end = not searcher.converged
    while generation < schedule.max_iter:
        if schedule.deadline.passed:
            # Some generation has to be found, or closed, first.
            if leaders and leaders[-1].closed == (schedule.n_closing > 0):
                break
            if schedule.n_closing:
                generation = closes
        closed = generation >= closes
        scores = schedule.closing if closed and schedule.closing else evaluator
        theta = searcher.ask()
        # Noise of its own, so that what is asked for depends on no evaluator.
        (noise,) = searcher.rng.spawn(1)
        evaluation = schedule.journal.evaluate(
            (schedule.stage, restart, generation),
            (theta.astype(np.float32), noise.bit_generator.state),
            partial(scores.evaluate, space.candidates(theta, target.sc), target, noise),
        )
        searcher.tell(evaluation.fitness)
        leaders.append(_Leader.of(theta, evaluation, restart, generation, closed))
        rows.append(_row(searcher, evaluation, restart, generation, closed))
        bar.set_postfix(
            restart=restart + 1,
            in_range=f"{rows[-1]['n_in_range']}/{len(theta)}",
            cost=f"{rows[-1]['best_total']:.3f}",
            refresh=False,
        )
        bar.update()
        generation += 1
        stopped = schedule.watch.step(
            "generation", lambda: {"params_": _finalists(leaders, 1).theta[0]}
        )
        if (stopped or (may_end and searcher.converged)) and generation < closes:
            # What closes may still disagree with where this has ended.
            bar.update(closes - generation)
            generation = closes


def _row(
    searcher: Searcher,
    evaluation: Evaluation,
    restart: int,
    generation: int,
    closed: bool,
) -> dict[str, Any]:
    """Describe a generation for the history."""
    totals = evaluation.total[evaluation.in_range]
    totals = totals[np.isfinite(totals)]
    return {
        "restart": restart,
        "generation": generation,
        "n_evaluations": len(evaluation.violation),
        "best_total": totals.min() if len(totals) else np.nan,
        "median_total": np.median(totals) if len(totals) else np.nan,
        "n_in_range": len(totals),
        "step_size": searcher.step_size,
        "closing": closed,
    }


def _finalists(leaders: list[_Leader], n_finalists: int) -> Finalists:
    """Choose among the best of all generations."""
    # Those of other generations only if none closed.
    leaders = [leader for leader in leaders if leader.closed] or leaders
    theta, restarts, generations, costs, violations, _ = map(
        np.array, zip(*leaders, strict=True)
    )
    order = np.argsort(Evaluation(costs, violations).fitness, kind="stable")
    # As many of each restart, so that verification sees wherever they ended.
    rank = np.empty(len(order), dtype=int)
    for restart in np.unique(restarts):
        own = order[restarts[order] == restart]
        rank[own] = np.arange(len(own))
    share = -(-n_finalists // len(np.unique(restarts)))
    order = order[rank[order] < share][:n_finalists]
    found = Finalists(theta, restarts, generations, Evaluation(costs, violations))
    return found.select(order)


@contextmanager
def _interruptible(found: Sequence[Any], deadline: Deadline) -> Iterator[None]:
    """End a search at Ctrl-C, if it has found anything yet."""
    try:
        yield
    except KeyboardInterrupt:
        if not found:
            raise
        deadline.set_now()
        warn(
            f"The search was interrupted after {len(found)} generations. The best of "
            "what it found is being verified by simulation; interrupt again to stop.",
            SearchInterruptedWarning,
        )
