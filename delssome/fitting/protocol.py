"""Search by whatever evaluates, then verification of the finalists by simulation."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch
from tqdm import tqdm

from delssome.costs import COST_NAMES, Evaluation
from delssome.exceptions import SurrogateDomainWarning
from delssome.search import CMAES
from delssome.simulation import compare

__all__ = ["Finalists", "report_disagreement", "search", "verify"]

# Median gap in total cost between prediction and simulation of the finalists above
# which the surrogate is reported as wrong: twice the published noise floor of 0.15.
DISAGREEMENT = 0.3


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
    *,
    popsize,
    max_iter,
    sigma0,
    n_restarts,
    n_finalists,
    rng,
    verbose=0,
):
    """Run independent searches and keep the best candidates of their generations.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : object with ``evaluate(params, target, rng)``
    target : Target
    popsize, max_iter, sigma0, n_restarts, n_finalists
        As in :class:`~delssome.MeanFieldFitter`.
    rng : numpy.random.Generator
    verbose : int, default=0

    Returns
    -------
    finalists : Finalists
        Best first.
    history : Bunch of ndarrays
        One entry per generation.
    """
    rows, best = [], []
    bar = tqdm(
        total=n_restarts * max_iter, desc="search", unit="gen", disable=verbose < 1
    )
    with bar:
        for restart, child in enumerate(rng.spawn(n_restarts)):
            optimiser = CMAES(space, popsize=popsize, sigma0=sigma0, rng=child)
            for generation in range(max_iter):
                theta = optimiser.ask()
                evaluation = evaluator.evaluate(space.expand(theta), target, child)
                fitness = evaluation.fitness
                optimiser.tell(fitness)
                leader = int(np.argmin(fitness))
                best.append(
                    (
                        theta[leader],
                        restart,
                        generation,
                        evaluation.costs[leader],
                        evaluation.violation[leader],
                    )
                )
                totals = evaluation.total[evaluation.in_range]
                totals = totals[np.isfinite(totals)]
                rows.append(
                    {
                        "restart": restart,
                        "generation": generation,
                        "n_evaluations": (len(rows) + 1) * popsize,
                        "best_total": totals.min() if len(totals) else np.nan,
                        "median_total": np.median(totals) if len(totals) else np.nan,
                        "n_in_range": len(totals),
                        "step_size": optimiser.step_size,
                    }
                )
                bar.update()
                bar.set_postfix(
                    restart=restart + 1,
                    in_range=f"{len(totals)}/{popsize}",
                    cost=f"{rows[-1]['best_total']:.3f}",
                )
                if optimiser.converged:
                    bar.update(max_iter - generation - 1)
                    break
    theta, restarts, generations, costs, violations = map(
        np.array, zip(*best, strict=True)
    )
    evaluation = Evaluation(costs, violations)
    order = np.argsort(evaluation.fitness, kind="stable")[:n_finalists]
    finalists = Finalists(
        theta[order],
        restarts[order],
        generations[order],
        Evaluation(costs[order], violations[order]),
    )
    history = Bunch(**{name: np.array([r[name] for r in rows]) for name in rows[0]})
    return finalists, history


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
    statistics = simulator.statistics(space.expand(finalists.theta), target.sc, rng)
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
    return table


def report_disagreement(table):
    """Warn if simulation contradicts what a surrogate predicted of the finalists.

    Parameters
    ----------
    table : Bunch
        As `verify` gives it.
    """
    gap = np.abs(table.simulated_total - table.predicted_total)
    gap = np.nanmedian(gap) if np.isfinite(gap).any() else np.inf
    n_escaped = np.count_nonzero(table.predicted_in_range & ~table.in_range)
    n = len(table.in_range)
    if gap > DISAGREEMENT or n_escaped > n / 2:
        warnings.warn(
            f"Simulation contradicts the surrogate: the median gap in total cost over "
            f"{n} finalists is {gap:.2f} (noise explains about 0.15), {n_escaped} that "
            "were predicted within the range of firing rates are not. Costs reported "
            "are simulated and hold, but the search may have missed better "
            "parameters: use surrogate=None or train the surrogate on connectomes "
            "like this one.",
            SurrogateDomainWarning,
            stacklevel=3,
        )
