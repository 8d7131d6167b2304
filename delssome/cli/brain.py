"""``--brain``: maps and effects on the brain, beside what else a command writes."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from delssome.cli.console import say
from delssome.connectome import align_names
from delssome.datasets.formats.matrices import read_table

__all__ = ["check_brain"]

# Of centres of regions, by what tells them from labels of vertices.
TABLES = (".csv", ".tsv", ".txt")
# No brain in MNI space reaches beyond (mm), and one in cm or m ends before.
FARTHEST, NEAREST = 150.0, 20.0


def check_brain(
    args: Namespace,
    region_names: Sequence[str],
    atlas_regions: Sequence[str] | None = None,
) -> dict[str, Any] | None:
    """Read where regions are and say what is wrong with it, before anything is fitted.

    Parameters
    ----------
    args : argparse.Namespace
        Of a command with ``--brain``.
    region_names : sequence of str
        Of what will be drawn.
    atlas_regions : sequence of str, default=None
        Names of all regions of an atlas that comes without.

    Returns
    -------
    dict, or None
        What :func:`delssome.report.brain_files` needs. None: no brain is asked for.
    """
    if args.brain is None:
        if args.surface is not None:
            raise ValueError("--surface is that of an atlas: add --brain ATLAS.")
        return None
    from delssome.plotting import BrainDisplay

    how: dict[str, Any] = {"region_names": list(region_names)}
    if len(args.brain) == 1 and Path(args.brain[0]).suffix.lower() in TABLES:
        if args.surface is not None:
            raise ValueError(
                f"--surface is that of an atlas, and --brain {args.brain[0]} has "
                "coordinates: leave one of them out."
            )
        how["coordinates"] = _coordinates(args.brain[0], region_names)
    else:
        how["atlas"] = args.brain[0] if len(args.brain) == 1 else tuple(args.brain)
        how["surface"] = None if args.surface is None else tuple(args.surface)
        how["atlas_regions"] = atlas_regions
    display = BrainDisplay(np.zeros(len(region_names)), **how)
    display.to_html()  # what this needs is there, too
    for note in display.notes_:
        say(f"note: on the brain, {note}")
    return how


def _coordinates(file: str, region_names: Sequence[str]) -> Any:
    """Read x, y and z of all regions, by their names where the file has some."""
    table = read_table(file, None)
    ours = len(table.values) if table.rows is None else table.rows
    alignment = align_names(ours, tuple(region_names), file, "the regions")
    columns = [str(name).strip().lower() for name in table.columns or ()]
    values = table.values.reshape(len(table.values), -1)[alignment.order]
    if {"x", "y", "z"} <= {*columns}:
        values = values[:, [columns.index(axis) for axis in "xyz"]]
    if values.shape[1] != 3 or not np.isfinite(values).all():
        raise ValueError(
            f"--brain {file} must hold x, y and z of every region, in mm, beside its "
            f"name; it has {values.shape[1]} columns of numbers"
            f"{'' if np.isfinite(values).all() else ', some of them missing'}."
        )
    reach = float(np.abs(values).max())
    if not NEAREST <= reach <= FARTHEST:
        raise ValueError(
            f"--brain {file} reaches {reach:g} from the origin: coordinates must be "
            "those of MNI space, in mm."
        )
    for note in (*table.notes, *alignment.notes):
        say(f"note: {note}")
    return values
