"""What a pipeline does to spectra and covariances of BOLD."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import toeplitz

from delssome.observables.processing import band_gain
from delssome.simulation import Acquisition

__all__ = [
    "global_weights",
    "operator_of",
    "passing_power",
    "regress",
    "share_of_frames",
    "variance_seen",
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


def variance_seen(acquisition: Acquisition, omega: Array) -> Array:
    """Give the share of the power at a frequency that is variance over frames.

    Parameters
    ----------
    acquisition : Acquisition
    omega : ndarray of shape (n,)
        Angular frequencies, in rad/s.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    What passes the filter, but for what the mean over frames takes away (squared
    Dirichlet kernel). Of a censored scan it is found by putting oscillations through
    the pipeline: it interpolates before it filters, and that is linear.
    """
    if acquisition.mask is None:
        half = 0.5 * omega * acquisition.tr
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.sin(acquisition.n_frames * half) / np.sin(half)
        mean = np.where(np.isfinite(mean), mean / acquisition.n_frames, 1.0)
        return np.asarray(passing_power(acquisition, omega) * (1.0 - mean**2))
    phase = np.arange(acquisition.n_frames)[:, None] * acquisition.tr * omega
    waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    seen = _apart(acquisition, waves)[acquisition.mask]
    return np.asarray(seen.var(axis=0).reshape(2, -1).sum(axis=0))


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


@lru_cache(maxsize=4)
def operator_of(acquisition: Acquisition) -> Array:
    """Give what makes the frames that are correlated of those of the scanner.

    Parameters
    ----------
    acquisition : Acquisition

    Returns
    -------
    ndarray of shape (n_kept, n_frames)
        Interpolation, filter and removal of the mean, all of which are linear, without
        the global signal. Do not write into it.
    """
    processed = _apart(acquisition, np.eye(acquisition.n_frames))
    if acquisition.mask is not None:
        processed = processed[acquisition.mask]
    return np.asarray(processed - processed.mean(axis=0))


def share_of_frames(acquisition: Acquisition, power: Array) -> float:
    r"""Give the share of a scan's frames that its censored one is worth.

    Parameters
    ----------
    acquisition : Acquisition
    power : ndarray of shape (n_frames + 1,)
        Spectrum of BOLD before the filter, from frequency 0 to half the frame rate.

    Returns
    -------
    float
        1 of a scan that is whole.

    Notes
    -----
    Where frames have the covariance M over time, a sample variance errs as that of
    :math:`(\mathrm{tr} M)^2 / \mathrm{tr} M^2` independent frames. M is that of BOLD
    after the pipeline, in the frames that were kept. Single frames that are missing
    from a smooth signal cost next to nothing, blocks what they are long, and more if
    a filter sees what was interpolated across them.
    """
    if acquisition.mask is None:
        return 1.0
    n = acquisition.n_frames
    between = toeplitz(fft.irfft(power, n=2 * n)[:n])
    whole = replace(acquisition, kept=None)
    return _worth(between, acquisition) / _worth(between, whole)


def _worth(between: Array, acquisition: Acquisition) -> float:
    """Give the independent frames that the processed ones are worth."""
    operator = operator_of(acquisition)
    left = operator @ between @ operator.T
    return float(np.trace(left) ** 2 / np.square(left).sum())


def _apart(acquisition: Acquisition, signals: Array) -> Array:
    """Put signals (n_frames, n) through the pipeline, each on its own."""
    return replace(acquisition, global_signal=False).process(signals)
