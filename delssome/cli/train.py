"""``delssome train``: make the weights of the deep surrogate anew."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace

from delssome.cli.console import say
from delssome.surrogate import CorpusSettings, corpus_groups
from delssome.surrogate import train as train_surrogate

__all__ = ["run"]


def run(args: Namespace) -> None:
    """Label a corpus and train.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome train``.
    """
    groups, settings, n_steps = None, CorpusSettings(), args.steps
    if args.quick:
        groups, n_steps = [corpus_groups()[:2]], min(n_steps, 50)
        settings = CorpusSettings(
            popsize=8,
            n_generations=4,
            n_spread=12,
            n_edge=4,
            n_samples=1,
            n_simulated=2,
        )
    started = time.perf_counter()
    say("label candidates of synthetic groups, train, and again where searches led")
    train_surrogate(
        args.out,
        args.corpus,
        groups=groups,
        settings=settings,
        n_steps=n_steps,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )
    say(f"weights and card in {args.out}, {time.perf_counter() - started:.0f} s")
