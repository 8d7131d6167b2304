"""Scans in which a state itself is seen, one sample a frame, without haemodynamics."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from delssome.simulation import Acquisition
from delssome.theory.general import GeneralNetwork
from delssome.theory.processing import operator_of
from delssome.theory.scans import ScanTheory

__all__ = ["StateTheory", "frame_multipliers"]

Array = NDArray[Any]

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
        self.step = acquisition.step
        # Nor is a filter a matter of frequencies alone: where it stops oscillations,
        # what they leave at the ends of a scan is much of what passes.
        self.by_operator |= acquisition.band is not None
        self.sample_omega = self.grid
        self.places = np.arange(1, len(self.grid) + 1)

    def at(self, activity: float) -> Self:
        """Give the same: nothing depends on the activity."""
        return self

    def covariance(self, network: GeneralNetwork, gain: Array | None = None) -> Array:
        r"""Give the expected covariance over frames, as of :class:`ScanTheory`.

        Notes
        -----
        With M the operator of pipeline and mean, and :math:`r_k` the mean over frames
        of its products k frames apart, that is the stationary covariance of a pair of
        modes times :math:`\psi_a + \psi_b^*`, :math:`\psi = r_0 / 2 + \sum_k r_k F^k`.
        """
        share = self.share(network.roots)
        return self.without_signal(network.covariance(share, self.step))

    def share(self, roots: Array) -> Array:
        """Give psi of `covariance` of modes, in the shape of their roots."""
        F = frame_multipliers(roots, self.acquisition)
        return _polynomial(_products(self.acquisition), F)

    def sample(
        self,
        network: GeneralNetwork,
        k: int,
        white: Array,
        gain: Array | None = None,
    ) -> Array:
        """Draw samples of one candidate, as of :class:`ScanTheory`."""
        one = network.select(np.array([k]))
        patterns = one.patterns[0]
        power = (patterns @ self.noise(one) @ patterns.conj().T).real
        power += LEAST * np.diagonal(power).max() * np.eye(len(power))
        mix = (one.duals[0] @ np.linalg.cholesky(power)).T
        transfer = self.transfer(one, self.sample_omega)
        return self.through(white, mix, transfer, one.reading[0].T)

    def transfer(self, network: GeneralNetwork, omega: Array) -> Array:
        """Give the response of modes, as of :class:`ScanTheory`, folded."""
        F = frame_multipliers(network.roots[0], self.acquisition)
        return np.asarray(1.0 / (np.exp(1j * omega[:, None] * self.tr) - F))

    def noise(self, network: GeneralNetwork) -> Array:
        """Give the covariance of the noise of a frame, (n_modes, n_modes)."""
        F = frame_multipliers(network.roots[0], self.acquisition)
        stationary = network.mode_covariance(self.acquisition.step)[0]
        return np.asarray(stationary * (1.0 - F[:, None] * F.conj()))


def frame_multipliers(roots: Array, acquisition: Acquisition) -> Array:
    """Give what modes are multiplied by from one frame to the next."""
    return np.exp(acquisition.steps_per_frame * np.log(1.0 + acquisition.step * roots))


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
