"""Where FC is about as observed: short searches, before noise is known."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.evaluation import Evaluator
from delssome.models import ParameterSpace
from delssome.search import CMAES
from delssome.theory import fisher_z

__all__ = ["find_pilots"]

Array = NDArray[Any]

# Generations of a search.
N_GENERATIONS = 25
# Fitness of candidates out of range: worse than any in range.
OUT_OF_RANGE = 100.0


def find_pilots(
    space: ParameterSpace,
    evaluator: Evaluator,
    sc: Array,
    fc: Array,
    rng: np.random.Generator,
    n_searches: int,
    popsize: int = 100,
) -> Array:
    """Give coefficients whose FC is about what was observed.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : Evaluator
        Of expected FC.
    sc : ndarray of shape (n_rois, n_rois)
    fc : ndarray of shape (n_edges,)
    rng : numpy.random.Generator
    n_searches : int
    popsize : int, default=100
        Candidates of a generation.

    Returns
    -------
    ndarray of shape (n_generations, n_dim)
        The best of every generation, best first.
    """
    observed = fisher_z(fc)
    leaders: list[tuple[float, Array]] = []
    for child in rng.spawn(n_searches):
        search = CMAES(popsize=popsize).start(space, child)
        for _ in range(N_GENERATIONS):
            theta = search.ask()
            said = evaluator.statistics(space.candidates(theta, sc))
            misfit = np.square(fisher_z(said.fc) - observed).mean(axis=1)
            outside = OUT_OF_RANGE + np.log1p(said.violation)
            fitness = np.where(said.violation == 0, misfit, outside)
            fitness = np.where(np.isnan(fitness), np.inf, fitness)
            search.tell(fitness)
            k = int(np.argmin(fitness))
            leaders.append((fitness[k], theta[k]))
    return np.array([theta for _, theta in sorted(leaders, key=lambda x: x[0])])
