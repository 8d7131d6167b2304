"""BOLD of a linear network: its functional connectivity, and samples of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import copy
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from delssome.observables.fcd import frames_in_windows
from delssome.observables.processing import process_bold
from delssome.simulation import Acquisition
from delssome.theory.linearisation import haemodynamic_response
from delssome.theory.network import LinearNetwork, modes_to_regions
from delssome.theory.processing import (
    global_weights,
    operator_of,
    passing_power,
    regress,
    variance_seen,
)

__all__ = ["BoldTheory", "correlations", "fcd_distribution"]

Array = NDArray[Any]

# Seconds from one frame of a sample to the next, at most, where scans have more frames:
# BOLD has next to no power above 0.3 Hz, and fewer frames cost less.
SAMPLE_TR = 1.5
# Windows that overlap any one window. The FC dynamics change little from one to the
# next, so that samples need not be looked at frame by frame.
OVERLAP = 5
# Samples are periodic: so many seconds are drawn and dropped to part their ends.
GAP = 60.0
# Share of the BOLD variance, under white activity, left out above the frequencies used.
TAIL = 1e-3
# Nodes of the integral over frequencies: where the removal of the mean is felt
# (in units of the scan's own frequency), and up to the highest frequency (rad/s).
NOTCH, HIGHEST, N_NODES = 20, 10.0, (120, 120)


class BoldTheory:
    """Statistics of BOLD in a scan of a linear network of regions.

    Parameters
    ----------
    acquisition : Acquisition
    activity : float
        Mean activity, around which the haemodynamics are linearised, and by which the
        frequencies of samples are chosen.
    """

    def __init__(self, acquisition: Acquisition, activity: float) -> None:
        self.acquisition = acquisition
        self.omega, self.weights = _quadrature(acquisition, activity)
        # Samples keep the durations of scan and window, and every frame of a scan of
        # which some are missing.
        self.kept = acquisition.mask
        seconds = acquisition.fcd_window * acquisition.tr
        self.window = acquisition.fcd_window
        if acquisition.tr < SAMPLE_TR and self.kept is None:
            self.window = max(2, int(np.ceil(seconds / SAMPLE_TR)))
        self.tr = seconds / self.window
        self.n_frames = round(acquisition.n_frames * acquisition.tr / self.tr)
        self.stride = max(1, self.window // OVERLAP)
        half = round(0.5 * (self.stride - 1) * self.tr / acquisition.tr)
        self.neighbours = _share_of_neighbours(acquisition, half)
        n = self.n_frames + round(GAP / self.tr)
        self.n_period = fft.next_fast_len(n, real=True)
        omega = 2 * np.pi * np.arange(1, (self.n_period + 1) // 2)
        omega /= self.n_period * self.tr
        response = self._response(omega, activity)
        power = np.cumsum(np.abs(response) ** 2)
        n = 1 + np.searchsorted(power, (1.0 - TAIL) * power[-1])
        self.sample_omega, self.sample_response = omega[:n], response[:n]

    def at(self, activity: float) -> Self:
        """Give the same around another activity, for samples of the same noise."""
        other = copy(self)
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

    def covariance(self, network: LinearNetwork) -> Array:
        """Give the expected covariance of BOLD over frames, up to a common factor.

        Parameters
        ----------
        network : LinearNetwork
            Stable candidates.

        Returns
        -------
        ndarray of shape (n_candidates, n_rois, n_rois)

        Notes
        -----
        The cross-spectrum of two modes is that of each divided by the sum of their
        decay rates, so that one integral over frequencies per mode is enough:
        ``integral |h|^2 decay / (decay^2 + omega^2)``, with the part that goes when
        the mean over the scan is subtracted, or does not pass the filter, left out.
        """
        decay = network.decay[..., None]
        own = (self.weights * decay / (decay**2 + self.omega**2)).sum(axis=-1)
        pairs = network.decay[:, :, None] + network.decay[:, None, :]
        found = modes_to_regions(network, (own[:, :, None] + own[:, None, :]) / pairs)
        if self.acquisition.global_signal:
            found = regress(found, global_weights(found))
        return found

    def draw(self, n_samples: int, n_rois: int, rng: np.random.Generator) -> Array:
        """Draw the white noise behind samples: (2, n_samples, n_frequencies, n_rois).

        The same noise may serve all candidates, whose differences then have less of it.
        """
        shape = (2, n_samples, len(self.sample_omega), n_rois)
        return rng.standard_normal(shape, dtype=np.float32)

    def sample(self, network: LinearNetwork, k: int, white: Array) -> Array:
        """Draw samples of the BOLD signal of one candidate.

        Parameters
        ----------
        network : LinearNetwork
        k : int
            Index of the candidate.
        white : ndarray
            As `draw` gives it.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_frames, n_rois)
        """
        patterns, decay = network.patterns[k], network.decay[k]
        # Any root of the noise's covariance does; this one is that of the regions.
        mix = np.sqrt(network.power[k])[:, None] * patterns
        real, imag = white @ mix.astype(np.float32)
        transfer = self.sample_response[:, None] / (
            decay + 1j * self.sample_omega[:, None]
        )
        transfer = transfer.astype(np.complex64)
        a = real * transfer.real - imag * transfer.imag
        b = real * transfer.imag + imag * transfer.real
        out = patterns.astype(np.float32).T
        n_samples, n_frequencies, n_rois = a.shape
        spectrum = np.zeros((n_samples, n_frequencies + 1, n_rois), dtype=np.complex64)
        spectrum.real[:, 1:] = a @ out
        spectrum.imag[:, 1:] = b @ out
        bold = fft.irfft(spectrum, n=self.n_period, axis=1, overwrite_x=True)
        bold = bold[:, : self.n_frames]
        if self.kept is not None:
            operator = operator_of(self.acquisition).astype(np.float32)
            bold[:, self.kept] = operator @ bold  # what was not kept does not matter
        signal = bool(self.acquisition.global_signal)
        return process_bold(bold, self.tr, global_signal=signal, kept=self.kept)


def fcd_distribution(counts: Array, neighbours: float) -> Array:
    """Cumulative distribution from counts in bins, with pairs that were not counted."""
    cumulative = counts.cumsum() * ((1.0 - neighbours) / counts.sum())
    cumulative[-1] = 1.0
    return cumulative


def correlations(covariance: Array) -> Array:
    """Correlations from covariances, as matrices."""
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return covariance / (sd[..., :, None] * sd[..., None, :])


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


def _share_of_neighbours(acquisition: Acquisition, half: int) -> float:
    """Share of pairs of windows nearer than half a stride, which samples leave out.

    Nearly 1 is their FCD.
    """
    counts = frames_in_windows(
        acquisition.kept, acquisition.n_frames, acquisition.fcd_window
    )
    used = counts > 0
    n = np.count_nonzero(used)
    near = [np.count_nonzero(used[k:] & used[:-k]) for k in range(1, half + 1)]
    return float(sum(near) / (n * (n - 1) / 2))
