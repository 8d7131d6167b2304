"""Maps against age, or any other measure of subjects."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length

from delssome.study._tables import (
    Array,
    add_fdr,
    check_maps_of_subjects,
    design_of,
    with_summaries,
)

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["age_slope"]


def age_slope(
    maps: ArrayLike,
    age: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
    level: float = 0.95,
) -> "DataFrame":
    """Regress maps on age: the mean, networks and every region.

    Parameters
    ----------
    maps : array-like of shape (n_subjects, n_rois)
        Maps that a model reads out, such as E/I ratios, as
        ``PopulationFitter.readout_``; rows with NaN (failed fits) are left out.
    age : array-like of shape (n_subjects,)
        Age, or any other measure.
    covariates : array-like of shape (n_subjects, n_covariates), default=None
        Regressed out at the same time, such as sex or motion.
    region_names : sequence of str of length n_rois, default=None
    networks : sequence of str of length n_rois, or dict by region, default=None
        The network of each region: the means over each are rows as well.
    level : float, default=0.95
        Of the confidence intervals.

    Returns
    -------
    pandas.DataFrame
        A row for the mean over regions, each network and each region (index ``kind``,
        ``name``): ``slope`` (change per unit of age), ``low`` and ``high`` (confidence
        interval), ``r`` (partial correlation with age), ``p`` (t-test, two-sided),
        ``p_fdr`` (within networks and within regions) and ``n`` subjects.

    Notes
    -----
    Ordinary least squares by statsmodels. The intervals know the scatter of subjects,
    not that fits may flatten a slope: other parameters explain a part of it.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import age_slope
    >>> age = np.linspace(8, 23, 30)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (30, 4))
    >>> table = age_slope(3.0 - 0.03 * age[:, None] + noise, age)
    >>> table.loc[("mean", "mean"), ["slope", "n"]].round(2).tolist()
    [-0.03, 30.0]
    """
    import pandas as pd

    values, complete = check_maps_of_subjects(maps)
    design = design_of(age, covariates)
    check_consistent_length(values, design)
    values, index = with_summaries(values[complete], region_names, networks)
    rows = _least_squares(values, design[complete], level)
    return add_fdr(pd.DataFrame(rows, index=index))


def _least_squares(
    values: Array, design: Array, level: float
) -> list[dict[str, float]]:
    """Regress every column on a constant and a design: what is said of its first."""
    import statsmodels.api as sm

    design = sm.add_constant(design, has_constant="add")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            "age and covariates are collinear, or one of them is constant: leave out "
            "what says the same."
        )
    rows = []
    for column in values.T:
        fit = sm.OLS(column, design).fit()
        low, high = fit.conf_int(1.0 - level)[1]
        t = fit.tvalues[1]
        rows.append(
            {
                "slope": fit.params[1],
                "low": low,
                "high": high,
                "r": t / np.sqrt(t**2 + fit.df_resid),
                "p": fit.pvalues[1],
                "n": len(column),
            }
        )
    return rows
