"""What a search has: settings that start it, and ask and tell once it runs."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from delssome.models import ParameterSpace
from delssome.utils import Component

__all__ = ["Search", "Searcher"]

Array = NDArray[Any]


class Searcher(Protocol):
    """A search that runs: it knows nothing of what evaluates.

    Attributes
    ----------
    rng : numpy.random.Generator
        Source of all its randomness, and of that of whoever evaluates candidates.
    step_size : float
        Relative to the ranges; NaN where a search has none.
    converged : bool
        Whether it sees nothing left to gain.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, ParameterSpace
    >>> from delssome.search import CMAES
    >>> space = ParameterSpace(FIC(), np.linspace(-1, 1, 8))
    >>> searcher = CMAES(popsize=8).start(space, np.random.default_rng(0))
    >>> for _ in range(3):
    ...     theta = searcher.ask()
    ...     searcher.tell(theta[:, 0] ** 2)  # the lower the better
    >>> searcher.converged
    False
    """

    rng: np.random.Generator

    @property
    def step_size(self) -> float: ...  # noqa: D102

    @property
    def converged(self) -> bool: ...  # noqa: D102

    def ask(self) -> Array:
        """Give feasible candidates, (n, n_dim) coefficients: one at least."""
        ...

    def tell(self, fitness: Array) -> None:
        """Learn the fitness of the candidates last asked for; lower is better."""
        ...


@dataclass(frozen=True, kw_only=True)
class Search(Component):
    """Settings of a search.

    Parameters
    ----------
    popsize : int, default=100
        Candidates in a generation.
    max_iter : int, default=100
        Largest number of generations in a search.
    n_restarts : int, default=None
        Independent searches, pooled before verification; what a model reads out is an
        average over those that end alike. Published: 5. None: 5 with
        ``surrogate="deep"``, 1 otherwise.
    n_closing : int, default=0
        Generations at the end of a search with ``surrogate="deep"`` that theory
        scores, at most half of `max_iter`: the network leads to a good region, where
        searches end it is less exact than theory. Finalists come from these.
    max_seconds : float, default=None
        Wall time after which no generation of a search starts, except for one that
        closes; then come the finalists, some seconds. None: no limit. What is found
        in a time depends on the machine.

    Examples
    --------
    Settings of any search can be set by name:

    >>> from delssome import MeanFieldFitter
    >>> from delssome.search import RandomSearch
    >>> fitter = MeanFieldFitter(search=RandomSearch(popsize=50, max_iter=20))
    >>> fitter.set_params(search__max_iter=40).search.max_iter
    40
    """

    popsize: int = 100
    max_iter: int = 100
    n_restarts: int | None = None
    n_closing: int = 0
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        """Check all settings."""
        self._check_number("popsize", Integral, 4, 100_000)
        self._check_number("max_iter", Integral, 1, 1_000_000)
        self._check_number("n_closing", Integral, 0, 1_000_000)
        self._check_number("n_restarts", Integral, 1, 10_000)
        self._check_number("max_seconds", Real, 0.0)

    @abstractmethod
    def start(self, space: ParameterSpace, rng: np.random.Generator) -> Searcher:
        """Start a search.

        Parameters
        ----------
        space : ParameterSpace
            What may be asked for.
        rng : numpy.random.Generator
            Source of all randomness, and of that of whoever evaluates candidates.

        Returns
        -------
        Searcher
        """
