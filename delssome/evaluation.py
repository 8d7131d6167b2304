"""What every evaluator takes and says: candidates in, statistics and costs out."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from delssome.costs import cost_terms, expected_cost_terms
from delssome.models import Candidates, Model

__all__ = [
    "Evaluation",
    "Evaluator",
    "Slopes",
    "Statistics",
    "Target",
    "at_points",
]

Array = NDArray[Any]

# Above any total cost: 2 + 2 + 1 is the largest that its terms allow.
OUT_OF_RANGE = 5.0


def at_points(cdf: Array, points: Array) -> Array:
    """Read a distribution over equal bins of [-1, 1] at some points."""
    return np.interp(points, np.linspace(-1.0, 1.0, len(cdf) + 1)[1:], cdf)


class Target(NamedTuple):
    """What a fit aims at: one connectome and the statistics of its scan.

    Attributes
    ----------
    sc : ndarray of shape (n_rois, n_rois)
        Structural connectivity, scaled for the model.
    fc : ndarray of shape (n_edges,)
        Empirical FC, upper triangle.
    fcd_cdf : ndarray of shape (n_fcd_bins,)
        Empirical FCD distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import matrix_to_edges, prepare_sc
    >>> from delssome.evaluation import Target
    >>> sc = prepare_sc(np.array([[0, 900, 40], [900, 0, 20], [40, 20, 0]]))
    >>> fc = np.array([[1, 0.5, 0.3], [0.5, 1, 0.1], [0.3, 0.1, 1]])
    >>> target = Target(sc, matrix_to_edges(fc), np.array([0.2, 0.5, 0.9, 1.0]))
    >>> target.at(2).fcd_cdf
    array([0.5, 1. ])
    """

    sc: Array
    fc: Array
    fcd_cdf: Array

    def at(self, n_points: int) -> Self:
        """Read the FCD distribution at the upper ends of fewer, or more, bins."""
        n_bins = len(self.fcd_cdf)
        if n_points == n_bins:
            return self
        points = np.linspace(-1.0, 1.0, n_points + 1)[1:]
        return self._replace(fcd_cdf=at_points(self.fcd_cdf, points))


class Evaluation(NamedTuple):
    """What every evaluator says of a batch of candidates.

    Attributes
    ----------
    costs : ndarray of shape (n_candidates, 3)
        Cost terms in the order of :data:`delssome.costs.COST_NAMES`.
    violation : ndarray of shape (n_candidates,)
        0 for a candidate within the model's plausible range, otherwise how far it is
        from that, in any unit that grows with the distance.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.evaluation import Evaluation
    >>> costs = np.array([[0.3, 0.1, 0.2], [0.2, 0.1, 0.1]])
    >>> found = Evaluation(costs, violation=np.array([0.0, 1.5]))
    >>> found.total.round(1), found.in_range
    (array([0.6, 0.4]), array([ True, False]))
    >>> int(found.fitness.argmin())  # the cheaper one leaves the plausible range
    0
    """

    costs: Array
    violation: Array

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put batches below each other."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    @property
    def total(self) -> Array:
        """Total cost, the sum of the terms."""
        return np.asarray(self.costs.sum(axis=-1))

    @property
    def in_range(self) -> NDArray[np.bool_]:
        """Whether candidates are within the plausible range."""
        return np.asarray(self.violation == 0)

    @property
    def fitness(self) -> Array:
        """What a search minimises: any candidate in range beats any that is not."""
        outside = OUT_OF_RANGE + np.log1p(self.violation)
        fitness = np.where(self.in_range, self.total, outside)
        return np.where(np.isnan(fitness), np.inf, fitness)


class Statistics(NamedTuple):
    """Statistics of candidates, simulated or expected; NaN where there are none.

    Attributes
    ----------
    fc : ndarray of shape (n_candidates, n_edges)
        FC, upper triangle: simulated, the mean over repeats, or expected.
    fcd_cdf : ndarray of shape (n_candidates, n_fcd_bins)
        FCD distribution over equal bins on [-1, 1].
    violation : ndarray of shape (n_candidates,)
        As of :class:`Evaluation`. Simulated: largest distance (Hz) of any region's
        mean rate in any repeat from the plausible range, inf if a repeat diverged.
    averages : dict of str to ndarray of shape (n_candidates, n_rois)
        Time averages of states and outputs of the model, of evaluators that have them.
    readout : ndarray of shape (n_candidates, n_rois), or None
        What the model reads out, averaged over repeats.
    fc_noise : ndarray of shape (n_candidates,), or None
        Variance over edges of what a single scan adds to an expected FC; None: it is
        in the FC already.
    p_in_range : ndarray of shape (n_candidates,), or None
        Probability that a simulation stays within the plausible range.
    error : ndarray of shape (n_candidates, 3), or None
        Absolute error that the evaluator expects of itself in each cost.
    decay : ndarray of shape (n_candidates,), or None
        Decay rate of the slowest mode (1/s), of theory: 0 at the edge of stability.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.evaluation import Statistics, Target
    >>> cdf = np.array([0.2, 0.5, 0.9, 1.0])
    >>> target = Target(np.zeros((3, 3)), np.array([0.5, 0.3, 0.1]), cdf)
    >>> simulated = Statistics(
    ...     fc=np.array([[0.4, 0.2, 0.0]]), fcd_cdf=cdf[None],
    ...     violation=np.zeros(1), averages={},
    ... )
    >>> simulated.compare(target).total.round(2)
    array([0.1])
    """

    fc: Array
    fcd_cdf: Array
    violation: Array
    averages: dict[str, Array]
    readout: Array | None = None
    fc_noise: Array | None = None
    p_in_range: Array | None = None
    error: Array | None = None
    decay: Array | None = None

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put batches below each other."""
        joined: list[Any] = []
        for values in zip(*parts, strict=True):
            if values[0] is None:
                joined.append(None)
            elif isinstance(values[0], dict):
                joined.append(
                    {k: np.concatenate([v[k] for v in values]) for k in values[0]}
                )
            else:
                joined.append(np.concatenate(values))
        return cls(*joined)

    def select(self, rows: Array) -> Self:
        """Take some candidates, by a mask or by numbers."""

        def of(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: part[rows] for name, part in value.items()}
            return None if value is None else value[rows]

        return type(self)(*map(of, self))

    def compare(self, target: Target, n_repeats: int = 1) -> Evaluation:
        """Give the costs against a target.

        Parameters
        ----------
        target : Target
        n_repeats : int, default=1
            Scans that are averaged where FC is an expected one.

        Returns
        -------
        Evaluation
        """
        target = target.at(self.fcd_cdf.shape[-1])
        if self.fc_noise is None:
            costs = cost_terms(self.fc, self.fcd_cdf, target.fc, target.fcd_cdf)
        else:
            costs = expected_cost_terms(
                self.fc,
                self.fcd_cdf,
                self.fc_noise / n_repeats,
                target.fc,
                target.fcd_cdf,
            )
        return Evaluation(costs, self.violation)


# From the parameters of one candidate, (n_rois,) where regional, and how sharply
# corners of the cost are taken, to the total cost and its derivatives; inf without one.
Slopes = Callable[[Mapping[str, Array], float], tuple[float, dict[str, Array]]]


class Evaluator(ABC):
    """Candidates in, statistics out; with a target, costs.

    Attributes
    ----------
    simulates : bool
        Whether what it says is a simulation, which nothing contradicts but noise.
    n_repeats : int
        Simulations whose mean statistics it gives or predicts.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import FIC, Acquisition
    >>> from delssome.models import Candidates
    >>> from delssome.theory import TheoryEvaluator
    >>> evaluator = TheoryEvaluator(FIC(), Acquisition())  # one of them
    >>> evaluator.check(FIC())  # says why, if it cannot serve a model
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(4)))
    >>> evaluator.statistics(candidates, np.random.default_rng(0)).fc.shape
    (1, 6)
    """

    simulates: ClassVar[bool] = False
    n_repeats: int

    @abstractmethod
    def check(self, model: Model) -> None:
        """Refuse a model that it cannot serve, with the reason.

        Parameters
        ----------
        model : Model

        Raises
        ------
        ValueError, TypeError
        """

    @abstractmethod
    def statistics(
        self, candidates: Candidates, rng: np.random.Generator | None = None
    ) -> Statistics:
        """Give the statistics of candidates.

        Parameters
        ----------
        candidates : Candidates
        rng : numpy.random.Generator
            Source of the noise. What is said of a candidate depends on it, and never
            on which others are evaluated with it.

        Returns
        -------
        Statistics
        """

    def evaluate(
        self,
        candidates: Candidates,
        target: Target,
        rng: np.random.Generator | None = None,
    ) -> Evaluation:
        """Give costs against a target and the distance from the plausible range.

        Parameters
        ----------
        candidates : Candidates
        target : Target
        rng : numpy.random.Generator

        Returns
        -------
        Evaluation
        """
        return self.statistics(candidates, rng).compare(target, self.n_repeats)

    def expected_error(self, candidates: Candidates, target: Target) -> Array | None:
        """Error that it expects in the total cost, (n_candidates,); None: none said."""
        return None

    def slopes(self, model: Model, target: Target) -> Slopes | None:
        """Give costs with derivatives by regional parameters; None: it knows none."""
        return None

    def outside(self, target: Target) -> list[str]:
        """Say in what a target is unlike all that the evaluator was made for."""
        return []

    def unlike(self, processing: Sequence[str]) -> list[str]:
        """Say which steps of a scan's pipeline the evaluator was not made for.

        Parameters
        ----------
        processing : sequence of str
            As of :class:`~delssome.Acquisition`, in words.
        """
        return []

    def digest(self) -> str:
        """Stand for what was learned; empty if nothing was."""
        return ""
