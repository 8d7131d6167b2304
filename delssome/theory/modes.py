"""From what a network's statistics weigh back to what its regions are.

Reverse differentiation by hand. With M the symmetric system of the network and Q the
power of its noise (both scaled, as of :class:`~delssome.theory.network.LinearNetwork`),
whatever is done to signals ends in weights of the entries of M and of log Q.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from delssome.theory.bold import BoldTheory
from delssome.theory.network import LinearNetwork

__all__ = ["Modes", "Weights"]

Array = NDArray[Any]


class Weights(NamedTuple):
    """Derivatives of a number by a network.

    Attributes
    ----------
    system : ndarray of shape (n_rois, n_rois)
        By M.
    power : ndarray of shape (n_rois,)
        By log Q.
    """

    system: Array
    power: Array

    def plus(self, other: Self) -> Self:
        """Add two."""
        return type(self)(self.system + other.system, self.power + other.power)

    def times(self, factor: float) -> Self:
        """Scale them."""
        return type(self)(factor * self.system, factor * self.power)


class Modes:
    """The modes of one stable network, whose statistics are differentiated.

    Parameters
    ----------
    network : LinearNetwork
        Of one candidate.
    sc : ndarray of shape (n_rois, n_rois)
        Without the global coupling.
    """

    def __init__(self, network: LinearNetwork, sc: Array) -> None:
        patterns = network.patterns[0]
        self.scale = np.linalg.norm(patterns, axis=1)
        self.vectors = patterns / self.scale[:, None]
        self.decay, self.noise = network.decay[0], network.noise[0]
        self.power = network.power[0] * self.scale**2
        self.network, self.sc = network.network[0], sc

    def regions(self, weights: Weights) -> tuple[Array, float]:
        """Take weights to regions.

        Returns
        -------
        regions : ndarray of shape (3, n_rois)
            By decay, log scale and log power of each region.
        coupling : float
            By the global coupling.
        """
        reach = self.scale[:, None] * weights.system * self.scale
        by_scale = 2.0 * (weights.power - (reach * self.network).sum(axis=1))
        regions = np.diagonal(weights.system), by_scale, weights.power
        return np.stack(regions), -float((reach * self.sc).sum())

    def of_slowest(self) -> Weights:
        """Weights of the logarithm of the slowest decay rate."""
        vector = self.vectors[:, 0]
        system = np.outer(vector, vector) / self.decay[0]
        return Weights(system, np.zeros_like(vector))

    def of_covariance(self, bold: BoldTheory, by: Array) -> tuple[Weights, Array]:
        """Weights of the covariance of BOLD.

        Parameters
        ----------
        bold : BoldTheory
        by : ndarray of shape (n_rois, n_rois)
            Derivatives by the entries of ``bold.covariance``, symmetric.

        Returns
        -------
        weights : Weights
        by_frequency : ndarray of shape (n_nodes,)
            Derivatives by ``bold.weights``.

        Notes
        -----
        Covariance solves ``M S + S M = o(M) Q + Q o(M)``, with o the integral over
        frequencies of a single mode.
        """
        decay = self.decay
        near = 1.0 / (decay[:, None] ** 2 + bold.omega**2)
        own = (near @ bold.weights) * decay
        # What o changes by from one mode to another, over what their rates differ by.
        slopes = (near * (bold.weights * bold.omega**2)) @ near.T
        slopes -= decay[:, None] * ((near * bold.weights) @ near.T) * decay
        pairs, both = decay[:, None] + decay, own[:, None] + own
        adjoint = self._to_modes(self.scale[:, None] * by * self.scale) / pairs
        moved = adjoint @ (self.noise * both / pairs)
        mixed = self.noise @ adjoint
        system = slopes * (mixed + mixed.T) - (moved + moved.T)
        by_own = 2.0 * (adjoint * self.noise).sum(axis=1) * decay
        return self._weights(system, adjoint * both), by_own @ near

    def of_slow_moments(self, step: float, by: Array) -> tuple[Array, float]:
        """Take weights of :func:`~delssome.theory.network.slow_moments` to regions.

        Parameters
        ----------
        step : float
        by : ndarray of shape (3, n_rois)

        Returns
        -------
        regions, coupling
            As of `regions`.
        """
        decay, scale, network = self.decay, self.scale, self.network
        pairs = decay[:, None] + decay - step * decay[:, None] * decay
        within = self.noise / pairs
        slow = scale[:, None] * self._to_regions(within) * scale
        slow_by, coupled_by, coupling_by = by
        mixed = coupled_by[:, None] * network
        weights = np.diag(slow_by) + 0.5 * (mixed + mixed.T)
        weights += (network * coupling_by) @ network
        adjoint = self._to_modes(scale[:, None] * weights * scale) / pairs
        moved = (adjoint * (1.0 - step * decay)) @ within
        regions, by_coupling = self.regions(self._weights(-(moved + moved.T), adjoint))
        regions[1] += 2.0 * (weights * slow).sum(axis=1)
        reached = slow @ self.sc
        by_coupling += float(coupled_by @ np.diagonal(reached))
        by_coupling += 2.0 * float(coupling_by @ (network * reached.T).sum(axis=1))
        return regions, by_coupling

    def sample(self, bold: BoldTheory, white: Array) -> tuple[Array, Array]:
        """Draw samples, as ``bold.sample`` does but for the scale of each region.

        Parameters
        ----------
        bold : BoldTheory
        white : ndarray of complex, shape (n_samples, n_frequencies, n_rois)

        Returns
        -------
        signals : ndarray of shape (n_samples, n_frames, n_rois)
        activity : ndarray of complex, shape (n_samples, n_frequencies, n_rois)
        """
        activity = self._respond(bold, white * np.sqrt(self.power))
        spectrum = np.zeros(
            (len(white), bold.n_period // 2 + 1, white.shape[2]), dtype=complex
        )
        filled = slice(1, 1 + white.shape[1])
        spectrum[:, filled] = bold.sample_response[:, None] * activity
        signals = fft.irfft(spectrum, n=bold.n_period, axis=1)
        return signals[:, : bold.n_frames], activity

    def of_samples(
        self, bold: BoldTheory, white: Array, activity: Array, by: Array
    ) -> tuple[Weights, Array]:
        """Weights of samples.

        Parameters
        ----------
        bold, white, activity
            As `sample` took and gave them.
        by : ndarray of shape (n_samples, n_frames, n_rois)
            Derivatives by the signals.

        Returns
        -------
        weights : Weights
        by_response : ndarray of complex, shape (n_frequencies,)
            What ``bold.sample_response`` weighs: the real part of its product with a
            change is the change of the number.

        Notes
        -----
        With the activity ``u = R Q**0.5 w`` at a frequency, ``R = (M + i omega)^-1``,
        and ``v = R y``, y the conjugate derivatives by u: ``dM`` weighs
        ``-Re(v u.T)``, ``d log Q`` half of ``Re(v Q**0.5 w)``.
        """
        n = white.shape[1]
        by_spectrum = fft.rfft(by, n=bold.n_period, axis=1)[:, 1 : n + 1].conj()
        by_spectrum *= 2.0 / bold.n_period
        by_response = np.einsum("sfi,sfi->f", activity, by_spectrum)
        back = self._respond(bold, bold.sample_response[:, None] * by_spectrum)
        flat, seen = (x.reshape(-1, x.shape[-1]) for x in (back, activity))
        system = flat.imag.T @ seen.imag - flat.real.T @ seen.real
        driven = np.einsum("sfi,sfi->i", back, white).real * np.sqrt(self.power)
        return Weights(0.5 * (system + system.T), 0.5 * driven), by_response

    def _respond(self, bold: BoldTheory, inputs: Array) -> Array:
        """Answer inputs (n_samples, n_frequencies, n_rois) at their frequencies."""
        transfer = 1.0 / (self.decay + 1j * bold.sample_omega[:, None])
        found: Array = ((inputs @ self.vectors) * transfer) @ self.vectors.T
        return found

    def _weights(self, system: Array, noise: Array) -> Weights:
        """From modes to regions; of the noise what is on the diagonal."""
        power = (self.vectors @ noise * self.vectors).sum(axis=1)
        return Weights(self._to_regions(system), power * self.power)

    def _to_modes(self, matrix: Array) -> Array:
        found: Array = self.vectors.T @ matrix @ self.vectors
        return found

    def _to_regions(self, matrix: Array) -> Array:
        found: Array = self.vectors @ matrix @ self.vectors.T
        return found
