"""Archives of several arrays: the matrix that is meant, and the labels beside it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse

from delssome.connectome.names import check_names
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.numbers import numeric
from delssome.files import BadFileError

__all__ = ["choose", "labels_beside", "listed", "matrices"]

# Ends of what labels are called, the surest first.
LABELS = (
    "region_labels",
    "region_names",
    "roi_names",
    "roi_labels",
    "labels",
    "names",
    "regions",
    "label",
    "name",
)


def choose(
    path: Path, arrays: dict[str, Any], key: str | None, option: str = "key="
) -> Labelled:
    """Choose the array that is meant, and find its labels.

    Parameters
    ----------
    path : Path
    arrays : dict of str to ndarray
        As the file has them.
    key : str or None
        None: there must be only one that can be meant.
    option : str, default="key="
        How errors call it.

    Returns
    -------
    Labelled
    """
    if key is None:
        found = matrices(arrays)
        if len(found) != 1:
            what = listed(found) if found else f"{listed(arrays)}, none a matrix"
            raise BadFileError(
                f"{path} must hold one array, got {what}; say which, by {option} "
                "(--key on the command line, for SC), or save it in a file of its own."
                if len(found) > 1
                else f"{path} must hold one array of real numbers, got {what}."
            )
        (key,) = found
    if key not in arrays:
        raise BadFileError(f"{path} has no array {key!r}; it has {listed(arrays)}.")
    array = arrays[key]
    if array is None:
        raise BadFileError(
            f"{path}: {key} must hold real numbers, got objects, which are not read."
        )
    values = numeric(array, f"{path}: {key}")
    labels, notes = labels_beside(path, arrays, key, values.shape)
    square = values.ndim >= 2 and values.shape[-1] == values.shape[-2]
    return Labelled(values, labels if square else None, labels, notes=tuple(notes))


def matrices(arrays: dict[str, Any]) -> dict[str, Any]:
    """Give the arrays that can be meant: matrices, or vectors if there are none.

    Parameters
    ----------
    arrays : dict of str to ndarray

    Returns
    -------
    dict of str to ndarray
    """
    numbers = {
        key: array
        for key, array in arrays.items()
        if issparse(array)
        or (isinstance(array, np.ndarray) and array.dtype.kind in "biufcOV")
    }
    large = {k: x for k, x in numbers.items() if sum(n > 1 for n in x.shape) >= 2}
    return large or numbers


def labels_beside(
    path: Path, arrays: dict[str, Any], key: str, shape: tuple[int, ...]
) -> tuple[tuple[str, ...] | None, list[str]]:
    """Find the names of regions beside a matrix.

    Parameters
    ----------
    path : Path
    arrays : dict of str to ndarray
    key : str
        Of the matrix.
    shape : tuple of int
        Of the matrix; names go along its last axis.

    Returns
    -------
    labels : tuple of str, or None
    notes : list of str
        Says whose labels they are, or why there are none.
    """
    found = {
        name: tuple(map(str, array.ravel()))
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
        and array.dtype.kind == "U"
        and array.size == shape[-1] == max(array.shape)
        and shape[-1] > 1
    }
    if not found:
        return None, []
    for end in LABELS:
        called = [name for name in found if name.lower().endswith(end)]
        # QSIRecon: atlas_X_region_labels beside atlas_X_count_connectivity.
        of_key = [n for n in called if key.startswith(n[: len(n) - len(end)])]
        called = of_key or called
        if len(called) == 1:
            (name,) = called
            return check_names(found[name], f"{path}: {name}"), []
    return None, [
        f"{path}: {listed(found)} may be names of regions; none is called "
        "region_labels, so that they are left out."
    ]


def listed(arrays: dict[str, Any]) -> str:
    """Name the arrays of a file.

    Parameters
    ----------
    arrays : dict of str to ndarray

    Returns
    -------
    str
    """
    return ", ".join(sorted(arrays)) or "none"
