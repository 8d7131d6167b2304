"""What the tables of regions have in common."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

__all__ = ["add_fdr", "check_maps_of_subjects", "with_summaries"]


def check_maps_of_subjects(ei_ratio, name="ei_ratio"):
    """Check an array (n_subjects, n_rois) in which failed fits are rows of NaN.

    Returns the array and which rows are complete.
    """
    ei_ratio = check_array(
        ei_ratio, dtype=np.float64, ensure_all_finite=False, input_name=name
    )
    complete = np.isfinite(ei_ratio).all(axis=1)
    if complete.sum() < 3:
        raise ValueError(
            f"{name} must hold at least three subjects without NaN, "
            f"got {complete.sum()} of {len(ei_ratio)}."
        )
    return ei_ratio, complete


def with_summaries(ei_ratio, region_names=None, networks=None):
    """Append the mean over regions, and over those of each network.

    Parameters
    ----------
    ei_ratio : ndarray of shape (n_subjects, n_rois)
    region_names : sequence of str, default=None
    networks : sequence of str of length n_rois, default=None
        Which network a region belongs to.

    Returns
    -------
    values : ndarray of shape (n_subjects, 1 + n_networks + n_rois)
    index : pandas.MultiIndex
        ``kind`` ("mean", "network", "region") and ``name``.
    """
    import pandas as pd

    n_rois = ei_ratio.shape[1]
    if region_names is None:
        region_names = [f"region_{k + 1}" for k in range(n_rois)]
    for name, labels in (("region_names", region_names), ("networks", networks)):
        if labels is not None and len(labels) != n_rois:
            raise ValueError(
                f"{name} must have an entry for each of the {n_rois} regions, "
                f"got {len(labels)}."
            )
    columns, index = [ei_ratio.mean(axis=1)], [("mean", "mean")]
    if networks is not None:
        networks = column_or_1d(networks)
        for network in np.unique(networks):
            columns.append(ei_ratio[:, networks == network].mean(axis=1))
            index.append(("network", str(network)))
    index += [("region", str(name)) for name in region_names]
    values = np.hstack([np.column_stack(columns), ei_ratio])
    return values, pd.MultiIndex.from_tuples(index, names=["kind", "name"])


def add_fdr(table):
    """Add ``p_fdr``, Benjamini and Hochberg's, within each kind of row."""
    from statsmodels.stats.multitest import fdrcorrection

    table["p_fdr"] = np.nan
    for kind in table.index.unique("kind"):
        rows = table.index.get_level_values("kind") == kind
        table.loc[rows, "p_fdr"] = fdrcorrection(table.loc[rows, "p"])[1]
    return table
