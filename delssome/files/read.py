"""Reading: a file checked and bounded, and one clear error whatever comes of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_BYTES",
    "SEAL",
    "BadFileError",
    "ObjectsError",
    "check_size",
    "naming",
    "read_array",
    "read_arrays",
    "read_bytes",
    "read_json",
    "reading",
    "seal_of",
]

# A scan of 10 000 frames and 1000 regions has 80 MB. What claims more than this is
# damaged, or no matrix of regions.
MAX_BYTES = 2**30
# Name of what stands for all other arrays of an archive.
SEAL = "sha256"


class BadFileError(ValueError):
    """A file that cannot be used, said in full: what a library raised is not."""


class ObjectsError(ValueError):
    """An array of objects, of which only a pickle could say more."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give errors of the operating system the name of the file that was to be."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def reading(path: Path, kind: str, remedy: str) -> Iterator[None]:
    """Check a file before it is opened, and turn what comes out into one error.

    Parameters
    ----------
    path : Path
    kind : str
        What the file should be, such as "NumPy file of numbers".
    remedy : str
        What to do if it is not.

    Raises
    ------
    OSError
        If it is not there, or may not or cannot be read; with its name.
    BadFileError
        If it is empty, a folder, or anything went wrong within.
    """
    if path.is_dir():
        raise BadFileError(f"{path} is a folder; give a file.")
    if path.stat().st_size == 0:
        raise BadFileError(f"{path} is empty; write it again.")
    try:
        yield
    except (BadFileError, ImportError):
        raise
    except OSError as error:
        if error.errno is None:  # of a library that means the content
            raise _damaged(path, kind, remedy, error) from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    except Exception as error:  # a damaged file can raise anything
        raise _damaged(path, kind, remedy, error) from error


def _damaged(path: Path, kind: str, remedy: str, error: Exception) -> BadFileError:
    said = str(error) or type(error).__name__
    return BadFileError(f"{path} is damaged or no {kind} ({said}); {remedy}.")


def check_size(n_bytes: int, name: str, most: int | None = None) -> None:
    """Refuse what is too large before memory is asked for: a header can lie.

    Parameters
    ----------
    n_bytes : int
        That the file says it holds.
    name : str
        File, or file and array.
    most : int, default=None
        None: MAX_BYTES.
    """
    most = MAX_BYTES if most is None else most
    if not 0 <= n_bytes <= most:
        raise BadFileError(
            f"{name} says that it holds {n_bytes / 2**30:.3g} GiB, more than the "
            f"{most / 2**30:g} GiB that are read; it is damaged, or no matrix of "
            "regions: write it again."
        )


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a file as it is, unless it is too large.

    Parameters
    ----------
    path : Path
    most : int, default=None
        Bytes. None: MAX_BYTES.

    Returns
    -------
    bytes
    """
    with naming(path):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            left = os.fstat(handle).st_size
            check_size(left, str(path), most)
            parts = []
            while left > 0 and (part := os.read(handle, left)):
                parts.append(part)
                left -= len(part)
        finally:
            os.close(handle)
    return b"".join(parts)


def read_json(path: Path, kind: str, remedy: str) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
    kind, remedy : str
        As of :func:`reading`.

    Returns
    -------
    dict or list
    """
    with reading(path, kind, remedy):
        return json.loads(read_bytes(path).decode("utf-8-sig"))


def read_arrays(
    path: Path, kind: str, remedy: str, most: int | None = None, sealed: bool = True
) -> dict[str, NDArray[Any]]:
    """Read an archive of arrays of numbers and strings.

    Parameters
    ----------
    path : Path
        A npz file.
    kind, remedy : str
        As of :func:`reading`.
    most : int, default=None
        Bytes of all arrays. None: MAX_BYTES.
    sealed : bool, default=True
        Whether `pack_arrays` made it, so that nothing can be missing: the checksums of
        a zip file do not cover its list of members.

    Returns
    -------
    dict of str to ndarray
    """
    with reading(path, kind, remedy):
        content = BytesIO(read_bytes(path, most))
        arrays = {}
        with zipfile.ZipFile(content) as archive:
            members = archive.infolist()
            check_size(sum(member.file_size for member in members), str(path), most)
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    arrays[name] = read_array(
                        file, member.file_size, f"{path}: {name}", most
                    )
                    file.read()  # to the end, where the checksum is compared
        if sealed and str(arrays.pop(SEAL, "")) != seal_of(arrays):
            raise ValueError("it is not what was written")
        return arrays


def seal_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Stand for arrays and their names.

    Parameters
    ----------
    arrays : dict of str to ndarray

    Returns
    -------
    str
    """
    found = sha256()
    for name, array in arrays.items():
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def read_array(
    file: IO[bytes], n_bytes: int, name: str, most: int | None = None
) -> NDArray[Any]:
    """Read an array whose header does not claim more than there is.

    Parameters
    ----------
    file : file object
        At the beginning of what ``numpy.save`` wrote.
    n_bytes : int
        That it has.
    name : str
        For errors.
    most : int, default=None
        As of :func:`check_size`.

    Returns
    -------
    ndarray
        Of numbers or strings; objects are a ValueError, with the file at their start.
    """
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ObjectsError("it holds objects, not numbers")
    claimed = math.prod(shape) * dtype.itemsize
    check_size(claimed, name, most)
    if claimed > n_bytes:
        raise ValueError(f"its header claims {claimed} bytes, it has {n_bytes}")
    raw = file.read(claimed)
    if len(raw) < claimed:
        raise ValueError(f"it ends after {len(raw)} of {claimed} bytes")
    array = np.frombuffer(bytearray(raw), dtype=dtype)  # that can be written
    return array.reshape(shape, order="F" if fortran else "C")
