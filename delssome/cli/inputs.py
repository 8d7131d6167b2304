"""Reading of what is to be fitted: files or a folder, maps, names of regions."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.cli.console import say
from delssome.connectome import (
    check_fc,
    check_fcd_cdf,
    check_sc,
    group_average,
    n_rois_from_width,
    pack_subjects,
)
from delssome.datasets import read_matrix, read_subjects
from delssome.models import check_maps
from delssome.observables import average_runs, check_bold, fc_gradients
from delssome.simulation import Acquisition

__all__ = ["Inputs", "check_data_options", "read_inputs"]

Array = NDArray[np.float64]


class Inputs(NamedTuple):
    """What is to be fitted.

    Attributes
    ----------
    X : ndarray of shape (n_subjects, n_features)
        Packed subjects.
    n_fcd_bins : int
    acquisition : Acquisition
    maps : ndarray of shape (n_rois, n_maps), or None
    region_names : list of str
    """

    X: Array
    n_fcd_bins: int
    acquisition: Acquisition
    maps: Array | None
    region_names: list[str]


def check_data_options(args: Namespace) -> None:
    """Refuse combinations of files that make no sense, before any is read.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit`` or ``delssome posterior``.
    """
    if args.folder:
        if args.sc or args.bold or args.fc or args.fcd:
            raise ValueError("--folder goes without --sc, --bold, --fc and --fcd.")
    elif not args.sc:
        raise ValueError("give --sc, with --bold or with --fc and --fcd; or --folder.")
    elif bool(args.bold) == bool(args.fc or args.fcd):
        raise ValueError("give either --bold, or --fc and --fcd.")
    elif bool(args.fc) != bool(args.fcd):
        raise ValueError("--fc and --fcd go together.")
    if (args.folder or args.bold) and args.tr is None:
        given = "--folder" if args.folder else "--bold"
        raise ValueError(f"{given} needs --tr, the repetition time in seconds.")
    if args.fc and (args.tr is None) != (args.n_frames is None):
        raise ValueError(
            "--fc and --fcd need both --tr and --n-frames of the scan, or neither: "
            "then those of the Human Connectome Project."
        )


def read_inputs(args: Namespace) -> Inputs:
    """Read all files.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit`` or ``delssome posterior``.

    Returns
    -------
    Inputs
    """
    X, n_fcd_bins, scan = _read_folder(args) if args.folder else _read_files(args)
    n_rois = n_rois_from_width(X.shape[1], n_fcd_bins)
    return Inputs(
        X,
        n_fcd_bins,
        scan,
        _maps(args, X, n_rois, n_fcd_bins),
        _region_names(args.region_names, n_rois),
    )


def _read_folder(args: Namespace) -> tuple[Array, int, Acquisition]:
    """Read a folder of subjects: packed array, bins, scan."""
    data = read_subjects(
        args.folder, tr=args.tr, n_frames=args.n_frames, window=args.window
    )
    return data.X, data.fcd_cdf.shape[1], _acquisition(args, data.acquisition)


def _read_files(args: Namespace) -> tuple[Array, int, Acquisition]:
    """Read one subject or group from its files: packed array, bins, scan."""
    sc = check_sc(read_matrix(args.sc), args.sc)
    read = _from_bold if args.bold else _from_statistics
    fc, cdf, scan = read(args, len(sc))
    return pack_subjects(sc, fc, cdf), cdf.shape[-1], scan


def _from_bold(args: Namespace, n_rois: int) -> tuple[Array, Array, Acquisition]:
    """Average FC (Fisher's z) and FCD distribution over runs."""
    runs = [read_matrix(path) for path in args.bold]
    for path, run in zip(args.bold, runs, strict=True):
        if run.ndim != 2 or run.shape[1] != n_rois:
            raise ValueError(
                f"{path} must have one row a frame and one column for each of the "
                f"{n_rois} regions of --sc, got shape {run.shape}."
            )
    shortest = min(map(len, runs))
    scan = Acquisition(tr=args.tr, n_frames=shortest, window=args.window)
    scan = _acquisition(args, scan)
    if any(len(run) != shortest for run in runs):
        say(f"note: runs differ in length; the shortest has {shortest} frames")
    runs = [
        check_bold(run, scan.fcd_window, path)
        for path, run in zip(args.bold, runs, strict=True)
    ]
    return *average_runs(runs, scan.fcd_window), scan


def _from_statistics(args: Namespace, n_rois: int) -> tuple[Array, Array, Acquisition]:
    """Read FC and FCD distribution as they are."""
    fc = check_fc(read_matrix(args.fc), args.fc)
    if fc.shape != (n_rois, n_rois):
        raise ValueError(
            f"{args.fc} must have the shape of --sc, {(n_rois, n_rois)}, "
            f"got {fc.shape}."
        )
    cdf = read_matrix(args.fcd)
    if cdf.size != max(cdf.shape):
        raise ValueError(
            f"{args.fcd} must hold one row or column, the cumulative distribution of "
            f"the FCD, got shape {cdf.shape}."
        )
    cdf = check_fcd_cdf(cdf.ravel(), args.fcd)
    if args.tr is None:
        say("note: no --tr and --n-frames: those of the Human Connectome Project")
        return fc, cdf, _acquisition(args, Acquisition())
    scan = Acquisition(tr=args.tr, n_frames=args.n_frames, window=args.window)
    return fc, cdf, _acquisition(args, scan)


def _acquisition(args: Namespace, scan: Acquisition) -> Acquisition:
    """Give the scan with what the options say instead."""
    names = ["n_frames", "window", "burn_in", "warm_up", "dt"]
    names += ["band", "filter_order", "global_signal"]
    given = {n: getattr(args, n) for n in names if getattr(args, n) is not None}
    return replace(scan, **given)


def _maps(args: Namespace, X: Array, n_rois: int, n_fcd_bins: int) -> Array | None:
    """Give maps of a file, then gradients of the average FC; None without either."""
    maps = [] if args.maps is None else [check_maps(read_matrix(args.maps), n_rois)]
    if args.gradients:
        fc = group_average(X, n_fcd_bins).fc
        like = -maps[0][:, 0] if maps else None  # as the published pair of maps
        maps.append(fc_gradients(fc, args.gradients, like=like))
    if not maps:
        say(
            "note: without --maps or --gradients all regions have the same parameters: "
            "a poor fit, in which regions differ by their connections alone"
        )
        return None
    return np.hstack(maps)


def _region_names(path: str | None, n_rois: int) -> list[str]:
    """Read the names of regions, or number them."""
    if path is None:
        width = len(str(n_rois))
        return [f"region_{k:0{width}d}" for k in range(1, n_rois + 1)]
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != n_rois:
        raise ValueError(
            f"--region-names {path} must hold one name a line for each of the "
            f"{n_rois} regions, got {len(names)}."
        )
    return names
