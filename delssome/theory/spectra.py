"""Cross-spectra of BOLD at a few frequencies, which stand for all of a scan."""

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
from delssome.theory.linearisation import haemodynamic_response
from delssome.theory.network import LinearNetwork
from delssome.theory.processing import (
    global_weights,
    passing_power,
    regress,
    share_of_frames,
    variance_seen,
)

__all__ = ["Spectra"]

Array = NDArray[Any]

# Frequencies (rad/s): dense up to SLOWEST, where spectra change fastest, and none
# above HIGHEST, where BOLD has no power.
N_NODES, SLOWEST, HIGHEST = 24, 0.1, 4.0
# Sampling folds so many frequencies beyond those of the scan onto each of them.
N_ALIASES = 2
# Of a filter, frequencies that pass more of their power than this are looked at.
PASSING, N_LOOKED_AT = 1e-5, 500


@dataclass(frozen=True)
class Spectra:
    """BOLD of one candidate in a scan, by frequency, in units of its own deviations.

    Attributes
    ----------
    network : LinearNetwork
        Of one candidate.
    omega, power : ndarray of shape (n_aliases, n_nodes)
        Frequencies (rad/s) and the squared response of BOLD to activity there, as far
        as it passes the filter.
    weights : ndarray of shape (n_nodes,)
        Share of the scan's Fourier frequencies, of both signs, for which a node stands.
    n_frames : float
        Frames; of a censored scan, those of a whole one that is worth as much.
    global_signal : bool
        Whether the sum over regions is taken out of all that follows.
    """

    network: LinearNetwork
    omega: Array
    power: Array
    weights: Array
    n_frames: float
    global_signal: bool = False

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
        candidates.check_symmetric("the theory")
        acquisition = acquisition.for_model(candidates.model)
        closure = close(candidates, acquisition.step)
        if closure.settled[0] <= N_ITERATIONS:
            raise ValueError(
                "The candidate has no stable state, so that its FC is not that of "
                "small fluctuations; take one that stays in range."
            )
        model = candidates.model
        activity = candidates.states[model.states.index(model.observed)].mean()
        omega, weights, seen = _nodes(acquisition)
        beyond = np.arange(-N_ALIASES, N_ALIASES + 1) * 2 * np.pi / acquisition.tr
        omega = omega + beyond[:, None]
        response = haemodynamic_response(omega.ravel(), float(activity))
        power = np.abs(response.reshape(omega.shape)) ** 2
        power = power * seen
        n_frames: float = acquisition.n_frames
        if acquisition.mask is not None:
            spectrum = _mean_spectrum(closure.network, acquisition, float(activity))
            n_frames *= share_of_frames(acquisition, spectrum)
        signal = bool(acquisition.global_signal)
        return cls(closure.network, omega, power, weights, n_frames, signal)

    @cached_property
    def _measured(self) -> Array:
        """Cross-spectra before the global signal is taken out, in BOLD's own units."""
        network, total = self.network, 0.0
        for omega, power in zip(self.omega, self.power, strict=True):
            transfer = 1.0 / (1j * omega[:, None] + network.decay[0])
            modes = transfer[:, :, None] * transfer.conj()[:, None, :]
            modes *= power[:, None, None] * network.noise[0]
            total = total + network.patterns[0] @ modes @ network.patterns[0].T
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


def _mean_spectrum(
    network: LinearNetwork, acquisition: Acquisition, activity: float
) -> Array:
    """Give the mean spectrum of regions up to half the frame rate, unfiltered."""
    n = acquisition.n_frames
    omega = np.pi * np.arange(n + 1) / (n * acquisition.tr)
    power = np.abs(haemodynamic_response(omega, activity)) ** 2
    transfer = 1.0 / (1j * omega[:, None] + network.decay[0])
    patterns = network.patterns[0]
    shared = (patterns.T @ patterns) * network.noise[0]
    own = np.einsum("fa,ab,fb->f", transfer, shared, transfer.conj(), optimize=True)
    return np.asarray(power * own.real)


@lru_cache(maxsize=64)
def _nodes(acquisition: Acquisition) -> tuple[Array, Array, Array | float]:
    """Nodes, weights, and the share of their power that passes the pipeline.

    By Gauss and Legendre, over the logarithm from SLOWEST on.
    """
    tr, n_frames = acquisition.tr, acquisition.n_frames
    first = np.pi / (n_frames * tr)  # half a Fourier frequency: none at 0
    last = max(min(np.pi / tr, HIGHEST), 2.0 * first)
    if acquisition.band is not None:
        grid = np.geomspace(first, last, N_LOOKED_AT)
        passing = np.flatnonzero(_passing(acquisition, grid) > PASSING)
        first, last = grid[passing[0]], grid[passing[-1]]
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
