"""A linear mixed model, from what every measurement tells of its coordinates."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evidence", "Hyper", "MixedModel"]

Array = NDArray[Any]

# Steps of a chain, those that are forgotten, and after how many the width of a step
# is adapted.
N_STEPS, N_FORGOTTEN, N_ADAPTED = 3000, 1000, 50
# Share of steps that should be taken, in few dimensions.
TAKEN = 0.35


class Evidence(NamedTuple):
    """What measurements tell of coordinates, about a point.

    Attributes
    ----------
    information : ndarray of shape (n, n_dim, n_dim)
        Products of slopes, summed over values of unit noise.
    score : ndarray of shape (n, n_dim)
        Slopes times residuals, summed over the same.
    squares : ndarray of shape (n,)
        Sums of squares of residuals.
    n_values : int
        Values of a measurement.
    """

    information: Array
    score: Array
    squares: Array
    n_values: int


class Hyper(NamedTuple):
    """Draws of what is not a coordinate.

    Attributes
    ----------
    scatter : ndarray of shape (n_draws, n_kinds)
        Standard deviations over people, of each kind of coordinate.
    noise : ndarray of shape (n_draws,)
        Variance of a value.
    """

    scatter: Array
    noise: Array

    def select(self, which: Any) -> "Hyper":
        """Take some draws."""
        return Hyper(self.scatter[which], self.noise[which])


@dataclass(frozen=True)
class MixedModel:
    r"""Coordinates of every measurement, of shared effects and of people.

    Measurement s of person i has the coordinates :math:`D_s \beta + u_i`, with
    :math:`u_i \sim N(0, \mathrm{diag}(\tau^2))`.

    Attributes
    ----------
    evidence : Evidence
    design : ndarray of shape (n, n_dim, n_effects)
        D, one matrix a measurement.
    person : ndarray of int, shape (n,)
        From 0 on.
    kind : ndarray of int, shape (n_dim,)
        Which scatter a coordinate has; -1: people do not differ in it.
    precision, mean : ndarray of shape (n_effects, n_effects) and (n_effects,)
        Of the normal prior of effects.
    scale : float
        Of the half-normal prior of scatter.
    """

    evidence: Evidence
    design: Array
    person: Array
    kind: Array
    precision: Array
    mean: Array
    scale: float

    @cached_property
    def _sums(self) -> tuple[Array, ...]:
        """Sums over the measurements of people, and over all."""
        H, S, squares, _ = self.evidence
        n_people = int(self.person.max()) + 1
        reached = H @ self.design
        G, g, C = (np.zeros((n_people, *x.shape[1:])) for x in (H, S, reached))
        for total, parts in ((G, H), (g, S), (C, reached)):
            np.add.at(total, self.person, parts)
        F = np.einsum("npk,npl->kl", self.design, reached)
        d = np.einsum("npk,np->k", self.design, S)
        return G, g, C, F, d, np.array(squares.sum())

    def _given(self, scatter: Array, noise: float) -> tuple[float, Array, Array]:
        """Marginal log likelihood, and information and score of the effects."""
        G, g, C, F, d, squares = self._sums
        t = self._per_coordinate(scatter)
        system = noise * np.eye(len(t)) + t[:, None] * G * t
        tg, tC = t * g, t[:, None] * C
        found = np.linalg.solve(system, np.concatenate([tg[..., None], tC], axis=2))
        Vg, VC = found[..., 0], found[..., 1:]
        information = self.precision + (F - np.einsum("ipk,ipl->kl", tC, VC)) / noise
        score = self.precision @ self.mean
        score = score + (d - np.einsum("ipk,ip->k", tC, Vg)) / noise
        quadratic = (squares - (tg * Vg).sum()) / noise
        n = len(self.evidence.squares) * self.evidence.n_values
        volume = n * np.log(noise) - G.shape[0] * len(t) * np.log(noise)
        volume += np.linalg.slogdet(system)[1].sum()
        volume += np.linalg.slogdet(information)[1]
        best = score @ np.linalg.solve(information, score)
        return float(0.5 * (best - quadratic - volume)), information, score

    def _per_coordinate(self, scatter: Array) -> Array:
        return np.where(self.kind < 0, 0.0, np.append(scatter, 0.0)[self.kind])

    def hyper(self, rng: np.random.Generator) -> Hyper:
        """Draw scatter and noise by a random walk (Metropolis), effects left out."""
        n_kinds = int(self.kind.max(initial=-1)) + 1
        n = len(self.evidence.squares) * self.evidence.n_values
        width = np.append(np.full(n_kinds, 0.5), np.sqrt(2.0 / n))

        def log_density(v: Array) -> float:
            scatter = np.exp(v[:-1])
            prior = (v[:-1] - 0.5 * (scatter / self.scale) ** 2).sum()
            return self._given(scatter, float(np.exp(v[-1])))[0] + float(prior)

        start = np.full(n_kinds, np.log(0.3 * self.scale))
        v = np.append(start, np.log(self.evidence.squares.sum() / n))
        now, taken, chain = log_density(v), 0, []
        for step in range(N_STEPS):
            other = v + width * rng.standard_normal(len(v))
            new = log_density(other)
            if np.log(rng.random()) < new - now:
                v, now, taken = other, new, taken + 1
            if step < N_FORGOTTEN and (step + 1) % N_ADAPTED == 0:
                width *= np.exp(taken / N_ADAPTED - TAKEN)
                taken = 0
            if step >= N_FORGOTTEN:
                chain.append(v)
        values = np.exp(chain)
        return Hyper(values[:, :-1], values[:, -1])

    def effects(self, hyper: Hyper, rng: np.random.Generator, n: int = 1) -> Array:
        """Draw effects, n for each draw of `hyper`, (n_draws * n, n_effects)."""
        draws = []
        for scatter, noise in zip(*hyper, strict=True):
            _, information, score = self._given(scatter, float(noise))
            root = np.linalg.cholesky(information)
            white = rng.standard_normal((len(score), n))
            centre = np.linalg.solve(information, score)
            draws.append(centre + np.linalg.solve(root.T, white).T)
        return np.concatenate(draws)

    def people(self, hyper: Hyper, effects: Array, rng: np.random.Generator) -> Array:
        """Draw how people deviate, (n_draws, n_people, n_dim)."""
        G, g, C = self._sums[:3]
        draws = []
        for scatter, noise, beta in zip(*hyper, effects, strict=True):
            t = self._per_coordinate(scatter)
            system = noise * np.eye(len(t)) + t[:, None] * G * t
            root = np.linalg.cholesky(system)
            white = rng.standard_normal(g.shape)[..., None]
            off = np.linalg.solve(np.swapaxes(root, 1, 2), white) * np.sqrt(noise)
            centre = np.linalg.solve(system, (t * (g - C @ beta))[..., None])
            draws.append(t * (centre + off)[..., 0])
        return np.array(draws)
