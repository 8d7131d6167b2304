"""``delssome train``: weights of a network, for a model of your own or anew."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace
from typing import Any

from delssome.cli.console import say
from delssome.cli.inputs import scan_of
from delssome.cli.models import load_model
from delssome.simulation import Acquisition
from delssome.surrogate import CorpusSettings, corpus_groups, fine_tune
from delssome.surrogate import train as train_surrogate

__all__ = ["run"]

# Of no use, but seconds.
QUICK = CorpusSettings(
    popsize=8, n_generations=4, n_spread=12, n_edge=4, n_samples=1, n_simulated=2
)


def run(args: Namespace) -> None:
    """Label a corpus and train.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome train``.
    """
    started = time.perf_counter()
    given: dict[str, Any] = {
        "n_jobs": args.n_jobs,
        "verbose": 1,
        "random_state": args.seed,
    }
    if args.model is None:
        _train_anew(args, given)
    else:
        _fine_tune(args, given)
    say(f"weights and card in {args.out}, {time.perf_counter() - started:.0f} s")


def _train_anew(args: Namespace, given: dict[str, Any]) -> None:
    if _scan(args) is not None or args.n_rois is not None or args.groups is not None:
        raise ValueError("options of scans, --groups and --n-rois go with --model.")
    given["n_steps"] = 10_000 if args.steps is None else args.steps
    if args.quick:
        given |= {"groups": [corpus_groups()[:2]], "settings": QUICK}
        given["n_steps"] = min(given["n_steps"], 50)
    say("label candidates of synthetic groups, train, and again where searches led")
    train_surrogate(args.out, args.corpus, **given)


def _fine_tune(args: Namespace, given: dict[str, Any]) -> None:
    model = load_model(args.model)
    given["n_steps"] = 1500 if args.steps is None else args.steps
    n_groups = 8 if args.groups is None else args.groups
    if args.quick:
        n_groups, given["n_steps"] = 2, min(given["n_steps"], 50)
    say(
        f"two rounds: candidates of {model.name} on {n_groups} synthetic groups are "
        f"labelled by theory, then the network is trained, {given['n_steps']} steps at "
        "last. Some 15 minutes of CPU time at the defaults, more with more states; "
        "bars say what is left of a step."
    )
    fine_tune(
        model,
        args.out,
        args.corpus,
        acquisition=_scan(args),
        n_rois=args.n_rois,
        n_groups=n_groups,
        **given,
    )


def _scan(args: Namespace) -> Acquisition | None:
    """Give the scan that options ask for, None if they ask for none."""
    scan = scan_of(args, None)
    if args.tr is not None:
        return scan_of(args, Acquisition(tr=args.tr, n_frames=args.n_frames or 1200))
    return None if scan == Acquisition() else scan
