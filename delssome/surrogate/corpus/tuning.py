"""A network for a model of your own, from the shipped one, in minutes."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from delssome.models import Model
from delssome.simulation import Acquisition
from delssome.surrogate.circuit.surrogate import CircuitSurrogate
from delssome.surrogate.corpus.groups import synthetic_group, varied_group
from delssome.surrogate.corpus.labels import CorpusSettings
from delssome.surrogate.corpus.recipe import train, vary_scan
from delssome.surrogate.corpus.shards import GroupMaker
from delssome.utils import check_number

__all__ = ["fine_tune", "model_groups"]

# Regions of groups where none are asked for.
SIZES = (68, 68, 40, 90)
# Fewer candidates than those of the shipped weights: most is known already.
SETTINGS = CorpusSettings(
    popsize=24, n_generations=10, n_spread=120, n_edge=60, n_simulated=0
)
LED: dict[str, Any] = {"popsize": 32, "n_generations": 30, "n_found": 160}
# Largest learning rate: starts from known weights, so that it is small.
LEARNING_RATE = 1e-3


def model_groups(
    model: Model,
    n_groups: int = 8,
    *,
    acquisition: Acquisition | None = None,
    n_rois: int | None = None,
    round: int = 0,
) -> list[GroupMaker]:
    """List synthetic groups of a model.

    Parameters
    ----------
    model : Model
    n_groups : int, default=8
    acquisition : Acquisition, default=None
        The scan of all of them. None: the usual one, and others, some of which went
        through a pipeline.
    n_rois : int, default=None
        None: several numbers of regions.
    round : int, default=0
        Round of training; every one has groups of its own.

    Returns
    -------
    list of (callable, dict)
        As :func:`delssome.surrogate.build_corpus` takes them.

    Examples
    --------
    >>> from delssome import MFM
    >>> from delssome.surrogate import model_groups
    >>> [given["n_rois"] for make, given in model_groups(MFM(), n_groups=4)]
    [68, 68, 40, 90]
    """
    rng = np.random.default_rng(7 + round)
    groups: list[GroupMaker] = []
    for k in range(n_groups):
        scan = acquisition
        if scan is None:
            scan = vary_scan(rng, k % 4 > 1, k % 8 > 3)
        given = {
            "seed": 5000 + k + 10_000 * round,
            "n_rois": n_rois or SIZES[k % len(SIZES)],
            "acquisition": scan,
            "model": model,
        }
        groups.append((varied_group if k % 2 else synthetic_group, given))
    return groups


def fine_tune(
    model: Model,
    out: Path | str,
    corpus: Path | str | None = None,
    *,
    acquisition: Acquisition | None = None,
    n_rois: int | None = None,
    n_groups: int = 8,
    start: CircuitSurrogate | None = None,
    n_steps: int = 1500,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int = 0,
) -> CircuitSurrogate:
    """Make a network for a model: the shipped one, trained further on it.

    Parameters
    ----------
    model : Model
        Of the form that the network reads: one state couples regions and is seen
        through the haemodynamics, the others follow it.
    out : path
        Folder of the weights, for ``CircuitSurrogate.load``.
    corpus : path, default=None
        Folder of the shards; a call that was stopped goes on there. None:
        ``out/corpus``.
    acquisition, n_rois
        As of :func:`model_groups`: a network for one scan and parcellation, or many.
    n_groups : int, default=8
        Groups that are labelled by theory in each of two rounds.
    start : CircuitSurrogate, default=None
        Where training starts. None: the shipped weights.
    n_steps : int, default=1500
        Of each part of the training.
    n_jobs : int, default=None
        Processes that label groups.
    verbose : int, default=0
    random_state : int, default=0

    Returns
    -------
    CircuitSurrogate

    Raises
    ------
    ValueError
        If the model is not of that form.

    Notes
    -----
    No simulation is needed: labels are the theory's.

    Examples
    --------
    For one parcellation and scan, in minutes::

        scan = Acquisition(tr=2.0, n_frames=300)
        fine_tune(MyModel(), "weights", acquisition=scan, n_rois=100)
        network = CircuitSurrogate.load("weights", acquisition=scan, model=MyModel())
        MeanFieldFitter(maps, network, acquisition=scan, model=MyModel()).fit(X)
    """
    check_number("n_groups", n_groups, Integral, 1, 100_000)
    start = start or CircuitSurrogate.load()
    start.check(model)
    groups = [
        model_groups(
            model, n_groups, acquisition=acquisition, n_rois=n_rois, round=round
        )
        for round in range(2)
    ]
    return train(
        out,
        corpus,
        groups=groups,
        settings=SETTINGS,
        led=LED,
        start=start,
        model=model,
        n_steps=n_steps,
        lr=LEARNING_RATE,
        n_jobs=n_jobs,
        verbose=verbose,
        random_state=random_state,
    )
