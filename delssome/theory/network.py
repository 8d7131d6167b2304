"""Statistics of a noisy network of regions that stays near one state."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LinearNetwork",
    "reduce_regions",
    "region_covariance",
    "slow_moments",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class LinearNetwork:
    """A network of noisy regions with linear equations.

    At the frequencies of BOLD, the states that do not couple regions (S_I) follow the
    one that does (S_E, here s) within milliseconds. What is left is symmetric:
    ``s = patterns @ diag(1 / (i omega + decay)) @ patterns.T @ noise``.

    Attributes
    ----------
    local : ndarray of shape (n_candidates, n_rois, n_states, n_states)
        Minus the inverse of each region's own Jacobian: its response to a push.
    drive : ndarray of shape (n_candidates, n_rois, n_states)
        Slopes of the derivatives of the states with respect to the coupling.
    output : ndarray of shape (n_candidates, n_rois, n_outputs, n_states + 1)
        Slopes of the outputs with respect to states and coupling.
    gain : ndarray of shape (n_candidates, n_rois)
        Response of s to the coupling at frequency zero.
    network : ndarray of shape (n_candidates, n_rois, n_rois)
        Global coupling times structural connectivity.
    sigma : ndarray of shape (n_candidates, n_rois)
        Noise amplitude (s**-0.5).
    decay : ndarray of shape (n_candidates, n_rois)
        Decay rates of the modes (1/s), ascending; unstable where the first is
        negative.
    patterns : ndarray of shape (n_candidates, n_rois, n_rois)
        Patterns of the modes over regions, in columns.
    power : ndarray of shape (n_candidates, n_rois)
        Power of the white noise that drives each region.
    noise : ndarray of shape (n_candidates, n_rois, n_rois)
        Covariance of the noise that drives the modes.
    fastest : ndarray of shape (n_candidates, n_rois)
        Largest decay rate of a region's own states (1/s): limits the time step.
    """

    local: Array
    drive: Array
    output: Array
    gain: Array
    network: Array
    sigma: Array
    decay: Array
    patterns: Array
    power: Array
    noise: Array
    fastest: Array

    @classmethod
    def from_slopes(cls, slopes: Array, network: Array, sigma: Array) -> Self:
        """Find the modes of a network from the slopes of its regions' equations.

        Parameters
        ----------
        slopes : ndarray of shape (n_functions, n_variables, n_candidates, n_rois)
        network : ndarray of shape (n_candidates, n_rois, n_rois)
            Symmetric.
        sigma : ndarray of shape (n_candidates, n_rois)

        Notes
        -----
        A region that receives the coupling c responds with ``s = g(i omega) c +
        noise``. With 1/g = alpha + i omega beta up to second order in omega over the
        rate of the fast states (some 1e-4 at 0.3 Hz), the network ``(alpha + i omega
        beta - G C) s = noise / g`` becomes symmetric after scaling by beta**-0.5, and
        one symmetric eigenproblem of the size of the regions serves all frequencies.
        At frequency zero, where stability is lost, nothing is neglected.
        """
        regions = reduce_regions(slopes, sigma)
        scale = regions.scale
        system = scale[:, :, None] * network * scale[:, None, :]
        diagonal = np.arange(system.shape[-1])
        system[:, diagonal, diagonal] -= regions.decay
        growth, vectors = np.linalg.eigh(system)
        patterns = scale[:, :, None] * vectors[:, :, ::-1]
        noise = np.swapaxes(patterns, 1, 2) @ (regions.power[:, :, None] * patterns)
        return cls(
            regions.local,
            regions.drive,
            np.moveaxis(slopes[slopes.shape[1] - 1 :], (0, 1), (-2, -1)),
            regions.gain,
            network,
            sigma,
            -growth[:, ::-1],
            patterns,
            regions.power,
            noise,
            regions.fastest,
        )

    def select(self, which: Array) -> Self:
        """Take candidates by their indices."""
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))

    def update(self, which: Array, part: Self) -> None:
        """Replace candidates, by their indices, with those of another network."""
        given = ("network", "sigma")  # the same in both
        for name in (f.name for f in fields(self) if f.name not in given):
            getattr(self, name)[which] = getattr(part, name)

    def stable(self, step: float) -> NDArray[np.bool_]:
        """Tell which candidates stay where they are, in steps of a length (s)."""
        return (self.decay[:, 0] > 0) & (self.fastest.max(axis=1) * step < 2.0)

    def renew(self, slopes: Array) -> tuple[Self, NDArray[np.bool_]]:
        """Give the network whose regions have other slopes, and where it changed."""
        new = self.from_slopes(slopes, self.network, self.sigma)
        return new, np.ones(len(self.sigma), dtype=bool)

    @property
    def roots(self) -> Array:
        """Eigenvalues of the modes (1/s), (n_candidates, n_modes)."""
        return -self.decay

    def variable_covariance(self, step: float) -> Array:
        """Stationary covariance of the variables of each region (states, coupling).

        Of stable candidates.

        Parameters
        ----------
        step : float
            Integration step of the simulation that is described (s); 0: none. Explicit
            steps inflate the variance of fast states.

        Returns
        -------
        ndarray of shape (n_variables, n_variables, n_candidates, n_rois)

        Notes
        -----
        To first order in the ratio of slow to fast rates. Deviations are slow modes, in
        which the fast states follow, plus local fast ones; within a region both are
        driven by the same noise.
        """
        moments = slow_moments(self, step)
        return region_covariance(-_inverse(self.local), self.sigma, *moments, step)

    def shift(self, push: Array) -> Array:
        """Answer of all variables to a constant push on the states.

        Of stable candidates.

        Parameters
        ----------
        push : ndarray of shape (n_states, n_candidates, n_rois)
            In 1/s.

        Returns
        -------
        ndarray of shape (n_variables, n_candidates, n_rois)
        """
        push = np.moveaxis(push, 0, -1)
        source = (self.local[..., 0, :] * push).sum(axis=-1) / self.gain
        amplitude = np.swapaxes(self.patterns, 1, 2) @ source[..., None]
        slow = self.patterns @ (amplitude / self.decay[..., None])
        coupling = (self.network @ slow)[..., 0]
        push = push + self.drive * coupling[..., None]
        states = (self.local @ push[..., None])[..., 0]
        return np.concatenate([np.moveaxis(states, -1, 0), coupling[None]])

    def to_regions(self, weights: Array) -> Array:
        """Covariance over regions from weights of the pairs of modes."""
        patterns = self.patterns
        return patterns @ (self.noise * weights) @ np.swapaxes(patterns, 1, 2)

    def covariance(self, own: Array) -> Array:
        """Covariance of what is seen, from the variance of every mode that is.

        Parameters
        ----------
        own : ndarray of shape (n_candidates, n_modes)
            ``integral g decay / (decay^2 + omega^2)`` with what is seen of the power.

        Returns
        -------
        ndarray of shape (n_candidates, n_rois, n_rois)
        """
        pairs = self.decay[:, :, None] + self.decay[:, None, :]
        return self.to_regions((own[:, :, None] + own[:, None, :]) / pairs)

    def excitation(self, k: int) -> tuple[Array, Array]:
        """Give what takes white noise of one candidate to its modes, and these on.

        Returns
        -------
        mix : ndarray of shape (n_rois, n_modes)
            Any root of the noise's covariance does; this one is that of the regions.
        out : ndarray of shape (n_modes, n_rois)
        """
        mix = np.sqrt(self.power[k])[:, None] * self.patterns[k]
        return mix, self.patterns[k].T

    @property
    def reading(self) -> Array:
        """Modes over regions in the state that is seen, (n_candidates, n_rois, ...)."""
        return self.patterns


class Regions(NamedTuple):
    """Each region on its own, as the coupling sees it at the frequencies of BOLD.

    Attributes
    ----------
    local, drive, gain, power
        As of :class:`LinearNetwork`.
    decay : ndarray of shape (n_candidates, n_rois)
        Rate at which s falls without coupling (1/s).
    scale : ndarray of shape (n_candidates, n_rois)
        Scales the coupling from both sides to rates (1/s).
    fastest : ndarray of shape (n_candidates, n_rois)
        Largest decay rate of the region's states (1/s); inf: unstable on its own.
    """

    local: Array
    drive: Array
    gain: Array
    power: Array
    decay: Array
    scale: Array
    fastest: Array


def reduce_regions(slopes: Array, sigma: Array) -> Regions:
    """Reduce the states of each region to the one that couples it.

    Parameters
    ----------
    slopes : ndarray of shape (n_functions, n_variables, n_candidates, n_rois)
    sigma : ndarray of shape (n_candidates, n_rois)

    Returns
    -------
    Regions
    """
    n = slopes.shape[1] - 1
    A = np.moveaxis(slopes[:n, :n], (0, 1), (-2, -1))
    drive = np.moveaxis(slopes[:n, n], 0, -1)
    local = -_inverse(A)
    row = local[..., 0, :]
    gain = (row * drive).sum(axis=-1)
    slope = -(row * (local @ drive[..., None])[..., 0]).sum(axis=-1)
    beta = -slope / gain**2
    power = sigma**2 * (row**2).sum(axis=-1) / gain**2
    # Where beta is negative a region is unstable on its own.
    fastest = np.where(beta > 0, _fastest(A), np.inf)
    scale = 1.0 / np.sqrt(np.abs(beta))
    return Regions(local, drive, gain, power, 1.0 / (gain * beta), scale, fastest)


def slow_moments(network: LinearNetwork, step: float) -> tuple[Array, Array, Array]:
    """Slow part of what regions and their couplings move by, (n_candidates, n_rois).

    Parameters
    ----------
    network : LinearNetwork
    step : float
        As of :meth:`LinearNetwork.variable_covariance`.

    Returns
    -------
    slow, coupled, coupling : ndarray of shape (n_candidates, n_rois)
        Variance of s, covariance of s and coupling, variance of the coupling.
    """
    decay = network.decay
    pairs = decay[:, :, None] + decay[:, None, :]
    pairs = pairs - step * decay[:, :, None] * decay[:, None, :]
    slow = network.to_regions(1.0 / pairs)
    coupled = slow @ network.network
    coupling = (network.network * np.swapaxes(coupled, 1, 2)).sum(axis=-1)
    return _diagonal(slow), _diagonal(coupled), coupling


def region_covariance(
    A: Array, sigma: Array, slow: Array, coupled: Array, coupling: Array, step: float
) -> Array:
    """Covariance of the variables of each region, the slow part of which is known.

    Parameters
    ----------
    A : ndarray of shape (..., n_states, n_states)
        Jacobian of the region's own states.
    sigma : ndarray of shape (...)
        Noise amplitude.
    slow, coupled, coupling : ndarray of shape (...)
        As :func:`slow_moments` gives them.
    step : float
        As of :meth:`LinearNetwork.variable_covariance`.

    Returns
    -------
    ndarray of shape (n_variables, n_variables, ...)
    """
    n = A.shape[-1]
    follow = _following(A)
    covariance = np.zeros((*slow.shape, n + 1, n + 1))
    covariance[..., :n, :n] = follow[..., :, None] * follow[..., None, :]
    covariance[..., :n, :n] *= slow[..., None, None]
    covariance[..., :n, n] = follow * coupled[..., None]
    covariance[..., n, :n] = covariance[..., :n, n]
    covariance[..., n, n] = coupling

    rates, right = np.linalg.eig(A)
    order = np.argsort(-rates.real, axis=-1)
    rates = np.take_along_axis(rates, order, axis=-1)
    right = np.take_along_axis(right, order[..., None, :], axis=-1)
    left = np.linalg.inv(right)
    power = sigma[..., None, None] ** 2 * (left @ np.swapaxes(left.conj(), -1, -2))
    rate = -rates[..., :, None] - rates.conj()[..., None, :]
    rate = rate - step * rates[..., :, None] * rates.conj()[..., None, :]
    # The slow mode against the fast: the slow rate is that of a network and small.
    rate[..., 0, 1:], rate[..., 1:, 0] = -rates.conj()[..., 1:], -rates[..., 1:]
    weights = power / rate
    weights[..., 0, 0] = 0.0  # already in the slow part
    local = right @ weights @ np.swapaxes(right.conj(), -1, -2)
    covariance[..., :n, :n] += local.real
    return np.moveaxis(covariance, (-2, -1), (0, 1))


def _following(A: Array) -> Array:
    """States that follow the first one at once, per unit of it (itself included)."""
    follow = np.ones(A.shape[:-1])
    if A.shape[-1] > 1:
        follow[..., 1:] = -np.linalg.solve(A[..., 1:, 1:], A[..., 1:, :1])[..., 0]
    return follow


def _inverse(A: Array) -> Array:
    """Inverse of small matrices; of two states or fewer without LAPACK's overhead."""
    if A.shape[-1] == 1:
        return 1.0 / A
    if A.shape[-1] > 2:
        return np.linalg.inv(A)
    inverse = np.empty_like(A)
    inverse[..., 0, 0], inverse[..., 1, 1] = A[..., 1, 1], A[..., 0, 0]
    inverse[..., 0, 1], inverse[..., 1, 0] = -A[..., 0, 1], -A[..., 1, 0]
    determinant = A[..., 0, 0] * A[..., 1, 1] - A[..., 0, 1] * A[..., 1, 0]
    return inverse / determinant[..., None, None]


def _fastest(A: Array) -> Array:
    """Largest decay rate among the eigenvalues of small matrices.

    Of a pair that swings, the rate that limits explicit steps alike, |l|^2 / -Re l.
    """
    if A.shape[-1] != 2:
        rates = np.linalg.eigvals(A)
        return np.asarray((np.abs(rates) ** 2 / -rates.real).max(axis=-1))
    half = -0.5 * (A[..., 0, 0] + A[..., 1, 1])
    determinant = A[..., 0, 0] * A[..., 1, 1] - A[..., 0, 1] * A[..., 1, 0]
    gap = half**2 - determinant
    swings = gap < 0
    apart = half + np.sqrt(np.where(swings, 0.0, gap))
    return np.where(swings, determinant / np.where(swings, half, 1.0), apart)


def _diagonal(matrices: Array) -> Array:
    return np.diagonal(matrices, axis1=-2, axis2=-1)
