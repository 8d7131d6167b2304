"""How likely scans are together: a group, effects of covariates, and people."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.fitting.covariates import Covariates
from delssome.inference import LocalEmulator, Look, Marginal, MixedModel
from delssome.models import Candidates, ParameterSpace

__all__ = ["Coordinates", "Design", "Direction", "PooledDensity"]

Array = NDArray[Any]

# Times that effects and people are looked for, each time with slopes of where they are.
N_ROUNDS = 3
# Standard deviations from what an emulator knows beyond which it is not asked.
FARTHEST = 3.5
# Scatter of people, in shares of a range: of the half-normal prior, and limits.
SCATTER, LEAST, MOST = 0.1, 1e-4, 1.0
# Scans of candidates that are looked at together.
N_TOGETHER = 500


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


@dataclass(frozen=True)
class PooledDensity:
    """Density of the group's coordinates, of scatter and of noise.

    Effects and people are integrated out by Laplace's approximation, with slopes where
    every scan is: first-order conditional estimation of mixed models (Lindstrom and
    Bates 1990), here as a density.

    Attributes
    ----------
    coordinates : Coordinates
    emulator : LocalEmulator
        Of expected z on the connectome of the group, whitened.
    amplitudes : ndarray of shape (n_scans, n_components)
        What was observed, less what own connectomes add.
    rest : float
        Sum of squares of what no component holds.
    mixed : MixedModel

    References
    ----------
    Lindstrom and Bates 1990, Biometrics 46, 673-687.
    """

    coordinates: Coordinates
    emulator: LocalEmulator
    amplitudes: Array
    rest: float
    mixed: MixedModel

    @property
    def n_own(self) -> int:
        """Coordinates of the group."""
        return self.coordinates.n_own

    @cached_property
    def trust(self) -> Array:
        """Weights of scans, (n_scans,), less where the emulator errs."""
        return self.emulator.trust(self.amplitudes)

    def split(self, points: Array) -> tuple[Array, Array, Array]:
        """Take points apart: the group's coordinates, scatter, variance of noise."""
        n = self.n_own
        return points[:, :n], np.exp(points[:, n:-1]), np.exp(points[:, -1])

    def look(self, points: Array) -> Look:
        """Look at points, (n, n_own + n_kinds + 1), as chains want to."""
        n, n_own = len(points), self.n_own
        own, scatter, _ = self.split(points)
        value, step = np.full(n, -np.inf), np.zeros((n, n_own))
        root = np.repeat(np.eye(n_own)[None], n, axis=0)
        space = self.coordinates.space
        inside = space.feasible(space.theta(own))
        inside &= self.emulator.distance(self.coordinates.padded(own)) < FARTHEST
        inside &= ((scatter > LEAST) & (scatter < MOST)).all(axis=1)
        size = max(1, N_TOGETHER // len(self.amplitudes))
        where = np.flatnonzero(inside)
        for first in range(0, len(where), size):
            some = where[first : first + size]
            found = self.settle(points[some])[0]
            # Half-normal, of logarithms.
            prior = points[some, n_own:-1] - 0.5 * (scatter[some] / SCATTER) ** 2
            value[some] = found.log_density + prior.sum(axis=1)
            step[some] = found.step
            root[some] = np.linalg.cholesky(found.covariance)
        return Look(np.where(np.isfinite(value), value, -np.inf), step, root)

    def settle(
        self, points: Array, rng: np.random.Generator | None = None
    ) -> tuple[Marginal, Array]:
        """Find effects and people, and where that puts scans.

        Parameters
        ----------
        points : ndarray of shape (n, n_own + n_kinds + 1)
        rng : numpy.random.Generator, default=None
            Gives draws of effects and people in place of their modes.

        Returns
        -------
        found : Marginal
        x : ndarray of shape (n, n_scans, n_dim)
            Coordinates of scans about which it was linear.
        """
        own, scatter, noise = self.split(points)
        base = self.coordinates.padded(own)[:, None]
        weight = np.sqrt(self.trust)[:, None]
        n_scans, n_dim = len(self.amplitudes), self.coordinates.n_dim
        x = base  # at first the same of all scans
        for k in range(N_ROUNDS):
            last = k == N_ROUNDS - 1
            expected, slopes = self.emulator.with_slopes(x.reshape(-1, n_dim))
            expected = expected.reshape(*x.shape[:2], -1)
            slopes = slopes.reshape(*x.shape[:2], -1, n_dim)
            slopes = np.broadcast_to(slopes, (len(x), n_scans, *slopes.shape[2:]))
            residual = self.amplitudes - expected
            residual = residual + (slopes @ (x - base)[..., None])[..., 0]
            found = self.mixed.marginal(
                slopes * weight[..., None],
                residual * weight,
                self.rest,
                scatter,
                noise,
                rng if last else None,
            )
            if last:
                return found, x
            x = base + self.off(found.effects, found.people)
            # Not further than what is known.
            far = self.emulator.distance(x.reshape(-1, n_dim)).reshape(x.shape[:2])
            x = base + np.minimum(1.0, FARTHEST / far)[..., None] * (x - base)
        raise AssertionError("no round")

    def off(self, effects: Array, people: Array) -> Array:
        """Give how far scans are from the group, (n, n_scans, n_dim)."""
        moved = np.einsum("ndq,mq->mnd", self.mixed.design, effects)
        return np.asarray(moved + people[:, self.mixed.person])
