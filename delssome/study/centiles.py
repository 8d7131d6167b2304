"""Normative centiles of mean E/I over age."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array, check_consistent_length

from delssome.utils import check_number

__all__ = ["centile_of", "centile_scores", "fit_centiles"]

CENTILES = (2.5, 5.0, 25.0, 50.0, 75.0, 95.0, 97.5)
FINE = np.arange(1.0, 100.0)


def fit_centiles(value, age, *, covariates=None, n_knots=3, centiles=CENTILES):
    """Fit centile curves over age by quantile regression on cubic B-splines.

    Parameters
    ----------
    value : array-like of shape (n_subjects,)
        For instance the mean E/I ratio; NaN (failed fits) are left out.
    age : array-like of shape (n_subjects,)
    covariates : array-like of shape (n_subjects, n_covariates), default=None
        Such as sex; they shift the curves.
    n_knots : int, default=3
        Of the splines, at quantiles of age: n_knots + 2 degrees of freedom.
    centiles : sequence of float, default=(2.5, 5, 25, 50, 75, 95, 97.5)
        In percent.

    Returns
    -------
    Bunch
        ``centiles`` and ``models``, one fitted pipeline of scikit-learn for each; to be
        given to :func:`centile_of`.

    Notes
    -----
    Published trajectories are GAMLSS with a SHASH family (Zeng et al. 2026), which has
    no well-kept implementation in Python: here every centile is fitted by itself,
    without a family of distributions, and so needs more subjects in the tails. There
    are no random effects of sites, which go into `covariates` as indicators.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import centile_of, fit_centiles
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(8, 23, 500)
    >>> value = 2.8 - 0.02 * age + rng.normal(0, 0.1, 500)
    >>> curves = centile_of(fit_centiles(value, age), [10.0, 20.0])
    >>> curves[50.0].round(1).tolist()
    [2.6, 2.4]
    """
    check_number("n_knots", n_knots, Integral, 2)
    value = check_array(
        value,
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite=False,
        input_name="value",
    )
    design = _design(age, covariates)
    check_consistent_length(value, design)
    known = np.isfinite(value)
    if known.sum() < 20:
        raise ValueError(
            f"Centiles need at least 20 subjects with a value, got {known.sum()}."
        )
    models = {}
    for centile in centiles:
        if not 0.0 < centile < 100.0:
            raise ValueError(f"centiles must be between 0 and 100, got {centile!r}.")
        splines = SplineTransformer(
            n_knots, knots="quantile", extrapolation="linear", include_bias=False
        )
        model = make_pipeline(
            ColumnTransformer([("age", splines, [0])], remainder="passthrough"),
            QuantileRegressor(quantile=centile / 100, alpha=0),
        )
        models[float(centile)] = model.fit(design[known], value[known])
    return Bunch(centiles=tuple(models), models=models, n_knots=n_knots)


def centile_of(fitted, age, *, covariates=None):
    """Give the centile curves at some ages.

    Parameters
    ----------
    fitted : Bunch
        As `fit_centiles` gives it.
    age : array-like of shape (n_ages,)
    covariates : array-like of shape (n_ages, n_covariates), default=None

    Returns
    -------
    pandas.DataFrame
        A row for each age, a column for each centile. Curves that cross are put in
        order (rearrangement, Chernozhukov et al. 2010).
    """
    import pandas as pd

    design = _design(age, covariates)
    curves = [fitted.models[c].predict(design) for c in sorted(fitted.centiles)]
    return pd.DataFrame(
        np.sort(np.column_stack(curves), axis=1),
        index=pd.Index(design[:, 0], name="age"),
        columns=sorted(fitted.centiles),
    )


def centile_scores(value, age, reference, reference_age, *, n_knots=3):
    """Say at which centile of a reference cohort of their age subjects are.

    Parameters
    ----------
    value, age : array-like of shape (n_subjects,)
    reference, reference_age : array-like of shape (n_reference,)
        The cohort that norms are made of.
    n_knots : int, default=3

    Returns
    -------
    ndarray of shape (n_subjects,)
        In percent, from 1 to 99 where the reference can tell; NaN where value is.
    """
    value, age = np.asarray(value, dtype=float), np.asarray(age, dtype=float)
    fitted = fit_centiles(reference, reference_age, n_knots=n_knots, centiles=FINE)
    curves = centile_of(fitted, age).to_numpy()
    scores = [np.interp(v, row, FINE) for v, row in zip(value, curves, strict=True)]
    return np.where(np.isnan(value), np.nan, scores)


def _design(age, covariates):
    age = check_array(age, ensure_2d=False, dtype=np.float64, input_name="age")
    if covariates is None:
        return age[:, None]
    covariates = check_array(
        covariates, ensure_2d=False, dtype=np.float64, input_name="covariates"
    )
    check_consistent_length(age, covariates)
    return np.column_stack([age, covariates])
