"""What the tables of regions have in common."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
)

from delssome.connectome.names import are_counts, in_order

if TYPE_CHECKING:
    from pandas import DataFrame, MultiIndex

__all__ = [
    "add_fdr",
    "check_maps_of_subjects",
    "design_of",
    "names_of_regions",
    "with_summaries",
]

Array = NDArray[np.float64]


def check_maps_of_subjects(
    maps: ArrayLike, name: str = "maps"
) -> tuple[Array, NDArray[np.bool_]]:
    """Check an array (n_subjects, n_rois) in which failed fits are rows of NaN.

    Returns the array and which rows are complete.
    """
    checked = check_array(
        maps, dtype=np.float64, ensure_all_finite=False, input_name=name
    )
    complete = np.isfinite(checked).all(axis=1)
    if complete.sum() < 3:
        raise ValueError(
            f"{name} must hold at least three subjects without NaN, "
            f"got {complete.sum()} of {len(checked)}."
        )
    return checked, complete


def names_of_regions(
    maps: Any, region_names: Sequence[str] | None
) -> Sequence[str] | None:
    """Name regions: as given, or as the columns of a data frame do."""
    if region_names is not None or not hasattr(maps, "columns"):
        return region_names
    names = [str(name) for name in maps.columns]
    return None if are_counts(names) else names


def design_of(age: ArrayLike, covariates: ArrayLike | None = None) -> Array:
    """Check age, or any other measure, and put covariates beside it."""
    ages = check_array(age, ensure_2d=False, dtype=np.float64, input_name="age")
    if covariates is None:
        return np.asarray(ages[:, None])
    others = check_array(
        covariates, ensure_2d=False, dtype=np.float64, input_name="covariates"
    )
    check_consistent_length(ages, others)
    return np.column_stack([ages, others])


def with_summaries(
    maps: Array,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
) -> tuple[Array, "MultiIndex"]:
    """Append the mean over regions, and over those of each network.

    Parameters
    ----------
    maps : ndarray of shape (n_subjects, n_rois)
    region_names : sequence of str, default=None
    networks : sequence of str of length n_rois, or dict by region, default=None
        Which network a region belongs to.

    Returns
    -------
    values : ndarray of shape (n_subjects, 1 + n_networks + n_rois)
    index : pandas.MultiIndex
        ``kind`` ("mean", "network", "region") and ``name``.
    """
    import pandas as pd

    n_rois = maps.shape[1]
    networks = in_order(networks, region_names, "networks")
    if region_names is None:
        region_names = [f"region_{k + 1}" for k in range(n_rois)]
    for name, given in (("region_names", region_names), ("networks", networks)):
        if given is not None and len(given) != n_rois:
            raise ValueError(
                f"{name} must have an entry for each of the {n_rois} regions, "
                f"got {len(given)}."
            )
    columns, index = [maps.mean(axis=1)], [("mean", "mean")]
    if networks is not None:
        labels = column_or_1d(networks)
        for network in np.unique(labels):
            columns.append(maps[:, labels == network].mean(axis=1))
            index.append(("network", str(network)))
    index += [("region", str(name)) for name in region_names]
    values = np.hstack([np.column_stack(columns), maps])
    return values, pd.MultiIndex.from_tuples(index, names=["kind", "name"])


def add_fdr(table: "DataFrame") -> "DataFrame":
    """Add ``p_fdr``, Benjamini and Hochberg's, within each kind of row."""
    from statsmodels.stats.multitest import fdrcorrection

    table["p_fdr"] = np.nan
    for kind in table.index.unique("kind"):
        rows = table.index.get_level_values("kind") == kind
        table.loc[rows, "p_fdr"] = fdrcorrection(table.loc[rows, "p"])[1]
    return table
