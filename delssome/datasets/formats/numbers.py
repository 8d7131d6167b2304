"""Numbers and strings of files: what is one, and what is none."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from delssome.files import BadFileError, check_size

__all__ = ["as_number", "is_whole", "numeric"]

MISSING = ("n/a", "na", "nan")


def as_number(field: str) -> float | None:
    """Give the number that a field of text holds, None if it holds none.

    Parameters
    ----------
    field : str
        "n/a", "NA" and "nan" are NaN.

    Returns
    -------
    float or None
    """
    if field.lower() in MISSING:
        return np.nan
    try:
        # Python, unlike tables, joins digits by underscores.
        return None if "_" in field else float(field)
    except ValueError:
        return None


def is_whole(number: float | None) -> bool:
    """Say whether this is a number without a fraction.

    Parameters
    ----------
    number : float or None

    Returns
    -------
    bool
    """
    return number is not None and bool(np.isfinite(number)) and number == int(number)


def numeric(array: Any, name: str) -> NDArray[np.float64]:
    """Check that an array of a file holds real numbers, and fill it if sparse.

    Parameters
    ----------
    array : ndarray or sparse array
    name : str
        How errors call it.

    Returns
    -------
    ndarray
        float64.
    """
    if issparse(array):
        check_size(int(np.prod(array.shape, dtype=object)) * 8, name)
        array = array.toarray()
    if isinstance(array, np.ma.MaskedArray):
        # What is masked is missing, whatever stands under the mask.
        array = np.ma.filled(array.astype(np.float64), np.nan)
    array = np.asarray(array)
    if array.dtype.kind == "c":
        raise BadFileError(
            f"{name} must hold real numbers, got type {array.dtype}; take the real "
            "part or the absolute value, whichever is meant."
        )
    if array.dtype.kind not in "biuf":
        what = "strings" if array.dtype.kind in "SU" else f"type {array.dtype}"
        raise BadFileError(f"{name} must hold real numbers, got {what}.")
    if array.size == 0 or array.ndim == 0:
        raise BadFileError(f"{name} must hold a matrix, got shape {array.shape}.")
    return np.asarray(array.astype(np.float64))
