"""CMA-ES over a feasible space, by ask and tell."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from numbers import Real
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.exceptions import InfeasibleSpaceError
from delssome.models import ParameterSpace
from delssome.search.base import Search

__all__ = ["CMAES"]

Array = NDArray[Any]

# Draws without enough feasible candidates after which a search starts elsewhere, and
# then gives up.
MAX_DRAWS = 200_000
# Step sizes with which a feasible start is looked for, and draws of each.
WIDER, N_LOOKED_AT = (0.2, 0.4, 0.8), 20_000
# Differences in cost that mean nothing: far below the noise floor.
COST_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class CMAES(Search):
    """Covariance matrix adaptation evolution strategy with rejection of candidates.

    Parameters
    ----------
    popsize, max_iter, n_restarts, n_closing, max_seconds
        As of all searches: candidates in a generation (100), generations (100),
        independent searches (None), generations that theory scores (0), and wall time
        (None). See :class:`~delssome.search.Search`.
    sigma0 : float, default=0.2
        Initial step size, as a share of each parameter's range.

    Notes
    -----
    The strategy is that of the library `cma`. It differs from the published update
    (Zeng et al. 2026) in details: recombination weights are log-ranks, with negative
    ones for the worse half, instead of inverse costs of the ten best; constants
    follow the library; the search moves in coordinates scaled by the ranges. Box and
    constraints are kept by drawing again, as published. The published start need not be
    feasible; where nothing feasible is within reach of it, as with a small `sigma0` and
    signs of maps, the search starts from a feasible draw of a wider one.

    References
    ----------
    Hansen 2016, https://arxiv.org/abs/1604.00772.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, ParameterSpace
    >>> from delssome.search import CMAES
    >>> space = ParameterSpace(FIC(), np.linspace(-1, 1, 10))
    >>> search = CMAES(popsize=8).start(space, np.random.default_rng(0))
    >>> search.ask().shape
    (8, 7)
    """

    sigma0: float = 0.2

    def __post_init__(self) -> None:
        """Check all settings."""
        super().__post_init__()
        self._check_number("sigma0", Real, 1e-6, 10)

    def start(self, space: ParameterSpace, rng: np.random.Generator) -> "_Strategy":
        """Start a search: see :meth:`delssome.search.Search.start`."""
        return _Strategy(space, self.popsize, self.sigma0, rng)


class _WhenUsed(ModuleType):
    """A module that is loaded when something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":  # who looks through all modules
            raise AttributeError(name)
        spec: Any = self.__spec__
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(self)
        return getattr(self, name)


def _library() -> Any:
    """Import cma, without what it has for shells, which loads pyplot, until used."""
    if "cma" not in sys.modules:
        package = PathFinder.find_spec("cma")
        places = package.submodule_search_locations if package else None
        spec = PathFinder.find_spec("cma.s", places) if places else None
        if spec is not None:
            later = _WhenUsed("cma.s")
            later.__spec__, later.__package__ = spec, "cma"
            later.__file__ = spec.origin
            sys.modules["cma.s"] = later
    import cma

    return cma


class _Strategy:
    """A search by CMA-ES that runs."""

    def __init__(
        self,
        space: ParameterSpace,
        popsize: int,
        sigma0: float,
        rng: np.random.Generator,
    ) -> None:
        self.space, self.popsize, self.sigma0, self.rng = space, popsize, sigma0, rng
        self._asked: Array | None = None
        self._strategy = self._make(space.start(rng), sigma0)

    def _make(self, start: Array, sigma0: float) -> Any:
        rng = self.rng
        return _library().CMAEvolutionStrategy(
            start,
            sigma0,
            {
                "popsize": self.popsize,
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
    def step_size(self) -> float:
        """Current step size, relative to the ranges."""
        return float(self._strategy.sigma)

    @property
    def converged(self) -> bool:
        """Whether the library sees nothing left to gain."""
        return bool(self._strategy.stop())

    def ask(self) -> Array:
        """Draw a generation of feasible candidates, (popsize, n_dim) coefficients."""
        accepted = self._draw(self._strategy, MAX_DRAWS)
        if len(accepted) < self.popsize and self._asked is None:
            self._strategy = self._make(self._feasible_start(accepted), self.sigma0)
            accepted = self._draw(self._strategy, MAX_DRAWS)
        if len(accepted) < self.popsize:
            raise InfeasibleSpaceError(
                f"Only {len(accepted)} of {MAX_DRAWS} drawn candidates kept every "
                f"region within the ranges and constraints of {self.space.model!r}; "
                "widen the ranges of the model, or relax its constraints."
            )
        self._asked = np.array(accepted[: self.popsize])
        return self.space.theta(self._asked)

    def _draw(self, strategy: Any, most: int) -> list[Array]:
        """Draw search coordinates until a generation of them is feasible."""
        accepted: list[Array] = []
        n_draws = 0
        while len(accepted) < self.popsize and n_draws < most:
            if not accepted and self._asked is None and n_draws >= N_LOOKED_AT:
                break  # nothing is within reach of the start
            draws = np.array(strategy.ask(self.popsize))
            n_draws += len(draws)
            accepted.extend(draws[self.space.feasible(self.space.theta(draws))])
        return accepted

    def _feasible_start(self, accepted: list[Array]) -> Array:
        """Give a feasible place to start from, or where the search has started."""
        if accepted:
            return accepted[0]
        for sigma0 in WIDER:
            wider = self._make(np.asarray(self._strategy.mean), sigma0)
            found = self._draw(wider, N_LOOKED_AT)
            if found:
                return found[0]
        return np.asarray(self._strategy.mean)

    def tell(self, fitness: Array) -> None:
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
