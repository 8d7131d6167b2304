"""FC and FCD histograms in torch, for scans that were simulated on a GPU."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from delssome.observables.fcd import CONSTANT, frames_in_windows
from delssome.simulation.device_memory import n_at_once

__all__ = ["connectivity", "window_vectors"]

Array = NDArray[Any]
Tensor = torch.Tensor

# Scans whose windows are held at once, at most: more do not make a GPU faster.
TOGETHER = 64


def connectivity(
    bold: Array,
    window: int,
    n_bins: int,
    device: str,
    kept: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give FC and FCD histograms of many scans.

    Parameters
    ----------
    bold : ndarray of shape (..., n_frames, n_rois)
        In float32, FCD is computed in it.
    window : int
        Frames in a window.
    n_bins : int
        Equal bins on [-1, 1].
    device : str
    kept : ndarray of bool, shape (n_frames,), default=None
        Frames that censoring kept, as of :func:`delssome.observables.fcd_histogram`.

    Returns
    -------
    fc : ndarray of shape (..., n_edges)
        As of :func:`delssome.observables.fc_edges`.
    counts : ndarray of shape (..., n_bins)
        As of :func:`delssome.observables.fcd_histogram`; NaN for scans with NaN or a
        constant signal.
    """
    place = torch.device(device)
    scans = bold.reshape(-1, *bold.shape[-2:])
    n_scans, n_frames, n_rois = scans.shape
    in_windows = frames_in_windows(kept, n_frames, window)
    n_windows, n_edges = np.count_nonzero(in_windows), n_rois * (n_rois - 1) // 2
    triton = _triton(place, scans.dtype)
    # Vectors; without Triton, sums over frames and FCD matrices in float64 too.
    each = 2 * n_windows * (n_edges + 64) * scans.itemsize
    if triton is None:
        each += 8 * (10 * n_frames * n_edges + 4 * n_windows**2)
    size = n_at_once(n_scans, each, place, f"the FCD of a scan of {n_rois} regions")
    size = min(size, TOGETHER)
    fc, counts = np.empty((n_scans, n_edges)), np.empty((n_scans, n_bins))
    for start in range(0, n_scans, size):
        part = slice(start, start + size)
        with torch.inference_mode():
            x = _standardised(torch.from_numpy(scans[part]).to(place), kept)
            found = _fc(x), _histograms(x, in_windows, n_bins, scans.dtype, triton)
            for target, values in zip((fc, counts), found, strict=True):
                torch.from_numpy(target[part]).copy_(values)
    shape = bold.shape[:-2]
    return fc.reshape(*shape, n_edges), counts.reshape(*shape, n_bins)


def _triton(place: torch.device, dtype: Any) -> Any:
    """Give what is compiled for a GPU, where that can be."""
    if place.type != "cuda" or dtype != np.float32:
        return None
    try:
        from delssome.simulation import triton_fcd
    except ImportError:  # as on Windows
        return None
    return triton_fcd


def _standardised(bold: Tensor, kept: NDArray[np.bool_] | None) -> Tensor:
    """Give signals mean 0 and sum of squares 1; frames not kept are 0."""
    x = bold.double()
    if kept is None:
        x = x - x.mean(dim=1, keepdim=True)
    else:  # frames of 0 add nothing to any sum
        mask = torch.from_numpy(kept).to(x.device)
        left = x[:, mask]
        x = torch.zeros_like(x)
        x[:, mask] = left - left.mean(dim=1, keepdim=True)
    return x / x.norm(dim=1, keepdim=True)


def _fc(x: Tensor) -> Tensor:
    rows, columns = torch.triu_indices(x.shape[2], x.shape[2], 1, device=x.device)
    return (x.mT @ x)[:, rows, columns].clamp(-1.0, 1.0)


def _histograms(
    x: Tensor, in_windows: NDArray[np.int64], n_bins: int, dtype: Any, triton: Any
) -> Tensor:
    """Count the upper triangles of FCD matrices, (n_scans, n_bins)."""
    left = torch.from_numpy(in_windows).to(x.device)
    if triton is None:
        vectors = window_vectors(x, left)
        vectors = vectors.float() if dtype == np.float32 else vectors
        counts = _count_pairs(vectors, n_bins).double()
    else:
        vectors = triton.window_vectors(x, left)
        counts = triton.count_pairs(vectors, n_bins).double()
    counts[~vectors[..., 0].isfinite().all(dim=1)] = torch.nan
    return counts


def window_vectors(x: Tensor, in_windows: Tensor) -> Tensor:
    """Give the standardised FC of all windows in which enough frames are left.

    Parameters
    ----------
    x : Tensor of float64, shape (n_scans, n_frames, n_rois)
        Standardised signals.
    in_windows : Tensor of int64, shape (n_windows,)
        Frames left in each; 0: too few.

    Returns
    -------
    Tensor of float64, shape (n_scans, n_used, n_edges)
    """
    window = x.shape[1] - len(in_windows) + 1
    used = in_windows.nonzero()[:, 0]
    n_left = in_windows[used, None]
    rows, columns = torch.triu_indices(x.shape[2], x.shape[2], 1, device=x.device)

    def slide(values: Tensor) -> Tensor:
        # Sums over windows, as differences of cumulative sums.
        total = torch.nn.functional.pad(values.cumsum(dim=1), (0, 0, 1, 0))
        return (total[:, window:] - total[:, :-window])[:, used]

    sums, squares = slide(x), slide(x * x)
    spread = squares - sums**2 / n_left
    scale = spread.where(spread > CONSTANT, 0.0).rsqrt()
    fc = slide(x[..., rows] * x[..., columns])
    fc = fc - sums[..., rows] * sums[..., columns] / n_left
    fc = fc * scale[..., rows] * scale[..., columns]
    fc = fc - fc.mean(dim=2, keepdim=True)
    return fc / fc.norm(dim=2, keepdim=True)


def _count_pairs(vectors: Tensor, n_bins: int) -> Tensor:
    """Count the pairs of windows of scans in bins of their correlation."""
    n_scans, n = vectors.shape[:2]
    fcd = vectors @ vectors.mT
    rows, columns = torch.triu_indices(n, n, 1, device=vectors.device)
    bins = ((fcd[:, rows, columns] + 1.0) * (n_bins / 2)).nan_to_num().long()
    bins = bins.clamp_(0, n_bins - 1)
    bins += torch.arange(n_scans, device=vectors.device)[:, None] * n_bins
    return torch.bincount(bins.ravel(), minlength=n_scans * n_bins).reshape(n_scans, -1)
