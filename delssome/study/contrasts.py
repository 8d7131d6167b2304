"""Two groups of subjects, or two conditions of the same subjects."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import permutation_test

from delssome.study._tables import (
    Array,
    add_fdr,
    check_maps_of_subjects,
    with_summaries,
)
from delssome.utils import check_number, make_generator

if TYPE_CHECKING:
    from pandas import DataFrame, MultiIndex

__all__ = ["contrast", "paired_contrast"]


def contrast(
    a: ArrayLike,
    b: ArrayLike,
    *,
    n_permutations: int = 9999,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> "DataFrame":
    """Compare the maps of two groups of subjects.

    Parameters
    ----------
    a, b : array-like of shape (n_subjects_a, n_rois), (n_subjects_b, n_rois)
        Maps that a model reads out, such as E/I ratios; rows with NaN (failed fits)
        are left out.
    n_permutations : int, default=9999
        Random ones of the labels, or all if there are fewer.
    region_names, networks : sequence of str of length n_rois, default=None
        As in :func:`age_slope`.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    pandas.DataFrame
        A row for the mean, each network and each region: ``difference`` (mean of a less
        mean of b), ``d`` (Cohen's, pooled standard deviation), ``p`` (two-sided, by
        permutation of labels), ``p_fdr``, ``n_a`` and ``n_b``.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import contrast
    >>> rng = np.random.default_rng(0)
    >>> low, high = rng.normal(2.5, 0.1, (20, 3)), rng.normal(2.3, 0.1, (20, 3))
    >>> table = contrast(low, high, random_state=0)
    >>> bool(table.loc[("mean", "mean"), "p"] < 0.001)
    True
    """
    a, b, index = _two(a, b, region_names, networks)
    n_a, n_b = len(a), len(b)
    spread = ((n_a - 1) * a.var(axis=0, ddof=1) + (n_b - 1) * b.var(axis=0, ddof=1)) / (
        n_a + n_b - 2
    )
    table = {
        "difference": a.mean(axis=0) - b.mean(axis=0),
        "d": (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(spread),
        "p": _p_values(a, b, "independent", n_permutations, random_state),
        "n_a": n_a,
        "n_b": n_b,
    }
    return _frame(table, index)


def paired_contrast(
    a: ArrayLike,
    b: ArrayLike,
    *,
    n_permutations: int = 9999,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> "DataFrame":
    """Compare the maps of the same subjects, or matched ones, in two conditions.

    Parameters
    ----------
    a, b : array-like of shape (n_subjects, n_rois)
        Maps that a model reads out, such as E/I ratios under placebo and under a
        drug; pairs with NaN are left out.
    n_permutations, region_names, networks, random_state
        As in :func:`contrast`.

    Returns
    -------
    pandas.DataFrame
        A row for the mean, each network and each region: ``difference`` (mean of
        a - b), ``d`` (mean over standard deviation of a - b), ``p`` (two-sided, by
        exchange within pairs), ``p_fdr`` and ``n`` pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import paired_contrast
    >>> rng = np.random.default_rng(0)
    >>> placebo = rng.normal(2.5, 0.3, (20, 3))
    >>> drug = placebo - rng.normal(0.1, 0.05, (20, 3))
    >>> table = paired_contrast(placebo, drug, random_state=0)
    >>> table["difference"].round(1).tolist()
    [0.1, 0.1, 0.1, 0.1]
    """
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"a and b must be pairs, got shapes {np.shape(a)} and {np.shape(b)}; "
            "contrast compares groups."
        )
    a, b = np.asarray(a), np.asarray(b)
    whole = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    if not whole.any():
        raise ValueError("a and b must hold a pair without NaN, got none.")
    a, b, index = _two(a[whole], b[whole], region_names, networks)
    difference = a - b
    table = {
        "difference": difference.mean(axis=0),
        "d": difference.mean(axis=0) / difference.std(axis=0, ddof=1),
        "p": _p_values(a, b, "samples", n_permutations, random_state),
        "n": len(a),
    }
    return _frame(table, index)


def _two(
    a: ArrayLike,
    b: ArrayLike,
    region_names: Sequence[str] | None,
    networks: Sequence[str] | Mapping[str, str] | None,
) -> tuple[Array, Array, "MultiIndex"]:
    (a, whole_a), (b, whole_b) = (
        check_maps_of_subjects(maps, name) for maps, name in ((a, "a"), (b, "b"))
    )
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"a and b must have the same regions, got {a.shape[1]} and {b.shape[1]}."
        )
    a, index = with_summaries(a[whole_a], region_names, networks)
    b, _ = with_summaries(b[whole_b], region_names, networks)
    return a, b, index


def _p_values(
    a: Array,
    b: Array,
    kind: str,
    n_permutations: int,
    random_state: int | np.random.RandomState | None,
) -> Array:
    check_number("n_permutations", n_permutations, Integral, 1)

    def difference(x: Array, y: Array, axis: int) -> Any:
        return x.mean(axis=axis) - y.mean(axis=axis)

    test = permutation_test(
        (a, b),
        difference,
        permutation_type=kind,
        n_resamples=n_permutations,
        batch=max(1, 10**7 // (a.size + b.size)),
        vectorized=True,
        axis=0,
        rng=make_generator(random_state),
    )
    return np.asarray(test.pvalue)


def _frame(table: dict[str, Any], index: "MultiIndex") -> "DataFrame":
    import pandas as pd

    return add_fdr(pd.DataFrame(table, index=index))
