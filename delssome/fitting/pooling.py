"""How likely scans are together: a group, effects of covariates, and people."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from delssome.fitting.pool_design import Coordinates
from delssome.inference import LocalEmulator, Look, Marginal, MixedModel

__all__ = ["PooledDensity"]

Array = NDArray[Any]

# Standard deviations from what an emulator knows beyond which it is not asked.
FARTHEST = 3.5
# Scatter of people, in shares of a range: of the half-normal prior, and limits.
SCATTER, LEAST, MOST = 0.1, 1e-4, 1.0
# Scans of candidates that are looked at together.
N_TOGETHER = 500
# Steps of scans to where they are likeliest, at most; change of a log density that
# ends them, misfit that a step may add, and what steps that added more become.
N_STEPS, SETTLED, MARGIN, SHORTER = 10, 0.1, 0.5, 0.5


class _Places(NamedTuple):
    """Where scans are taken to be, and what is expected there.

    Attributes
    ----------
    x : ndarray of shape (n, n_scans, n_dim)
    expected : ndarray of shape (n, n_scans, n_components)
    slopes : ndarray of shape (n, n_scans, n_components, n_dim)
    """

    x: Array
    expected: Array
    slopes: Array

    def select(self, which: Array) -> Self:
        """Pick some points."""
        return type(self)(*(part[which] for part in self))

    def take(self, which: Array, other: Self, moved: Array) -> None:
        """Put scans that moved, (n, n_scans), of some points where another has them."""
        points, scans = np.nonzero(moved)
        for mine, new in zip(self, other, strict=True):
            mine[which[points], scans] = new[points, scans]


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

    def look(self, points: Array, hints: Array | None = None) -> Look:
        """Look at points, (n, n_own + n_kinds + 1), as chains want to.

        Hints, (n, n_scans, n_dim), say how far from the group scans may be.
        """
        n, n_own = len(points), self.n_own
        own, scatter, _ = self.split(points)
        value, step = np.full(n, -np.inf), np.zeros((n, n_own))
        root = np.repeat(np.eye(n_own)[None], n, axis=0)
        off = np.zeros((n, len(self.amplitudes), self.coordinates.n_dim))
        space = self.coordinates.space
        inside = space.feasible(space.theta(own))
        inside &= self.emulator.distance(self.coordinates.padded(own)) < FARTHEST
        inside &= ((scatter > LEAST) & (scatter < MOST)).all(axis=1)
        size = max(1, N_TOGETHER // len(self.amplitudes))
        where = np.flatnonzero(inside)
        for first in range(0, len(where), size):
            some = where[first : first + size]
            found, off[some] = self.settle(
                points[some], None if hints is None else hints[some]
            )
            # Half-normal, of logarithms.
            prior = points[some, n_own:-1] - 0.5 * (scatter[some] / SCATTER) ** 2
            value[some] = found.log_density + prior.sum(axis=1)
            step[some] = found.step
            root[some] = np.linalg.cholesky(found.covariance)
        return Look(np.where(np.isfinite(value), value, -np.inf), step, root, off)

    def settle(
        self,
        points: Array,
        hints: Array | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Marginal, Array]:
        """Find effects and people, and where that puts scans.

        Parameters
        ----------
        points : ndarray of shape (n, n_own + n_kinds + 1)
        hints : ndarray of shape (n, n_scans, n_dim), default=None
            How far from the group scans are to begin with. None: they are not.
        rng : numpy.random.Generator, default=None
            Gives draws of effects and people in place of their modes.

        Returns
        -------
        found : Marginal
        off : ndarray of shape (n, n_scans, n_dim)
            How far from the group scans are taken to be, where it was linear.

        Notes
        -----
        Gauss-Newton. A scan whose own misfit grows by a step stays where it was, and
        takes a shorter one next: near the edge of stability whole steps swing.
        """
        base = self.coordinates.padded(points[:, : self.n_own])[:, None]
        shape = len(points), len(self.amplitudes)
        if hints is None:  # at first the same of all scans
            places = _Places(*(np.repeat(x, shape[1], axis=1) for x in self._at(base)))
        else:
            places = self._at(self._near(base, base + hints))
        reach, before = np.ones(shape), np.full(len(points), np.inf)
        steady = np.ones(len(points), dtype=bool)
        todo, parts = np.arange(len(points)), []
        for k in range(N_STEPS):
            here = places.select(todo)
            found = self._linear(points[todo], here)
            moved = np.abs(found.log_density - before[todo]) > SETTLED
            goes_on = (moved | ~steady[todo]) & (k < N_STEPS - 1)
            parts.append((todo[~goes_on], found.select(~goes_on)))
            before[todo] = found.log_density
            todo, here, found = (
                todo[goes_on],
                here.select(goes_on),
                found.select(goes_on),
            )
            if not len(todo):
                break
            some, own = points[todo], base[todo]
            goal = own + self.off(found.effects, found.people)
            x = here.x + reach[todo, :, None] * (goal - here.x)
            new = self._at(self._near(own, x))
            gain = self._misfit(some, here, found) - self._misfit(some, new, found)
            better = gain > -MARGIN
            places.take(todo, new, better)
            longer = np.minimum(1.0, 2.0 * reach[todo])
            reach[todo] = np.where(better, longer, SHORTER * reach[todo])
            steady[todo] = better.all(axis=1)
        if rng is not None:
            return self._linear(points, places, rng), places.x - base
        order = np.argsort(np.concatenate([which for which, _ in parts]))
        joined = (
            np.concatenate(x)[order] for x in zip(*(p for _, p in parts), strict=True)
        )
        return Marginal(*joined), places.x - base

    def _at(self, x: Array) -> _Places:
        """Ask the emulator at coordinates, (n, n_scans, n_dim)."""
        expected, slopes = self.emulator.with_slopes(x.reshape(-1, x.shape[2]))
        shape = x.shape[:2]
        return _Places(
            x,
            expected.reshape(*shape, -1),
            slopes.reshape(*shape, -1, x.shape[2]),
        )

    def _near(self, base: Array, x: Array) -> Array:
        """Keep coordinates within what is known."""
        far = self.emulator.distance(x.reshape(-1, x.shape[2])).reshape(x.shape[:2])
        return np.asarray(
            base + np.minimum(1.0, FARTHEST / far)[..., None] * (x - base)
        )

    def _linear(
        self, points: Array, places: _Places, rng: np.random.Generator | None = None
    ) -> Marginal:
        """Integrate effects and people out, linear about where scans are."""
        own, scatter, noise = self.split(points)
        base = self.coordinates.padded(own)[:, None]
        weight = np.sqrt(self.trust)[:, None]
        residual = self.amplitudes - places.expected
        residual = residual + (places.slopes @ (places.x - base)[..., None])[..., 0]
        return self.mixed.marginal(
            places.slopes * weight[..., None],
            residual * weight,
            self.rest,
            scatter,
            noise,
            rng,
        )

    def _misfit(self, points: Array, places: _Places, found: Marginal) -> Array:
        """Squares of what is left of each scan, and of how its person deviates."""
        own, scatter, noise = self.split(points)
        base = self.coordinates.padded(own)[:, None]
        deviation = places.x - base - self.by_effects(found.effects)
        spread = self.mixed.per_coordinate(scatter)[:, None]
        share = np.divide(
            deviation, spread, out=np.zeros_like(deviation), where=spread > 0
        )
        left = np.square(self.amplitudes - places.expected).sum(axis=2) * self.trust
        return np.asarray(left / noise[:, None] + np.square(share).sum(axis=2))

    def by_effects(self, effects: Array) -> Array:
        """Give how far covariates move scans, (n, n_scans, n_dim)."""
        return np.einsum("ndq,mq->mnd", self.mixed.design, effects)

    def off(self, effects: Array, people: Array) -> Array:
        """Give how far scans are from the group, (n, n_scans, n_dim)."""
        return self.by_effects(effects) + people[:, self.mixed.person]
