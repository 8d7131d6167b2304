"""Connectivity of The Virtual Brain: a zip of text files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import io
import zipfile
from pathlib import Path

import numpy as np

from delssome.connectome.names import check_names
from delssome.datasets.formats.labelled import Labelled
from delssome.files import BadFileError, check_size, reading

__all__ = ["read_tvb"]

MEMBERS = ("weights", "tract_lengths")


def read_tvb(path: Path, key: str | None = None) -> Labelled:
    """Read weights, or lengths of tracts, and the names of their regions.

    Parameters
    ----------
    path : Path
    key : str, default=None
        "weights" (None) or "tract_lengths".

    Returns
    -------
    Labelled
    """
    key = "weights" if key is None else key
    if key not in MEMBERS:
        raise BadFileError(f"{path} has no array {key!r}; it has {', '.join(MEMBERS)}.")
    with (
        reading(
            path,
            "connectivity of The Virtual Brain",
            "it is a zip of weights.txt, centres.txt and tract_lengths.txt",
        ),
        zipfile.ZipFile(path) as archive,
    ):
        values = np.loadtxt(io.StringIO(_member(path, archive, key)), ndmin=2)
        try:
            text = _member(path, archive, "centres")
        except KeyError:
            names = None
        else:
            lines = [line.split() for line in text.splitlines() if line.strip()]
            names = check_names([line[0] for line in lines], f"{path}: centres.txt")
    if names is not None and len(names) != len(values):
        raise BadFileError(
            f"{path}: centres.txt must name the {len(values)} regions of {key}.txt, "
            f"got {len(names)}."
        )
    return Labelled(values, names, names)


def _member(path: Path, archive: zipfile.ZipFile, key: str) -> str:
    """Give a text by its name, in whatever folder of the archive it is."""
    spelt = ("centres", "centers") if key == "centres" else (key,)
    found = [
        member
        for member in archive.infolist()
        if Path(member.filename).stem in spelt
        and Path(member.filename).suffix in (".txt", "")
        and not member.is_dir()
    ]
    if not found:
        raise KeyError(f"no {key}.txt in it")
    check_size(found[0].file_size, f"{path}: {found[0].filename}")
    return archive.read(found[0]).decode("utf-8-sig")
