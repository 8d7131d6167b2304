"""Search by whatever evaluates, then verification of the finalists by simulation."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
import warnings
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch
from tqdm import tqdm

from delssome.costs import COST_NAMES, Evaluation
from delssome.exceptions import (
    SearchInterruptedWarning,
    SurrogateDomainError,
    SurrogateDomainWarning,
)
from delssome.fitting.journal import Journal
from delssome.search import CMAES
from delssome.simulation import SimulationEvaluator, compare
from delssome.utils import progress_bar

__all__ = [
    "Deadline",
    "Finalists",
    "choose",
    "disagreement",
    "find_alike",
    "report_unlike_contexts",
    "search",
    "search_and_verify",
    "verify",
]

# Bias in the total cost of the finalists that is put down to chance, of which they
# share one draw: the published noise floor.
TOLERATED = 0.1


class Finalists(NamedTuple):
    """Candidates to be verified, with what the search knew of them.

    Attributes
    ----------
    theta : ndarray of shape (n_finalists, n_params)
    restart, generation : ndarray of int, shape (n_finalists,)
    evaluation : Evaluation
        Costs and range as the search's evaluator gave them.
    """

    theta: np.ndarray
    restart: np.ndarray
    generation: np.ndarray
    evaluation: Evaluation


def search(
    space,
    evaluator,
    target,
    optimisers,
    *,
    max_iter,
    n_finalists,
    closing=None,
    n_closing=0,
    journal=None,
    stage=0,
    deadline=None,
    verbose=0,
):
    """Run independent searches and keep the best candidates of their generations.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : object with ``evaluate(params, target, rng)``
    target : Target
    optimisers : sequence of CMAES
        New ones, or some that another call has used and that go on from there.
    max_iter, n_finalists
        As in :class:`~delssome.MeanFieldFitter`.
    closing : evaluator, default=None
        Scores the last generations of every search in place of `evaluator`; then only
        the best of these generations become finalists.
    n_closing : int, default=0
        How many generations these are, of `max_iter`.
    journal : Journal, default=None
        Keeps evaluations, and knows those of an earlier run.
    stage : int, default=0
        Counts searches in the journal.
    deadline : Deadline, default=None
        After it no generation starts, but for one that closes.
    verbose : int, default=0

    Returns
    -------
    finalists : Finalists
        Best first, as many of each restart.
    history : Bunch of ndarrays
        One entry per generation.
    """
    journal, deadline = journal or Journal(None, ""), deadline or Deadline()
    rows, best, n_evaluations = [], [], 0
    bar = progress_bar(
        total=len(optimisers) * max_iter, desc="search", unit="gen", verbose=verbose
    )
    with bar, _interruptible(best, deadline):
        for restart, optimiser in enumerate(optimisers):
            generation, closes = 0, max_iter - n_closing
            # One that ended by another evaluator has more to learn from this one.
            may_end = not optimiser.converged
            while generation < max_iter:
                if deadline.passed:
                    # Some generation has to be found, or closed, first.
                    if best and best[-1][-1] == (n_closing > 0):
                        break
                    if n_closing:
                        generation = closes
                scores = evaluator if generation < closes else closing
                theta = optimiser.ask()
                # Noise of its own, so that what is asked for depends on no evaluator.
                evaluation = journal.evaluate(
                    (stage, restart, generation),
                    partial(
                        scores.evaluate,
                        space.expand(theta),
                        target,
                        optimiser.rng.spawn(1)[0],
                    ),
                )
                fitness = evaluation.fitness
                optimiser.tell(fitness)
                n_evaluations += len(theta)
                leader = int(np.argmin(fitness))
                best.append(
                    (
                        theta[leader],
                        restart,
                        generation,
                        evaluation.costs[leader],
                        evaluation.violation[leader],
                        scores is closing,
                    )
                )
                totals = evaluation.total[evaluation.in_range]
                totals = totals[np.isfinite(totals)]
                rows.append(
                    {
                        "restart": restart,
                        "generation": generation,
                        "n_evaluations": n_evaluations,
                        "best_total": totals.min() if len(totals) else np.nan,
                        "median_total": np.median(totals) if len(totals) else np.nan,
                        "n_in_range": len(totals),
                        "step_size": optimiser.step_size,
                        "closing": scores is closing,
                    }
                )
                bar.set_postfix(
                    restart=restart + 1,
                    in_range=f"{len(totals)}/{len(theta)}",
                    cost=f"{rows[-1]['best_total']:.3f}",
                    refresh=False,
                )
                bar.update()
                generation += 1
                if may_end and optimiser.converged and generation < closes:
                    # What closes may still disagree with where this has ended.
                    bar.update(closes - generation)
                    generation = closes
    # Those of other generations only if none closed.
    best = [row for row in best if row[-1]] or best
    theta, restarts, generations, costs, violations, _ = map(
        np.array, zip(*best, strict=True)
    )
    order = np.argsort(Evaluation(costs, violations).fitness, kind="stable")
    # As many of each restart, so that verification sees wherever they ended.
    rank = np.empty(len(order), dtype=int)
    for restart in np.unique(restarts):
        own = order[restarts[order] == restart]
        rank[own] = np.arange(len(own))
    share = -(-n_finalists // len(np.unique(restarts)))
    order = order[rank[order] < share][:n_finalists]
    finalists = Finalists(
        theta[order],
        restarts[order],
        generations[order],
        Evaluation(costs[order], violations[order]),
    )
    history = Bunch(**{name: np.array([r[name] for r in rows]) for name in rows[0]})
    return finalists, history


class Deadline:
    """When searches have to end.

    Parameters
    ----------
    seconds : float, default=None
        From now on. None: never.
    """

    def __init__(self, seconds=None):
        self._end = np.inf if seconds is None else time.monotonic() + seconds

    @property
    def passed(self):
        """Whether it is over."""
        return time.monotonic() >= self._end

    def set_now(self):
        """End it."""
        self._end = -np.inf


@contextmanager
def _interruptible(best, deadline):
    """End a search at Ctrl-C, if it has found anything yet."""
    try:
        yield
    except KeyboardInterrupt:
        if not best:
            raise
        deadline.set_now()
        warnings.warn(
            f"The search was interrupted after {len(best)} generations. The best of "
            "what it found is being verified by simulation; interrupt again to stop.",
            SearchInterruptedWarning,
            stacklevel=4,
        )


def verify(space, simulator, target, finalists, rng, verbose=0):
    """Simulate the finalists afresh and select the one with the lowest cost.

    Parameters
    ----------
    space : ParameterSpace
    simulator : SimulationEvaluator
    target : Target
    finalists : Finalists
    rng : numpy.random.Generator
    verbose : int, default=0

    Returns
    -------
    Bunch of ndarrays
        ``verification_`` of :class:`~delssome.MeanFieldFitter`.
    """
    if verbose >= 1:
        tqdm.write(f"verifying {len(finalists.theta)} finalists by simulation")
    statistics = simulator.statistics(
        space.expand(finalists.theta), target.sc, rng, common_noise=True
    )
    simulated, predicted = compare(statistics, target), finalists.evaluation
    selected = np.zeros(len(finalists.theta), dtype=bool)
    selected[np.argmin(simulated.fitness)] = True
    table = Bunch(restart=finalists.restart, generation=finalists.generation)
    for prefix, evaluation in (("predicted", predicted), ("simulated", simulated)):
        table[f"{prefix}_total"] = evaluation.total
        for k, name in enumerate(COST_NAMES):
            table[f"{prefix}_{name}"] = evaluation.costs[:, k]
    table.predicted_in_range = predicted.in_range
    table.in_range = simulated.in_range
    table.rate_min = statistics.rates.min(axis=1)
    table.rate_max = statistics.rates.max(axis=1)
    table.selected = selected
    table.theta = finalists.theta
    table.ei_ratio = statistics.ei_ratio
    return table


def choose(space, simulator, target, table, rng):
    """Simulate the better half of the finalists again and again until one is left.

    One evaluation moves by more than finalists differ: the lowest of twenty is the
    luckiest. In each evaluation all share their noise, without which their differences
    would spread four times as much. Whoever leaves the range in any evaluation is out.

    Parameters
    ----------
    space : ParameterSpace
    simulator : SimulationEvaluator
    target : Target
    table : Bunch of ndarrays
        As `search_and_verify` gives it; ``mean_total`` and ``n_evaluations`` are added,
        and ``in_range`` is narrowed.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int
        Finalists in range, the chosen one first.
    """
    table.n_evaluations = np.ones(len(table.in_range), dtype=int)
    table.mean_total = table.simulated_total.copy()
    alive = np.flatnonzero(table.in_range)
    while len(alive) > 1:
        order = np.argsort(table.mean_total[alive], kind="stable")
        alive = alive[order[: -(-len(alive) // 2)]]
        if len(alive) == 1:
            break
        again = simulator.evaluate(space.expand(table.theta[alive]), target, rng)
        table.n_evaluations[alive] += 1
        change = again.total - table.mean_total[alive]
        table.mean_total[alive] += change / table.n_evaluations[alive]
        table.in_range[alive] &= again.in_range
        alive = alive[again.in_range]
    inside = np.flatnonzero(table.in_range)
    order = np.lexsort((table.mean_total[inside], -table.n_evaluations[inside]))
    return inside[order]


def find_alike(table, winner):
    """Find where other restarts ended as well as the winner's, up to noise.

    Parameters
    ----------
    table : Bunch of ndarrays
        As `choose` leaves it.
    winner : int

    Returns
    -------
    list of int
        The best finalist in range of every other restart of the winner's stage whose
        mean cost is within the noise of a scan of the winner's.
    """
    alike = []
    candidates = table.in_range & (table.stage == table.stage[winner])
    for restart in np.unique(table.restart[candidates]):
        own = np.flatnonzero(candidates & (table.restart == restart))
        best = own[np.argmin(table.mean_total[own])]
        beyond = table.mean_total[best] - table.mean_total[winner]
        if restart != table.restart[winner] and beyond <= TOLERATED:
            alike.append(int(best))
    return alike


def report_unlike_contexts(evaluator, target):
    """Warn if an evaluator says that it knows nothing like this target.

    Parameters
    ----------
    evaluator : object
        Asked if it has a method ``outside``.
    target : Target
    """
    found = evaluator.outside(target) if hasattr(evaluator, "outside") else []
    if found:
        warnings.warn(
            f"The surrogate was trained on nothing like this: {'; '.join(found)}. Its "
            "errors may be larger than it expects, so that the search may miss better "
            "parameters. Costs reported are simulated and hold. surrogate='linear' "
            "needs no training; `delssome train` makes weights for data like yours.",
            SurrogateDomainWarning,
            stacklevel=3,
        )


def disagreement(table):
    """Say how simulation contradicts what was predicted of the finalists.

    Parameters
    ----------
    table : Bunch
        As `verify` gives it.

    Returns
    -------
    str
        Empty if they agree: most finalists that were predicted to stay in range do,
        and the median difference in total cost is below what chance and the errors
        that the evaluator expects of itself explain.
    """
    both = table.predicted_in_range & table.in_range
    gap = (table.simulated_total - table.predicted_total)[both]
    bias = np.median(gap) if len(gap) else np.nan
    allowed = TOLERATED
    if "predicted_error" in table and len(gap):
        allowed += 2.0 * np.median(table.predicted_error[both])
    n_escaped = np.count_nonzero(table.predicted_in_range & ~table.in_range)
    n = len(table.in_range)
    if n_escaped <= n / 2 and abs(bias) <= allowed:
        return ""
    return (
        f"Simulation contradicts the surrogate: of {n} finalists, {n_escaped} that "
        "were predicted within the range of firing rates are not; the total cost of "
        f"the others is {bias:+.2f} beyond prediction (median; up to {allowed:.2f} is "
        "expected). Costs reported are simulated and hold, but the search may have "
        "missed better parameters: use on_disagreement='refine', a more exact "
        "surrogate ('linear', None), or one trained on connectomes like this one "
        "(`delssome train`)."
    )


def search_and_verify(
    space,
    evaluators,
    simulator,
    target,
    validation,
    *,
    popsize,
    sigma0,
    n_restarts,
    search_settings,
    refine_settings,
    on_disagreement,
    rng,
    journal=None,
    deadline=None,
    verbose=0,
):
    """Search and verify, and search on where simulation contradicts.

    Parameters
    ----------
    space : ParameterSpace
    evaluators : sequence of evaluators
        What scores candidates, from fast to exact: the next takes over where
        simulation contradicts one before it.
    simulator : SimulationEvaluator
    target, validation : Target
        What is searched for, and what finalists are compared with.
    popsize, sigma0, n_restarts
        As in :class:`~delssome.MeanFieldFitter`.
    search_settings, refine_settings : dict
        Arguments of `search` for the first evaluator and for those that follow, which
        go on with the search that led to the best finalist so far.
    on_disagreement : {"warn", "refine", "raise"}
    rng : numpy.random.Generator
    journal, deadline
        As of `search`.
    verbose : int, default=0

    Returns
    -------
    verification, history : Bunch of ndarrays
        Of all stages; ``stage`` counts them from 0.
    """
    deadline = deadline or Deadline()
    tables, histories = [], []
    optimisers = [
        CMAES(space, popsize=popsize, sigma0=sigma0, rng=child)
        for child in rng.spawn(n_restarts)
    ]
    for stage, evaluator in enumerate(evaluators):
        settings = refine_settings if stage else search_settings
        finalists, history = search(
            space,
            evaluator,
            target,
            optimisers,
            journal=journal,
            stage=stage,
            deadline=deadline,
            verbose=verbose,
            **settings,
        )
        table = verify(space, simulator, validation, finalists, rng, verbose)
        closed = settings.get("n_closing", 0) > 0
        if hasattr(evaluator, "expected_error") and not closed:
            table.predicted_error = evaluator.expected_error(
                space.expand(finalists.theta), target
            )
        table.stage = np.full(len(table.in_range), stage)
        history.stage = np.full(len(history.restart), stage)
        if histories:
            history.n_evaluations += histories[-1].n_evaluations[-1]
        tables.append(table)
        histories.append(history)
        # Searches by simulation are contradicted by nothing but noise.
        simulated = isinstance(evaluator, SimulationEvaluator)
        said = "" if simulated else disagreement(table)
        if not said:
            break
        if on_disagreement == "raise":
            raise SurrogateDomainError(said)
        if on_disagreement == "warn" or deadline.passed:
            warnings.warn(said, SurrogateDomainWarning, stacklevel=3)
            break
        if verbose >= 1:
            tqdm.write(f"{said}\nSearching on with the next evaluator.")
        optimisers = [optimisers[table.restart[np.flatnonzero(table.selected)[0]]]]
    return _join(tables), _join(histories)


def _join(tables):
    """Put tables below each other; what one of them lacks is NaN."""
    names = dict.fromkeys(name for table in tables for name in table)
    joined = Bunch()
    for name in names:
        parts = [table.get(name, np.full(len(table.stage), np.nan)) for table in tables]
        joined[name] = np.concatenate(parts)
    return joined
