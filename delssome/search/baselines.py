"""What the field searches with today, by the same ask and tell as CMA-ES.

For comparison: ``MeanFieldFitter(search=RandomSearch())``. Optimisers come from scipy
and, for Bayesian optimisation, from optuna (extra ``[benchmarks]``).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral
from queue import Queue
from threading import Thread
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from delssome.exceptions import InfeasibleSpaceError
from delssome.models import ParameterSpace
from delssome.search.base import Search

__all__ = [
    "BASELINES",
    "BayesianOptimisation",
    "DifferentialEvolution",
    "GradientDescent",
    "GridSearch",
    "RandomSearch",
]

Array = NDArray[Any]

# Above any cost: what candidates count that break the box or the constraints.
PENALTY = 10.0
# Batches in a row without a feasible candidate after which a search gives up.
MAX_BATCHES = 200
REMEDY = "widen the ranges of the model, or relax its constraints."


class _Searcher:
    """Ask for feasible candidates only; others are told to be bad."""

    converged = False
    step_size = float("nan")

    def __init__(
        self, space: ParameterSpace, popsize: int, rng: np.random.Generator
    ) -> None:
        self.space, self.popsize, self.rng = space, popsize, rng
        # Intercepts and global parameters span their range, slopes such that two
        # standard deviations of a map span it either way.
        self.low = np.full(space.n_dim, -1.0)
        self.low[[part.start for part in space.slices.values()]] = 0.0
        self.high = np.ones(space.n_dim)

    def ask(self) -> Array:
        """Propose feasible candidates, (n, n_dim): one at least."""
        for _ in range(MAX_BATCHES):
            self._x = self._propose()
            theta = self.space.theta(self._x)
            self._feasible = self.space.feasible(theta)
            if self._feasible.any():
                return theta[self._feasible]
            self._learn(np.full(len(theta), PENALTY))
        raise InfeasibleSpaceError(
            f"{MAX_BATCHES} batches held no candidate within ranges and constraints; "
            f"{REMEDY}"
        )

    def tell(self, fitness: Array) -> None:
        """Learn the fitness of the candidates last asked for; lower is better."""
        values = np.full(len(self._x), PENALTY)
        values[self._feasible] = np.minimum(fitness, PENALTY)
        self._learn(values)

    def _draw(self, n: int) -> Array:
        """Draw search coordinates evenly over the feasible box, (n, n_dim)."""
        found: list[Array] = []
        for _ in range(MAX_BATCHES):
            x = self.rng.uniform(self.low, self.high, (1000, self.space.n_dim))
            found.extend(x[self.space.feasible(self.space.theta(x))])
            if len(found) >= n:
                return np.array(found[:n])
        raise InfeasibleSpaceError(
            f"Only {len(found)} of {1000 * MAX_BATCHES} candidates drawn kept ranges "
            f"and constraints; {REMEDY}"
        )

    @abstractmethod
    def _propose(self) -> Array:
        """Give search coordinates, (n, n_dim)."""

    def _learn(self, values: Array) -> None:
        """Take the fitness of what was proposed last."""


class _Random(_Searcher):
    def _propose(self) -> Array:
        return self._draw(self.popsize)


class _Grid(_Searcher):
    """The points of a regular grid in random order."""

    def __init__(
        self,
        space: ParameterSpace,
        popsize: int,
        rng: np.random.Generator,
        budget: int,
    ) -> None:
        super().__init__(space, popsize, rng)
        n_levels = max(2, int(budget ** (1.0 / space.n_dim) + 1e-9))
        levels = (np.arange(n_levels) + 0.5) / n_levels
        grid = np.stack(np.meshgrid(*[levels] * space.n_dim), -1)
        grid = grid.reshape(-1, space.n_dim)
        self._points = self.low + (self.high - self.low) * rng.permutation(grid)
        self._next = 0

    def _propose(self) -> Array:
        start = self._next % len(self._points)
        self._next = start + self.popsize
        return self._points[start : self._next]


class _Driven(_Searcher):
    """A search by a function of scipy, which asks for values when it wants them.

    It runs in a thread of its own that waits for every answer.
    """

    def __init__(
        self, space: ParameterSpace, popsize: int, rng: np.random.Generator
    ) -> None:
        super().__init__(space, popsize, rng)
        self._asked: Queue = Queue()
        self._answered: Queue = Queue()
        self._thread: Thread | None = None

    def _propose(self) -> Array:
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
        x = self._asked.get()
        if isinstance(x, BaseException):
            raise x
        return np.clip(x, self.low, self.high)

    def _learn(self, values: Array) -> None:
        self._answered.put(values)

    def _values(self, x: Array) -> Array:
        """Wait for the fitness of points, (n, n_dim)."""
        self._asked.put(x)
        return self._answered.get()

    def _run(self) -> None:
        try:
            while True:  # those that converge start again
                self._minimise()
        except BaseException as error:  # raised where candidates are asked for
            self._asked.put(error)

    @abstractmethod
    def _minimise(self) -> None:
        """Run scipy's function until it converges."""


class _Differential(_Driven):
    def _minimise(self) -> None:
        optimize.differential_evolution(
            lambda x: self._values(x.T),
            list(zip(self.low, self.high, strict=True)),
            init=self._draw(self.popsize),
            maxiter=10**6,
            updating="deferred",
            vectorized=True,
            polish=False,
            rng=self.rng,
        )


class _Gradient(_Driven):
    step = 1e-3

    def _minimise(self) -> None:
        def value_and_gradient(x: Array) -> tuple[float, Array]:
            shifts = self.step * np.eye(self.space.n_dim)
            # Differences stay within bounds.
            x = np.clip(x, self.low + self.step, self.high - self.step)
            values = self._values(np.vstack([x, x + shifts, x - shifts]))
            above, below = values[1:].reshape(2, -1)
            return values[0], (above - below) / (2 * self.step)

        optimize.minimize(
            value_and_gradient,
            self._draw(1)[0],
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(self.low, self.high, strict=True)),
        )


class _Bayesian(_Searcher):
    def __init__(
        self, space: ParameterSpace, popsize: int, rng: np.random.Generator
    ) -> None:
        import optuna  # optional

        super().__init__(space, popsize, rng)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(
                seed=int(rng.integers(2**31)), multivariate=True, constant_liar=True
            )
        )
        self._box: dict[str, Any] = {
            name: optuna.distributions.FloatDistribution(low, high)
            for name, low, high in zip(space.names, self.low, self.high, strict=True)
        }
        for x in self._draw(popsize):
            self._study.enqueue_trial(dict(zip(space.names, x, strict=True)))

    def _propose(self) -> Array:
        self._trials = [self._study.ask(self._box) for _ in range(self.popsize)]
        names = self.space.names
        return np.array([[t.params[name] for name in names] for t in self._trials])

    def _learn(self, values: Array) -> None:
        for trial, value in zip(self._trials, values, strict=True):
            self._study.tell(trial, float(value))


class _Baseline(Search):
    """A search that is nothing but a searcher."""

    _searcher: ClassVar[type[_Searcher]]

    def start(self, space: ParameterSpace, rng: np.random.Generator) -> _Searcher:
        """Start a search: see :meth:`delssome.search.Search.start`."""
        return self._searcher(space, self.popsize, rng)


class RandomSearch(_Baseline):
    """Draw candidates evenly over the feasible box.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, ParameterSpace
    >>> from delssome.search import RandomSearch
    >>> space = ParameterSpace(FIC(), np.linspace(-1, 1, 8))
    >>> theta = RandomSearch(popsize=8).start(space, np.random.default_rng(0)).ask()
    >>> theta.shape, bool(space.feasible(theta).all())
    ((8, 7), True)
    """

    _searcher = _Random


class DifferentialEvolution(_Baseline):
    """Differential evolution of scipy, a whole generation at a time.

    Examples
    --------
    >>> from delssome import MeanFieldFitter
    >>> from delssome.search import DifferentialEvolution
    >>> fitter = MeanFieldFitter(search=DifferentialEvolution(popsize=50))
    >>> fitter.search.popsize
    50
    """

    _searcher = _Differential


class GradientDescent(_Baseline):
    """L-BFGS-B of scipy from random starts.

    Gradients are central differences, a batch each: they want an evaluator without
    noise, as the network is.

    Examples
    --------
    >>> from delssome import MeanFieldFitter
    >>> from delssome.search import GradientDescent
    >>> fitter = MeanFieldFitter(surrogate="deep", search=GradientDescent(max_iter=40))
    >>> fitter.search.max_iter
    40
    """

    _searcher = _Gradient


class BayesianOptimisation(_Baseline):
    """Tree-structured Parzen estimators of optuna, a batch at a time.

    Examples
    --------
    It needs optuna (``pip install optuna``)::

        search = BayesianOptimisation(popsize=20, max_iter=50)
        MeanFieldFitter(maps, search=search).fit(X)
    """

    _searcher = _Bayesian


@dataclass(frozen=True, kw_only=True)
class GridSearch(Search):
    """Try the points of a regular grid in random order: for few parameters.

    Parameters
    ----------
    popsize, max_iter, n_restarts, n_closing, max_seconds
        As of all searches.
    budget : int, default=10_000
        Points; as many levels of every parameter as make no more, two at least.

    Examples
    --------
    Regions that are alike have four parameters, at three levels each:

    >>> import numpy as np
    >>> from delssome.models import FIC, ParameterSpace
    >>> from delssome.search import GridSearch
    >>> space = ParameterSpace(FIC(), np.empty((8, 0)))
    >>> search = GridSearch(popsize=100, budget=3**4)
    >>> search.start(space, np.random.default_rng(0)).ask().shape
    (81, 4)
    """

    budget: int = 10_000

    def __post_init__(self) -> None:
        """Check all settings."""
        super().__post_init__()
        self._check_number("budget", Integral, 2, 10_000_000)

    def start(self, space: ParameterSpace, rng: np.random.Generator) -> _Grid:
        """Start a search: see :meth:`delssome.search.Search.start`."""
        return _Grid(space, self.popsize, rng, self.budget)


BASELINES: dict[str, type[Search]] = {
    "grid": GridSearch,
    "random": RandomSearch,
    "differential evolution": DifferentialEvolution,
    "Bayesian (TPE)": BayesianOptimisation,
    "gradient descent": GradientDescent,
}
