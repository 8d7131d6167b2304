"""How weights like the shipped ones are made: corpus, training, card."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
import platform
import time
from pathlib import Path

import numpy as np
import scipy
import sklearn
import torch

from delssome.simulation import Acquisition
from delssome.surrogate.deep import CircuitSurrogate
from delssome.surrogate.shards import (
    CorpusSettings,
    build_corpus,
    synthetic_group,
    varied_group,
)

__all__ = ["corpus_groups", "train"]

logger = logging.getLogger("delssome")

# Regions and TRs (s) of the groups that differ from the usual ones.
SIZES = (40, 50, 60, 80, 90, 100)
TRS = (0.5, 0.8, 1.0, 1.5, 2.0, 2.2, 2.5, 3.5)


def corpus_groups(split="train"):
    """List the synthetic groups behind the shipped weights.

    Half of them are made by :func:`~delssome.surrogate.synthetic_group`, half by
    :func:`~delssome.surrogate.varied_group`.

    Parameters
    ----------
    split : {"train", "validation", "test"}, default="train"
        As published, 64, 14 and 13 groups of 68 regions with the usual scan, without
        a subject in common. "train" has 18 groups of 40 to 100 regions besides and 30
        with scans of other TR, duration and window. None has a TR of 3 s.

    Returns
    -------
    list of (callable, dict)
        As :func:`delssome.surrogate.build_corpus` takes them.
    """
    first, n = {"train": (1000, 64), "validation": (1100, 14), "test": (1200, 13)}[
        split
    ]
    given = [{"seed": first + k} for k in range(n)]
    if split == "train":
        given += _unusual_groups()
    makers = synthetic_group, varied_group
    return [(makers[k % 2], arguments) for k, arguments in enumerate(given)]


def _unusual_groups():
    groups = [{"seed": 2000 + k, "n_rois": SIZES[k // 3]} for k in range(18)]
    rng = np.random.default_rng(5)
    for k in range(30):
        tr = float(rng.choice(TRS))
        n_frames = max(90, int(rng.uniform(280, 1200) / tr))
        window = min(max(12, int(rng.uniform(35, 80) / tr)), n_frames // 3)
        scan = Acquisition(tr=tr, n_frames=n_frames, window=window)
        n_rois = int(rng.choice([48, 68, 68, 84]))
        groups.append({"seed": 3000 + k, "n_rois": n_rois, "acquisition": scan})
    return groups


def train(
    out,
    corpus=None,
    *,
    groups=None,
    settings=None,
    n_steps=12_000,
    n_jobs=None,
    verbose=0,
    random_state=0,
):
    """Make a corpus, train on it, and write weights with their card.

    Parameters
    ----------
    out : path
        Folder of the weights, for ``CircuitSurrogate.load``.
    corpus : path, default=None
        Folder of the shards; a call that was stopped goes on there. None:
        ``out/corpus``.
    groups : list of (callable, dict), default=None
        As of `build_corpus`: your own groups, for weights of your own. None: those of
        the shipped weights, :func:`corpus_groups`.
    settings : CorpusSettings, default=None
        None: the default ones.
    n_steps : int, default=12_000
    n_jobs : int, default=None
        Processes that label groups.
    verbose : int, default=0
    random_state : int, default=0

    Returns
    -------
    CircuitSurrogate
    """
    corpus = Path(out) / "corpus" if corpus is None else Path(corpus)
    groups = corpus_groups() if groups is None else groups
    manifest = build_corpus(
        corpus, groups, settings or CorpusSettings(), n_jobs=n_jobs, verbose=verbose
    )
    logger.info("training for %d steps on %d groups", n_steps, len(manifest.shards))
    started = time.perf_counter()
    surrogate = CircuitSurrogate(
        n_steps=n_steps, verbose=verbose, random_state=random_state
    ).fit([corpus / shard["file"] for shard in manifest.shards])
    n_in_range = sum(shard["n_in_range"] for shard in manifest.shards)
    surrogate.save(
        out,
        n_steps=n_steps,
        random_state=random_state,
        training_seconds=round(time.perf_counter() - started),
        losses=dict(
            zip(
                ("fc", "fcd", "fc_noise", "escape"),
                surrogate.history_[-500:].mean(axis=0).round(5).tolist(),
                strict=True,
            )
        ),
        settings=manifest.settings,
        n_groups=len(manifest.shards),
        n_candidates=sum(shard["n_candidates"] for shard in manifest.shards),
        n_in_range=n_in_range,
        # Statistics are learned, so that a candidate serves every target of its size.
        n_examples=n_in_range,
        # Labels are the theory's; the shards hold simulations that check them.
        n_simulations=0,
        n_simulations_in_shards=sum(s["n_simulations"] for s in manifest.shards),
        versions={
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
        },
        shards={shard["file"]: shard["sha256"] for shard in manifest.shards},
    )
    return surrogate
