"""Normative centiles over age of what maps are on average."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import SplineTransformer
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array, check_consistent_length

from delssome.study._design import refuse_other_rows
from delssome.study._tables import design_of
from delssome.utils import check_number

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["centile_of", "centile_scores", "fit_centiles"]

CENTILES = (2.5, 5.0, 25.0, 50.0, 75.0, 95.0, 97.5)
FINE = np.arange(1.0, 100.0)


def fit_centiles(
    value: ArrayLike,
    age: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    n_knots: int = 3,
    centiles: Sequence[float] | NDArray[np.float64] = CENTILES,
) -> Bunch:
    """Fit centile curves over age by quantile regression on cubic B-splines.

    Parameters
    ----------
    value : array-like of shape (n_subjects,)
        For instance the mean over regions of what a model reads out, such as the E/I
        ratio; NaN (failed fits) are left out.
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
    Every centile is fitted by itself, without a family of distributions, and so needs
    more subjects in the tails than :class:`Norms`, which has that of the published
    trajectories (Zeng et al. 2026), sites, and centiles of new people.

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
    check_number("n_knots", n_knots, Integral, 2, 1000)
    values = check_array(
        value,
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite=False,
        input_name="value",
    )
    refuse_other_rows(value=value, age=age, covariates=covariates)
    design = design_of(age, covariates)
    check_consistent_length(values, design)
    known = np.isfinite(values)
    if known.sum() < 20:
        raise ValueError(
            f"Centiles need at least 20 subjects with a value, got {known.sum()}."
        )
    models = {}
    for centile in centiles:
        if not 0.0 < centile < 100.0:
            raise ValueError(f"centiles must be between 0 and 100, got {centile!r}.")
        model = _curve(centile / 100, n_knots)
        models[float(centile)] = model.fit(design[known], values[known])
    return Bunch(centiles=tuple(models), models=models, n_knots=n_knots)


def _curve(quantile: float, n_knots: int) -> Pipeline:
    splines = SplineTransformer(
        n_knots, knots="quantile", extrapolation="linear", include_bias=False
    )
    return make_pipeline(
        ColumnTransformer([("age", splines, [0])], remainder="passthrough"),
        QuantileRegressor(quantile=quantile, alpha=0),
    )


def centile_of(
    fitted: Bunch, age: ArrayLike, *, covariates: ArrayLike | None = None
) -> "DataFrame":
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

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import centile_of, fit_centiles
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(8, 23, 100)
    >>> ei_ratio = 2.8 - 0.02 * age + rng.normal(0, 0.1, 100)
    >>> fitted = fit_centiles(ei_ratio, age, centiles=(5, 50, 95))
    >>> curves = centile_of(fitted, [10.0, 20.0])  # a row an age
    >>> curves.shape, list(curves)
    ((2, 3), [5.0, 50.0, 95.0])
    """
    import pandas as pd

    design = design_of(age, covariates)
    curves = [fitted.models[c].predict(design) for c in sorted(fitted.centiles)]
    return pd.DataFrame(
        np.sort(np.column_stack(curves), axis=1),
        index=pd.Index(design[:, 0], name="age"),
        columns=sorted(fitted.centiles),
    )


def centile_scores(
    value: ArrayLike,
    age: ArrayLike,
    reference: ArrayLike,
    reference_age: ArrayLike,
    *,
    n_knots: int = 3,
) -> NDArray[np.float64]:
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

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import centile_scores
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(8, 23, 40)  # of controls
    >>> ei_ratio = 2.8 - 0.02 * age + rng.normal(0, 0.1, 40)
    >>> patients = centile_scores([2.2, 2.9], [15.0, 15.0], ei_ratio, age)
    >>> patients < 50
    array([ True, False])
    """
    refuse_other_rows(value=value, age=age)
    value, age = np.asarray(value, dtype=float), np.asarray(age, dtype=float)
    fitted = fit_centiles(reference, reference_age, n_knots=n_knots, centiles=FINE)
    curves = centile_of(fitted, age).to_numpy()
    scores = [np.interp(v, row, FINE) for v, row in zip(value, curves, strict=True)]
    return np.where(np.isnan(value), np.nan, scores)
