"""BOLD of a linear network: its functional connectivity, and samples of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import copy
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from delssome.simulation import Acquisition
from delssome.theory.linearisation import haemodynamic_response
from delssome.theory.processing import (
    passing_power,
    variance_seen,
)
from delssome.theory.scans import ScanTheory

__all__ = ["BoldTheory"]

Array = NDArray[Any]

# Seconds from one frame of a sample to the next, at most, where scans have more frames:
# BOLD has next to no power above 0.3 Hz, and fewer frames cost less.
SAMPLE_TR = 1.5
# Share of the BOLD variance, under white activity, left out above the frequencies used.
TAIL = 1e-3
# A frequency (rad/s) in the middle of what BOLD holds.
MIDDLE = 0.2
# Nodes of the integral over frequencies: where the removal of the mean is felt
# (in units of the scan's own frequency), and up to the highest frequency (rad/s).
NOTCH, HIGHEST, N_NODES = 20, 10.0, (120, 120)


class BoldTheory(ScanTheory):
    """Statistics of BOLD in a scan of a linear network of regions.

    Parameters
    ----------
    acquisition : Acquisition
    activity : float
        Mean activity over regions, around which the haemodynamics are linearised, and
        by which the frequencies of samples are chosen. One response serves all regions;
        where each has a fixed point of its own, only its size follows that (`gain`).
    """

    def __init__(self, acquisition: Acquisition, activity: float) -> None:
        super().__init__(acquisition, SAMPLE_TR)
        self.activity = activity
        self.omega, self.weights = _quadrature(acquisition, activity)
        response = self._response(self.grid, activity)
        power = np.cumsum(np.abs(response) ** 2)
        n = 1 + np.searchsorted(power, (1.0 - TAIL) * power[-1])
        self.sample_omega, self.sample_response = self.grid[:n], response[:n]
        self.places = np.arange(1, len(self.sample_omega) + 1)

    def transfer(self, network: Any, omega: Array) -> Array:
        """Give the response of modes, as of :class:`ScanTheory`."""
        return np.asarray(1.0 / (1j * omega[:, None] - network.roots[0]))

    def noise(self, network: Any) -> Array:
        """Give the covariance of that noise, (n_modes, n_modes)."""
        return np.asarray(network.noise[0])

    def response(self, omega: Array) -> Array:
        """Give the squared response of BOLD to activity, without pipeline."""
        found = haemodynamic_response(omega.ravel(), self.activity)
        return np.abs(found.reshape(omega.shape)) ** 2

    def at(self, activity: float) -> Self:
        """Give the same around another activity, for samples of the same noise."""
        other = copy(self)
        other.activity = activity
        other.omega, other.weights = _quadrature(self.acquisition, activity)
        other.sample_response = self._response(self.sample_omega, activity)
        return other

    def _response(self, omega: Array, activity: float) -> Array:
        """Give the response of BOLD to activity, as far as it passes the filter.

        Samples of a censored scan are filtered like it: after an interpolation.
        """
        response = haemodynamic_response(omega, activity)
        if self.kept is not None:
            return response
        return np.asarray(response * np.sqrt(passing_power(self.acquisition, omega)))

    def covariance(self, network: Any, gain: Array | None = None) -> Array:
        r"""Give the expected covariance of BOLD, as of :class:`ScanTheory`.

        Notes
        -----
        The cross-spectrum of two modes is that of each divided by the sum of their
        decay rates, so that one integral over frequencies per mode is enough:
        :math:`\int g(\omega) (-\lambda) / (\lambda^2 + \omega^2) d\omega`, with
        :math:`g = |h|^2` less the part that goes when the mean over the scan is
        subtracted, or does not pass the filter. Where an oscillation decays slowly the
        integrand has a peak between nodes, at :math:`\omega_0 = |\mathrm{Im} \lambda|`:
        that of :math:`g(\omega_0)` is known, and only the rest is summed. At
        :math:`\omega_0 = 0`, where modes decay without oscillation, g is 0.
        """
        covariance = network.covariance(self.share(network.roots))
        return self.without_signal(covariance, gain)

    def share(self, roots: Array) -> Array:
        """Give the integral of `covariance` of modes, in the shape of their roots."""
        swing, roots = np.abs(roots.imag), roots[..., None]
        if not np.iscomplexobj(roots):
            return np.asarray(
                (self.weights * -roots / (roots**2 + self.omega**2)).sum(axis=-1)
            )
        spacing = np.gradient(self.omega)
        kernel = -roots / (roots**2 + self.omega**2)
        known, seen = np.append(0.0, self.omega), np.append(0.0, self.weights / spacing)
        peak = np.interp(swing, known, seen, right=0.0)
        ends = self.omega[[0, -1]] + 0.5 * np.array([-1.0, 1.0]) * spacing[[0, -1]]
        area = np.arctan(ends[0] / roots) - np.arctan(ends[1] / roots)
        left = area[..., 0] - kernel @ spacing
        return np.asarray(kernel @ self.weights + peak * left)

    def sample(
        self, network: Any, k: int, white: Array, gain: Array | None = None
    ) -> Array:
        """Draw samples of BOLD, as of :class:`ScanTheory`."""
        transfer = self.sample_response[:, None] / (
            1j * self.sample_omega[:, None] - network.roots[k]
        )
        mix, out = network.excitation(k)
        return self.through(white, mix, transfer, out if gain is None else out * gain)

    def strength(self, activity: Array) -> Array:
        """Give it of the haemodynamics, as of :class:`ScanTheory`."""
        if not self.acquisition.global_signal:  # nothing feels it
            return super().strength(activity)
        return np.interp(activity, *_strengths())


@lru_cache(maxsize=1)
def _strengths() -> tuple[Array, Array]:
    """Give the response of BOLD at a middle frequency, by mean activity."""
    activity = np.linspace(-0.2, 2.0, 221)
    found = [haemodynamic_response([MIDDLE], float(x)) for x in activity]
    return activity, np.abs(np.concatenate(found))


@lru_cache(maxsize=64)
def _quadrature(acquisition: Acquisition, activity: float) -> tuple[Array, Array]:
    """Frequencies and weights of the variance over frames of a sampled signal."""
    omega, spacing, seen = _nodes(acquisition)
    response = haemodynamic_response(omega, activity)
    return omega, spacing * np.abs(response) ** 2 * seen


@lru_cache(maxsize=64)
def _nodes(acquisition: Acquisition) -> tuple[Array, Array, Array]:
    """Frequencies, their spacing, and the share of their power that is seen."""
    duration = acquisition.n_frames * acquisition.tr
    first = 2 * np.pi / duration
    omega = np.concatenate(
        [
            np.linspace(0, NOTCH * first, N_NODES[0] + 1)[1:-1],
            np.geomspace(NOTCH * first, max(HIGHEST, 2 * NOTCH * first), N_NODES[1]),
        ]
    )
    return omega, np.gradient(omega), variance_seen(acquisition, omega)
