"""``delssome fit``: fit the user's files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Namespace

from delssome.cli.inputs import Inputs
from delssome.cli.models import choose_surrogate
from delssome.cli.steps import fit_files
from delssome.fitting import MeanFieldFitter, Verification
from delssome.models import Model
from delssome.search import CMAES
from delssome.simulation import Simulator

__all__ = ["make_fitter", "run"]


def run(args: Namespace) -> None:
    """Read, fit and write.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit``.
    """
    fit_files(args, make_fitter)


def make_fitter(args: Namespace, model: Model, inputs: Inputs) -> MeanFieldFitter:
    """Make a fitter of options.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit`` or ``delssome population``.
    model : Model
    inputs : Inputs
    """
    return MeanFieldFitter(
        inputs.maps,
        choose_surrogate(args.surrogate, model, inputs.acquisition, args.weights),
        departure=args.departure,
        model=model,
        acquisition=inputs.acquisition,
        search=_search(args),
        simulator=Simulator(n_repeats=args.n_repeats, device=args.device),
        verification=Verification(n_finalists=args.n_finalists),
        n_fcd_bins=inputs.n_fcd_bins,
        sc_transform=None if args.sc_transform == "none" else args.sc_transform,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )


def _search(args: Namespace) -> CMAES | None:
    """Give the search that options ask for; None: that of the fitter."""
    names = ("popsize", "max_iter", "n_restarts")
    given = {name: getattr(args, name) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    return CMAES(**given) if given else None
