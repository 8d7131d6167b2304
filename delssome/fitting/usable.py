"""Subjects that can be used: the others are named, and left out of averages."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

from delssome.connectome import check_fc, check_fcd_cdf, check_sc, unpack_subjects
from delssome.exceptions import UnusableSubjectWarning
from delssome.saying import warn
from delssome.utils import MOST_BINS, check_number

__all__ = ["check_data", "names_of", "unusable", "usable_of", "usable_rows"]

Array = NDArray[Any]

# Subjects whose reasons are given in full.
N_NAMED = 3


def check_data(X: Array, n_fcd_bins: int, names: Sequence[Any] | None = None) -> None:
    """Check SC, FC and FCD distributions of packed subjects; name those at fault.

    Parameters
    ----------
    X : ndarray of shape (n_subjects, n_features)
    n_fcd_bins : int
    names : sequence of length n_subjects, default=None
        Of subjects. None: rows, counted from 0.
    """
    found = unusable(X, n_fcd_bins)
    if found:
        raise ValueError(_said(found, len(X), names))


def unusable(X: Array, n_fcd_bins: int) -> dict[int, str]:
    """Say which rows cannot be used, and why.

    Parameters
    ----------
    X : ndarray of shape (n_subjects, n_features)
    n_fcd_bins : int

    Returns
    -------
    dict of int to str
    """
    check_number("n_fcd_bins", n_fcd_bins, Integral, 2, MOST_BINS)
    subjects = unpack_subjects(X, n_fcd_bins)
    parts = (subjects.sc, subjects.fc, subjects.fcd_cdf)
    try:
        _check(*parts)
        return {}
    except ValueError:
        pass
    found = {}
    for k in range(len(X)):
        try:
            _check(*(part[k : k + 1] for part in parts))
        except ValueError as error:
            found[k] = str(error)
    return found


def usable_of(X: ArrayLike, n_fcd_bins: int, estimator: object = None) -> Array:
    """Give the subjects that can be averaged, (n_usable, n_features).

    As :func:`usable_rows`.
    """
    data, usable = usable_rows(X, n_fcd_bins, estimator)
    return data[usable]


def usable_rows(
    X: ArrayLike, n_fcd_bins: int, estimator: object = None
) -> tuple[Array, NDArray[np.bool_]]:
    """Check packed subjects, and warn of those that cannot be used.

    Parameters
    ----------
    X : array-like of shape (n_subjects, n_features)
        The index of a data frame names subjects.
    n_fcd_bins : int
    estimator : object, default=None
        Of which errors speak.

    Returns
    -------
    data : ndarray of shape (n_subjects, n_features)
    usable : ndarray of bool, shape (n_subjects,)

    Raises
    ------
    ValueError
        If most subjects cannot be used: that is no accident of a few.
    """
    data: Array = check_array(
        X,
        dtype=np.float64,
        ensure_all_finite=False,
        estimator=estimator,
        input_name="X",
    )
    found = unusable(data, n_fcd_bins)
    usable = np.ones(len(data), dtype=bool)
    if not found:
        return data, usable
    names = names_of(X, len(data)).tolist() if hasattr(X, "iloc") else None
    if 2 * len(found) > len(data):
        raise ValueError(_said(found, len(data), names))
    says = _said(found, len(data), names, "are left out")
    warn(says, UnusableSubjectWarning)
    usable[list(found)] = False
    return data, usable


def names_of(X: Any, n: int) -> Array:
    """Name subjects by the index of a data frame, or number them from 0."""
    index = X.index if hasattr(X, "iloc") else ()
    return np.asarray(index) if len(set(index)) == n else np.arange(n)


def _check(sc: Array, fc: Array, fcd_cdf: Array) -> None:
    check_sc(sc, "The SC in X")
    check_fc(fc, "The FC in X")
    check_fcd_cdf(fcd_cdf, "The FCD CDF in X")


def _said(
    found: dict[int, str],
    n: int,
    names: Sequence[Any] | None,
    what: str = "cannot be used",
) -> str:
    """Name subjects with their reasons; of one alone the reason is enough."""
    if n == 1:
        return found[0]
    first = list(found.items())[:N_NAMED]
    reasons = [f"{f'row {k}' if names is None else names[k]}: {v}" for k, v in first]
    more = f" And {len(found) - N_NAMED} more." if len(found) > N_NAMED else ""
    return f"{len(found)} of {n} subjects {what}: {' '.join(reasons)}{more}"
