"""``delssome demo``: fit a synthetic group whose parameters are known."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace
from typing import Any

from delssome.cli.console import say
from delssome.cli.steps import describe, fit_and_write
from delssome.datasets import make_cohort
from delssome.fitting import MeanFieldFitter, Verification
from delssome.models import FIC
from delssome.report import check_out
from delssome.search import CMAES
from delssome.simulation import Acquisition, Simulator

__all__ = ["run"]

# A minute or two on two cores.
FULL: dict[str, Any] = {
    "n_subjects": 8,
    "n_rois": 68,
    "scan": Acquisition(),
    "fit": {"search": CMAES(popsize=64, max_iter=60), "verification": Verification()},
}
QUICK: dict[str, Any] = {
    "n_subjects": 2,
    "n_rois": 10,
    "scan": Acquisition(n_frames=100, window=20, burn_in=36.0, warm_up=6.0),
    "fit": {
        "surrogate": "linear",  # scans are too short for the network
        "search": CMAES(popsize=8, max_iter=2),
        "simulator": Simulator(n_repeats=1),
        "verification": Verification(n_finalists=2),
    },
}


def run(args: Namespace) -> None:
    """Make the group, fit it, and write what came out beside the truth.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome demo``.
    """
    started = time.perf_counter()
    out = check_out(args.out, args.overwrite)
    settings = QUICK if args.quick else FULL
    n_rois, scan = args.n_rois or settings["n_rois"], settings["scan"]
    n_subjects = settings["n_subjects"]
    say(
        f"1/3 make   {n_subjects} synthetic subjects with known parameters, {n_rois} "
        f"regions; {describe(scan)}"
    )
    cohort = make_cohort(
        n_subjects=n_subjects,
        n_rois=n_rois,
        acquisition=scan,
        n_jobs=args.n_jobs,
        random_state=args.seed,
    )
    fitter = MeanFieldFitter(
        cohort.maps,
        model=FIC(map_signs=(-1, 1)),
        acquisition=scan,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
        **settings["fit"],
    )
    fit_and_write(fitter, cohort.X, cohort.region_names, out, started, cohort, args)
