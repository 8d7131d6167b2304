"""``delssome fit``: fit the user's files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace

from delssome.cli.console import say
from delssome.cli.inputs import check_data_options, read_inputs
from delssome.cli.models import fastest_surrogate, load_model
from delssome.cli.steps import describe, fit_and_write
from delssome.fitting import MeanFieldFitter, Verification
from delssome.models import Model
from delssome.report import check_out
from delssome.search import CMAES
from delssome.simulation import Acquisition, Simulator

__all__ = ["run"]


def run(args: Namespace) -> None:
    """Read, fit and write.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit``.
    """
    started = time.perf_counter()
    out = check_out(args.out, args.overwrite)
    check_data_options(args)
    model = load_model(args.model, args.map_signs)
    X, n_fcd_bins, scan, maps, region_names = read_inputs(args)
    subjects = f"{len(X)} subjects as a group" if len(X) > 1 else "1 subject or group"
    say(
        f"1/3 read   {subjects}, {len(region_names)} regions, "
        f"{0 if maps is None else maps.shape[1]} maps; {describe(scan)}"
    )
    fitter = MeanFieldFitter(
        maps,
        _surrogate(args.surrogate, model, scan),
        model=model,
        acquisition=scan,
        search=CMAES(
            popsize=args.popsize, max_iter=args.max_iter, n_restarts=args.n_restarts
        ),
        simulator=Simulator(n_repeats=args.n_repeats, device=args.device),
        verification=Verification(n_finalists=args.n_finalists),
        n_fcd_bins=n_fcd_bins,
        sc_transform=None if args.sc_transform == "none" else args.sc_transform,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )
    fit_and_write(fitter, X, region_names, out, started)


def _surrogate(given: str | None, model: Model, scan: Acquisition) -> str | None:
    """Give what was asked for, or else the fastest that serves the model."""
    if given is not None:
        return None if given == "none" else given
    chosen, refusals = fastest_surrogate(model, scan)
    why = "".join(f" {reason}" for reason in refusals)
    say(
        f"note: --surrogate {chosen or 'none'} is the fastest that serves the "
        f"{model.name} model.{why}"
    )
    return chosen
