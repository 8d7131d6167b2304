"""FC and FCD of the runs of a subject, over the frames that were kept."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import edges_to_matrix
from delssome.connectome.names import some

__all__ = [
    "Run",
    "called",
    "check_run",
    "combine_runs",
    "n_windows_kept",
    "silent_regions",
    "unsteady",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Distance of a frame from all others, in their median distance, that no signal has.
FAR = 20.0


class Run(NamedTuple):
    """A time series.

    Attributes
    ----------
    name : str
        How errors call it.
    bold : ndarray of shape (n_frames, n_rois)
        Censored frames are NaN.
    """

    name: str
    bold: Array

    @property
    def kept(self) -> Mask:
        """Frames that are not censored, shape (n_frames,)."""
        return np.asarray(~np.isnan(self.bold).all(axis=1))


def silent_regions(bold: Array) -> Mask:
    """Say which regions have no signal at all: NaN or one value throughout.

    Parameters
    ----------
    bold : ndarray of shape (n_frames, n_rois)

    Returns
    -------
    ndarray of bool, shape (n_rois,)
    """
    there = np.isfinite(bold)
    largest = np.where(there, bold, -np.inf).max(axis=0)
    smallest = np.where(there, bold, np.inf).min(axis=0)
    return np.asarray(largest <= smallest)


def called(k: int, names: Sequence[str] | None, what: str = "column") -> str:
    """Call a region, or a column, by its number from 1 and its name.

    Parameters
    ----------
    k : int
        From 0.
    names : sequence of str or None
    what : str, default="column"

    Returns
    -------
    str
    """
    return f"{what} {k + 1}" + ("" if names is None else f" ({names[k]})")


def unsteady(run: Run) -> list[str]:
    """Note frames at the start that lie far from all others.

    Parameters
    ----------
    run : Run

    Returns
    -------
    list of str
        A note, or none.
    """
    bold = run.bold[run.kept]
    if not len(bold) or not np.isfinite(bold).all():
        return []  # said elsewhere
    off = np.abs(bold - np.median(bold, axis=0))
    spread = np.maximum(np.median(off, axis=0), 1e-300)
    far = np.median(off / spread, axis=1)
    n = int(np.argmax(far < FAR)) if (far < FAR).any() else 0
    if n == 0:
        return []
    lie = "frame lies" if n == 1 else f"{n} frames lie"
    return [
        f"{run.name}: the first {lie} far from all others ({far[:n].max():.0f} times "
        "their spread), as before the steady state; leave such frames out."
    ]


def check_run(run: Run, window: int, names: Sequence[str] | None = None) -> None:
    """Check that every region has a signal in all frames kept, and every window.

    Parameters
    ----------
    run : Run
    window : int
        Frames in a window of the FC dynamics.
    names : sequence of str of length n_rois, default=None
        Of regions, for errors.
    """
    from delssome.observables.scans import check_blank  # compiles beside

    bold, kept = run.bold, run.kept
    if len(bold) <= window + 1:
        raise ValueError(
            f"{run.name} must have more than {window + 1} frames for an FCD window of "
            f"{window}, got {len(bold)} frames of {bold.shape[1]} regions; transpose "
            "it if regions come first, or use a shorter window."
        )
    gaps = ~np.isfinite(bold) & kept[:, None]
    if gaps.any():
        k = int(np.flatnonzero(gaps.any(axis=0))[0])
        frames = [str(n + 1) for n in np.flatnonzero(gaps[:, k])]
        raise ValueError(
            f"{run.name} must be finite in all regions of a frame, or NaN in all where "
            f"the frame is censored; got NaN or infinity in "
            f"{called(k, names, 'region')} in "
            f"{'frame' if len(frames) == 1 else 'frames'} {some(frames)}"
            f"{_others(gaps.any(axis=0))}."
        )
    check_blank(np.where(kept[:, None], bold, 1.0), run.name)
    if n_windows_kept(kept, window) < 2:
        from delssome.observables.fcd import LEAST_KEPT

        raise ValueError(
            f"{run.name} has {np.count_nonzero(kept)} of {len(kept)} frames left after "
            f"censoring, too few for windows of {window} frames of which "
            f"{LEAST_KEPT:.0%} are kept; leave the run out, or use a shorter window."
        )
    flat = np.zeros(bold.shape[1], dtype=bool)
    for frames_of_window in _windows(kept, window):
        part = bold[frames_of_window]
        flat |= part.max(axis=0) <= part.min(axis=0)
    if flat.any():
        k = int(np.flatnonzero(flat)[0])
        raise ValueError(
            f"{run.name} is constant during a whole window of {window} frames in "
            f"{called(k, names, 'region')}{_others(flat)}: no correlation is defined; "
            "leave that region out, or use a longer window."
        )


def combine_runs(
    runs: Sequence[Run], n_frames: int, window: int, n_bins: int
) -> tuple[Array, Array]:
    """Combine the runs of a subject, each with the weight of the frames it kept.

    Parameters
    ----------
    runs : sequence of Run
        Checked.
    n_frames : int
        Frames of each that the FCD is of: its distribution depends on the length of a
        scan, FC does not and is over all frames.
    window : int
        Frames in a window of the FC dynamics.
    n_bins : int

    Returns
    -------
    fc : ndarray of shape (n_rois, n_rois)
        Averaged by Fisher's z.
    fcd_cdf : ndarray of shape (n_bins,)
    """
    from delssome.observables import fc_edges, fcd_cdf  # compile: only where needed

    largest = 1 - np.finfo(np.float64).eps  # atanh(1) is infinite
    edges = np.array([fc_edges(run.bold, run.kept) for run in runs])
    weights = np.array([np.count_nonzero(run.kept) for run in runs], dtype=float)
    z = np.average(np.arctanh(np.clip(edges, -largest, largest)), 0, weights)
    short = [run._replace(bold=run.bold[:n_frames]) for run in runs]
    weights = np.array([np.count_nonzero(run.kept) for run in short], dtype=float)
    cdfs = [fcd_cdf(run.bold, window, n_bins, run.kept) for run in short]
    cdf = np.average(cdfs, 0, weights)
    return edges_to_matrix(np.tanh(z), diagonal=1.0), cdf


def n_windows_kept(kept: Mask, window: int) -> int:
    """Count the windows of which enough frames are kept.

    Parameters
    ----------
    kept : ndarray of bool, shape (n_frames,)
    window : int

    Returns
    -------
    int
    """
    from delssome.observables.fcd import frames_in_windows

    if np.count_nonzero(kept) < 3:
        return 0
    return int(np.count_nonzero(frames_in_windows(kept, len(kept), window)))


def _windows(kept: Mask, window: int) -> list[NDArray[np.intp]]:
    """Give the frames kept of every window, over time as it was, that has enough."""
    from delssome.observables.fcd import frames_in_windows

    starts = np.flatnonzero(frames_in_windows(kept, len(kept), window))
    return [start + np.flatnonzero(kept[start : start + window]) for start in starts]


def _others(mask: Any) -> str:
    n = np.count_nonzero(mask) - 1
    return f", and in {n} other {'region' if n == 1 else 'regions'}" if n else ""
