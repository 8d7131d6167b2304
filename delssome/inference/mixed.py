"""A linear mixed model about several points at once, each with data of its own."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Marginal", "MixedModel"]

Array = NDArray[Any]

# Keeps what the model gets wrong from being free where no slope says anything.
TINY = 1e-9
# Variance that errors add to that of the mean of all, as a share, that is left out.
NEGLIGIBLE = 0.05


class Marginal(NamedTuple):
    """What measurements say about points, whatever effects and people are.

    Attributes
    ----------
    log_density : ndarray of shape (n_points,)
        Of the measurements, effects and people integrated out.
    effects : ndarray of shape (n_points, n_effects)
        Their mode.
    people : ndarray of shape (n_points, n_people, n_dim)
        The same of deviations.
    step : ndarray of shape (n_points, n_own)
        From each point to where the density would be largest.
    covariance : ndarray of shape (n_points, n_own, n_own)
        Of the density of points there.
    """

    log_density: Array
    effects: Array
    people: Array
    step: Array
    covariance: Array

    def select(self, which: Array) -> Self:
        """Pick some points."""
        return type(self)(*(part[which] for part in self))


@dataclass(frozen=True)
class MixedModel:
    r"""Coordinates of measurements: a shared point, effects of covariates, people.

    Measurement s of person i has the coordinates
    :math:`x + D_s \beta + \nu + u_i`, with :math:`\beta` and
    :math:`u_i \sim N(0, \mathrm{diag}(\tau^2))` normal, and :math:`\nu`, what the
    model gets wrong in all of them alike.

    Attributes
    ----------
    design : ndarray of shape (n, n_dim, n_effects)
        D, one matrix a measurement.
    person : ndarray of int, shape (n,)
        From 0 on.
    kind : ndarray of int, shape (n_dim,)
        Which scatter a coordinate has; -1: people do not differ in it.
    effect_sd : float
        Of the prior of an effect.
    spread : ndarray of shape (n_own,)
        Of the prior of the first coordinates, which steps do not leave.
    error : float
        Variance of what the model gets wrong, in that of a value.
    n_values : int
        Values of all measurements.

    References
    ----------
    Laird and Ware 1982, Biometrics 38, 963-974.
    """

    design: Array
    person: NDArray[np.intp]
    kind: NDArray[np.intp]
    effect_sd: float
    spread: Array
    error: float
    n_values: int

    @property
    def n_people(self) -> int:
        """Number of people."""
        return int(self.person.max()) + 1

    @property
    def _errs(self) -> bool:
        """Whether errors that all share widen what all say together."""
        return self.error * len(self.person) > NEGLIGIBLE

    @cached_property
    def _columns(self) -> Array:
        """Own coordinates, effects and errors, (n, n_dim, n_columns)."""
        n, n_dim, _ = self.design.shape
        own = np.eye(n_dim)[:, : len(self.spread)]
        parts = [np.repeat(own[None], n, axis=0), self.design]
        if self._errs:
            parts.append(np.repeat(np.eye(n_dim)[None], n, axis=0))
        return np.concatenate(parts, axis=2)

    @cached_property
    def _belongs(self) -> Array:
        """Whose measurements are whose, (n_people, n)."""
        return (np.arange(self.n_people)[:, None] == self.person).astype(float)

    def per_coordinate(self, scatter: Array) -> Array:
        """Give the scatter of every coordinate, (n_points, n_dim)."""
        padded = np.pad(scatter, ((0, 0), (0, 1)))
        return np.where(self.kind < 0, 0.0, padded[:, self.kind])

    def marginal(
        self,
        slopes: Array,
        residual: Array,
        squares: Array | float,
        scatter: Array,
        noise: Array,
        rng: np.random.Generator | None = None,
    ) -> Marginal:
        """Integrate effects and people out.

        Parameters
        ----------
        slopes : ndarray of shape (n_points, n, n_values, n_dim)
        residual : ndarray of shape (n_points, n, n_values)
            What is left of measurements at the points.
        squares : ndarray of shape (n_points,) or float
            Sum of squares of what no coordinate moves.
        scatter : ndarray of shape (n_points, n_kinds)
        noise : ndarray of shape (n_points,)
            Variance of a value.
        rng : numpy.random.Generator, default=None
            Gives draws of effects and people in place of their modes.

        Returns
        -------
        Marginal
        """
        m, n_dim = len(slopes), slopes.shape[3]
        n_own, columns = len(self.spread), self._columns
        n_columns, one = columns.shape[2], noise[:, None, None]
        turned = slopes.swapaxes(2, 3)
        H, S = turned @ slopes, (turned @ residual[..., None])[..., 0]
        reached = H @ columns
        G, g, C = (self._by_person(x) for x in (H, S, reached))
        flat = columns.reshape(-1, n_columns)
        F = flat.T @ reached.reshape(m, -1, n_columns)
        d = S.reshape(m, -1) @ flat
        t = self.per_coordinate(scatter)
        system = t[:, None, :, None] * G * t[:, None, None, :]
        system[..., np.arange(n_dim), np.arange(n_dim)] += noise[:, None, None]
        tg, tC = t[:, None] * g, t[:, None, :, None] * C
        found = np.linalg.solve(system, np.concatenate([tg[..., None], tC], axis=3))
        Vg, VC = found[..., 0], found[..., 1:]
        prior = self._prior(H)
        tC = tC.reshape(m, -1, n_columns)
        information = (F - tC.swapaxes(1, 2) @ VC.reshape(m, -1, n_columns)) / one
        information += prior
        score = (d - (tC * Vg.reshape(m, -1, 1)).sum(axis=1)) / noise[:, None]

        rest = information[:, n_own:, n_own:]
        modes = np.linalg.solve(rest, score[:, n_own:, None])[..., 0]
        quadratic = np.square(residual).sum(axis=(1, 2)) + squares
        quadratic = (quadratic - (tg * Vg).sum(axis=(1, 2))) / noise
        volume = (self.n_values - G.shape[1] * n_dim) * np.log(noise)
        volume += np.linalg.slogdet(system)[1].sum(axis=1)
        volume += np.linalg.slogdet(rest)[1]
        volume -= np.linalg.slogdet(prior[:, n_own:, n_own:])[1]
        log_density = 0.5 * ((score[:, n_own:] * modes).sum(axis=1) - quadratic)
        log_density -= 0.5 * volume
        if rng is not None:
            modes = modes + _deviates(rest, rng)
        people = Vg - (VC[..., n_own:] @ modes[:, None, :, None])[..., 0]
        if rng is not None:
            people = people + _deviates(system, rng) * np.sqrt(one)
        own = np.arange(n_own)
        information[:, own, own] += self.spread**-2.0
        inverse = np.linalg.inv(information)[:, :n_own]
        return Marginal(
            log_density,
            modes[:, : self.design.shape[2]],
            t[:, None] * people,
            (inverse @ score[..., None])[..., 0],
            inverse[..., :n_own],
        )

    def _by_person(self, x: Array) -> Array:
        """Sum over the measurements of every person."""
        n = len(self.person)
        if self.n_people == n and (self.person == np.arange(n)).all():
            return x
        m = len(x)
        return (self._belongs @ x.reshape(m, n, -1)).reshape(m, -1, *x.shape[2:])

    def _prior(self, H: Array) -> Array:
        """Precision of effects and errors, none of the own coordinates."""
        n_own, n_effects = len(self.spread), self.design.shape[2]
        n_dim, n_columns = self.design.shape[1], self._columns.shape[2]
        precision = np.zeros((len(H), n_columns, n_columns))
        which = n_own + np.arange(n_effects)
        precision[:, which, which] = self.effect_sd**-2.0
        if self._errs:
            # An error in the manner of noise looks like this move of coordinates.
            last = slice(n_own + n_effects, None)
            precision[:, last, last] = H.mean(axis=1) / self.error
            precision[:, last, last] += TINY * np.eye(n_dim)
        return precision


def _deviates(precision: Array, rng: np.random.Generator) -> Array:
    """Draw about 0, given precisions."""
    root = np.linalg.cholesky(precision).swapaxes(-1, -2)
    white = rng.standard_normal(precision.shape[:-1])[..., None]
    return np.asarray(np.linalg.solve(root, white)[..., 0])
