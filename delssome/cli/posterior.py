"""``delssome posterior``: what the user's files know of a model."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Namespace

from delssome.cli.inputs import Inputs
from delssome.cli.models import choose_surrogate
from delssome.cli.steps import fit_files
from delssome.fitting import MeanFieldPosterior
from delssome.inference import Tempering
from delssome.models import Model
from delssome.simulation import Simulator

__all__ = ["make_posterior", "run"]


def run(args: Namespace) -> None:
    """Read, infer and write.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome posterior``.
    """
    fit_files(args, make_posterior)


def make_posterior(args: Namespace, model: Model, inputs: Inputs) -> MeanFieldPosterior:
    """Make a posterior of options.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome posterior`` or ``delssome population``.
    model : Model
    inputs : Inputs
    """
    surrogate = choose_surrogate(args.surrogate, model, inputs.acquisition)
    if surrogate is None:
        raise ValueError(
            f"a posterior needs the expected FC of candidates, which neither network "
            f"nor theory gives of the {model.name} model: use delssome fit."
        )
    return MeanFieldPosterior(
        inputs.maps,
        surrogate,
        departure=args.departure,
        n_scans=args.n_scans,
        model=model,
        acquisition=inputs.acquisition,
        sampler=Tempering(n_particles=args.n_particles, n_draws=args.n_draws),
        simulator=Simulator(n_repeats=args.n_repeats, device=args.device),
        interval=args.interval,
        n_fcd_bins=inputs.n_fcd_bins,
        sc_transform=None if args.sc_transform == "none" else args.sc_transform,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )
