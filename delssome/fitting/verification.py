"""Finalists simulated afresh, the winner, and whether the surrogate told the truth."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.costs import COST_NAMES
from delssome.evaluation import Evaluation, Evaluator, Statistics, Target
from delssome.exceptions import SurrogateDomainWarning
from delssome.fitting.searching import Finalists
from delssome.models import Candidates, ParameterSpace
from delssome.saying import say, warn
from delssome.simulation import SimulationEvaluator
from delssome.utils import Component

__all__ = [
    "Verification",
    "Winner",
    "choose",
    "confirm",
    "disagreement",
    "find_alike",
    "report_unlike_contexts",
    "verify",
    "with_a_cost",
]

Array = NDArray[Any]

# Bias in the total cost of the finalists that is put down to chance, of which they
# share one draw: the published noise floor.
TOLERATED = 0.1
# Finalists simulated once more before one that leaves the range is accepted, and
# evaluations of each in which it has to stay: simulations run sixteen at a time, and
# three repeats of five make fifteen.
MAX_WINNERS, CONFIRMED = 10, 5
# Finalists where theory looks at candidates before, and where it does not.
SCREENED, UNSCREENED = 5, 20
# Finalists of whom one more evaluation finds none that is better.
FEW = 5


@dataclass(frozen=True, kw_only=True)
class Verification(Component):
    """How what a search found is verified.

    Parameters
    ----------
    n_finalists : int, default=None
        Candidates, each the best of its generation, that are simulated afresh to
        choose the winner: all, then the better half again, and so on until five or
        fewer are left. Where a network searches and theory stands behind it, they are
        those that theory finds best of eight times as many, and the next ones as often
        as none of them stays in range. None: 5 with theory's look, 20 elsewhere.
        Published: 100, that is every generation's best (of each restart).
    validation_fraction : float, default=0.0
        Share of the subjects held out of the search, against whose average the
        finalists are compared. 0, or a single subject: finalists are compared with
        the data of the search.
    on_disagreement : {"warn", "refine", "raise"}, default="warn"
        What to do where simulation of the finalists contradicts the surrogate, beyond
        chance and the errors that it expects of itself: warn; let the search that led
        to the best finalist go on with what is more exact, theory after a network,
        simulation after theory, until they agree; or raise.
    refine_budget : int, default=2000
        Candidates scored by each evaluator that takes over, rounded up to generations.

    Examples
    --------
    >>> from delssome import MeanFieldFitter, Verification
    >>> strict = Verification(n_finalists=50, on_disagreement="raise")
    >>> fitter = MeanFieldFitter(verification=strict)
    >>> fitter.set_params(verification__n_finalists=100).verification.n_finalists
    100
    """

    n_finalists: int | None = None
    validation_fraction: float = 0.0
    on_disagreement: str = "warn"
    refine_budget: int = 2000

    def __post_init__(self) -> None:
        """Check all settings."""
        self._check_number("n_finalists", Integral, 1, 100_000)
        self._check_number("validation_fraction", Real, 0.0, 0.9)
        self._check_number("refine_budget", Integral, 1, 10_000_000)
        if self.on_disagreement not in ("warn", "refine", "raise"):
            raise ValueError(
                "on_disagreement must be 'warn', 'refine' or 'raise', "
                f"got {self.on_disagreement!r}."
            )

    def n_simulated(self, screened: bool) -> int:
        """Give the number of finalists, where theory looks at them before or not."""
        if self.n_finalists is not None:
            return self.n_finalists
        return SCREENED if screened else UNSCREENED


def verify(
    space: ParameterSpace,
    simulator: SimulationEvaluator,
    target: Target,
    finalists: Finalists,
    rng: np.random.Generator,
    verbose: int = 0,
) -> Bunch:
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
        say(f"verifying {len(finalists.theta)} finalists by simulation")
    candidates = space.candidates(finalists.theta, target.sc)
    statistics = simulator.statistics(candidates, rng, common_noise=True)
    simulated, predicted = statistics.compare(target), finalists.evaluation
    selected = np.zeros(len(finalists.theta), dtype=bool)
    selected[np.argmin(simulated.fitness)] = True
    table = Bunch(restart=finalists.restart, generation=finalists.generation)
    for prefix, evaluation in (("predicted", predicted), ("simulated", simulated)):
        table[f"{prefix}_total"] = evaluation.total
        for k, name in enumerate(COST_NAMES):
            table[f"{prefix}_{name}"] = evaluation.costs[:, k]
    table.predicted_in_range = predicted.in_range
    table.in_range = simulated.in_range
    if space.model.rate is not None:
        rates = statistics.averages[space.model.rate]
        table.rate_min, table.rate_max = rates.min(axis=1), rates.max(axis=1)
    table.selected = selected
    table.theta = finalists.theta
    table.readout = statistics.readout
    return table


def choose(
    space: ParameterSpace,
    simulator: SimulationEvaluator,
    target: Target,
    table: Bunch,
    rng: np.random.Generator,
) -> NDArray[np.int_]:
    """Simulate the better half of the finalists again until a few are left.

    One evaluation moves by more than finalists differ: the lowest of twenty is the
    luckiest. In each evaluation all share their noise, without which their differences
    would spread four times as much. Whoever leaves the range in any evaluation is out.
    Five that theory found best differ by less than further evaluations tell.

    Parameters
    ----------
    space : ParameterSpace
    simulator : SimulationEvaluator
    target : Target
    table : Bunch of ndarrays
        As `verify` gives it; ``mean_total`` and ``n_evaluations`` are added, and
        ``in_range`` is narrowed.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int
        Finalists in range, the chosen one first.
    """
    table.n_evaluations = np.ones(len(table.in_range), dtype=int)
    table.mean_total = table.simulated_total.copy()
    alive = np.flatnonzero(table.in_range)
    while len(alive) > FEW:
        order = np.argsort(table.mean_total[alive], kind="stable")
        alive = alive[order[: -(-len(alive) // 2)]]
        candidates = space.candidates(table.theta[alive], target.sc)
        again = simulator.evaluate(candidates, target, rng)
        table.n_evaluations[alive] += 1
        change = again.total - table.mean_total[alive]
        table.mean_total[alive] += change / table.n_evaluations[alive]
        table.in_range[alive] &= again.in_range
        alive = alive[again.in_range]
    inside = np.flatnonzero(table.in_range)
    order = np.lexsort((table.mean_total[inside], -table.n_evaluations[inside]))
    return inside[order]


class Winner(NamedTuple):
    """The finalist that is reported, and what fresh simulations say of it.

    Attributes
    ----------
    row : int
        Row of the table of finalists.
    candidates : Candidates
        The same, as often as it was evaluated.
    statistics : Statistics
        One row an evaluation.
    evaluation : Evaluation
        Against the data of the search.
    """

    row: int
    candidates: Candidates
    statistics: Statistics
    evaluation: Evaluation


def confirm(
    space: ParameterSpace,
    simulator: SimulationEvaluator,
    target: Target,
    table: Bunch,
    best: NDArray[np.int_],
    rng: np.random.Generator,
) -> Winner:
    """Simulate the chosen finalist with noise that took no part in choosing it.

    Rare escapes show in repeated evaluations alone: one that leaves the range in any
    of them gives way to the next.

    Parameters
    ----------
    space : ParameterSpace
    simulator : SimulationEvaluator
    target : Target
        The data of the search.
    table : Bunch of ndarrays
        As `choose` leaves it.
    best : ndarray of int
        As `choose` gives it.
    rng : numpy.random.Generator

    Returns
    -------
    Winner
    """
    if len(best) == 0:
        best = np.flatnonzero(table.selected)[-1:]
    tried = []
    for index in best[:MAX_WINNERS].tolist():
        candidates = space.candidates(table.theta[[index] * CONFIRMED], target.sc)
        statistics = simulator.statistics(candidates, rng)
        evaluation = statistics.compare(target)
        tried.append(Winner(index, candidates, statistics, evaluation))
        if evaluation.in_range.all():
            return tried[-1]
    return max(tried, key=lambda winner: winner.evaluation.in_range.sum())


def with_a_cost(statistics: Statistics, target: Target) -> Statistics:
    """Leave out evaluations without a cost: those of which all repeats diverged.

    Parameters
    ----------
    statistics : Statistics
        One row an evaluation.
    target : Target

    Returns
    -------
    Statistics

    Raises
    ------
    ValueError
        If fewer than two are left: nothing could be reported but NaN.
    """
    ended = np.isfinite(statistics.compare(target).total)
    if np.count_nonzero(ended) < 2:
        raise ValueError(
            f"{np.count_nonzero(~ended)} of {len(ended)} evaluations of the best "
            "parameters found have no cost: their simulations diverged, or came to a "
            "standstill. Search longer (CMAES(max_iter=..., n_restarts=...)), narrow "
            "the ranges of the model, or shorten the step of the acquisition (dt)."
        )
    return statistics.select(ended)


def find_alike(table: Bunch, winner: int) -> list[int]:
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


def report_unlike_contexts(
    evaluator: Evaluator, target: Target, processing: Sequence[str] = ()
) -> None:
    """Warn if an evaluator says that it knows nothing like this target, or its scan.

    Parameters
    ----------
    evaluator : Evaluator
    target : Target
    processing : sequence of str, default=()
        What a pipeline did to the scan, as of :class:`~delssome.Acquisition`.
    """
    said = [*evaluator.unlike(processing), *evaluator.outside(target)]
    found = list(dict.fromkeys(said))
    if found:
        warn(
            f"The surrogate was trained on nothing like this: {'; '.join(found)}. Its "
            "errors may be larger than it expects, so that the search may miss better "
            "parameters. Costs reported are simulated and hold. surrogate='linear' "
            "needs no training; `delssome train` makes weights for data like yours.",
            SurrogateDomainWarning,
        )


def disagreement(table: Bunch) -> str:
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
        "were predicted within the plausible range are not; the total cost of "
        f"the others is {bias:+.2f} beyond prediction (median; up to {allowed:.2f} is "
        "expected). Costs reported are simulated and hold, but the search may have "
        "missed better parameters: use Verification(on_disagreement='refine'), a more "
        "exact surrogate ('linear', None), or one trained on connectomes like this one "
        "(`delssome train`)."
    )
