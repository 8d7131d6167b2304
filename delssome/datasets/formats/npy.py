"""NumPy files: one array, or several beside labels."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from delssome.datasets.formats.file import BadFileError, check_size, reading
from delssome.datasets.formats.strings import unpickle_strings

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
        return _read_array(file, path.stat().st_size, str(path))


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
                    arrays[name] = _read_array(
                        file, member.file_size, f"{path}: {name}", inside=True
                    )
        return arrays


def _read_array(file: IO[bytes], n_bytes: int, name: str, inside: bool = False) -> Any:
    """Read an array whose header does not claim more than there is."""
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        if not inside:
            raise ValueError("it holds objects, not numbers")
        # Others of the archive may do: a field of notes is not looked into.
        try:
            strings = unpickle_strings(file)
        except Exception:  # a hostile or damaged pickle can raise anything
            return None
        return None if strings is None else np.array(strings, dtype=str)
    claimed = math.prod(shape) * dtype.itemsize
    check_size(claimed, name)
    if claimed > n_bytes:
        raise ValueError(f"its header claims {claimed} bytes, it has {n_bytes}")
    raw = file.read(claimed)
    if len(raw) < claimed:
        raise ValueError(f"it ends after {len(raw)} of {claimed} bytes")
    array = np.frombuffer(raw, dtype=dtype)
    return array.reshape(shape, order="F" if fortran else "C")
