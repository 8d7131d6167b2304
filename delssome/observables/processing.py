"""What pipelines do to BOLD before FC: band, global signal, censored frames."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.observables.scans import check_kept, check_scans
from delssome.utils import check_number

__all__ = ["Band", "band_gain", "check_band", "process_bold"]

Array = NDArray[Any]
# Lowest and highest frequency that pass, in Hz; None: no limit on that side.
Band = tuple[float | None, float | None]

HIGHEST_ORDER = 10


def process_bold(
    bold: ArrayLike,
    tr: float,
    *,
    band: Band | None = None,
    filter_order: int = 2,
    global_signal: bool = False,
    kept: ArrayLike | None = None,
) -> Array:
    r"""Do to BOLD what a pipeline did to a scan, in the order of XCP-D.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    tr : float
        Repetition time, in seconds.
    band : tuple of two floats, default=None
        Lowest and highest frequency that pass, in Hz; None on a side: no limit there.
        None: no filter.
    filter_order : int, default=2
        Of the Butterworth filter, the ``N`` of :func:`scipy.signal.butter`. It runs
        forwards and backwards.
    global_signal : bool, default=False
        Whether the mean over regions is regressed out of every region.
    kept : array-like of bool, shape (n_frames,), default=None
        Frames that censoring kept. The others are interpolated before the filter and
        have no say in the regression; give `kept` to what computes FC and FCD, too.
        None: all.

    Returns
    -------
    ndarray of shape (..., n_frames, n_rois)
        All frames, those interpolated as well. In single precision if `bold` is.

    Notes
    -----
    Censored frames are replaced by a cubic spline through the others, and at the ends
    by the nearest one. The filter has second-order sections (:func:`scipy.signal.
    sosfiltfilt`), and is led in by the first and out by the last value, repeated as
    often as there are frames but one. An amplitude passes by
    :math:`|b(\omega)|^2`, half of it at the ends of the band, and the power spectrum by
    the square of that.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import process_bold
    >>> t = 2.0 * np.arange(300)
    >>> slow, fast = np.sin(0.3 * t), np.sin(1.3 * t)  # 0.05 and 0.2 Hz
    >>> bold = np.stack([slow, slow + fast], axis=1)
    >>> passed = process_bold(bold, 2.0, band=(0.01, 0.1))
    >>> bool(np.abs(passed[20:-20] - slow[20:-20, None]).max() < 0.1)
    True
    """
    bold = check_scans(bold)
    mask = check_kept(kept, bold.shape[-2])
    if band is None and not global_signal:
        return bold
    x = bold.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):  # of simulations that diverged
        if band is not None:
            low, high = check_band(band, tr, filter_order)
            x = _filter(_interpolate(x, mask), _design(low, high, tr, filter_order))
        if global_signal:
            x = _regress_global_signal(x, mask)
    return x.astype(np.float32) if bold.dtype == np.float32 else x


def band_gain(omega: ArrayLike, tr: float, band: Band, filter_order: int = 2) -> Array:
    """Tell how much of an amplitude passes the filter, forwards and backwards.

    Parameters
    ----------
    omega : array-like
        Angular frequencies, in rad/s.
    tr, band, filter_order
        As of :func:`process_bold`.

    Returns
    -------
    ndarray
        Between 0 and 1; the power spectrum is multiplied by its square.
    """
    low, high = check_band(band, tr, filter_order)
    z = np.exp(-1j * np.asarray(omega, dtype=np.float64) * tr)
    response: Any = 1.0
    for b0, b1, b2, a0, a1, a2 in _design(low, high, tr, filter_order):
        response = response * (b0 + b1 * z + b2 * z**2) / (a0 + a1 * z + a2 * z**2)
    return np.asarray(np.abs(response) ** 2)


def check_band(band: Band, tr: float, filter_order: int) -> Band:
    """Check band and order of a filter.

    Returns
    -------
    low, high : float or None

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(band, str) or not isinstance(band, Sequence) or len(band) != 2:
        raise TypeError(
            "band must be a pair, lowest and highest frequency in Hz, such as "
            f"(0.01, 0.1), or None, got {band!r}."
        )
    check_number("tr", tr, Real, 1e-6, 20.0)
    check_number("filter_order", filter_order, Integral, 1, HIGHEST_ORDER)
    low, high = band
    nyquist = 0.5 / tr
    for edge in (low, high):
        if edge is None:
            continue
        if not isinstance(edge, Real) or isinstance(edge, bool):
            raise TypeError(f"band must hold numbers in Hz, or None, got {band!r}.")
        if not 0 < edge < nyquist:
            raise ValueError(
                f"band={band!r} must lie above 0 and below {nyquist:.4g} Hz, half the "
                f"frames a second of tr={tr!r}; use None on a side without a limit, as "
                "in (0.01, None)."
            )
    if low is None and high is None:
        raise ValueError(f"band={band!r} keeps everything; use band=None.")
    if low is not None and high is not None and low >= high:
        raise ValueError(
            f"band={band!r} must have the lower frequency first; give (low, high) in "
            "Hz, as in (0.01, 0.1)."
        )
    return low, high


@lru_cache(maxsize=64)
def _design(low: float | None, high: float | None, tr: float, order: int) -> Array:
    """Design the filter, as second-order sections."""
    from scipy.signal import butter  # takes a while to load

    kind: str = "bandpass"
    edges: Any = (low, high)
    if low is None:
        kind, edges = "lowpass", high
    elif high is None:
        kind, edges = "highpass", low
    return np.asarray(butter(order, edges, kind, output="sos", fs=1.0 / tr))


def _filter(x: Array, sections: Array) -> Array:
    from scipy.signal import sosfiltfilt

    n = x.shape[-2]
    return np.asarray(
        sosfiltfilt(sections, x, axis=-2, padtype="constant", padlen=n - 1)
    )


def _interpolate(x: Array, mask: NDArray[np.bool_] | None) -> Array:
    """Replace censored frames by a spline through the others, at the ends by those."""
    if mask is None:
        return x
    from scipy.interpolate import CubicSpline

    at = np.flatnonzero(mask)
    known = np.isfinite(x[..., mask, :]).all(axis=(-2, -1), keepdims=True)
    spline = CubicSpline(at, np.where(known, x[..., mask, :], 0.0), axis=-2)
    filled = spline(np.clip(np.flatnonzero(~mask), at[0], at[-1]))
    x = np.where(known, x, np.nan)
    x[..., ~mask, :] = np.where(known, filled, np.nan)
    return x


def _regress_global_signal(x: Array, mask: NDArray[np.bool_] | None) -> Array:
    """Regress the mean over regions, and a constant, out of every region."""
    seen = x if mask is None else x[..., mask, :]
    x = x - seen.mean(axis=-2, keepdims=True)
    signal = x.mean(axis=-1, keepdims=True)
    among = slice(None) if mask is None else mask
    own = np.swapaxes(signal[..., among, :], -1, -2)
    slopes = (own @ x[..., among, :]) / (own @ signal[..., among, :])
    return np.asarray(x - signal * slopes)
