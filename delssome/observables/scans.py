"""BOLD signals: what they must be, and signals made alike."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.checks import as_floats
from delssome.utils import check_number

__all__ = ["check_blank", "check_bold", "check_kept", "check_scans", "standardise"]


def check_bold(
    bold: ArrayLike, window: int, name: str = "bold", kept: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Check measured BOLD: finite, varying in every window, long enough.

    Parameters
    ----------
    bold : array-like of shape (n_frames, n_rois)
    window : int
        Frames in a window of the FC dynamics.
    name : str, default="bold"
        How errors call it.
    kept : array-like of bool, shape (n_frames,), default=None
        Frames that censoring kept: what is in the others does not matter. None: all.

    Returns
    -------
    ndarray of shape (n_frames, n_rois)
        float64.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import check_bold
    >>> bold = np.random.default_rng(0).standard_normal((60, 4))
    >>> check_bold(bold, window=10).shape
    (60, 4)
    >>> check_bold(bold.T, window=10)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: bold must have more than 11 frames for an FCD window of 10, got 4 ...
    """
    bold = as_floats(bold, name)
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
    mask = check_kept(kept, len(bold), f"kept of {name}")
    seen = bold if mask is None else bold[_last_kept(mask)]
    missing = ~np.isfinite(seen)
    if missing.any() and not missing.all(axis=0).any() and missing.all(axis=1).any():
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in all regions of frames "
            f"{_first(missing.all(axis=1))}: censored frames are given as kept, False "
            "for each (to average_runs, fc_matrix, fcd_cdf and Acquisition)."
        )
    if missing.any():
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in regions "
            f"{_first(missing.any(axis=0))} (counted from 1); leave those regions out."
        )
    check_blank(seen, name)
    # A window is constant if its largest is its smallest value: rounding-proof.
    changes = np.vstack([np.zeros(bold.shape[1]), np.diff(seen, axis=0) != 0]).cumsum(0)
    flat = (changes[window - 1 :] - changes[: len(bold) - window + 1] == 0).any(axis=0)
    if flat.any():
        raise ValueError(
            f"{name} is constant during a whole window of {window} frames in regions "
            f"{_first(flat)} (counted from 1): no correlation is defined; leave those "
            "regions out."
        )
    return bold


def check_blank(bold: NDArray[np.float64], name: str) -> None:
    """Refuse frames that are 0 in all regions: nobody's signal.

    Parameters
    ----------
    bold : ndarray of shape (n_frames, n_rois)
    name : str
        How the error calls it.
    """
    blank = (bold == 0).all(axis=1)
    if blank.any() and not blank.all():
        raise ValueError(
            f"{name} must have a signal in every frame, got 0 in all regions of frames "
            f"{_first(blank)} (counted from 1): a pipeline has blanked or padded them. "
            "Cut them off at the ends, or mark them as censored."
        )


def check_kept(
    kept: ArrayLike | None, n_frames: int, name: str = "kept"
) -> NDArray[np.bool_] | None:
    """Check which frames censoring kept.

    Returns
    -------
    ndarray of bool, shape (n_frames,), or None
        None if it kept all of them.

    Raises
    ------
    TypeError, ValueError
    """
    if kept is None:
        return None
    mask = np.asarray(kept)
    if mask.dtype != bool:
        raise TypeError(
            f"{name} must hold True for every frame that was kept and False for the "
            f"others, got {mask.dtype}; of indices make "
            "numpy.isin(range(n_frames), indices)."
        )
    if mask.shape != (n_frames,):
        raise ValueError(
            f"{name} must have one entry for each of the {n_frames} frames of the scan "
            f"as it was, got shape {mask.shape}."
        )
    if mask.sum() < 3:
        raise ValueError(
            f"{name} must keep three frames at least, got {mask.sum()}; leave the scan "
            "out."
        )
    return None if mask.all() else mask


def check_scans(bold: ArrayLike) -> NDArray[Any]:
    """Check kind and shape of BOLD (..., n_frames, n_rois), not its values.

    What is masked becomes NaN.
    """
    if np.ma.isMaskedArray(bold):
        bold = as_floats(bold, "bold")
    bold = np.asarray(bold)
    if np.iscomplexobj(bold) or not np.issubdtype(bold.dtype, np.number):
        raise TypeError(
            "bold must be an array of real numbers (..., n_frames, n_rois), got "
            f"{bold.dtype}."
        )
    if bold.ndim < 2 or bold.shape[-2] < 2 or bold.shape[-1] < 2:
        raise ValueError(
            "bold must have shape (..., n_frames, n_rois) with two frames and two "
            f"regions at least, got {bold.shape}."
        )
    return bold


def standardise(bold: NDArray[Any]) -> NDArray[np.float64]:
    """Give signals mean 0 and sum of squares 1 over frames, in double precision."""
    x = bold - bold.mean(axis=-2, keepdims=True, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(x / np.sqrt((x * x).sum(axis=-2, keepdims=True)))


def _last_kept(mask: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Give the last frame kept up to every frame, before the first that one."""
    frames = np.where(mask, np.arange(len(mask)), np.argmax(mask))
    return np.maximum.accumulate(frames)


def _first(mask: Any, most: int = 5) -> str:
    found = np.flatnonzero(mask)
    text = ", ".join(map(str, found[:most] + 1))
    return text + (f" and {len(found) - most} more" if len(found) > most else "")
