"""Scans in which a state itself is seen, one sample a frame, without haemodynamics."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from delssome.simulation import Acquisition
from delssome.theory.bold import ScanTheory
from delssome.theory.general import GeneralNetwork
from delssome.theory.processing import operator_of, passing_power

__all__ = ["StateTheory", "frame_multipliers"]

Array = NDArray[Any]

# Share of its power below which a filter is taken to stop a frequency. Oscillations may
# be thousands of times stronger outside of its band than within.
STOPPED = 1e-6
# Least noise of a frame, as a share of the largest: what rounding leaves of less.
LEAST = 1e-10


class StateTheory(ScanTheory):
    r"""Statistics of a state that is seen itself, at every frame of a scan.

    Parameters
    ----------
    acquisition : Acquisition

    Notes
    -----
    From frame to frame a mode is multiplied by :math:`F = (1 + dt \lambda)^m`, m steps,
    and noise of the covariance :math:`W = S - F S F^*` is added, S the stationary one:
    all that follows is exact for the explicit steps of a simulation, with what is
    folded from above half the frame rate.
    """

    def __init__(self, acquisition: Acquisition) -> None:
        # A state has power at all frequencies: none of its frames may be left out.
        super().__init__(acquisition, acquisition.tr)
        passing: Array | float = 1.0
        if self.kept is None:
            passing = passing_power(acquisition, self.grid)
        passing = np.broadcast_to(passing, self.grid.shape)
        which = np.flatnonzero(passing > STOPPED)
        self.sample_omega, self.places = self.grid[which], which + 1
        self._gain = np.sqrt(passing[which])

    def at(self, activity: float) -> Self:
        """Give the same: nothing depends on the activity."""
        return self

    def covariance(self, network: GeneralNetwork) -> Array:
        r"""Give the expected covariance over frames.

        Parameters
        ----------
        network : GeneralNetwork
            Stable candidates.

        Returns
        -------
        ndarray of shape (n_candidates, n_rois, n_rois)

        Notes
        -----
        With M the operator of pipeline and mean, and :math:`r_k` the mean over frames
        of its products k frames apart, that is the stationary covariance of a pair of
        modes times :math:`\psi_a + \psi_b^*`, :math:`\psi = r_0 / 2 + \sum_k r_k F^k`.
        """
        step = self.acquisition.step
        own = _polynomial(_products(self.acquisition), frame_multipliers(
            network.roots, self.acquisition
        ))
        return self.without_signal(network.covariance(own, step))

    def sample(self, network: GeneralNetwork, k: int, white: Array) -> Array:
        """Draw samples of one candidate; as of :class:`BoldTheory`."""
        one = network.select(np.array([k]))
        F = frame_multipliers(one.roots[0], self.acquisition)
        noise = frame_noise(one, self.acquisition)
        patterns = one.patterns[0]
        power = (patterns @ noise @ patterns.conj().T).real
        power += LEAST * np.diagonal(power).max() * np.eye(len(power))
        mix = (one.duals[0] @ np.linalg.cholesky(power)).T
        turned = np.exp(1j * self.sample_omega[:, None] * self.tr)
        transfer = self._gain[:, None] / (turned - F)
        return self.through(white, mix, transfer, one.reading[0].T)


def frame_multipliers(roots: Array, acquisition: Acquisition) -> Array:
    """Give what modes are multiplied by from one frame to the next."""
    return np.exp(
        acquisition.steps_per_frame * np.log(1.0 + acquisition.step * roots)
    )


def frame_noise(network: GeneralNetwork, acquisition: Acquisition) -> Array:
    """Give the covariance of the noise of a frame in the first candidate's modes."""
    F = frame_multipliers(network.roots[0], acquisition)
    stationary = network.mode_covariance(acquisition.step)[0]
    return np.asarray(stationary * (1.0 - F[:, None] * F.conj()))


@lru_cache(maxsize=16)
def _products(acquisition: Acquisition) -> Array:
    """Give r_k of :meth:`StateTheory.covariance`, that of no distance halved."""
    n = acquisition.n_frames
    if acquisition.band is None and acquisition.kept is None:  # the mean alone
        products = -(n - np.arange(n)) / n**2
        products[0] += 1.0
    else:
        operator = operator_of(acquisition)
        power = np.zeros(n + 1)
        for rows in np.array_split(operator, max(1, len(operator) // 256)):
            power += (np.abs(fft.rfft(rows, 2 * n, axis=1)) ** 2).sum(axis=0)
        products = fft.irfft(power, 2 * n)[:n] / len(operator)
    products[0] *= 0.5
    return products


def _polynomial(coefficients: Array, F: Array) -> Array:
    """Evaluate a polynomial at many points, in blocks of the root of its length."""
    size = int(np.ceil(np.sqrt(len(coefficients))))
    padded = np.zeros((size, size))
    padded.ravel()[: len(coefficients)] = coefficients
    powers = np.cumprod(np.broadcast_to(F[..., None], (*F.shape, size)), axis=-1)
    last = powers[..., -1]
    powers = np.concatenate([np.ones((*F.shape, 1)), powers[..., :-1]], axis=-1)
    blocks = powers @ padded.T
    value = np.zeros(F.shape, dtype=complex)
    for k in range(size - 1, -1, -1):
        value = value * last + blocks[..., k]
    return value
