"""How weights like the shipped ones are made: corpus, training, card."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import torch
from sklearn.utils import Bunch

from delssome._version import __version__
from delssome.exceptions import StorageWarning
from delssome.files import BadFileError, claim
from delssome.identity import describe, fingerprint
from delssome.models import FIC, MFM, Linear, Model
from delssome.saying import warn
from delssome.simulation import Acquisition
from delssome.surrogate.circuit.surrogate import CircuitSurrogate
from delssome.surrogate.corpus.groups import (
    synthetic_group,
    varied_group,
    window_group,
)
from delssome.surrogate.corpus.labels import CorpusSettings
from delssome.surrogate.corpus.shards import GroupMaker, build_corpus
from delssome.utils import check_number, check_running

__all__ = ["corpus_groups", "train", "vary_scan", "window_groups"]

logger = logging.getLogger("delssome")

# Regions and TRs (s) of the groups that differ from the usual ones. Sizes that the
# benchmarks test (40, 100, 200) and a TR of 3 s are left out, to be unseen.
SIZES = (240, 150, 120, 90, 80, 60, 50, 30, 20, 12)
TRS = (0.5, 0.8, 1.0, 1.5, 2.0, 2.2, 2.5, 3.5)
# What pipelines do: limits of the band (Hz) and orders of the filter in use.
LOWEST, HIGHEST, ORDERS = (0.008, 0.01, 0.01), (0.08, 0.1, 0.1, 0.15), (1, 2, 2, 4)
# Target rates (Hz) and tolerances of the groups of FIC that differ.
RATES, TOLERANCES = (1.5, 2.0, 4.0, 6.0, 8.0), (0.05, 0.1, 0.2)
N_ROUNDS = 4
# What searches by a network are like: they cost little.
LED: dict[str, Any] = {"popsize": 64, "n_generations": 100}


def corpus_groups(split: str = "train", round: int = 0) -> list[GroupMaker]:
    """List the synthetic groups behind the shipped weights.

    In the first round half of them are made by
    :func:`~delssome.surrogate.synthetic_group`, all others by
    :func:`~delssome.surrogate.varied_group`.

    Parameters
    ----------
    split : {"train", "validation", "test"}, default="train"
        As published, 64, 14 and 13 groups of 68 regions with the usual scan, without
        a subject in common. "train" has 20 groups of 12 to 240 regions besides, 30
        with scans of other TR, duration and window, all of FIC, and 40 of other models
        or of FIC with another target rate. Pipelines filtered some of its scans,
        regressed out the global signal, or both.
    round : int, default=0
        Round of training; every one has groups of its own.

    Returns
    -------
    list of (callable, dict)
        As :func:`delssome.surrogate.build_corpus` takes them.

    Examples
    --------
    >>> from delssome.surrogate import corpus_groups
    >>> groups = corpus_groups("validation")
    >>> make, given = groups[0]
    >>> len(groups), make.__name__, given
    (14, 'synthetic_group', {'seed': 1100})
    """
    first, n = {"train": (1000, 64), "validation": (1100, 14), "test": (1200, 13)}[
        split
    ]
    given: list[dict[str, Any]] = [{"seed": first + k} for k in range(n)]
    if split == "train":
        given = _training_groups(given, np.random.default_rng(5 + round))
    makers = (synthetic_group if round == 0 else varied_group), varied_group
    return [
        (makers[k % 2], arguments | {"seed": arguments["seed"] + 10_000 * round})
        for k, arguments in enumerate(given)
    ]


def _training_groups(
    usual: Sequence[dict[str, Any]], rng: np.random.Generator
) -> list[dict[str, Any]]:
    # Four in a row, two made by either maker: so many of them went through a pipeline.
    groups = [
        group | ({"acquisition": _processed(Acquisition(), rng)} if k % 8 > 5 else {})
        for k, group in enumerate(usual)
    ]
    for k in range(20):
        group: dict[str, Any] = {"seed": 2000 + k, "n_rois": SIZES[k // 2]}
        if k % 4 > 1:
            group["acquisition"] = _processed(Acquisition(), rng)
        groups.append(group)
    for k in range(30):
        scan = _scan(rng)
        n_rois = int(rng.choice([48, 68, 68, 84]))
        scan = _processed(scan, rng) if k % 4 > 1 else scan
        groups.append({"seed": 3000 + k, "n_rois": n_rois, "acquisition": scan})
    for k in range(40):
        scan = vary_scan(rng, k % 4 > 1, k % 8 > 3)
        n_rois = int(rng.choice([30, 50, 68, 68, 84, 120]))
        group = {"seed": 4000 + k, "n_rois": n_rois, "acquisition": scan}
        groups.append(group | {"model": _other_model(k // 2, rng)})
    return groups


def vary_scan(rng: np.random.Generator, other: bool, processed: bool) -> Acquisition:
    """Give the usual scan or another one, as it is or after a pipeline."""
    scan = _scan(rng) if other else Acquisition()
    return _processed(scan, rng) if processed else scan


def _other_model(k: int, rng: np.random.Generator) -> Model:
    if k % 5 == 3:
        return Linear()
    if k % 5 == 4:
        rate, tolerance = float(rng.choice(RATES)), float(rng.choice(TOLERANCES))
        return FIC(target_rate=rate, rate_tolerance=tolerance)
    return MFM()


def _scan(rng: np.random.Generator) -> Acquisition:
    tr = float(rng.choice(TRS))
    n_frames = max(90, int(rng.uniform(280, 1200) / tr))
    window = min(max(12, int(rng.uniform(35, 80) / tr)), n_frames // 3)
    return Acquisition(tr=tr, n_frames=n_frames, window=window)


def _processed(scan: Acquisition, rng: np.random.Generator) -> Acquisition:
    done: dict[str, Any] = {}
    filtered, regressed = rng.permutation([(True, False), (False, True), (True, True)])[
        0
    ]
    if filtered:
        low, high = float(rng.choice(LOWEST)), float(rng.choice(HIGHEST))
        done = {
            "band": (low, high if high < 0.4 / scan.tr else None),
            "filter_order": int(rng.choice(ORDERS)),
        }
    return replace(scan, global_signal=bool(regressed), **done)


def window_groups(
    file: Path | str,
    n_rows: int,
    size: int = 50,
    stride: int = 10,
    acquisition: Acquisition | None = None,
) -> list[GroupMaker]:
    """List groups of neighbouring subjects of a study of your own, as published.

    Parameters
    ----------
    file : path
        As of :func:`delssome.surrogate.window_group`.
    n_rows : int
        Subjects in it to use: keep some apart, to test with.
    size, stride : int, default=50, 10
        Subjects in a group and from one group to the next.
    acquisition : Acquisition, default=None

    Returns
    -------
    list of (callable, dict)
        As :func:`delssome.surrogate.build_corpus` takes them.

    Examples
    --------
    >>> from delssome.surrogate import window_groups
    >>> groups = window_groups("study.npz", n_rows=100)
    >>> [(given["start"], given["stop"]) for make, given in groups][:3]
    [(0, 50), (10, 60), (20, 70)]
    """
    given = {"file": str(file), "acquisition": acquisition}
    if n_rows < size:
        raise ValueError(f"A window of {size} subjects needs as many, got {n_rows}.")
    return [
        (window_group, given | {"start": start, "stop": start + size})
        for start in range(0, n_rows - size + 1, stride)
    ]


def train(
    out: Path | str,
    corpus: Path | str | None = None,
    *,
    groups: Sequence[Sequence[GroupMaker]] | None = None,
    settings: CorpusSettings | None = None,
    led: Mapping[str, Any] | None = None,
    start: CircuitSurrogate | None = None,
    model: Model | None = None,
    n_steps: int = 10_000,
    lr: float = 3e-3,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int = 0,
) -> CircuitSurrogate:
    """Make a corpus, train on it, and write weights with their card.

    Candidates of the first round come from searches by theory and from all over the
    box. A network trained on them errs where its own searches go, so that in every
    further round it leads searches on other groups, what they went through is
    labelled by theory, and training starts again with all of it.

    Parameters
    ----------
    out : path
        Folder of the weights, for ``CircuitSurrogate.load``. One of other settings is
        refused; weights that are there already are not trained again.
    corpus : path, default=None
        Folder of the shards; a call that was stopped goes on there. None:
        ``out/corpus``.
    groups : sequence of lists of (callable, dict), default=None
        Groups of each round, as of `build_corpus`: your own, for weights of your own.
        None: four rounds of those of the shipped weights, :func:`corpus_groups`.
    settings : CorpusSettings, default=None
        None: the default ones, without simulations, which training does not use.
    led : dict, default=None
        What differs from the settings in searches that a network leads. None: 100
        generations of 64.
    start : CircuitSurrogate, default=None
        Weights to fine-tune. None: random ones.
    model : Model, default=None
        One among those of the groups that the package does not ship.
    n_steps : int, default=10_000
        Of each part of the last training; those before take a third of it.
    lr : float, default=3e-3
        Largest learning rate.
    n_jobs : int, default=None
        Processes that label groups.
    verbose : int, default=0
    random_state : int, default=0

    Returns
    -------
    CircuitSurrogate

    Examples
    --------
    Two rounds, on groups of your own study::

        groups = window_groups("study.npz", n_rows=200, acquisition=scan)
        train("weights", groups=[groups[:8], groups[8:]], n_jobs=4)
        network = CircuitSurrogate.load("weights", acquisition=scan)
        MeanFieldFitter(maps, network, acquisition=scan).fit(X)
    """
    check_number("n_steps", n_steps, Integral, 1, 100_000_000)
    check_number("lr", lr, Real, 1e-12, 10.0)
    check_running(n_jobs, verbose)
    out = Path(out)
    corpus = out / "corpus" if corpus is None else Path(corpus)
    if groups is None:
        groups = [corpus_groups(round=k) for k in range(N_ROUNDS)]
    if len(groups) == 0:
        raise ValueError("groups must hold those of one round at least, got none.")
    settings = settings or CorpusSettings(n_simulated=0)
    led_settings = replace(
        settings, **(led or LED), n_spread=0, n_edge=0, n_simulated=0
    )
    said = {
        "delssome": __version__,
        "groups": fingerprint(*([(f.__name__, x) for f, x in part] for part in groups)),
        "settings": describe([settings, led_settings]),
        "start": describe(start),
        "model": describe(model),
        "n_steps": describe(n_steps),
        "lr": describe(lr),
        "random_state": describe(random_state),
    }
    claim(out, said, "out", "weights", "circuit*.json")
    manifests: list[Bunch] = []
    files: list[Path] = []
    surrogate: CircuitSurrogate | None = None
    for k, part in enumerate(groups):
        last = k == len(groups) - 1
        folder = corpus / f"round_{k}"
        manifest = build_corpus(
            folder,
            part,
            settings if k == 0 else led_settings,
            searcher=surrogate,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        manifests.append(manifest)
        files += [folder / shard["file"] for shard in manifest.shards]
        name = "circuit" if last else f"circuit_{k}"
        surrogate = _kept(out, name)  # of a call that was stopped
        if surrogate is not None:
            continue
        logger.info(
            "round %d of %d: training on %d groups", k + 1, len(groups), len(files)
        )
        started = time.perf_counter()
        surrogate = CircuitSurrogate(
            model=model,
            width=48 if start is None else start.width,
            n_steps=n_steps if last else -(-n_steps // 3),
            lr=lr,
            verbose=verbose,
            random_state=random_state,
        ).fit(files, start=start)
        seconds = round(time.perf_counter() - started)
        surrogate.save(out, name, training_seconds=seconds, **_card(manifests))
    assert surrogate is not None
    return surrogate


def _kept(out: Path, name: str) -> CircuitSurrogate | None:
    """Read the weights of an earlier call; what is damaged is trained again."""
    if not (out / f"{name}.json").exists():
        return None
    try:
        return CircuitSurrogate.load(out, name)
    except (OSError, BadFileError) as error:
        warn(f"{error}", StorageWarning)
        return None


def _card(manifests: Sequence[Bunch]) -> dict[str, Any]:
    """Say what weights were trained on."""
    shards = [shard for manifest in manifests for shard in manifest.shards]
    n_in_range = sum(shard["n_in_range"] for shard in shards)
    given = [shard["arguments"] for shard in shards]
    models = Counter(own.get("model", "FIC(").split("(")[0] for own in given)
    scans = [own.get("acquisition", "") for own in given]
    return {
        "n_groups_of": dict(models),
        "n_groups_filtered": sum("band=" in scan for scan in scans),
        "n_groups_without_global_signal": sum(
            "global_signal=True" in scan for scan in scans
        ),
        "settings": [manifest.settings for manifest in manifests],
        "n_groups": [len(manifest.shards) for manifest in manifests],
        "n_candidates": sum(shard["n_candidates"] for shard in shards),
        "n_in_range": n_in_range,
        # Statistics are learned, so that a candidate serves every target of its size.
        "n_examples": n_in_range,
        # Labels are the theory's; the shards hold simulations that check them.
        "n_simulations": 0,
        "n_simulations_in_shards": sum(shard["n_simulations"] for shard in shards),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
        },
        "shards": {shard["file"]: shard["sha256"] for shard in shards},
    }
