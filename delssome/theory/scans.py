"""Scans of a linear network: what is seen of it, and samples of that."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from delssome.observables.fcd import frames_in_windows
from delssome.observables.processing import process_bold
from delssome.simulation import Acquisition
from delssome.theory.processing import global_weights, operator_of, regress

__all__ = ["ScanTheory", "correlations", "fcd_distribution"]

Array = NDArray[Any]

# Windows that overlap any one window. The FC dynamics change little from one to the
# next, so that samples need not be looked at frame by frame.
OVERLAP = 5
# Samples are periodic: so many seconds are drawn and dropped to part their ends.
GAP = 60.0


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

    def strength(self, activity: Array) -> Array:
        """Give how strongly regions are seen by their mean activity.

        Correlations do not feel it, a global signal that is a sum over regions does.

        Parameters
        ----------
        activity : ndarray of shape (..., n_rois)

        Returns
        -------
        ndarray of shape (..., n_rois)
        """
        return np.ones(activity.shape)

    def gain(self, activity: Array) -> Array:
        """Give the same over its mean over regions."""
        found = self.strength(activity)
        return np.asarray(found / found.mean(axis=-1, keepdims=True))

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
            As `draw` gives it, or, for complex modes, the two parts in one.
        mix : ndarray of shape (n_sources, n_modes)
        transfer : ndarray of complex, shape (n_frequencies, n_modes)
        out : ndarray of shape (n_modes, n_rois)

        Returns
        -------
        ndarray of float32, shape (n_samples, n_frames, n_rois)
        """
        transfer = transfer.astype(np.complex64)
        shape = white.shape[-3], self.places[-1] + 1, out.shape[1]
        spectrum = np.zeros(shape, dtype=np.complex64)
        if np.iscomplexobj(mix):
            if not np.iscomplexobj(white):
                white = white[0] + 1j * white[1]
            modes = white @ mix.astype(np.complex64)
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


def fcd_distribution(counts: Array, neighbours: float) -> Array:
    """Cumulative distribution from counts in bins, with pairs that were not counted."""
    cumulative = counts.cumsum() * ((1.0 - neighbours) / counts.sum())
    cumulative[-1] = 1.0
    return cumulative


def correlations(covariance: Array) -> Array:
    """Correlations from covariances, as matrices."""
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return covariance / (sd[..., :, None] * sd[..., None, :])


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
