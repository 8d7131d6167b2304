"""NumPy files: one array, or several beside labels."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from delssome.datasets.formats.strings import unpickle_strings
from delssome.files import (
    BadFileError,
    ObjectsError,
    check_size,
    read_array,
    reading,
)

__all__ = ["read_npy", "read_npz"]

KIND = "NumPy file of numbers"
REMEDY = "write it again with numpy.save or numpy.savez"


def read_npy(path: Path) -> Any:
    """Read one array.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
    """
    with reading(path, KIND, REMEDY), path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise BadFileError(f"{path} holds named arrays; call it .npz.")
        file.seek(0)
        return read_array(file, path.stat().st_size, str(path))


def read_npz(path: Path) -> dict[str, Any]:
    """Read all arrays of an archive; what is no array of numbers or strings is None.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to ndarray or None
    """
    with reading(path, KIND, REMEDY):
        with path.open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                raise BadFileError(
                    f"{path} holds one array without a name; call it .npy."
                )
        arrays = {}
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_size(sum(member.file_size for member in members), str(path))
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    try:
                        arrays[name] = read_array(
                            file, member.file_size, f"{path}: {name}"
                        )
                    except ObjectsError:
                        arrays[name] = _strings(file)
        return arrays


def _strings(file: IO[bytes]) -> Any:
    """Read an array of objects if they are strings; a field of notes may be others."""
    try:
        strings = unpickle_strings(file)
    except Exception:  # a hostile or damaged pickle can raise anything
        return None
    return None if strings is None else np.array(strings, dtype=str)
