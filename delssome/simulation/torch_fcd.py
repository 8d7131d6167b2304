"""FCD histograms in torch, for scans that were simulated on a GPU."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from delssome.observables.fcd import frames_in_windows

__all__ = ["histograms"]

# Scans whose windows and FCD matrices are held at once: about 60 MB each at 68
# regions and 1200 frames.
TOGETHER = 64


def histograms(
    scans: NDArray[Any],
    window: int,
    n_bins: int,
    device: str,
    kept: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Count the upper triangles of the FCD matrices of many scans.

    Parameters
    ----------
    scans : ndarray of shape (n_scans, n_frames, n_rois)
    window : int
        Frames in a window.
    n_bins : int
        Equal bins on [-1, 1].
    device : str
    kept : ndarray of bool, shape (n_frames,), default=None
        Frames that censoring kept, as of :func:`delssome.observables.fcd_histogram`.

    Returns
    -------
    ndarray of shape (n_scans, n_bins)
        Counts as float64; NaN for scans with NaN or a constant signal.
    """
    parts = [
        _histograms(
            torch.tensor(scans[k : k + TOGETHER], device=device), window, n_bins, kept
        )
        for k in range(0, len(scans), TOGETHER)
    ]
    return np.concatenate(parts)


@torch.inference_mode()
def _histograms(
    bold: torch.Tensor, window: int, n_bins: int, kept: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    n_scans = len(bold)
    vectors = _window_vectors(bold, window, kept)
    valid = vectors.isfinite().all(dim=2).all(dim=1)
    fcd = torch.bmm(vectors, vectors.transpose(1, 2))
    n = fcd.shape[1]
    rows, columns = torch.triu_indices(n, n, offset=1, device=bold.device)
    bins = ((fcd[:, rows, columns] + 1.0) * (n_bins / 2)).nan_to_num().long()
    bins = bins.clamp_(0, n_bins - 1)
    bins += torch.arange(n_scans, device=bold.device)[:, None] * n_bins
    counts = torch.bincount(bins.ravel(), minlength=n_scans * n_bins).double()
    counts = counts.reshape(n_scans, n_bins)
    counts[~valid] = torch.nan
    return np.asarray(counts.cpu().numpy())


def _window_vectors(
    bold: torch.Tensor, window: int, kept: NDArray[np.bool_] | None
) -> torch.Tensor:
    """Give standardised FC vectors, (n_scans, n_windows, n_edges)."""
    counts = torch.from_numpy(frames_in_windows(kept, bold.shape[1], window))
    used = counts.nonzero()[:, 0].to(bold.device)
    n_left = counts.to(bold.device)[used, None]
    x = bold.double()
    if kept is None:
        x = x - x.mean(dim=1, keepdim=True)
    else:  # frames of 0 add nothing to any sum
        mask = torch.from_numpy(kept).to(bold.device)
        x = torch.zeros_like(x)
        x[:, mask] = bold.double()[:, mask]
        x[:, mask] -= x[:, mask].mean(dim=1, keepdim=True)
    x = x / x.norm(dim=1, keepdim=True)
    n_rois = x.shape[2]
    rows, columns = torch.triu_indices(n_rois, n_rois, offset=1, device=x.device)

    def slide(values: torch.Tensor) -> torch.Tensor:
        # Sums over windows, as differences of cumulative sums.
        total = torch.nn.functional.pad(values.cumsum(dim=1), (0, 0, 1, 0))
        return (total[:, window:] - total[:, :-window])[:, used]

    sums, squares = slide(x), slide(x * x)
    scale = (squares - sums**2 / n_left).rsqrt()
    fc = slide(x[..., rows] * x[..., columns])
    fc = fc - sums[..., rows] * sums[..., columns] / n_left
    fc = fc * scale[..., rows] * scale[..., columns]
    fc = fc - fc.mean(dim=2, keepdim=True)
    vectors: torch.Tensor = (fc / fc.norm(dim=2, keepdim=True)).to(bold.dtype)
    return vectors
