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
    runs: Sequence[ArrayLike], window: int, n_bins: int = 10_000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    scans = [check_bold(run, window, f"runs[{k}]") for k, run in enumerate(runs)]
    fc = average_fc([fc_matrix(scan) for scan in scans])
    np.fill_diagonal(fc, 1.0)
    return fc, average_fcd_cdf([fcd_cdf(scan, window, n_bins) for scan in scans])
