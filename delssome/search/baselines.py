"""What the field searches with today, by the same ask and tell as CMA-ES.

For comparison: :class:`~delssome.MeanFieldFitter` uses CMA-ES. Optimisers come from
scipy and, for Bayesian optimisation, from optuna (extra ``[benchmarks]``).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from queue import Queue
from threading import Thread

import numpy as np
from scipy import optimize

from delssome.exceptions import InfeasibleSpaceError

__all__ = [
    "BASELINES",
    "BayesianOptimisation",
    "DifferentialEvolution",
    "GradientDescent",
    "GridSearch",
    "RandomSearch",
]

# Above any cost: what candidates count that break the box or the constraints.
PENALTY = 10.0
# Batches in a row without a feasible candidate after which a search gives up.
MAX_BATCHES = 200


class _Search:
    """Ask for feasible candidates only; others are told to be bad.

    Parameters
    ----------
    space : ParameterSpace
    popsize : int, default=100
        Candidates proposed at a time. Those that are feasible are asked for.
    rng : numpy.random.Generator
        Source of all randomness, and of that of whoever evaluates candidates.
    """

    def __init__(self, space, *, popsize=100, rng):
        self.space, self.popsize, self.rng = space, popsize, rng
        # Intercepts and global parameters span their range, slopes such that two
        # standard deviations of a map span it either way.
        self.low = np.full(space.n_dim, -1.0)
        self.low[[part.start for part in space.slices.values()]] = 0.0
        self.high = np.ones(space.n_dim)

    def ask(self):
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
            "widen the ranges of the model, relax map_signs or min_w_EI_sd."
        )

    def tell(self, fitness):
        """Learn the fitness of the candidates last asked for; lower is better."""
        values = np.full(len(self._x), PENALTY)
        values[self._feasible] = np.minimum(fitness, PENALTY)
        self._learn(values)

    def _draw(self, n):
        """Draw search coordinates evenly over the feasible box, (n, n_dim)."""
        found = []
        for _ in range(MAX_BATCHES):
            x = self.rng.uniform(self.low, self.high, (1000, self.space.n_dim))
            found.extend(x[self.space.feasible(self.space.theta(x))])
            if len(found) >= n:
                return np.array(found[:n])
        raise InfeasibleSpaceError(
            f"Only {len(found)} of {1000 * MAX_BATCHES} candidates drawn kept ranges "
            "and constraints; widen the ranges of the model, relax map_signs or "
            "min_w_EI_sd."
        )

    def _propose(self):
        """Give search coordinates, (n, n_dim)."""
        raise NotImplementedError

    def _learn(self, values):
        """Take the fitness of what was proposed last."""


class RandomSearch(_Search):
    """Draw candidates evenly over the feasible box."""

    def _propose(self):
        return self._draw(self.popsize)


class GridSearch(_Search):
    """Try the points of a regular grid in random order: for few parameters.

    Parameters
    ----------
    space, popsize, rng
        As of all searches.
    budget : int, default=10_000
        Points; as many levels of every parameter as make no more, two at least.
    """

    def __init__(self, space, *, popsize=100, rng, budget=10_000):
        super().__init__(space, popsize=popsize, rng=rng)
        n_levels = max(2, int(budget ** (1.0 / space.n_dim) + 1e-9))
        levels = (np.arange(n_levels) + 0.5) / n_levels
        grid = np.stack(np.meshgrid(*[levels] * space.n_dim), -1)
        grid = grid.reshape(-1, space.n_dim)
        self._points = self.low + (self.high - self.low) * rng.permutation(grid)
        self._next = 0

    def _propose(self):
        start = self._next % len(self._points)
        self._next = start + self.popsize
        return self._points[start : self._next]


class _Driven(_Search):
    """A search by a function of scipy, which asks for values when it wants them.

    It runs in a thread of its own that waits for every answer.
    """

    def __init__(self, space, *, popsize=100, rng):
        super().__init__(space, popsize=popsize, rng=rng)
        self._asked, self._answered = Queue(), Queue()
        self._thread = None

    def _propose(self):
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
        x = self._asked.get()
        if isinstance(x, BaseException):
            raise x
        return np.clip(x, self.low, self.high)

    def _learn(self, values):
        self._answered.put(values)

    def _values(self, x):
        """Wait for the fitness of points, (n, n_dim)."""
        self._asked.put(x)
        return self._answered.get()

    def _run(self):
        try:
            while True:  # those that converge start again
                self._minimise()
        except BaseException as error:  # raised where candidates are asked for
            self._asked.put(error)


class DifferentialEvolution(_Driven):
    """Differential evolution of scipy, a whole generation at a time."""

    def _minimise(self):
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


class GradientDescent(_Driven):
    """L-BFGS-B of scipy from random starts.

    Gradients are central differences, a batch each: they want an evaluator without
    noise, as the network is.
    """

    step = 1e-3

    def _minimise(self):
        def value_and_gradient(x):
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


class BayesianOptimisation(_Search):
    """Tree-structured Parzen estimators of optuna, a batch at a time."""

    def __init__(self, space, *, popsize=100, rng):
        import optuna  # optional

        super().__init__(space, popsize=popsize, rng=rng)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(
                seed=int(rng.integers(2**31)), multivariate=True, constant_liar=True
            )
        )
        self._box = {
            name: optuna.distributions.FloatDistribution(low, high)
            for name, low, high in zip(space.names, self.low, self.high, strict=True)
        }
        for x in self._draw(popsize):
            self._study.enqueue_trial(dict(zip(space.names, x, strict=True)))

    def _propose(self):
        self._trials = [self._study.ask(self._box) for _ in range(self.popsize)]
        names = self.space.names
        return np.array([[t.params[name] for name in names] for t in self._trials])

    def _learn(self, values):
        for trial, value in zip(self._trials, values, strict=True):
            self._study.tell(trial, float(value))


BASELINES = {
    "grid": GridSearch,
    "random": RandomSearch,
    "differential evolution": DifferentialEvolution,
    "Bayesian (TPE)": BayesianOptimisation,
    "gradient descent": GradientDescent,
}
