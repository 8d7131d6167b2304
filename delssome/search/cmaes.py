"""CMA-ES over a feasible space, by ask and tell."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np

from delssome.exceptions import InfeasibleSpaceError
from delssome.utils import check_number

__all__ = ["CMAES"]

# Draws without enough feasible candidates after which a search gives up.
MAX_DRAWS = 200_000
# Differences in cost that mean nothing: far below the noise floor.
COST_TOLERANCE = 1e-4


class CMAES:
    """Covariance matrix adaptation evolution strategy with rejection of candidates.

    Parameters
    ----------
    space : ParameterSpace
        What may be asked for.
    popsize : int, default=100
        Candidates in a generation.
    sigma0 : float, default=0.2
        Initial step size, as a share of each parameter's range.
    rng : numpy.random.Generator
        Source of all randomness, and of that of whoever evaluates candidates.

    Notes
    -----
    The strategy is that of the library `cma`. It differs from the published update
    (Zeng et al. 2026) in details: recombination weights are log-ranks, with negative
    ones for the worse half, instead of inverse costs of the ten best; constants
    follow the library; the search moves in coordinates scaled by the ranges. Box and
    constraints are kept by drawing again, as published.

    References
    ----------
    Hansen 2016, https://arxiv.org/abs/1604.00772.
    """

    def __init__(self, space, *, popsize=100, sigma0=0.2, rng):
        check_number("popsize", popsize, Integral, 2)
        check_number("sigma0", sigma0, Real, 1e-6, 10)
        import cma  # it loads matplotlib, which only those who search should pay for

        self.space = space
        self.popsize = popsize
        self.rng = rng
        self._asked = None
        self._strategy = cma.CMAEvolutionStrategy(
            space.start(rng),
            sigma0,
            {
                "popsize": popsize,
                # The library would otherwise seed NumPy's global generator, write
                # folders and listen to a file in the working directory.
                "seed": np.nan,
                "randn": lambda *shape: rng.standard_normal(shape),
                "verbose": -9,
                "verb_log": 0,
                "signals_filename": "",
                "tolfun": COST_TOLERANCE,
                "tolfunhist": COST_TOLERANCE,
            },
        )

    @property
    def step_size(self):
        """Current step size, relative to the ranges."""
        return float(self._strategy.sigma)

    def ask(self):
        """Draw a generation of feasible candidates.

        Returns
        -------
        ndarray of shape (popsize, n_dim)
            Coefficients.
        """
        accepted, n_draws = [], 0
        while len(accepted) < self.popsize:
            if n_draws >= MAX_DRAWS:
                raise InfeasibleSpaceError(
                    f"Only {len(accepted)} of {n_draws} drawn candidates kept every "
                    "region within the ranges and constraints; widen the ranges of the "
                    "model, relax map_signs or min_w_EI_sd, or lower sigma0."
                )
            draws = np.array(self._strategy.ask(self.popsize))
            n_draws += len(draws)
            accepted.extend(draws[self.space.feasible(self.space.theta(draws))])
        self._asked = np.array(accepted[: self.popsize])
        return self.space.theta(self._asked)

    def tell(self, fitness):
        """Learn the fitness of the generation last asked for; lower is better.

        Parameters
        ----------
        fitness : ndarray of shape (popsize,)
            Infinite for candidates that could not be evaluated.
        """
        fitness = np.asarray(fitness, dtype=np.float64)
        if self._asked is None or fitness.shape != (len(self._asked),):
            raise ValueError(
                "fitness must hold a number for each of the candidates last asked for, "
                f"got shape {fitness.shape}; ask first."
            )
        # The library warns about infinities; ranks are all it uses.
        finite = np.where(np.isfinite(fitness), fitness, 1e6)
        self._strategy.tell(list(self._asked), list(finite))

    @property
    def converged(self):
        """Whether the library sees nothing left to gain."""
        return bool(self._strategy.stop())
