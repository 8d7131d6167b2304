"""What networks are trained on: scans without a pipeline, labelled groups on disk."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.connectome import edges_to_matrix
from delssome.simulation import Acquisition
from delssome.utils import write_atomically

__all__ = ["read_shard", "refuse_pipeline", "write_shard"]


def refuse_pipeline(acquisition: Acquisition) -> None:
    """Refuse scans that went through a pipeline: networks know nothing of them.

    Parameters
    ----------
    acquisition : Acquisition

    Raises
    ------
    ValueError
        Neither shards nor networks have a place to say what was done to a scan.
    """
    if acquisition.processing:
        raise ValueError(
            "Networks are trained on scans as the scanner gives them, got an "
            f"acquisition with {', '.join(acquisition.processing)}: evaluate by theory "
            "(surrogate='linear') or simulate the candidates (surrogate=None)."
        )


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
    """
    with np.load(file, allow_pickle=False) as data:
        shard = {name: data[name] for name in data.files}
    shard["sc"] = edges_to_matrix(shard["sc"])
    return Bunch(**shard)


def write_shard(file: Path, shard: Mapping[str, NDArray[Any]]) -> None:
    """Write a shard, whole or not at all; the same arrays make the same bytes."""
    content = io.BytesIO()
    np.savez(content, **shard)  # type: ignore[arg-type]
    write_atomically(file, content.getvalue())
