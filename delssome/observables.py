"""What is compared with a scan: FC, FC dynamics (FCD), and the CDF of the FCD."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from numba import njit

from delssome.connectome import (
    average_fc,
    average_fcd_cdf,
    edges_to_matrix,
    matrix_to_edges,
)
from delssome.utils import check_number

__all__ = [
    "average_runs",
    "check_bold",
    "fc_edges",
    "fc_matrix",
    "fcd_cdf",
    "fcd_histogram",
    "fcd_matrix",
]

# Rows of the FCD matrix held at once.
BLOCK = 128


def fc_edges(bold):
    """Functional connectivity: Pearson correlations of all pairs of regions.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)

    Returns
    -------
    ndarray of shape (..., n_edges)
        Upper triangle, float64. NaN where a signal is constant or NaN.
    """
    x = _standardise(_check_scans(bold))
    correlations = np.swapaxes(x, -1, -2) @ x
    return np.clip(matrix_to_edges(correlations), -1.0, 1.0)


def fc_matrix(bold):
    """Functional connectivity as matrices.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)

    Returns
    -------
    ndarray of shape (..., n_rois, n_rois)
    """
    return edges_to_matrix(fc_edges(bold), diagonal=1.0)


def fcd_matrix(bold, window):
    """FC dynamics: correlation between the FC of all pairs of sliding windows.

    Parameters
    ----------
    bold : array-like of shape (n_frames, n_rois)
    window : int
        Frames in a window; the stride is one frame.

    Returns
    -------
    ndarray of shape (n_windows, n_windows)
        float64. NaN where a signal is constant within a window.
    """
    vectors = _window_vectors(_check_scans(bold), window)
    return (vectors @ vectors.T).astype(np.float64)


def fcd_histogram(bold, window, n_bins=10_000, device="cpu", stride=1):
    """Histogram of the upper triangle of the FCD matrix on [-1, 1].

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    window : int
        Frames in a window; the stride is one frame.
    n_bins : int, default=10_000
        Equal bins, the last one closed.
    device : str, default="cpu"
        Where to compute: compiled code on the CPU, torch on others ("cuda").
    stride : int, default=1
        Frames from one window to the next, on the CPU. Published: 1. Neighbouring
        windows are so alike that every tenth tells nearly the same distribution for
        a hundredth of the pairs.

    Returns
    -------
    ndarray of shape (..., n_bins)
        Counts as float64; NaN where a scan holds NaN or a constant signal. In
        float32, values within rounding (1e-6) of a bin edge may fall on either side.
    """
    check_number("n_bins", n_bins, Integral, 1)
    bold = _check_scans(bold)
    scans = bold.reshape(-1, *bold.shape[-2:])
    if str(device) != "cpu":
        from delssome.fcd_torch import histograms

        counts = histograms(scans, window, n_bins, device)
        return counts.reshape(*bold.shape[:-2], n_bins)
    counts = np.empty((len(scans), n_bins))
    for out, scan in zip(counts, scans, strict=True):
        out[:] = _histogram(_window_vectors(scan, window, stride), n_bins)
    return counts.reshape(*bold.shape[:-2], n_bins)


def fcd_cdf(bold, window, n_bins=10_000):
    """Cumulative distribution of the FC dynamics on [-1, 1].

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    window : int
        Frames in a window; the stride is one frame. Published: about a minute, 83
        frames at a TR of 0.72 s.
    n_bins : int, default=10_000

    Returns
    -------
    ndarray of shape (..., n_bins)
        The last entry is 1.
    """
    counts = fcd_histogram(bold, window, n_bins)
    cumulative = counts.cumsum(axis=-1)
    return cumulative / cumulative[..., -1:]


def average_runs(runs, window, n_bins=10_000):
    """Average FC (Fisher's z) and FCD distribution over the runs of a subject.

    Parameters
    ----------
    runs : sequence of array-like of shape (n_frames, n_rois)
        Runs may differ in length.
    window : int
        Frames in a window of the FC dynamics.
    n_bins : int, default=10_000

    Returns
    -------
    fc : ndarray of shape (n_rois, n_rois)
    fcd_cdf : ndarray of shape (n_bins,)
    """
    if len(runs) == 0:
        raise ValueError("runs must hold at least one, got none.")
    runs = [check_bold(run, window, f"runs[{k}]") for k, run in enumerate(runs)]
    fc = average_fc([fc_matrix(run) for run in runs])
    np.fill_diagonal(fc, 1.0)
    return fc, average_fcd_cdf([fcd_cdf(run, window, n_bins) for run in runs])


def _check_scans(bold):
    """Check kind and shape of BOLD (..., n_frames, n_rois), not its values."""
    bold = np.asarray(bold)
    if not np.issubdtype(bold.dtype, np.number):
        raise TypeError(
            f"bold must be a numeric array (..., n_frames, n_rois), got {bold.dtype}."
        )
    if bold.ndim < 2 or bold.shape[-2] < 2 or bold.shape[-1] < 2:
        raise ValueError(
            "bold must have shape (..., n_frames, n_rois) with two frames and two "
            f"regions at least, got {bold.shape}."
        )
    return bold


def check_bold(bold, window, name="bold"):
    """Check measured BOLD: finite, varying in every window, long enough.

    Parameters
    ----------
    bold : array-like of shape (n_frames, n_rois)
    window : int
        Frames in a window of the FC dynamics.
    name : str, default="bold"
        How errors call it.

    Returns
    -------
    ndarray of shape (n_frames, n_rois)
        float64.
    """
    try:
        bold = np.array(bold, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a numeric array (n_frames, n_rois)."
        ) from error
    if bold.ndim != 2:
        raise ValueError(
            f"{name} must have shape (n_frames, n_rois), got {bold.shape}."
        )
    check_number("window", window, Integral, 2)
    if bold.shape[0] <= window + 1:
        raise ValueError(
            f"{name} must have more than {window + 1} frames for an FCD window of "
            f"{window}, got {bold.shape[0]} frames of {bold.shape[1]} regions; "
            "transpose it if regions come first, or use a shorter window."
        )
    if not np.isfinite(bold).all():
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in regions "
            f"{_first(~np.isfinite(bold).all(axis=0))}; leave those regions out."
        )
    # A window is constant if its largest is its smallest value: rounding-proof.
    changes = np.vstack([np.zeros(bold.shape[1]), np.diff(bold, axis=0) != 0]).cumsum(0)
    flat = (changes[window - 1 :] - changes[: len(bold) - window + 1] == 0).any(axis=0)
    if flat.any():
        raise ValueError(
            f"{name} is constant during a whole window of {window} frames in regions "
            f"{_first(flat)}: no correlation is defined; leave those regions out."
        )
    return bold


def _first(mask, most=5):
    found = np.flatnonzero(mask)
    text = ", ".join(map(str, found[:most]))
    return text + (f" and {len(found) - most} more" if len(found) > most else "")


def _standardise(bold):
    """Give signals mean 0 and sum of squares 1 over frames, in double precision."""
    x = bold - bold.mean(axis=-2, keepdims=True, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return x / np.sqrt((x * x).sum(axis=-2, keepdims=True))


def _window_vectors(bold, window, stride=1):
    """Give the standardised FC vectors of windows, (n_windows, n_edges)."""
    n_frames, n_rois = bold.shape
    check_number("window", window, Integral, 2)
    if not 2 <= window <= n_frames:
        raise ValueError(
            f"window must be 2 to n_frames={n_frames} frames long, got {window}."
        )
    n_edges = n_rois * (n_rois - 1) // 2
    dtype = np.float32 if bold.dtype == np.float32 else np.float64
    n_windows = (n_frames - window) // stride + 1
    vectors = np.empty((n_windows, n_edges), dtype=dtype)
    _slide(_standardise(bold), window, stride, vectors)
    return vectors


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _slide(x, window, stride, vectors):
    """Slide a window over standardised signals: add the next frame, drop the first."""
    n_frames, n_rois = x.shape
    n_edges = vectors.shape[1]
    products = np.zeros(n_edges)
    sums, squares = np.zeros(n_rois), np.zeros(n_rois)
    row = np.empty(n_edges)
    for last in range(n_frames):
        first = last - window
        edge = 0
        for i in range(n_rois):
            new = x[last, i]
            old = x[first, i] if first >= 0 else 0.0
            sums[i] += new - old
            squares[i] += new * new - old * old
            if first >= 0:
                for j in range(i + 1, n_rois):
                    k = np.uint64(edge + j - i - 1)
                    products[k] += new * x[last, j] - old * x[first, j]
            else:
                for j in range(i + 1, n_rois):
                    products[np.uint64(edge + j - i - 1)] += new * x[last, j]
            edge += n_rois - 1 - i
        if first < -1 or (first + 1) % stride:
            continue
        target = (first + 1) // stride
        scale = 1.0 / np.sqrt(squares - sums * sums / window)
        edge = 0
        for i in range(n_rois):
            mean, own = sums[i] / window, scale[i]
            for j in range(i + 1, n_rois):
                k = np.uint64(edge + j - i - 1)
                row[k] = (products[k] - mean * sums[j]) * own * scale[j]
            edge += n_rois - 1 - i
        mean = row.sum() / n_edges
        norm = 0.0
        for k in range(n_edges):
            norm += (row[k] - mean) ** 2
        norm = 1.0 / np.sqrt(norm)
        for k in range(n_edges):
            vectors[target, k] = (row[k] - mean) * norm


def _histogram(vectors, n_bins):
    counts = np.zeros(n_bins, dtype=np.int64)
    if not np.isfinite(vectors[:, 0]).all():
        return np.nan
    for start in range(0, len(vectors) - 1, BLOCK):
        _count(vectors[start : start + BLOCK] @ vectors[start:].T, counts)
    return counts


@njit(nogil=True, cache=True)
def _count(block, counts):
    """Count what lies above the diagonal of a block of rows of the FCD matrix."""
    n_bins = len(counts)
    half = block.dtype.type(n_bins / 2)
    one = block.dtype.type(1)
    for i in range(block.shape[0]):
        for j in range(i + 1, block.shape[1]):
            position = np.int64((block[i, j] + one) * half)
            counts[np.uint64(min(max(position, 0), n_bins - 1))] += 1
