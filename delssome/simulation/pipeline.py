"""Checks and words for what a pipeline did to a scan."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from delssome.simulation.acquisition import Acquisition

__all__ = ["check_pipeline", "say_pipeline", "settle_pipeline"]

# Cycles of the band's width that have to fit into a window of the FC dynamics: with
# one, a correlation in it has two degrees of freedom.
FEWEST_CYCLES = 1.0
# Windows that censoring has to leave, of which every pair is an entry of the FCD.
FEWEST_WINDOWS = 10


def settle_pipeline(band: Any, kept: Any) -> tuple[Any, Any]:
    """Give band and kept frames as tuples, which never change and can be keys.

    Tuples stay the same objects, so that scikit-learn can clone what holds them.
    """
    if isinstance(band, list | np.ndarray):
        band = tuple(np.asarray(band, dtype=object).tolist())
    if kept is not None and not (
        isinstance(kept, tuple) and all(type(frame) is bool for frame in kept)
    ):
        kept = np.asarray(kept)
        kept = tuple(kept.tolist()) if kept.dtype == bool and kept.ndim == 1 else kept
    return band, kept


def check_pipeline(scan: "Acquisition") -> None:
    """Refuse a pipeline that the scan cannot have gone through, or that leaves nothing.

    Parameters
    ----------
    scan : Acquisition
        Of which all else is checked.
    """
    # Loaded for those who need it: FCD compiles.
    from delssome.observables.fcd import frames_in_windows
    from delssome.observables.processing import check_band
    from delssome.observables.scans import check_kept

    seconds = scan.fcd_window * scan.tr
    if scan.band is not None:
        low, high = check_band(scan.band, scan.tr, scan.filter_order)
        width = (0.5 / scan.tr if high is None else high) - (low or 0.0)
        if width * seconds < FEWEST_CYCLES:
            raise ValueError(
                f"band={scan.band!r} is {width:.3g} Hz wide, {width * seconds:.2g} "
                f"cycles in an FCD window of {seconds:g} s, and correlations need "
                f"{FEWEST_CYCLES:g} at least; use windows of "
                f"{int(np.ceil(FEWEST_CYCLES / width / scan.tr))} frames or more, or a "
                "wider band."
            )
    if scan.kept is None:
        return
    check_kept(scan.kept, scan.n_frames)
    n_left = np.count_nonzero(
        frames_in_windows(scan.kept, scan.n_frames, scan.fcd_window)
    )
    if n_left < min(FEWEST_WINDOWS, scan.n_windows):
        raise ValueError(
            f"kept has {sum(scan.kept)} of {scan.n_frames} frames, which leaves "
            f"{n_left} windows of {scan.fcd_window} frames with half of them, and the "
            f"FC dynamics need {min(FEWEST_WINDOWS, scan.n_windows)}; use a shorter "
            "window, or leave the scan out."
        )


def say_pipeline(scan: "Acquisition") -> tuple[str, ...]:
    """Say what a pipeline did, in words, a step each.

    Parameters
    ----------
    scan : Acquisition

    Returns
    -------
    tuple of str
        Empty if it did nothing.
    """
    said = []
    if scan.band is not None:
        low, high = scan.band
        span = f"{0.0 if low is None else low:g} to "
        span += "the highest" if high is None else f"{high:g}"
        said.append(f"band {span} Hz (order {scan.filter_order})")
    if scan.global_signal:
        said.append("global signal regressed out")
    if scan.kept is not None:
        said.append(f"{sum(scan.kept)} of {scan.n_frames} frames kept by censoring")
    return tuple(said)
