"""Several runs of a subject, averaged."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome import average_fc, average_fcd_cdf
from delssome.observables.fc import fc_matrix
from delssome.observables.fcd import fcd_cdf
from delssome.observables.scans import check_bold

__all__ = ["average_runs"]


def average_runs(
    runs: Sequence[ArrayLike],
    window: int,
    n_bins: int = 10_000,
    kept: Sequence[ArrayLike | None] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average FC (Fisher's z) and FCD distribution over the runs of a subject.

    Parameters
    ----------
    runs : sequence of array-like of shape (n_frames, n_rois)
        Runs may differ in length.
    window : int
        Frames in a window of the FC dynamics.
    n_bins : int, default=10_000
    kept : sequence of array-like of bool, shape (n_frames,), default=None
        Of every run, the frames that censoring kept; None of a run: all. None: all of
        all runs.

    Returns
    -------
    fc : ndarray of shape (n_rois, n_rois)
    fcd_cdf : ndarray of shape (n_bins,)

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import average_runs
    >>> rng = np.random.default_rng(0)
    >>> runs = [rng.standard_normal((60, 4)), rng.standard_normal((50, 4))]
    >>> fc, fcd_cdf = average_runs(runs, window=10, n_bins=100)
    >>> fc.shape, fcd_cdf.shape
    ((4, 4), (100,))
    """
    if len(runs) == 0:
        raise ValueError("runs must hold at least one, got none.")
    masks = [None] * len(runs) if kept is None else list(kept)
    if len(masks) != len(runs):
        raise ValueError(
            f"kept must have an entry for each of the {len(runs)} runs, got "
            f"{len(masks)}."
        )
    scans = [
        check_bold(run, window, f"runs[{k}]", mask)
        for k, (run, mask) in enumerate(zip(runs, masks, strict=True))
    ]
    pairs = list(zip(scans, masks, strict=True))
    fc = average_fc([fc_matrix(scan, mask) for scan, mask in pairs])
    np.fill_diagonal(fc, 1.0)
    cdf = [fcd_cdf(scan, window, n_bins, mask) for scan, mask in pairs]
    return fc, average_fcd_cdf(cdf)
