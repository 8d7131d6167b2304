"""What a pipeline does to spectra and covariances of BOLD."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from delssome.observables.processing import band_gain
from delssome.simulation import Acquisition

__all__ = [
    "global_weights",
    "passing_power",
    "regress",
    "share_of_frames",
    "share_of_mean",
]

Array = NDArray[Any]


def passing_power(acquisition: Acquisition, omega: Array) -> Array | float:
    r"""Give the share of the power spectrum that passes the filter.

    Parameters
    ----------
    acquisition : Acquisition
    omega : ndarray
        Angular frequencies, in rad/s.

    Returns
    -------
    ndarray or float
        1 without a filter.

    Notes
    -----
    Forwards and backwards, an amplitude is multiplied by :math:`|b(\omega)|^2`, and
    power by :math:`|b(\omega)|^4`.
    """
    if acquisition.band is None:
        return 1.0
    gain = band_gain(omega, acquisition.tr, acquisition.band, acquisition.filter_order)
    return np.asarray(gain**2)


def share_of_mean(acquisition: Acquisition, omega: Array) -> Array:
    """Give the share of a frequency that the mean over frames takes away.

    Parameters
    ----------
    acquisition : Acquisition
    omega : ndarray of shape (n,)
        Angular frequencies, in rad/s.

    Returns
    -------
    ndarray of shape (n,)
        Squared Dirichlet kernel, or the like for the frames that were kept.
    """
    if acquisition.mask is not None:
        frames = np.flatnonzero(acquisition.mask) * acquisition.tr
        return np.asarray(
            np.abs(np.exp(1j * omega[:, None] * frames).mean(axis=1)) ** 2
        )
    half = 0.5 * omega * acquisition.tr
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.sin(acquisition.n_frames * half) / np.sin(half)
    mean = np.where(np.isfinite(mean), mean / acquisition.n_frames, 1.0)
    return np.asarray(mean**2)


def global_weights(covariance: Array) -> Array:
    """Give the slopes of regions on the sum over regions, (..., n_rois)."""
    with_sum = covariance.sum(axis=-1)
    return np.asarray(with_sum / with_sum.sum(axis=-1, keepdims=True))


def regress(covariance: Array, weights: Array) -> Array:
    r"""Take the sum over regions out of covariances, or out of changes of them.

    Parameters
    ----------
    covariance : ndarray of shape (..., n_rois, n_rois)
    weights : ndarray of shape (..., n_rois)
        As `global_weights` gives them.

    Returns
    -------
    ndarray of shape (..., n_rois, n_rois)

    Notes
    -----
    With :math:`P = I - \beta 1'` this is :math:`P \Sigma P'`. Where the weights are
    those of the covariance, :math:`\beta = \Sigma 1 / 1' \Sigma 1`, it is
    :math:`\Sigma - (\Sigma 1)(\Sigma 1)' / 1' \Sigma 1`. As :math:`P \Sigma 1 = 0`,
    changes of the weights count to second order only, so that changes of the
    covariance, and errors of an estimated one, are projected by the same P.
    """
    rows = covariance.sum(axis=-1)
    columns = covariance.sum(axis=-2)
    total = rows.sum(axis=-1)[..., None, None]
    return np.asarray(
        covariance
        - weights[..., :, None] * columns[..., None, :]
        - rows[..., :, None] * weights[..., None, :]
        + total * weights[..., :, None] * weights[..., None, :]
    )


def share_of_frames(acquisition: Acquisition, power: Array) -> float:
    r"""Give the share of a scan's frames that its censored one is worth.

    Parameters
    ----------
    acquisition : Acquisition
    power : ndarray of shape (n_frames // 2 + 1,)
        Spectrum of BOLD at the Fourier frequencies of the scan, from 0.

    Returns
    -------
    float
        Between the share that was kept and 1.

    Notes
    -----
    The noise of a covariance goes with :math:`\sum_\tau w(\tau) \rho(\tau)^2`, where
    :math:`\rho` is the autocorrelation of BOLD and w the share of all pairs of frames
    that lie :math:`\tau` apart (the transform of the spectral window of the mask).
    Single frames that are missing from a smooth signal cost next to nothing, blocks
    cost what they are long.
    """
    if acquisition.mask is None:
        return 1.0
    n = acquisition.n_frames
    correlation = fft.irfft(power, n=n)[: n // 2] ** 2

    def pairs(frames: Array) -> Array:
        spectrum = np.abs(fft.rfft(frames, n=2 * n)) ** 2
        found = fft.irfft(spectrum, n=2 * n)[: n // 2] / frames.sum() ** 2
        found[1:] *= 2.0
        return np.asarray(found)

    whole = pairs(np.ones(n)) @ correlation
    return float(whole / (pairs(acquisition.mask.astype(float)) @ correlation))
