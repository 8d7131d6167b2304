"""FC dynamics (FCD) of BOLD signals, and their distribution."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from delssome.observables.scans import check_kept, check_scans, standardise
from delssome.simd.cache import kept
from delssome.simd.functions import INTERNAL
from delssome.utils import MOST_BINS, check_number

__all__ = ["fcd_cdf", "fcd_histogram", "fcd_matrix", "frames_in_windows"]

# Rows of the FCD matrix held at once: of a scan of twenty minutes all, whose product
# with itself BLAS makes in half the operations.
BLOCK = 2048
# Sum of squares in a window, of 1 over the scan, that rounding leaves of a constant.
CONSTANT = 1e-12
# Numbers to whose multiple rows of products are padded, and frames added at a time.
LANES, TOGETHER = 8, 4
# Share of its frames that censoring must have kept, or a window is left out.
LEAST_KEPT = 0.5


def frames_in_windows(
    kept: ArrayLike | None, n_frames: int, window: int
) -> NDArray[np.int64]:
    """Count the frames that censoring kept in every window, 0 if they are too few.

    Parameters
    ----------
    kept : array-like of bool, shape (n_frames,), or None
        None: all.
    n_frames, window : int

    Returns
    -------
    ndarray of int, shape (n_windows,)
        Windows lie over time as it was. Fewer than half of its frames, or than two,
        are too few.
    """
    mask = check_kept(kept, n_frames)
    if mask is None:
        return np.full(n_frames - window + 1, window)
    total = np.append(0, np.cumsum(mask, dtype=np.int64))
    counts = total[window:] - total[:-window]
    return np.where(counts >= max(2.0, LEAST_KEPT * window), counts, 0)


def fcd_matrix(
    bold: ArrayLike, window: int, kept: ArrayLike | None = None
) -> NDArray[np.float64]:
    """FC dynamics: correlation between the FC of all pairs of sliding windows.

    Parameters
    ----------
    bold : array-like of shape (n_frames, n_rois)
    window : int
        Frames in a window; the stride is one frame.
    kept : array-like of bool, shape (n_frames,), default=None
        Frames that censoring kept. None: all.

    Returns
    -------
    ndarray of shape (n_windows, n_windows)
        float64. NaN where a signal is constant within a window, or the window has
        less than half of its frames left.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import fcd_matrix
    >>> bold = np.random.default_rng(0).standard_normal((60, 4))
    >>> fcd_matrix(bold, window=10).shape
    (51, 51)
    """
    bold = check_scans(bold)
    vectors = _window_vectors(bold, window, kept=kept)
    fcd = (vectors @ vectors.T).astype(np.float64)
    used = frames_in_windows(kept, len(bold), window) > 0
    if used.all():
        return np.asarray(fcd)
    whole = np.full((len(used), len(used)), np.nan)
    whole[np.ix_(used, used)] = fcd
    return whole


def fcd_histogram(
    bold: ArrayLike,
    window: int,
    n_bins: int = 10_000,
    stride: int = 1,
    kept: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Histogram of the upper triangle of the FCD matrix on [-1, 1].

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    window : int
        Frames in a window.
    n_bins : int, default=10_000
        Equal bins, the last one closed.
    stride : int, default=1
        Frames from one window to the next. Published: 1. Neighbouring windows are so
        alike that every tenth tells nearly the same distribution for a hundredth of
        the pairs.
    kept : array-like of bool, shape (n_frames,), default=None
        Frames that censoring kept. Windows lie over time as it was, correlations are
        over the frames that are left in them, and windows with less than half of
        their frames are left out. None: all.

    Returns
    -------
    ndarray of shape (..., n_bins)
        Counts as float64; NaN where a scan holds NaN or a constant signal. In
        float32, values within rounding (1e-6) of a bin edge may fall on either side.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import fcd_histogram
    >>> bold = np.random.default_rng(0).standard_normal((60, 4))
    >>> counts = fcd_histogram(bold, window=10, n_bins=100)
    >>> int(counts.sum())  # pairs of the 51 windows
    1275
    """
    check_number("n_bins", n_bins, Integral, 1, MOST_BINS)
    check_number("stride", stride, Integral, 1)
    bold = check_scans(bold)
    scans = bold.reshape(-1, *bold.shape[-2:])
    counts = np.empty((len(scans), n_bins))
    for out, scan in zip(counts, scans, strict=True):
        out[:] = _histogram(_window_vectors(scan, window, stride, kept), n_bins)
    return counts.reshape(*bold.shape[:-2], n_bins)


def fcd_cdf(
    bold: ArrayLike,
    window: int,
    n_bins: int = 10_000,
    kept: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Cumulative distribution of the FC dynamics on [-1, 1].

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    window : int
        Frames in a window; the stride is one frame. Published: about a minute, 83
        frames at a TR of 0.72 s.
    n_bins : int, default=10_000
    kept : array-like of bool, shape (n_frames,), default=None
        As of :func:`fcd_histogram`.

    Returns
    -------
    ndarray of shape (..., n_bins)
        The last entry is 1.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import fcd_cdf
    >>> bold = np.random.default_rng(0).standard_normal((60, 4))
    >>> cdf = fcd_cdf(bold, window=10, n_bins=100)
    >>> cdf.shape, float(cdf[-1])
    ((100,), 1.0)
    """
    counts = fcd_histogram(bold, window, n_bins, kept=kept)
    cumulative = counts.cumsum(axis=-1)
    return np.asarray(cumulative / cumulative[..., -1:])


def _window_vectors(
    bold: NDArray[Any], window: int, stride: int = 1, kept: ArrayLike | None = None
) -> NDArray[Any]:
    """Give the standardised FC vectors of windows, (n_windows, n_edges)."""
    n_frames, n_rois = bold.shape
    check_number("window", window, Integral, 2)
    if not 2 <= window <= n_frames:
        raise ValueError(
            f"window must be 2 to n_frames={n_frames} frames long, got {window}."
        )
    n_edges = n_rois * (n_rois - 1) // 2
    dtype = np.float32 if bold.dtype == np.float32 else np.float64
    counts = frames_in_windows(kept, n_frames, window)[::stride]
    vectors = np.empty((np.count_nonzero(counts), n_edges), dtype=dtype)
    mask = check_kept(kept, n_frames)
    if mask is None:
        x = standardise(bold)
    else:  # frames of 0 add nothing to any sum
        x = np.zeros(bold.shape)
        x[mask] = standardise(bold[mask])
    _slide(x, window, stride, counts, vectors)
    return vectors


# Flags as a dict, whose text is the same in every process, as a set's is not.
FAST: Any = {"contract": True, "reassoc": True}
internal: Callable[[Any], Any] = njit(error_model="numpy", fastmath=FAST, **INTERNAL)


@kept(nogil=True, error_model="numpy", fastmath=FAST)
def _slide(x: Any, window: int, stride: int, counts: Any, vectors: Any) -> None:
    """Slide a window over standardised signals: add the next frames, drop the first."""
    n_frames, n_rois = x.shape
    n_edges = vectors.shape[1]
    # Rows of whole vectors, after a window of frames that add nothing.
    n_lanes = (n_rois + LANES - 1) // LANES * LANES
    padded = np.zeros((window + n_frames, n_lanes))
    for frame in range(n_frames):  # a slice would compile checks of its shape
        for i in range(n_rois):
            padded[window + frame, i] = x[frame, i]
    products = np.zeros((n_rois, n_lanes))
    sums, squares = np.zeros(n_lanes), np.zeros(n_lanes)
    scale, row = np.empty(n_rois), np.empty(n_edges)
    seen = target = 0
    for place in range(len(counts)):
        while seen < place * stride + window:
            n_new = min(TOGETHER, place * stride + window - seen)
            for frame in range(seen, seen + n_new):
                for i in range(n_lanes):
                    old, new = padded[frame, i], padded[window + frame, i]
                    sums[i] += new - old
                    squares[i] += new * new - old * old
            _add_products(padded, window + seen, seen, n_new, products)
            seen += n_new
        count = counts[place]
        if count == 0:
            continue
        for i in range(n_rois):
            spread = squares[i] - sums[i] * sums[i] / count
            scale[i] = 1.0 / np.sqrt(spread) if spread > CONSTANT else np.inf
        edge = 0
        for i in range(n_rois):
            mean, own = sums[i] / count, scale[i]
            for j in range(i + 1, n_rois):
                k: Any = np.uint64(edge + j - i - 1)
                row[k] = (products[i, j] - mean * sums[j]) * own * scale[j]
            edge += n_rois - 1 - i
        total = norm = 0.0
        for k in range(n_edges):
            total += row[k]
        mean = total / n_edges
        for k in range(n_edges):
            norm += (row[k] - mean) ** 2
        norm = 1.0 / np.sqrt(norm)
        for k in range(n_edges):
            vectors[target, k] = (row[k] - mean) * norm
        target += 1


@internal
def _add_products(x: Any, new: int, old: int, n: int, products: Any) -> None:
    """Add the products of signals at n frames from `new` on, less those from `old` on.

    Above the diagonal, from the vector on that holds it.
    """
    n_rois, n_lanes = products.shape
    if n == TOGETHER:  # sums stay in registers for four frames
        for i in range(n_rois):
            a, b, c, d = x[new, i], x[new + 1, i], x[new + 2, i], x[new + 3, i]
            e, f, g, h = x[old, i], x[old + 1, i], x[old + 2, i], x[old + 3, i]
            for j in range(i // LANES * LANES, n_lanes):
                k: Any = np.uint64(j)
                more = a * x[new, k] + b * x[new + 1, k]
                more += c * x[new + 2, k] + d * x[new + 3, k]
                less = e * x[old, k] + f * x[old + 1, k]
                less += g * x[old + 2, k] + h * x[old + 3, k]
                products[i, k] += more - less
    else:
        for frame in range(n):
            for i in range(n_rois):
                a, e = x[new + frame, i], x[old + frame, i]
                for j in range(i // LANES * LANES, n_lanes):
                    k = np.uint64(j)
                    products[i, k] += a * x[new + frame, k] - e * x[old + frame, k]


def _histogram(vectors: NDArray[Any], n_bins: int) -> NDArray[np.int64] | float:
    counts = np.zeros(n_bins, dtype=np.int64)
    if not np.isfinite(vectors[:, 0]).all():
        return np.nan
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        _count(block @ block.T, counts, True)
        for other in range(start + BLOCK, len(vectors), BLOCK):
            _count(block @ vectors[other : other + BLOCK].T, counts, False)
    return counts


@kept(nogil=True)
def _count(block: Any, counts: Any, above: bool) -> None:
    """Count a block of the FCD matrix, only what lies above its diagonal if so."""
    n_bins = len(counts)
    half = block.dtype.type(n_bins / 2)
    one = block.dtype.type(1)
    for i in range(block.shape[0]):
        for j in range(i + 1 if above else 0, block.shape[1]):
            position: Any = np.int64((block[i, j] + one) * half)
            counts[np.uint64(min(max(position, 0), n_bins - 1))] += 1
