"""Coordinates of many scans, and what covariates move in them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.fitting.covariates import Covariates
from delssome.models import Candidates, ParameterSpace

__all__ = ["Coordinates", "Design", "Direction"]

Array = NDArray[Any]


class Direction(NamedTuple):
    """A pattern over regions along which a parameter may move.

    Attributes
    ----------
    parameter : str
    pattern : ndarray of shape (n_rois,)
        Move of the parameter, as a share of its range, by one unit.
    """

    parameter: str
    pattern: Array


@dataclass(frozen=True)
class Coordinates:
    """Search coordinates, and directions beyond those of the search.

    Attributes
    ----------
    space : ParameterSpace
    directions : sequence of Direction
    """

    space: ParameterSpace
    directions: Sequence[Direction] = ()

    @property
    def n_own(self) -> int:
        """Coordinates of the search."""
        return self.space.n_dim

    @property
    def n_dim(self) -> int:
        """Coordinates of the search, and directions."""
        return self.n_own + len(self.directions)

    def kinds(self, names: Sequence[str]) -> list[tuple[str, list[int]]]:
        """Name levels of parameters, and slopes over maps, with their coordinates."""
        found = []
        for name in names:
            part = self.space.slices[name]
            found.append((name, [part.start]))
            if part.stop > part.start + 1:
                over = list(range(part.start + 1, part.stop))
                found.append((f"{name} over maps", over))
        return found

    def spread(self, level: float, over_maps: float, along: float) -> Array:
        """Give a number for each coordinate, by what it is, (n_dim,)."""
        found = np.full(self.n_dim, along)
        for part in self.space.slices.values():
            found[part] = over_maps
            found[part.start] = level
        return found

    def padded(self, own: Array) -> Array:
        """Give coordinates without a move along any direction."""
        return np.pad(own, ((0, 0), (0, len(self.directions))))

    def params(self, x: Array) -> dict[str, Array]:
        """Give parameters of coordinates, (n, n_dim)."""
        space = self.space
        params = space.expand(space.theta(x[:, : self.n_own]))
        for k, (name, pattern) in enumerate(self.directions):
            low, high = getattr(space.model, name)
            move = (high - low) * x[:, self.n_own + k, None] * pattern
            params[name] = params[name] + move
        return params

    def candidates(self, x: Array, sc: Array) -> Candidates:
        """Give candidates of coordinates, (n, n_dim)."""
        return Candidates(self.space.model, self.params(x), sc)


@dataclass(frozen=True)
class Design:
    """What covariates move, linearly.

    Attributes
    ----------
    covariates : Covariates
    moved : list of list of int
        Coordinates that each covariate moves.
    n_dim : int
    """

    covariates: Covariates
    moved: list[list[int]]
    n_dim: int

    @property
    def matrix(self) -> Array:
        """Coordinates by effects, of every scan, (n_scans, n_dim, n_effects)."""
        values = self.covariates.values
        pairs = [(c, j) for c, some in enumerate(self.moved) for j in some]
        found = np.zeros((len(values), self.n_dim, len(pairs)))
        for k, (c, j) in enumerate(pairs):
            found[:, j, k] = values[:, c]
        return found

    def moves(self, effects: Array) -> list[Array]:
        """Give how far one unit of each covariate moves coordinates, (n, n_dim)."""
        ends = np.cumsum([len(some) for some in self.moved])
        found = []
        for some, end in zip(self.moved, ends, strict=True):
            move = np.zeros((len(effects), self.n_dim))
            move[:, some] = effects[:, end - len(some) : end]
            found.append(move)
        return found

    def ends(self, effects: Array) -> list[Array]:
        """Give moves to both ends of each covariate, the others at 0."""
        pairs = zip(self.moves(effects), self.covariates.ends, strict=True)
        return [end * move for move, ends in pairs for end in ends]
