"""What networks are trained on: labelled groups on disk, and which they may be."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome import models
from delssome.connectome import edges_to_matrix
from delssome.files import pack_arrays, read_arrays, write_atomically
from delssome.models import Model
from delssome.simulation import Acquisition

__all__ = [
    "LARGEST",
    "model_of_shard",
    "name_model",
    "read_shard",
    "refuse_censoring",
    "refuse_pipeline",
    "scan_of_shard",
    "write_scan",
    "write_shard",
]

# Bytes of the largest shard that is read.
LARGEST = 2**34


def refuse_pipeline(acquisition: Acquisition) -> None:
    """Refuse scans that went through a pipeline.

    Parameters
    ----------
    acquisition : Acquisition

    Raises
    ------
    ValueError
        The published form of the networks has no place to say what was done to a scan.
    """
    if acquisition.processing:
        raise ValueError(
            "The published form of the networks knows scans as the scanner gives them, "
            f"got an acquisition with {', '.join(acquisition.processing)}: use "
            "surrogate='deep' or 'linear', or simulate the candidates (surrogate=None)."
        )


def refuse_censoring(acquisition: Acquisition) -> None:
    """Refuse scans of which frames are missing.

    Parameters
    ----------
    acquisition : Acquisition

    Raises
    ------
    ValueError
        The network has no place to say which.
    """
    if acquisition.kept is not None:
        raise ValueError(
            "The network does not know censored scans, got an acquisition with "
            f"{', '.join(acquisition.processing)}: evaluate by theory "
            "(surrogate='linear') or simulate the candidates (surrogate=None)."
        )


def name_model(model: Model) -> str:
    """Write a model down: its class and its settings, as JSON."""
    settings = {f.name: getattr(model, f.name) for f in fields(model)}  # type: ignore[arg-type]
    return json.dumps({"name": type(model).__name__, "settings": settings})


def model_of_shard(shard: Bunch, own: Model | None = None) -> Model:
    """Make the model of a shard.

    Parameters
    ----------
    shard : Bunch
    own : Model, default=None
        One that the package does not ship, if it may be that.

    Returns
    -------
    Model
    """
    said = json.loads(str(shard.get("model", name_model(models.FIC()))))
    kinds: Sequence[type[Model]] = [
        kind for kind in vars(models).values() if isinstance(kind, type)
    ]
    known = {kind.__name__: kind for kind in kinds if issubclass(kind, Model)}
    if own is not None:
        known[type(own).__name__] = type(own)
    if said["name"] not in known:
        raise ValueError(
            f"A shard holds candidates of the model {said['name']}, which the package "
            "does not ship: give it as model."
        )
    settings = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in said["settings"].items()
    }
    return known[said["name"]](**settings)


def write_scan(acquisition: Acquisition) -> dict[str, NDArray[Any]]:
    """Write an acquisition down as arrays of a shard."""
    low, high = acquisition.band or (None, None)
    return {
        "scan": np.array(
            [
                acquisition.tr,
                acquisition.n_frames,
                acquisition.fcd_window,
                acquisition.step,
            ]
        ),
        "pipeline": np.array(
            [low, high, acquisition.filter_order, bool(acquisition.global_signal)],
            dtype=float,
        ),
    }


def scan_of_shard(shard: Bunch) -> Acquisition:
    """Make the acquisition of a shard."""
    tr, n_frames, window, step = shard.scan
    scan: dict[str, Any] = {"tr": float(tr), "dt": float(step)}
    scan |= {"n_frames": int(n_frames), "window": int(window)}
    if "pipeline" in shard:
        low, high, order, signal = shard.pipeline
        band = tuple(None if np.isnan(x) else float(x) for x in (low, high))
        scan |= {"band": None if band == (None, None) else band}
        scan |= {"filter_order": int(order), "global_signal": bool(signal)}
    return Acquisition(**scan)


def read_shard(file: Path | str) -> Bunch:
    """Read a shard.

    Parameters
    ----------
    file : path
        As :func:`delssome.surrogate.build_corpus` wrote it.

    Returns
    -------
    Bunch of ndarray
        See :func:`delssome.surrogate.corpus.labels.label_group`; SC as a matrix.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from delssome import Acquisition
    >>> from delssome.surrogate import CorpusSettings, build_corpus, read_shard
    >>> from delssome.surrogate import synthetic_group
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> given = {"seed": 0, "n_rois": 8, "n_subjects": 2, "acquisition": scan}
    >>> few = CorpusSettings(
    ...     popsize=4, n_generations=2, n_spread=8, n_edge=0, n_samples=1, n_simulated=0
    ... )
    >>> folder = Path(mkdtemp())
    >>> manifest = build_corpus(folder, [(synthetic_group, given)], few)
    >>> read_shard(folder / manifest.shards[0]["file"]).sc.shape
    (8, 8)
    """
    kind, remedy = "shard of a corpus", "it has to be made anew"
    shard = read_arrays(Path(file), kind, remedy, LARGEST)
    shard["sc"] = edges_to_matrix(shard["sc"])
    return Bunch(**shard)


def write_shard(file: Path, shard: Mapping[str, NDArray[Any]]) -> None:
    """Write a shard, whole or not at all; the same arrays make the same bytes."""
    write_atomically(file, pack_arrays(shard))
