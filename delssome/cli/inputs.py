"""Reading of what is to be fitted: files or a folder, maps, names of regions."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.cli.console import say
from delssome.connectome import group_average, pack_subjects, threshold_sc
from delssome.datasets import (
    load_maps,
    read_derivatives,
    read_maps,
    read_subject,
    read_subjects,
)
from delssome.datasets.derivatives.participants import read_participants
from delssome.files import read_bytes, reading
from delssome.models import check_maps
from delssome.observables import fc_gradients
from delssome.simulation import Acquisition

__all__ = ["Inputs", "check_data_options", "read_inputs", "scan_of"]

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
    data : Bunch
        As it was read: with ``notes``, and with ``pipeline`` and ``found`` of
        derivatives.
    """

    X: Array
    n_fcd_bins: int
    acquisition: Acquisition
    maps: Array | None
    region_names: list[str]
    data: Bunch


def check_data_options(args: Namespace) -> None:
    """Refuse combinations of files that make no sense, before any is read.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit`` or ``delssome posterior``.
    """
    if args.folder and args.derivatives:
        raise ValueError("give --folder or --derivatives, not both.")
    if args.folder:
        if args.sc or args.bold or args.fc or args.fcd:
            raise ValueError("--folder goes without --sc, --bold, --fc and --fcd.")
    elif args.derivatives:
        if args.bold or args.fc or args.fcd:
            raise ValueError("--derivatives goes without --bold, --fc and --fcd.")
    elif not args.sc:
        raise ValueError(
            "give --sc, with --bold or with --fc and --fcd; or --folder; or "
            "--derivatives."
        )
    elif bool(args.bold) == bool(args.fc or args.fcd):
        raise ValueError("give either --bold, or --fc and --fcd.")
    elif bool(args.fc) != bool(args.fcd):
        raise ValueError("--fc and --fcd go together.")
    people = getattr(args, "participants", None)
    if people is not None and not (args.derivatives or args.folder):
        raise ValueError("--participants goes with --derivatives or --folder.")
    for name in ("atlas", "session", "task", "space", "regions"):
        if getattr(args, name) is not None and not args.derivatives:
            raise ValueError(f"--{name} goes with --derivatives.")
    if args.folder and args.tr is None:
        raise ValueError("--folder needs --tr, the repetition time in seconds.")
    if args.hcp and not (args.fc and args.tr is None and args.n_frames is None):
        raise ValueError("--hcp goes with --fc and --fcd, in place of --tr.")
    if args.fc and not args.hcp and (args.tr is None or args.n_frames is None):
        raise ValueError(
            "--fc and --fcd do not say the scan they are of: give its --tr and "
            "--n-frames, or --hcp for that of the Human Connectome Project."
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
    data = _read(args)
    people = getattr(args, "participants", None)
    if people is not None and "participants" not in data:
        data.participants, _ = read_participants(people, [], data.subject_ids)
    for note in data.notes:
        say(f"note: {note}")
    if args.density is not None or args.min_weight is not None:
        data.sc = threshold_sc(
            data.sc, density=args.density, min_weight=args.min_weight
        )
        data.X = pack_subjects(data.sc, data.fc, data.fcd_cdf)
        kept = np.count_nonzero(data.sc) / data.sc[..., 0].size / (len(data.sc[0]) - 1)
        say(
            f"note: {kept:.0%} of the pairs of regions are connected in SC, thresholded"
        )
    n_rois = data.sc.shape[1]
    names = _region_names(args.region_names, data.region_names, n_rois)
    return Inputs(
        data.X,
        data.fcd_cdf.shape[1],
        scan_of(args, data.acquisition),
        _maps(args, data),
        names,
        data,
    )


def _read(args: Namespace) -> Bunch:
    """Read subjects from where they are."""
    how: dict[str, Any] = {"tr": args.tr, "window": args.window, "drop": args.drop}
    if args.derivatives:
        column, mark, pattern = (args.regions or "").partition("=")
        data = read_derivatives(
            args.derivatives,
            args.sc,
            atlas=args.atlas,
            session=args.session,
            task=args.task,
            space=args.space,
            sc_key=args.key,
            regions={column: pattern} if mark else args.regions,
            participants=getattr(args, "participants", None),
            n_frames=args.n_frames,
            verbose=0,
            **how,
        )
        for line in data.summary:
            say(f"note: {line}")
        return data
    how |= {"n_frames": args.n_frames, "header": args.header}
    if args.folder:
        return read_subjects(args.folder, **how)
    return read_subject(
        args.sc, args.bold, fc=args.fc, fcd_cdf=args.fcd, key=args.key, **how
    )


def scan_of(args: Namespace, scan: Acquisition | None) -> Acquisition:
    """Give a scan with what the options say instead.

    Parameters
    ----------
    args : argparse.Namespace
    scan : Acquisition or None
        As it was read. None: that of the Human Connectome Project.

    Returns
    -------
    Acquisition
    """
    names = ["n_frames", "window", "burn_in", "warm_up", "dt"]
    names += ["band", "filter_order", "global_signal"]
    given = {n: getattr(args, n) for n in names if getattr(args, n) is not None}
    return replace(Acquisition() if scan is None else scan, **given)


def _maps(args: Namespace, data: Bunch) -> Array | None:
    """Give maps of a file, then gradients of the average FC; None without either."""
    maps = []
    n_rois = data.sc.shape[1]
    if args.maps is not None and not Path(args.maps).suffix:  # an atlas, no file
        maps.append(_shipped_maps(args.maps, data, n_rois))
    elif args.maps is not None:
        regions = n_rois if data.region_names is None else data.region_names
        table = read_maps(args.maps, regions, header=args.header)
        for note in table.notes:
            say(f"note: {note}")
        maps.append(check_maps(table.values, n_rois))
    if args.gradients:
        fc = group_average(data.X, data.fcd_cdf.shape[1]).fc
        like = -maps[0][:, 0] if maps else None  # as the published pair of maps
        maps.append(fc_gradients(fc, args.gradients, like=like))
    if not maps:
        say(
            "note: without --maps or --gradients all regions have the same parameters: "
            "a poor fit, in which regions differ by their connections alone"
        )
        return None
    return np.hstack(maps)


def _shipped_maps(atlas: str, data: Bunch, n_rois: int) -> Array:
    """Give maps that packages ship, for the regions that are fitted."""
    known = data.get("atlas_regions")
    found = load_maps(atlas, data.region_names, known)
    for note in found.notes:
        say(f"note: {note}")
    if data.region_names is None:
        say(f"note: no names of regions: they are taken to be those of {atlas}")
    return check_maps(found.maps, n_rois)


def _region_names(path: str | None, known: list[str] | None, n_rois: int) -> list[str]:
    """Read the names of regions, take those of the data, or number them."""
    if path is None and known is not None:
        return known
    if path is None:
        width = len(str(n_rois))
        return [f"region_{k:0{width}d}" for k in range(1, n_rois + 1)]
    with reading(Path(path), "list of names", "write one name a line"):
        lines = read_bytes(Path(path)).decode("utf-8-sig").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != n_rois:
        raise ValueError(
            f"--region-names {path} must hold one name a line for each of the "
            f"{n_rois} regions, got {len(names)}."
        )
    return names
