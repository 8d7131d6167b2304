"""Scans of a linear network: their functional connectivity, and samples of them."""

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
from delssome.theory.processing import (
    global_weights,
    operator_of,
    passing_power,
    regress,
    variance_seen,
)

__all__ = ["BoldTheory", "ScanTheory", "correlations", "fcd_distribution"]

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
# A frequency (rad/s) in the middle of what BOLD holds.
MIDDLE = 0.2
# Nodes of the integral over frequencies: where the removal of the mean is felt
# (in units of the scan's own frequency), and up to the highest frequency (rad/s).
NOTCH, HIGHEST, N_NODES = 20, 10.0, (120, 120)


class ScanTheory:
    """Samples of a scan of a linear network of regions, and how they are looked at.

    Parameters
    ----------
    acquisition : Acquisition
    coarsest : float
        Longest time between frames of samples, in seconds, where scans have more.
    """

    # Frequencies of samples (rad/s), and their places in a period's spectrum.
    sample_omega: Array
    places: Array

    def __init__(self, acquisition: Acquisition, coarsest: float) -> None:
        self.acquisition = acquisition
        # Samples keep the durations of scan and window, and every frame of a scan of
        # which some are missing.
        self.kept = acquisition.mask
        self.by_operator = self.kept is not None
        seconds = acquisition.fcd_window * acquisition.tr
        self.window = acquisition.fcd_window
        if acquisition.tr < coarsest and self.kept is None:
            self.window = max(2, int(np.ceil(seconds / coarsest)))
        self.tr = seconds / self.window
        self.n_frames = round(acquisition.n_frames * acquisition.tr / self.tr)
        self.stride = max(1, self.window // OVERLAP)
        half = round(0.5 * (self.stride - 1) * self.tr / acquisition.tr)
        self.neighbours = _share_of_neighbours(acquisition, half)
        n = self.n_frames + round(GAP / self.tr)
        self.n_period = fft.next_fast_len(n, real=True)
        omega = 2 * np.pi * np.arange(1, (self.n_period + 1) // 2)
        self.grid = omega / (self.n_period * self.tr)

    def at(self, activity: float) -> Self:
        """Give the same around another activity, for samples of the same noise."""
        raise NotImplementedError

    def gain(self, activity: Array) -> Array:
        """Give how strongly regions are seen by their mean activity, relatively.

        Correlations do not feel it, a global signal that is a sum over regions does.

        Parameters
        ----------
        activity : ndarray of shape (..., n_rois)

        Returns
        -------
        ndarray of shape (..., n_rois)
        """
        return np.ones(activity.shape)

    def covariance(self, network: Any, gain: Array | None = None) -> Array:
        """Give the expected covariance of what is seen, up to a common factor.

        Parameters
        ----------
        network : LinearNetwork or GeneralNetwork
            Stable candidates.
        gain : ndarray of shape (n_candidates, n_rois), default=None
            As `gain` gives it. None: the same in all regions.

        Returns
        -------
        ndarray of shape (n_candidates, n_rois, n_rois)
        """
        raise NotImplementedError

    def sample(
        self, network: Any, k: int, white: Array, gain: Array | None = None
    ) -> Array:
        """Draw samples of one candidate.

        Parameters
        ----------
        network : LinearNetwork or GeneralNetwork
        k : int
            Index of the candidate.
        white : ndarray
            As `draw` gives it, of one source a region; a GeneralNetwork has as many as
            states.
        gain : ndarray of shape (n_rois,), default=None
            As of `covariance`.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_frames, n_rois)
        """
        raise NotImplementedError

    # Integration step that shows in covariances (s), 0: none does.
    step: float = 0.0

    def share(self, roots: Array) -> Array:
        """Give what is seen of modes with these eigenvalues, in their shape.

        It makes the covariance of what is seen of the stationary one, which, of pairs
        of modes, is multiplied by one's share plus the conjugate of the other's.
        """
        raise NotImplementedError

    def transfer(self, network: Any, omega: Array) -> Array:
        """Give the response of the first candidate's modes, (n_frequencies, n_modes).

        To white noise, at frequencies in rad/s.
        """
        raise NotImplementedError

    def noise(self, network: Any) -> Array:
        """Give the covariance of that noise, (n_modes, n_modes)."""
        raise NotImplementedError

    def response(self, omega: Array) -> Array:
        """Give the squared response of what is seen to activity, without pipeline."""
        return np.ones(omega.shape)

    def draw(self, n_samples: int, n_sources: int, rng: np.random.Generator) -> Array:
        """Draw the white noise behind samples, (2, n_samples, n_frequencies, ...).

        The same noise may serve all candidates, whose differences then have less of it.
        """
        shape = (2, n_samples, len(self.sample_omega), n_sources)
        return rng.standard_normal(shape, dtype=np.float32)

    def without_signal(self, covariance: Array, gain: Array | None = None) -> Array:
        """Take the global signal out of covariances, if the pipeline does."""
        if self.acquisition.global_signal:
            if gain is not None:
                covariance = covariance * (gain[..., :, None] * gain[..., None, :])
            return regress(covariance, global_weights(covariance))
        return covariance

    def through(self, white: Array, mix: Array, transfer: Array, out: Array) -> Array:
        """Push noise through modes, to frames, and these through the pipeline.

        Parameters
        ----------
        white : ndarray of shape (2, n_samples, n_frequencies, n_sources)
            As `draw` gives it.
        mix : ndarray of shape (n_sources, n_modes)
        transfer : ndarray of complex, shape (n_frequencies, n_modes)
        out : ndarray of shape (n_modes, n_rois)

        Returns
        -------
        ndarray of float32, shape (n_samples, n_frames, n_rois)
        """
        transfer = transfer.astype(np.complex64)
        shape = white.shape[1], self.places[-1] + 1, out.shape[1]
        spectrum = np.zeros(shape, dtype=np.complex64)
        if np.iscomplexobj(mix):
            modes = (white[0] + 1j * white[1]) @ mix.astype(np.complex64)
            modes *= transfer
            spectrum[:, self.places] = modes @ out.astype(np.complex64)
        else:
            real, imag = white @ mix.astype(np.float32)
            a = real * transfer.real - imag * transfer.imag
            b = real * transfer.imag + imag * transfer.real
            out = out.astype(np.float32)
            spectrum.real[:, self.places] = a @ out
            spectrum.imag[:, self.places] = b @ out
        bold = fft.irfft(spectrum, n=self.n_period, axis=1, overwrite_x=True)
        bold = bold[:, : self.n_frames]
        if self.by_operator:
            operator = operator_of(self.acquisition).astype(np.float32)
            kept = slice(None) if self.kept is None else self.kept
            bold[:, kept] = operator @ bold  # what was not kept does not matter
        signal = bool(self.acquisition.global_signal)
        return process_bold(bold, self.tr, global_signal=signal, kept=self.kept)


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

    def gain(self, activity: Array) -> Array:
        """Give it of the haemodynamics, as of :class:`ScanTheory`."""
        if not self.acquisition.global_signal:  # nothing feels it
            return super().gain(activity)
        known, gain = _gains()
        found = np.interp(activity, known, gain)
        return np.asarray(found / found.mean(axis=-1, keepdims=True))


@lru_cache(maxsize=1)
def _gains() -> tuple[Array, Array]:
    """Give the response of BOLD at a middle frequency, by mean activity."""
    activity = np.linspace(-0.2, 2.0, 221)
    found = [haemodynamic_response([MIDDLE], float(x)) for x in activity]
    return activity, np.abs(np.concatenate(found))


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
