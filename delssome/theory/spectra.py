"""Cross-spectra of a scan at a few frequencies, which stand for all of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.simulation import Acquisition
from delssome.theory.closure import N_ITERATIONS, close
from delssome.theory.forms import scan_theory
from delssome.theory.processing import (
    global_weights,
    passing_power,
    regress,
    share_of_frames,
    variance_seen,
)
from delssome.theory.scans import ScanTheory

__all__ = ["Spectra"]

Array = NDArray[Any]

# Frequencies (rad/s): dense up to SLOWEST, where spectra change fastest, and none
# above HIGHEST, where BOLD has no power.
N_NODES, SLOWEST, HIGHEST = 24, 0.1, 4.0
# Sampling folds so many frequencies beyond those of the scan onto each of them.
N_ALIASES = 2
# Of a filter, frequencies that pass more of their power than this are looked at.
PASSING, N_LOOKED_AT = 1e-5, 500
# Of oscillations they are even, as near as the slowest decays, within limits.
FEWEST, MOST = 60, 300


@dataclass(frozen=True)
class Spectra:
    """What is seen of one candidate in a scan, by frequency, in its own deviations.

    Attributes
    ----------
    network : LinearNetwork or GeneralNetwork
        Of one candidate.
    scan : ScanTheory
        Of what is seen of it.
    omega, power : ndarray of shape (n_aliases, n_nodes)
        Frequencies (rad/s) and the squared response of BOLD to activity there, as far
        as it passes the filter. What a state that is seen itself folds from above is in
        its spectrum.
    weights : ndarray of shape (n_nodes,)
        Share of the scan's Fourier frequencies, of both signs, for which a node stands.
    n_frames : float
        Frames; of a censored scan, those of a whole one that is worth as much.
    global_signal : bool
        Whether the sum over regions is taken out of all that follows.
    gain : ndarray of shape (n_rois,)
        How strongly regions are seen, relatively.
    """

    network: Any
    scan: ScanTheory
    omega: Array
    power: Array
    weights: Array
    n_frames: float
    global_signal: bool
    gain: Array

    @classmethod
    def of(cls, candidates: Candidates, acquisition: Acquisition) -> Self:
        """Take them at the state where noise and nonlinearity settle.

        Raises
        ------
        ValueError
            If there is more than one candidate, or it has no stable state.
        """
        if len(candidates) != 1:
            raise ValueError(
                "candidates must be one, as what is said of FC fills a matrix of all "
                f"edges, got {len(candidates)}: take one of candidates.batches(1)."
            )
        acquisition = acquisition.for_model(candidates.model)
        closure = close(candidates, acquisition.step)
        if closure.settled[0] <= N_ITERATIONS:
            raise ValueError(
                "The candidate has no stable state, so that its FC is not that of "
                "small fluctuations; take one that stays in range."
            )
        model, network = candidates.model, closure.network
        activity = candidates.states[model.states.index(model.observed)][0]
        scan = scan_theory(model, acquisition).at(float(activity.mean()))
        omega, weights, seen = _nodes(
            acquisition, model.haemodynamics, _finest(network, model.haemodynamics)
        )
        omega, power = omega[None], np.broadcast_to(seen, omega.shape)[None]
        if model.haemodynamics:
            beyond = np.arange(-N_ALIASES, N_ALIASES + 1) * 2 * np.pi / acquisition.tr
            omega = omega + beyond[:, None]
            power = power * scan.response(omega)
        n_frames: float = acquisition.n_frames
        if acquisition.mask is not None:
            spectrum = _mean_spectrum(network, scan)
            n_frames *= share_of_frames(acquisition, spectrum)
        signal = bool(acquisition.global_signal)
        gain = scan.gain(activity)
        return cls(network, scan, omega, power, weights, n_frames, signal, gain)

    @cached_property
    def _measured(self) -> Array:
        """Cross-spectra before the global signal is taken out, in their own units."""
        total: Any = 0.0
        noise = self.scan.noise(self.network)
        reading = self.gain[:, None] * self.network.reading[0]
        for omega, power in zip(self.omega, self.power, strict=True):
            read = reading * self.scan.transfer(self.network, omega)[:, None, :]
            cross = read @ noise @ np.swapaxes(read.conj(), 1, 2)
            total = total + power[:, None, None] * cross
        return np.asarray(total)

    @cached_property
    def slopes(self) -> Array | None:
        """Slopes of regions on the sum over regions, (n_rois,); None: it is left in."""
        if not self.global_signal:
            return None
        return global_weights(np.einsum("f,fij->ij", self.weights, self._measured.real))

    @cached_property
    def _unscaled(self) -> Array:
        if self.slopes is None:
            return self._measured
        return regress(self._measured, self.slopes)

    @cached_property
    def sd(self) -> Array:
        """Standard deviations of BOLD, (n_rois,), in its own units."""
        own = np.diagonal(self._unscaled, axis1=1, axis2=2).real
        return np.asarray(np.sqrt(self.weights @ own))

    @cached_property
    def cross(self) -> Array:
        """Cross-spectra, (n_nodes, n_rois, n_rois), complex."""
        return self._unscaled / (self.sd[:, None] * self.sd)

    @cached_property
    def fc(self) -> Array:
        """Expected FC, (n_rois, n_rois)."""
        return np.einsum("f,fij->ij", self.weights, self.cross.real)


def _mean_spectrum(network: Any, scan: ScanTheory) -> Array:
    """Give the mean spectrum of regions up to half the frame rate, unfiltered."""
    n = scan.acquisition.n_frames
    omega = np.pi * np.arange(n + 1) / (n * scan.acquisition.tr)
    transfer, reading = scan.transfer(network, omega), network.reading[0]
    shared = (reading.T @ reading.conj()) * scan.noise(network)
    own = np.einsum("fa,ab,fb->f", transfer, shared, transfer.conj(), optimize=True)
    return np.asarray(scan.response(omega) * own.real)


def _finest(network: Any, haemodynamics: bool) -> float:
    """Give how near frequencies have to be (rad/s); inf: there are no peaks."""
    roots = network.roots[0]
    if not np.iscomplexobj(roots):
        return np.inf
    swing = np.abs(roots.imag)
    peaks = -roots.real[2.0 * -roots.real < swing]
    if haemodynamics:
        peaks = -roots.real[(2.0 * -roots.real < swing) & (swing < HIGHEST)]
    finest = peaks.min(initial=np.inf)
    if not haemodynamics:  # up to half the frame rate there is no end of the power
        finest = min(finest, -roots.real.max())
    return float(finest)


@lru_cache(maxsize=64)
def _nodes(
    acquisition: Acquisition, haemodynamics: bool, finest: float
) -> tuple[Array, Array, Array | float]:
    """Nodes, weights, and the share of their power that passes the pipeline.

    By Gauss and Legendre, over the logarithm from SLOWEST on; even where there are
    peaks.
    """
    tr, n_frames = acquisition.tr, acquisition.n_frames
    first = np.pi / (n_frames * tr)  # half a Fourier frequency: none at 0
    highest = HIGHEST if haemodynamics else np.inf
    last = max(min(np.pi / tr, highest), 2.0 * first)
    if acquisition.band is not None:
        grid = np.geomspace(first, last, N_LOOKED_AT)
        passing = np.flatnonzero(_passing(acquisition, grid) > PASSING)
        first, last = grid[passing[0]], grid[passing[-1]]
    if np.isfinite(finest):
        n = int(np.clip(np.ceil((last - first) / finest), FEWEST, MOST))
        omega = first + (last - first) * (np.arange(n) + 0.5) / n
        weights = np.full(n, (last - first) / n * tr / np.pi)
        return omega, weights, _passing(acquisition, omega)
    x, weights = np.polynomial.legendre.leggauss(N_NODES)
    low, high = np.log([SLOWEST + first, SLOWEST + last])
    from_slowest = np.exp(low + (high - low) * (x + 1.0) / 2.0)
    # There is one Fourier frequency every 2 pi / (n tr), and two signs.
    weights = weights * (high - low) / 2.0 * from_slowest * tr / np.pi
    omega = from_slowest - SLOWEST
    return omega, weights, _passing(acquisition, omega)


def _passing(acquisition: Acquisition, omega: Array) -> Array | float:
    if acquisition.mask is None:
        return passing_power(acquisition, omega)
    return variance_seen(acquisition, omega)
