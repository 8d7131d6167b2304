"""One array from a file: text, NumPy or MATLAB."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import os
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.sparse import issparse

__all__ = ["ARCHIVES", "FORMATS", "listed", "numeric", "read_archive", "read_matrix"]

TEXT, ARCHIVES = (".csv", ".tsv", ".txt"), (".npz", ".mat")
FORMATS = (*TEXT, ".npy", *ARCHIVES)


def read_matrix(
    path: str | os.PathLike[str], key: str | None = None
) -> NDArray[np.float64]:
    """Read one numeric array from a text, NumPy or MATLAB file.

    Parameters
    ----------
    path : str or path-like
        .csv, .tsv or .txt (numbers separated by commas, semicolons or white space),
        .npy, .npz, or .mat (not version 7.3). In text, a row of names at the top and
        a column of names at the left are left out, "n/a" is NaN: time series and
        matrices as fMRI pipelines and pandas write them.
    key : str, default=None
        Name of the array in a .npz or .mat file. None: there must be only one.

    Returns
    -------
    ndarray
        float64; two-dimensional from text files.
    """
    path = Path(path)
    if path.suffix.lower() not in ARCHIVES:
        return _read_single(path)
    arrays = read_archive(path)
    if key is None and len(arrays) != 1:
        raise ValueError(
            f"{path} must hold one array, got {listed(arrays)}; save the one to use "
            "in a file of its own."
        )
    key = next(iter(arrays)) if key is None else key
    if key not in arrays:
        raise ValueError(f"{path} has no array {key!r}; it has {listed(arrays)}.")
    return numeric(arrays[key], f"{path}: {key}")


def _read_single(path: Path) -> NDArray[np.float64]:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{path} must end in one of {', '.join(FORMATS)}.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; write it again.")
    if suffix == ".npy":
        array = _load_numpy(path)
        if isinstance(array, dict):
            raise ValueError(f"{path} holds named arrays; call it .npz.")
        return numeric(array, str(path))
    try:
        # Spreadsheets put a byte order mark first, which utf-8-sig drops.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        lines = [line for line in lines if line.strip() and line[0] != "#"]
        first = lines[0].strip() if lines else ""
        delimiter = next((mark for mark in ",;\t" if mark in first), None)
        lines = _without_names(lines, delimiter)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # "contained no data"
            return np.loadtxt(lines, delimiter=delimiter, ndmin=2, dtype=np.float64)
    except (ValueError, UserWarning) as error:
        raise ValueError(
            f"{path} cannot be read as a table of numbers ({error}); separate numbers "
            "by commas or white space and give all rows the same length. One row of "
            "names at the top and one column of names at the left may be there."
        ) from error


def _without_names(lines: list[str], delimiter: str | None) -> list[str]:
    """Leave out names of columns and rows; say NaN where there is n/a."""
    if delimiter is None:
        rows = [line.split() for line in lines]
    else:
        table = csv.reader(map(str.rstrip, lines), delimiter=delimiter)
        rows = [[field.strip() for field in row] for row in table]
    if not rows:
        return []
    header = rows[0]
    # Numbered columns are told from data by making a square matrix no longer one.
    names = header if _is_number(header[0]) else header[1:]
    numbered = names == [str(k) for k in range(len(names))] and len(names) != 1
    if numbered:
        headed = header[0] == "" or len(rows) != len(names)
    else:
        headed = not all(map(_is_number, header[1:]))
    rows = rows[headed:]
    longest = max(map(len, rows), default=0)
    labelled = rows and all(not _is_number(row[0]) for row in rows)
    if labelled or (headed and (header[0] == "" or longest > len(header))):
        rows = [row[1:] for row in rows]
    mark = " " if delimiter is None else delimiter
    return [mark.join("nan" if f.lower() == "n/a" else f for f in row) for row in rows]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field.lower() == "n/a"
    return True


def _load_numpy(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Load a .npy file as array or a .npz file as dict of str to array."""
    try:
        # Opened here, because numpy.load leaves a damaged archive open.
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            return {key: content[key] for key in content.files}
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged or no NumPy file of numbers ({error}); write it again "
            "with numpy.save or numpy.savez."
        ) from error


def read_archive(path: Path) -> dict[str, Any]:
    """Read all arrays of a .npz or .mat file, dict of str to array."""
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; write it again.")
    if path.suffix.lower() == ".npz":
        arrays = _load_numpy(path)
        if not isinstance(arrays, dict):
            raise ValueError(f"{path} holds one array without a name; call it .npy.")
        return arrays
    try:
        content = loadmat(path)
    except NotImplementedError as error:  # HDF5
        raise ValueError(
            f"{path} is a MATLAB file of version 7.3, which cannot be read; save it in "
            "MATLAB with save(..., '-v7')."
        ) from error
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(
            f"{path} is damaged or no MATLAB file ({error}); write it again with "
            "save(..., '-v7')."
        ) from error
    return {key: value for key, value in content.items() if not key.startswith("__")}


def numeric(array: Any, name: str) -> NDArray[np.float64]:
    """Check that an array of a file holds real numbers, and fill it if sparse."""
    array = array.toarray() if issparse(array) else array
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got type {array.dtype}.")
    if array.size == 0 or array.ndim == 0:
        raise ValueError(f"{name} must hold a matrix, got shape {array.shape}.")
    return np.asarray(array.astype(np.float64))


def listed(arrays: dict[str, Any]) -> str:
    """Name the arrays of a file."""
    return ", ".join(sorted(arrays)) or "none"
