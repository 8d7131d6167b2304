"""``--brain``: the map on the brain, beside what else a command writes."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Namespace
from typing import Any

import numpy as np

from delssome.cli.console import say
from delssome.cli.inputs import Inputs
from delssome.fitting import MeanFieldFitter, MeanFieldPosterior, PopulationFitter
from delssome.report import brain_files

__all__ = ["check_brain", "draw_brain"]


def check_brain(args: Namespace, inputs: Inputs) -> dict[str, Any] | None:
    """Read the atlas and say what is wrong with it, before anything is fitted.

    Parameters
    ----------
    args : argparse.Namespace
        Of a command with ``--brain``.
    inputs : Inputs

    Returns
    -------
    dict, or None
        What :func:`draw_brain` needs. None: no brain is asked for.
    """
    if args.brain is None:
        if args.surface is not None:
            raise ValueError("--surface is that of an atlas: add --brain ATLAS.")
        return None
    from delssome.plotting import BrainDisplay

    how = {
        "atlas": args.brain[0] if len(args.brain) == 1 else tuple(args.brain),
        "surface": None if args.surface is None else tuple(args.surface),
        "region_names": inputs.region_names,
        "atlas_regions": inputs.data.get("atlas_regions"),
    }
    display = BrainDisplay(np.zeros(len(inputs.region_names)), **how)
    display.to_html()  # what this needs is there, too
    for note in display.notes_:
        say(f"note: on the brain, {note}")
    return how


def draw_brain(
    estimator: MeanFieldFitter | MeanFieldPosterior | PopulationFitter,
    how: dict[str, Any] | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what draws the figure and lays out the page, by file name.

    Parameters
    ----------
    estimator : MeanFieldFitter, MeanFieldPosterior or PopulationFitter
        Fitted.
    how : dict, or None
        As :func:`check_brain` gives it. None: no files.
    """
    return ({}, {}) if how is None else brain_files(estimator, **how)
