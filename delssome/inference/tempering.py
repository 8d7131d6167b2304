"""Tempered sequential Monte Carlo: particles from prior to posterior, by degrees."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from delssome.saying import progress_bar
from delssome.utils import Component

__all__ = ["Draws", "Tempering", "step_in_power"]

Array = NDArray[Any]
Likelihood = Callable[[Array], Array]

# Differences of two particles are stretched by a factor around the best one for a
# normal density (ter Braak 2006), in one move of ten by 1, which jumps between modes.
STRETCH_SD, JUMP = 0.5, 0.1
JITTER = 1e-5
# Powers, as shares of the present one, at which a refined likelihood may take over.
POWERS = np.geomspace(1.0, 1e-3, 61)


class Draws(NamedTuple):
    """What sampling gives.

    Attributes
    ----------
    points : ndarray of shape (n_draws, n_dim)
    log_likelihood : ndarray of shape (n_draws,)
    log_evidence : float
        Logarithm of the likelihood's mean over the prior.
    temperatures : ndarray of shape (n_steps,)
        Powers of the likelihood, ending at 1.
    acceptance : ndarray of shape (n_steps,)
        Share of the last kind of moves of each step that were accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.inference import Tempering
    >>> def log_likelihood(x):
    ...     inside = (np.abs(x) < 1).all(axis=1)
    ...     return np.where(inside, -50 * (x**2).sum(axis=1), -np.inf)
    >>> rng = np.random.default_rng(0)
    >>> prior = rng.uniform(-1, 1, (50, 2))
    >>> draws = Tempering(n_particles=50, n_draws=50).sample(log_likelihood, prior, rng)
    >>> len(draws.points) == len(draws.log_likelihood), float(draws.temperatures[-1])
    (True, 1.0)
    """

    points: Array
    log_likelihood: Array
    log_evidence: float
    temperatures: Array
    acceptance: Array


@dataclass(frozen=True, kw_only=True)
class Tempering(Component):
    """Sequential Monte Carlo over powers of a likelihood.

    Parameters
    ----------
    n_particles : int, default=400
    n_moves : int, default=2
        Moves of every particle at each temperature.
    n_leaps : int, default=2
        Leaps of every particle at each temperature, of likelihoods that can be
        emulated.
    leap : int, default=80
        Moves by the emulated likelihood in a leap.
    n_draws : int, default=1600
        Draws at the end, at least: leaps, or moves, at temperature 1 go on until there
        are so many, of every second leap or every tenth move.
    share : float, default=0.5
        Effective share of the particles that a step in temperature leaves.

    Notes
    -----
    Steps in temperature and resampling as of Del Moral et al. 2006. Moves are those of
    differential evolution (ter Braak 2006) of one half of the particles by the other,
    so that a batch is evaluated at once and scales and correlations need no tuning.
    They are slow along narrow and curved ridges, of which posteriors of circuit models
    are made. A leap is a chain of moves by an emulated likelihood, accepted or refused
    as one proposal by the likelihood itself (surrogate transition, Liu 2001): nearly
    independent of where it started, for one evaluation, and exact whatever the
    emulator. Where the prior is uniform, points outside have likelihood 0.

    References
    ----------
    Del Moral, Doucet, Jasra 2006, https://doi.org/10.1111/j.1467-9868.2006.00553.x;
    ter Braak 2006, https://doi.org/10.1007/s11222-006-8769-1; Liu 2001, Monte Carlo
    Strategies in Scientific Computing, section 9.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.inference import Tempering
    >>> def log_likelihood(x):
    ...     inside = (np.abs(x) < 1).all(axis=1)
    ...     return np.where(inside, -50 * (x**2).sum(axis=1), -np.inf)
    >>> rng = np.random.default_rng(0)
    >>> prior = rng.uniform(-1, 1, (50, 2))
    >>> draws = Tempering(n_particles=50, n_draws=50).sample(log_likelihood, prior, rng)
    >>> bool((draws.points.std(axis=0) < prior.std(axis=0)).all())
    True
    """

    n_particles: int = 400
    n_moves: int = 2
    n_leaps: int = 2
    leap: int = 80
    n_draws: int = 1600
    share: float = 0.5

    def __post_init__(self) -> None:
        """Check all settings."""
        self._check_number("n_particles", Integral, 20, 100_000)
        self._check_number("n_moves", Integral, 1, 1000)
        self._check_number("n_leaps", Integral, 0, 1000)
        self._check_number("leap", Integral, 1, 100_000)
        self._check_number("n_draws", Integral, 1, 1_000_000)
        self._check_number("share", Real, 0.01, 0.99)

    def sample(
        self,
        log_likelihood: Likelihood,
        prior: Array,
        rng: np.random.Generator,
        *,
        refine: Callable[[Array, Array, float], Likelihood | None] | None = None,
        verbose: int = 0,
    ) -> Draws:
        """Take draws of a uniform prior to draws of the posterior.

        Parameters
        ----------
        log_likelihood : callable
            (n, n_dim) to (n,); -inf outside the prior. With a method `emulate`, which
            takes the particles' values and gives a cheap likelihood, or None, particles
            leap.
        prior : ndarray of shape (n_particles, n_dim)
            Draws of the prior.
        rng : numpy.random.Generator
        refine : callable, default=None
            From particles, their values and the power, after each step of it, to a
            more exact likelihood, which takes over from there, or None.
        verbose : int, default=0
            1 or more shows progress.

        Returns
        -------
        Draws
        """
        cloud = _Cloud(log_likelihood, prior.copy(), log_likelihood(prior), rng)
        if not np.isfinite(cloud.value).any():
            raise ValueError("log_likelihood is -inf at every draw of the prior.")
        path: list[tuple[float, float]] = []
        bar = progress_bar(total=100, desc="posterior", unit="%", verbose=verbose)
        with bar:
            while cloud.power < 1.0:
                cloud.heat(step_in_power(cloud.value, cloud.power, self.share))
                finer = refine and refine(cloud.x, cloud.value, cloud.power)
                if finer:
                    cloud.change(finer, self.share)
                path.append((cloud.power, self._spread_out(cloud)))
                # Even in the logarithm of the power.
                done = 90 + int(18 * np.log10(max(cloud.power, 1e-5)))
                bar.update(done - bar.n)
            points, values = self._collect(cloud)
            bar.update(100 - bar.n)
        temperatures, acceptance = np.array(path).T
        return Draws(points, values, cloud.log_evidence, temperatures, acceptance)

    def _spread_out(self, cloud: "_Cloud") -> float:
        """Move all particles at one temperature; give the share accepted at last."""
        accepted = 0.0
        for _ in range(self.n_moves):
            accepted = cloud.move()
        for _ in range(self.n_leaps):
            emulated = cloud.emulate()
            accepted = accepted if emulated is None else cloud.jump(emulated, self.leap)
        return accepted

    def _collect(self, cloud: "_Cloud") -> tuple[Array, Array]:
        """Go on at temperature 1, and keep particles now and then."""
        kept: list[tuple[Array, Array]] = []
        while sum(len(x) for x, _ in kept) < self.n_draws:
            emulated = cloud.emulate() if self.n_leaps else None
            for _ in range(10 if emulated is None else 2):
                if emulated is None:
                    cloud.move()
                else:
                    cloud.jump(emulated, self.leap)
            kept.append((cloud.x.copy(), cloud.value.copy()))
        points, values = (np.concatenate(part) for part in zip(*kept, strict=True))
        return points, values


class _Cloud:
    """Particles at a temperature, with the likelihood that moves them."""

    def __init__(
        self,
        log_likelihood: Likelihood,
        x: Array,
        value: Array,
        rng: np.random.Generator,
    ) -> None:
        self.log_likelihood, self.x, self.value, self.rng = (
            log_likelihood,
            x,
            value,
            rng,
        )
        self.power, self.log_evidence = 0.0, 0.0

    def heat(self, step: float) -> None:
        """Raise the power and resample."""
        self._weigh(step * self.value)
        self.power = min(1.0, self.power + step)
        if 1.0 - self.power < 1e-9:
            self.power = 1.0

    def change(self, log_likelihood: Likelihood, share: float) -> None:
        """Take another likelihood, at a power that leaves a share of the particles.

        At the same power, where that does; or else at a lower one, since a likelihood
        that differs by many nats would leave few particles.
        """
        self.log_likelihood = log_likelihood
        before, self.value = self.power * self.value, log_likelihood(self.x)
        if not np.isfinite(self.value).any():
            raise ValueError("The refined likelihood is -inf at every particle.")
        for power in self.power * POWERS:
            if _effective(power * self.value - before) >= share:
                self.power = power
                break
        else:
            shares = [_effective(p * self.value - before) for p in self.power * POWERS]
            self.power *= POWERS[np.argmax(shares)]
        self._weigh(self.power * self.value - before)

    def emulate(self) -> Likelihood | None:
        """Give a cheap likelihood, if there is one."""
        emulate = getattr(self.log_likelihood, "emulate", None)
        return None if emulate is None else emulate(self.value)

    def move(self) -> float:
        """Move every particle once; give the share accepted."""
        accepted = 0
        for own, others in self._halves():
            moved = self._propose(self.x[own], others)
            found = self.log_likelihood(moved)
            accepted += self._accept(own, moved, found, found - self.value[own])
        return accepted / len(self.x)

    def jump(self, emulated: Likelihood, n_moves: int) -> float:
        """Move every particle by a chain of the emulated likelihood, at one go."""
        accepted = 0
        for own, others in self._halves():
            moved, start = self.x[own].copy(), emulated(self.x[own])
            end = start.copy()
            for _ in range(n_moves):
                further = self._propose(moved, others)
                found = emulated(further)
                with np.errstate(invalid="ignore"):
                    gain = self.power * (found - end)
                ok = np.log(self.rng.random(len(own))) < gain
                moved[ok], end[ok] = further[ok], found[ok]
            found = self.log_likelihood(moved)
            with np.errstate(invalid="ignore"):
                gain = (found - self.value[own]) - (end - start)
            accepted += self._accept(own, moved, found, gain)
        return accepted / len(self.x)

    def _weigh(self, log_weights: Array) -> None:
        """Resample systematically, in random order."""
        n, largest = len(self.x), log_weights.max()
        weights = np.exp(log_weights - largest)
        self.log_evidence += float(largest + np.log(weights.mean()))
        places = (np.arange(n) + self.rng.random()) / n
        cumulative = np.cumsum(weights / weights.sum())
        which = np.minimum(np.searchsorted(cumulative, places), n - 1)
        which = self.rng.permutation(which)
        self.x, self.value = self.x[which], self.value[which]

    def _halves(self) -> list[tuple[Array, Array]]:
        """Give particles to move, and those by which: one half, then the other."""
        first, second = np.array_split(self.rng.permutation(len(self.x)), 2)
        return [(first, second), (second, first)]

    def _propose(self, x: Array, others: Array) -> Array:
        """Move points by differences between other particles."""
        n, n_dim = x.shape
        a, b = self.x[self.rng.choice(others, (2, n))]
        stretch = np.exp(self.rng.normal(0.0, STRETCH_SD, (n, 1)))
        stretch *= 2.38 / np.sqrt(2 * n_dim)
        stretch[self.rng.random(n) < JUMP] = 1.0
        jitter = JITTER * self.rng.standard_normal((n, n_dim))
        return x + stretch * (a - b) + jitter

    def _accept(self, own: Array, moved: Array, found: Array, gain: Array) -> int:
        """Take what is accepted; NaN and -inf are not."""
        ok = np.log(self.rng.random(len(own))) < self.power * gain
        ok &= np.isfinite(found)
        self.x[own[ok]], self.value[own[ok]] = moved[ok], found[ok]
        return int(np.count_nonzero(ok))


def _effective(log_weights: Array) -> float:
    """Effective share of particles with such weights."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))


def step_in_power(value: Array, power: float, share: float) -> float:
    """By how much the power of a density may grow, so that a share of points is left.

    Parameters
    ----------
    value : ndarray of shape (n,)
        Log densities of points, -inf outside.
    power : float
    share : float
        Effective share of the points that reweighting leaves.
    """

    def excess(step: float) -> float:
        return _effective(step * value) - share

    most = 1.0 - power
    if excess(most) >= 0:
        return most
    smallest = 1e-12
    if excess(smallest) <= 0:  # most points have no density at all
        return smallest
    return float(brentq(excess, smallest, most, xtol=1e-14))
