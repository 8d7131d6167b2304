"""MATLAB files: versions up to 7, and 7.3, which is HDF5."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.sparse import csc_array

from delssome.datasets.formats.file import need
from delssome.datasets.formats.mat5 import check_mat5
from delssome.files import BadFileError, check_size, reading

__all__ = ["as_strings", "keys_of_mat", "read_mat"]

KIND = "MATLAB file"
REMEDY = "write it again with save(..., '-v7')"


def keys_of_mat(path: Path) -> list[str]:
    """Name the arrays of a MATLAB file without reading them.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of str
    """
    with reading(path, KIND, REMEDY):
        if _is_hdf5(path):
            h5py = need("h5py", f"{path}, a MATLAB file of version 7.3,")
            with h5py.File(path, "r") as file:
                return [key for key in file if not key.startswith("#")]
        check_mat5(path)
        return [name for name, _, _ in whosmat(path)]


def read_mat(path: Path, keys: list[str] | None = None) -> dict[str, Any]:
    """Read arrays of a MATLAB file.

    Parameters
    ----------
    path : Path
    keys : list of str, default=None
        Which. None: all.

    Returns
    -------
    dict of str to ndarray
        Cells and characters as arrays of strings; what is neither is as it came.
    """
    with reading(path, KIND, REMEDY):
        if _is_hdf5(path):
            return _read_hdf5(path, keys)
        check_mat5(path)
        content = loadmat(path, variable_names=keys)
    arrays = {k: v for k, v in content.items() if not k.startswith("__")}
    return {key: _or_strings(value) for key, value in arrays.items()}


def as_strings(array: Any) -> list[str] | None:
    """Give the strings of an array, None if it holds anything else.

    Parameters
    ----------
    array : ndarray
        Of characters, of cells of these, or of bytes that are text with one name a
        line, as DSI Studio writes them.

    Returns
    -------
    list of str or None
    """
    if not isinstance(array, np.ndarray) or array.size == 0:
        return None
    if array.dtype.kind in "SU":
        texts = [t.decode() if isinstance(t, bytes) else t for t in array.ravel()]
        return [str(text).strip() for text in texts]
    if array.dtype.kind == "O":
        cells = [np.asarray(cell) for cell in array.ravel()]
        if any(cell.dtype.kind != "U" or cell.size > 1 for cell in cells):
            return None
        return [str(cell.ravel()[0]).strip() if cell.size else "" for cell in cells]
    if array.dtype == np.uint8 and array.size == max(array.shape):
        try:
            text = array.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            return None
        text = text.rstrip("\n\0 ")
        if "\n" in text and text.replace("\n", "").isprintable():
            return [line.strip() for line in text.split("\n")]
    return None


def _or_strings(array: Any) -> Any:
    strings = as_strings(array)
    if strings is not None and len(strings) == 1 and "\n" in strings[0]:
        strings = strings[0].strip().split("\n")
    return array if strings is None else np.array(strings, dtype=str)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(10) == b"MATLAB 7.3"


def _read_hdf5(path: Path, keys: list[str] | None) -> dict[str, Any]:
    h5py = need("h5py", f"{path}, a MATLAB file of version 7.3,")
    with h5py.File(path, "r") as file:
        arrays, total = {}, 0
        for key, node in file.items():
            if not key.startswith("#") and (keys is None or key in keys):
                total += node.size * node.dtype.itemsize if hasattr(node, "size") else 0
                check_size(total, str(path))
                arrays[key] = _hdf5_array(h5py, file, file[key], f"{path}: {key}")
        return arrays


def _hdf5_array(h5py: Any, file: Any, node: Any, name: str) -> Any:
    """Read an array, a sparse one, characters or cells of these; None: no array."""
    if isinstance(node, h5py.Group):
        if "MATLAB_sparse" not in node.attrs:
            return None
        for part in ("data", "ir", "jc"):
            if part in node:
                check_size(node[part].size * node[part].dtype.itemsize, name)
        if "data" not in node:
            raise BadFileError(f"{name} is a sparse matrix of zeros.")
        pointers = node["jc"][()]
        shape = (int(node.attrs["MATLAB_sparse"]), len(pointers) - 1)
        return csc_array((node["data"][()], node["ir"][()], pointers), shape=shape)
    check_size(math.prod(node.shape) * max(node.dtype.itemsize, 1), name)
    what = node.attrs.get("MATLAB_class", b"")
    if what == b"char":
        return np.array([_text(node)])
    if what == b"cell":
        cells = [file[reference] for reference in node[()].ravel()]
        if all(cell.attrs.get("MATLAB_class") == b"char" for cell in cells):
            return np.array([_text(cell) for cell in cells])
        if any(isinstance(cell, h5py.Group) for cell in cells):
            return None
        check_size(sum(cell.size * cell.dtype.itemsize for cell in cells), name)
        found = np.empty(len(cells), dtype=object)
        for k, cell in enumerate(cells):
            found[k] = np.asarray(cell[()]).T
        return found
    # Columns come first in MATLAB.
    return _or_strings(np.asarray(node[()]).T)


def _text(node: Any) -> str:
    """Characters are numbers of two bytes, in columns."""
    if node.attrs.get("MATLAB_empty", 0):
        return ""
    return "".join(map(chr, np.asarray(node[()]).ravel()))
