"""What is compared with a scan: FC, FC dynamics (FCD), and the CDF of the FCD."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch

from delssome.connectome import edges_to_matrix

__all__ = [
    "check_bold",
    "fc_edges",
    "fc_matrix",
    "fcd_cdf",
    "fcd_histogram",
    "fcd_matrix",
]

# Rows of the FCD matrix held at once.
BLOCK = 256


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
    return _correlate_edges(_tensor(bold)).numpy().astype(np.float64)


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
        float64.
    """
    vectors = _window_vectors(_tensor(bold), window)
    return (vectors @ vectors.T).numpy().astype(np.float64)


def fcd_histogram(bold, window, n_bins=10_000):
    """Histogram of the upper triangle of the FCD matrix on [-1, 1].

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    window : int
        Frames in a window; the stride is one frame.
    n_bins : int, default=10_000
        Equal bins, the last one closed.

    Returns
    -------
    ndarray of shape (..., n_bins)
        Counts as float64; NaN where a scan holds NaN or a constant signal. In
        float32, values within rounding (1e-6) of a bin edge may fall on either side.
    """
    bold = _tensor(bold)
    scans = bold.reshape(-1, *bold.shape[-2:])
    counts = np.empty((len(scans), n_bins))
    for out, scan in zip(counts, scans, strict=True):
        out[:] = _histogram(_window_vectors(scan, window), n_bins)
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


def _tensor(bold):
    bold = torch.as_tensor(np.array(bold))
    return bold if bold.is_floating_point() else bold.double()


def _standardise(x):
    x = x - x.mean(dim=-1, keepdim=True)
    return x / x.norm(dim=-1, keepdim=True)


def _correlate_edges(bold):
    """(..., n_frames, n_rois) to (..., n_edges)."""
    x = _standardise(bold.transpose(-1, -2))
    n_rois = x.shape[-2]
    rows, columns = torch.triu_indices(n_rois, n_rois, offset=1)
    return (x @ x.transpose(-1, -2))[..., rows, columns].clamp(-1.0, 1.0)


def _window_vectors(bold, window):
    """Standardised FC vector of every window, (n_windows, n_edges)."""
    windows = bold.unfold(0, window, 1).transpose(-1, -2)
    return _standardise(_correlate_edges(windows))


def _histogram(vectors, n_bins):
    if not torch.isfinite(vectors).all():
        return np.nan
    counts = torch.zeros(n_bins, dtype=torch.int64)
    n_windows = len(vectors)
    for start in range(0, n_windows - 1, BLOCK):
        stop = min(start + BLOCK, n_windows)
        block = vectors[start:stop] @ vectors[start:].T
        rows, columns = torch.triu_indices(*block.shape, offset=1)
        bins = ((block[rows, columns] + 1.0) * (n_bins / 2)).long()
        counts += torch.bincount(bins.clamp_(0, n_bins - 1), minlength=n_bins)
    return counts.numpy()
