"""E/I ratio against age, or any other measure of subjects."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from delssome.study._tables import add_fdr, check_maps_of_subjects, with_summaries

__all__ = ["age_slope"]


def age_slope(
    ei_ratio, age, *, covariates=None, region_names=None, networks=None, level=0.95
):
    """Regress E/I ratios on age: the mean, networks and every region.

    Parameters
    ----------
    ei_ratio : array-like of shape (n_subjects, n_rois)
        As ``PopulationFitter.ei_ratio_``; rows with NaN (failed fits) are left out.
    age : array-like of shape (n_subjects,)
        Age, or any other measure.
    covariates : array-like of shape (n_subjects, n_covariates), default=None
        Regressed out at the same time, such as sex or motion.
    region_names : sequence of str of length n_rois, default=None
    networks : sequence of str of length n_rois, default=None
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
    not that fits may flatten a slope: parameters other than w_EI explain a part of it.

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
    import statsmodels.api as sm

    ei_ratio, complete = check_maps_of_subjects(ei_ratio)
    age = check_array(age, ensure_2d=False, dtype=np.float64, input_name="age")
    check_consistent_length(ei_ratio, age)
    design = [age]
    if covariates is not None:
        covariates = check_array(
            covariates, ensure_2d=False, dtype=np.float64, input_name="covariates"
        )
        check_consistent_length(ei_ratio, covariates)
        design += list(covariates.reshape(len(covariates), -1).T)
    design = sm.add_constant(np.column_stack(design)[complete], has_constant="add")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            "age and covariates are collinear, or one of them is constant: leave out "
            "what says the same."
        )
    values, index = with_summaries(ei_ratio[complete], region_names, networks)
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
    return add_fdr(pd.DataFrame(rows, index=index))
