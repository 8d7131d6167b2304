"""Many chains at once over a density that knows its way: Langevin and evolution."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from delssome.inference.tempering import step_in_power

__all__ = ["Chains", "Density", "Look", "heat", "walk"]

Array = NDArray[Any]
Known = Callable[[Array], NDArray[np.bool_]]

# Lengths of steps, in standard deviations of the normal density at a point.
LENGTHS = (0.15, 0.25, 0.4, 0.6)
# Best stretch of the difference of two chains for a normal density, its spread, shares
# of directions that are moved, and how often a difference is taken as it is.
STRETCH, STRETCH_SD, PARTS, AS_IS, JITTER = 2.0, 0.6, (0.3, 1.0), 0.1, 1e-5
# What is moved, in turn: by the density's slope, or by other chains, all or the rest.
TURNS = ("slope", "rest", "slope", "all")
# Effective share of the chains that a step in temperature leaves.
SHARE = 0.5


class Look(NamedTuple):
    """What a density looks like at points.

    Attributes
    ----------
    value : ndarray of shape (n,)
        Its logarithm; -inf outside.
    step : ndarray of shape (n, n_own)
        From each point to where it would be largest, by its first coordinates.
    root : ndarray of shape (n, n_own, n_own)
        Of its covariance there, lower triangular.
    hints : ndarray of shape (n, ...)
        What makes looking near by easier.
    """

    value: Array
    step: Array
    root: Array
    hints: Array

    def take(self, other: "Look", which: Array) -> "Look":
        """Replace some by those of another."""
        parts = zip(self, other, strict=True)
        return Look(
            *(np.where(which.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in parts)
        )

    def select(self, which: Array) -> "Look":
        """Pick some, in any order."""
        return Look(*(x[which] for x in self))


class Density(Protocol):
    """A density over points whose first coordinates it gives slopes for."""

    @property
    def n_own(self) -> int:
        """Coordinates that it gives slopes for."""

    def look(self, points: Array, hints: Array | None = None) -> Look:
        """Look at points, (n, n_dim), near others that hints are of."""


class Chains(NamedTuple):
    """Points of chains, and what the density looks like there."""

    points: Array
    look: Look


class _Heated:
    """A density to a power."""

    def __init__(self, density: Density, power: float) -> None:
        self.density, self.power, self.n_own = density, power, density.n_own

    def look(self, points: Array, hints: Array | None = None) -> Look:
        value, step, root, hints = self.density.look(points, hints)
        return Look(self.power * value, step, root / np.sqrt(self.power), hints)


class _Centred:
    """A density whose steps leave out what they average to over chains.

    Steps are of the part of a density that is like a normal one. Over chains that have
    the density true slopes average to none, so that what these average to is what the
    rest of it adds.
    """

    def __init__(self, density: Density, look: Look) -> None:
        self.density, self.n_own = density, density.n_own
        ok = np.isfinite(look.value)
        root, step = look.root[ok], look.step[ok]
        white = np.linalg.solve(root, step[..., None])
        slopes = np.linalg.solve(root.swapaxes(1, 2), white)[..., 0]
        self.mean = slopes.mean(axis=0)

    def look(self, points: Array, hints: Array | None = None) -> Look:
        return self.centred(self.density.look(points, hints))

    def centred(self, look: Look, sign: float = 1.0) -> Look:
        """Leave it out or, with the other sign, put it back."""
        along = look.root.swapaxes(1, 2) @ self.mean
        off = (look.root @ along[..., None])[..., 0]
        return look._replace(step=look.step - sign * off)


def heat(
    density: Density,
    points: Array,
    known: Known,
    n_moves: int,
    rng: np.random.Generator,
) -> Array:
    """Take points from where they are to a density, by its powers from 0 to 1.

    Parameters
    ----------
    density : Density
    points : ndarray of shape (n_chains, n_dim)
    known : callable
        Tells which points may be at all, which is dear to say.
    n_moves : int
        At each power.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_chains, n_dim)
    """
    n, power = len(points), 0.0
    look = density.look(points)
    value, hints = look.value, look.hints
    if not np.isfinite(value).any():
        raise ValueError("The density is 0 at every point to start from.")
    while power < 1.0:
        step = step_in_power(value, power, SHARE)
        power = 1.0 if power + step > 1.0 - 1e-9 else power + step
        weights = np.exp(step * (value - value.max()))
        which = rng.choice(n, n, p=weights / weights.sum())
        heated = _Heated(density, power)
        look = heated.look(points[which], hints[which])
        chains = walk(heated, Chains(points[which], look), known, n_moves, rng)
        points, value, hints = (
            chains.points,
            chains.look.value / power,
            chains.look.hints,
        )
    return points


def walk(
    density: Density,
    chains: Chains,
    known: Known,
    n_moves: int,
    rng: np.random.Generator,
) -> Chains:
    """Move all chains, and take what is not known back to where it started.

    Parameters
    ----------
    density : Density
    chains : Chains
    known : callable
        As of :func:`heat`; asked once, at the end.
    n_moves : int
    rng : numpy.random.Generator

    Returns
    -------
    Chains

    Notes
    -----
    By slopes: proposals are normal about a share of the way to the mode of the normal
    density that the target is like at the point, with the covariance of that (Girolami
    and Calderhead 2011, simplified; of a normal density every proposal is accepted).
    What slopes average to over the chains is left out of them: over chains that have
    the density true ones average to none.
    By other chains: differential evolution (ter Braak 2006) of one half by the other
    along some of its principal axes.

    References
    ----------
    Girolami and Calderhead 2011, https://doi.org/10.1111/j.1467-9868.2010.00765.x;
    ter Braak 2006, https://doi.org/10.1007/s11222-006-8769-1.
    """
    start = chains
    centred = _Centred(density, chains.look)
    chains = Chains(chains.points, centred.centred(chains.look))
    for k in range(n_moves):
        turn = TURNS[k % len(TURNS)]
        if turn == "slope":
            chains = _by_slope(centred, chains, rng)
        else:
            chains = _by_others(centred, chains, turn == "all", rng)
    lost = ~known(chains.points)
    points = np.where(lost[:, None], start.points, chains.points)
    look = centred.centred(chains.look, -1.0)
    return Chains(points, look.take(start.look, lost))


def _by_slope(density: Density, chains: Chains, rng: np.random.Generator) -> Chains:
    points, look = chains
    n, n_own = len(points), density.n_own
    length = rng.choice(LENGTHS, (n, 1))
    white = rng.standard_normal((n, n_own))
    moved = points.copy()
    moved[:, :n_own] += _share(length) * look.step
    moved[:, :n_own] += length * (look.root @ white[..., None])[..., 0]
    other = density.look(moved, look.hints)
    with np.errstate(invalid="ignore"):
        gain = other.value - look.value
        gain += _log_proposal(moved, points, other, length, n_own)
        gain -= _log_proposal(points, moved, look, length, n_own)
    return _accept(chains, moved, other, gain, rng)


def _share(length: Array) -> Array:
    """Share of the way to the mode: of a normal density it keeps the density."""
    return np.asarray(1.0 - np.sqrt(1.0 - length**2))


def _log_proposal(
    start: Array, end: Array, look: Look, length: Array, n_own: int
) -> Array:
    off = (end - start)[:, :n_own] - _share(length) * look.step
    white = np.linalg.solve(look.root, off[..., None])[..., 0] / length
    diagonal = np.diagonal(look.root, axis1=1, axis2=2)
    return np.asarray(
        -0.5 * np.square(white).sum(axis=1) - np.log(diagonal).sum(axis=1)
    )


def _by_others(
    density: Density, chains: Chains, whole: bool, rng: np.random.Generator
) -> Chains:
    """Move one half by the other: all coordinates, or those without slopes."""
    points, look = chains
    own, others = np.array_split(rng.permutation(len(points)), 2)
    a, b = points[rng.choice(others, (2, len(own)))]
    first = 0 if whole else density.n_own
    off = (a - b)[:, first:]
    axes = np.eye(off.shape[1])
    if whole:
        axes = np.linalg.eigh(np.cov(points[others].T))[1]
    part = rng.choice(PARTS, (len(own), 1)) if whole else np.ones((len(own), 1))
    mask = rng.random(off.shape) < part
    off = ((off @ axes) * mask) @ axes.T
    stretch = np.exp(rng.normal(0.0, STRETCH_SD, (len(own), 1))) * STRETCH
    stretch /= np.sqrt(2.0 * np.maximum(mask.sum(axis=1, keepdims=True), 1))
    stretch[rng.random(len(own)) < AS_IS] = 1.0
    moved = points.copy()
    moved[own, first:] += stretch * off + JITTER * rng.standard_normal(off.shape)
    other = density.look(moved[own], look.hints[own])
    gain = np.full(len(points), -np.inf)
    gain[own] = other.value - look.value[own]
    everyone = look.select(np.arange(len(points)))
    for whole_part, part_own in zip(everyone, other, strict=True):
        whole_part[own] = part_own
    return _accept(chains, moved, everyone, gain, rng)


def _accept(
    chains: Chains, moved: Array, other: Look, gain: Array, rng: np.random.Generator
) -> Chains:
    """Take what is accepted; NaN and -inf are not."""
    ok = np.log(rng.random(len(moved))) < gain
    ok &= np.isfinite(other.value)
    points = np.where(ok[:, None], moved, chains.points)
    return Chains(points, chains.look.take(other, ok))
