"""Search over a feasible space by ask and tell; it knows nothing of what evaluates."""

from delssome.search.base import Search, Searcher
from delssome.search.baselines import (
    BASELINES,
    BayesianOptimisation,
    DifferentialEvolution,
    GradientDescent,
    GridSearch,
    RandomSearch,
)
from delssome.search.cmaes import CMAES

__all__ = [
    "BASELINES",
    "CMAES",
    "BayesianOptimisation",
    "DifferentialEvolution",
    "GradientDescent",
    "GridSearch",
    "RandomSearch",
    "Search",
    "Searcher",
]
