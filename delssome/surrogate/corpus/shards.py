"""A training corpus on disk: one shard a group, never made twice."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from joblib import delayed, effective_n_jobs
from sklearn.utils import Bunch

from delssome._version import __version__
from delssome.evaluation import Evaluator
from delssome.exceptions import StorageWarning
from delssome.files import BadFileError, claim, read_bytes, write_atomically
from delssome.identity import describe, fingerprint
from delssome.saying import progress_bar, warn
from delssome.surrogate.corpus.groups import Group
from delssome.surrogate.corpus.labels import CorpusSettings, label_group
from delssome.surrogate.shard import read_shard, write_shard
from delssome.workers import Parallel

__all__ = ["CorpusSettings", "GroupMaker", "build_corpus", "read_shard"]

# A function that makes a group, with its arguments.
GroupMaker = tuple[Callable[..., Group], dict[str, Any]]


def build_corpus(
    folder: Path | str,
    groups: Sequence[GroupMaker],
    settings: CorpusSettings | None = None,
    *,
    searcher: Evaluator | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Label groups, one shard each, and go on where an earlier call stopped.

    Parameters
    ----------
    folder : path
        Made if it does not exist. A folder of other settings is refused.
    groups : sequence of (callable, dict)
        Functions that make a :class:`Group`, with their arguments: called in the
        workers, for groups that have no shard yet. The arguments name the shard.
    settings : CorpusSettings, default=None
    searcher : CircuitSurrogate, default=None
        Evaluates candidates during the searches, so that the corpus holds what this
        surrogate leads to. None: theory.
    n_jobs : int, default=None
        Processes (joblib). Shards do not depend on it.
    verbose : int, default=0
        1 or more shows a progress bar with the time left.

    Returns
    -------
    Bunch
        The manifest: settings, version, and of every shard its file, its hash, and
        how many candidates, targets and simulations stand behind it.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from delssome import Acquisition
    >>> from delssome.surrogate import CorpusSettings, build_corpus, synthetic_group
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> given = {"seed": 0, "n_rois": 8, "n_subjects": 2, "acquisition": scan}
    >>> few = CorpusSettings(
    ...     popsize=4, n_generations=2, n_spread=8, n_edge=0, n_samples=1, n_simulated=0
    ... )
    >>> manifest = build_corpus(mkdtemp(), [(synthetic_group, given)], few)
    >>> len(manifest.shards)
    1
    """
    settings = settings or CorpusSettings()
    for group in groups:
        if not (isinstance(group, tuple) and len(group) == 2 and callable(group[0])):
            raise TypeError(
                "groups must hold pairs (function that makes a Group, dict of its "
                f"arguments), as corpus_groups gives them, got {group!r}."
            )
    folder = Path(folder)
    header = {
        "delssome": __version__,
        "settings": asdict(settings),
        "searcher": None if searcher is None else searcher.digest(),
    }
    said = {name: describe(value) for name, value in header.items()}
    claim(folder, said, "folder", "shards", "*.npz")
    files = [folder / f"{shard_name(make, given)}.npz" for make, given in groups]
    missing = [
        (file, make, given)
        for file, (make, given) in zip(files, groups, strict=True)
        if not _is_there(file, make, given)
    ]
    done = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_label)(file, make, given, settings, searcher)
        for file, make, given in missing
    )
    bar = progress_bar(
        done,
        total=len(missing),
        desc="corpus",
        unit="shard",
        lanes=effective_n_jobs(n_jobs),
        verbose=verbose,
    )
    for _ in bar:
        pass
    shards = [
        _entry(file, make, given)
        for file, (make, given) in zip(files, groups, strict=True)
    ]
    manifest = header | {"shards": shards}
    write_atomically(folder / "manifest.json", _json(manifest))
    return Bunch(**manifest)


def shard_name(make: Callable[..., Group], given: Mapping[str, Any]) -> str:
    """Name a shard by what makes its group; its seed follows from the name."""
    text = "_".join(f"{k}-{v}" for k, v in sorted(given.items()))
    digest = sha256(f"{make.__name__} {text}".encode()).hexdigest()
    return f"{make.__name__}_{digest[:12]}"


def _label(
    file: Path,
    make: Callable[..., Group],
    given: dict[str, Any],
    settings: CorpusSettings,
    searcher: Evaluator | None,
) -> None:
    # The seed follows from the name alone, whatever the order of the groups.
    seed = int(file.stem.rsplit("_", 1)[1], 16)
    shard = label_group(make(**given), settings, seed, searcher)
    write_shard(file, shard | {"group": np.array(fingerprint(make.__name__, given))})


def _is_there(file: Path, make: Callable[..., Group], given: dict[str, Any]) -> bool:
    """Tell whether there is a shard; one that is damaged or another's is none."""
    if not file.exists():
        return False
    try:
        found = str(read_shard(file).get("group", ""))
    except BadFileError as error:
        warn(str(error), StorageWarning)
        return False
    if found != fingerprint(make.__name__, given):
        warn(
            f"{file} is of another group, or of a model whose source was another; it "
            "is made anew.",
            StorageWarning,
        )
        return False
    return True


def _entry(
    file: Path, make: Callable[..., Group], given: dict[str, Any]
) -> dict[str, Any]:
    """Say in the manifest what a shard is."""
    shard = read_shard(file)
    return {
        "file": file.name,
        "sha256": sha256(read_bytes(file)).hexdigest(),
        "made_by": make.__name__,
        "arguments": {k: str(v) for k, v in given.items()},
        "n_candidates": len(shard["G"]),
        "n_in_range": int((shard["violation"] == 0).sum()),
        "n_simulations": int(shard["runs_violation"].size),
    }


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()
