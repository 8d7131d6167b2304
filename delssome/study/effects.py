"""Maps against all that is known of subjects: groups, age, motion, site, visits."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.utils.validation import check_consistent_length

from delssome.study._tables import (
    Array,
    add_fdr,
    check_maps_of_subjects,
    with_summaries,
)
from delssome.utils import by_formula, check_number

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["map_effects"]

# Groups of a random effect, at least: a variance over fewer is not known.
FEWEST_GROUPS = 3


def map_effects(
    maps: ArrayLike,
    subjects: "DataFrame",
    formula: str,
    *,
    random: str | None = None,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
    level: float = 0.95,
) -> "DataFrame":
    """Regress maps on a formula: the mean, networks and every region.

    Parameters
    ----------
    maps : array-like of shape (n_subjects, n_rois)
        Maps that a model reads out, such as E/I ratios, as
        ``PopulationFitter.readout_``; rows with NaN (failed fits) are left out.
    subjects : pandas.DataFrame
        A row for each of `maps`, in the same order; columns may be text.
    formula : str
        Of columns, as in ``"group + age + sex + mean_fd + C(site)"`` (formulaic).
        An effect is given for every term, with all the others regressed out.
    random : str, default=None
        Column whose groups have a level of their own, drawn from a normal density:
        sites that stand for others, or the participant whose visits rows are. None:
        rows are independent.
    region_names : sequence of str of length n_rois, default=None
    networks : sequence of str of length n_rois, or dict by region, default=None
        The network of each region: the means over each are rows as well.
    level : float, default=0.95
        Of the confidence intervals.

    Returns
    -------
    pandas.DataFrame
        Rows by ``term``, ``kind`` and ``name``: for every term of the formula the mean
        over regions, each network and each region. ``effect`` (change of the map by
        one unit of the term, or against the first of its levels), ``se``, ``low`` and
        ``high`` (confidence interval), ``p`` (two-sided), ``p_fdr`` (within the
        networks and the regions of a term), ``n`` rows and, with `random`, ``n_groups``
        and ``share_random`` (of the variance that the formula leaves).

    Raises
    ------
    ValueError, TypeError
        If a column is missing or has gaps, or terms repeat each other.

    Notes
    -----
    Ordinary least squares and t-tests, or a linear mixed model by restricted maximum
    likelihood and Wald tests, of statsmodels. A term that is the same in all rows of a
    group, such as a diagnosis of participants with several visits, is compared between
    groups: Wald tests of few groups are somewhat liberal.

    Examples
    --------
    Patients who are older, and differ in nothing else:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from delssome.study import contrast, map_effects
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"group": ["control"] * 30 + ["patient"] * 30})
    >>> table["age"] = rng.uniform(20, 40, 60) + 15 * (table["group"] == "patient")
    >>> maps = 3.0 - 0.03 * table["age"].to_numpy()[:, None]
    >>> maps = maps + rng.normal(0, 0.2, (60, 3))
    >>> bool(contrast(maps[:30], maps[30:], random_state=0)["p"].iloc[0] < 0.01)
    True
    >>> effects = map_effects(maps, table, "group + age")
    >>> bool(effects.loc[("group[T.patient]", "mean", "mean"), "p"] > 0.05)
    True
    """
    import pandas as pd

    check_number("level", level, Real, 0.01, 0.999)
    values, complete = check_maps_of_subjects(maps)
    design = _design(subjects, formula, complete)
    check_consistent_length(values, subjects)
    values, index = with_summaries(values[complete], region_names, networks)
    groups = None if random is None else _groups(subjects, random, complete)
    matrix = np.asarray(design, dtype=np.float64)
    rows = [_fit(column, matrix, groups, level) for column in values.T]
    tables = {}
    for k, term in enumerate(design.columns):
        if term != "Intercept":
            found = [{name: _at(x, k) for name, x in row.items()} for row in rows]
            tables[str(term)] = add_fdr(pd.DataFrame(found, index=index))
    return pd.concat(tables, names=["term"])


def _at(value: Any, k: int) -> Any:
    return value[k] if np.ndim(value) else value


def _design(
    subjects: "DataFrame", formula: str, complete: NDArray[np.bool_]
) -> "DataFrame":
    """Take subjects apart by a formula, with a constant; of complete rows."""
    import pandas as pd

    if not hasattr(subjects, "columns"):
        raise TypeError(
            "subjects must be a pandas.DataFrame with a row for each of maps, got "
            f"{type(subjects).__name__}."
        )
    if len(subjects) != len(complete):
        raise ValueError(
            f"subjects must have a row for each of the {len(complete)} of maps, got "
            f"{len(subjects)}."
        )
    found, gaps = by_formula(formula, subjects[complete], "subjects")
    design = pd.DataFrame(found)
    if gaps or not np.isfinite(np.asarray(design, dtype=np.float64)).all():
        said = ", ".join(f"{name} ({n})" for name, n in gaps.items()) or "its terms"
        raise ValueError(
            f"formula={formula!r} needs values in all rows whose map is complete, but "
            f"there are gaps in {said}: leave these rows out, or fill them."
        )
    if "Intercept" not in design:
        raise ValueError(
            f"formula={formula!r} leaves out the constant, so that effects would be "
            "levels: drop the 0 or -1."
        )
    if len(design.columns) < 2:
        raise ValueError(f"formula={formula!r} must name a column at least.")
    matrix = np.asarray(design, dtype=np.float64)
    scaled = matrix / np.maximum(np.abs(matrix).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) < scaled.shape[1]:
        raise ValueError(
            f"terms of formula={formula!r} ({', '.join(map(str, design.columns))}) "
            "repeat each other in these subjects, or are constant: leave out what says "
            "the same."
        )
    if len(matrix) <= matrix.shape[1]:
        raise ValueError(
            f"formula={formula!r} has {matrix.shape[1]} terms, with the constant, for "
            f"{len(matrix)} complete rows: use fewer."
        )
    return design


def _groups(
    subjects: "DataFrame", random: str, complete: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Give the groups of a random effect as numbers, of complete rows."""
    if random not in subjects.columns:
        raise ValueError(
            f"random={random!r} is no column of subjects: there are "
            f"{', '.join(map(str, subjects.columns))}."
        )
    column = subjects.loc[complete, random]
    if column.isna().any():
        raise ValueError(
            f"random={random!r} has {int(column.isna().sum())} gaps: leave these rows "
            "out."
        )
    found = np.unique(column.astype(str), return_inverse=True)[1].reshape(-1)
    n = int(found.max()) + 1
    if n < FEWEST_GROUPS:
        raise ValueError(
            f"random={random!r} has {n} groups, and a variance over them needs "
            f"{FEWEST_GROUPS} at least: put it into the formula, as C({random})."
        )
    if n == len(found):
        raise ValueError(
            f"random={random!r} has a group for every row, so that its levels are the "
            "noise: leave it out."
        )
    return found


def _fit(
    column: Array, design: Array, groups: NDArray[np.intp] | None, level: float
) -> dict[str, Any]:
    """Regress one column: effects of all terms."""
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    if groups is None:
        fit = sm.OLS(column, design).fit()
        tail = stats.t.ppf(0.5 + level / 2.0, fit.df_resid)
        more: dict[str, Any] = {}
    else:
        # Units of about 1, for the optimiser; a variance of 0 is no failure.
        unit = column.std() or 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message=".*MLE may be on the boundary.*")
            warnings.filterwarnings("ignore", message="Random effects covariance")
            fit = sm.MixedLM(column / unit, design, groups).fit(reml=True)
        tail = stats.norm.ppf(0.5 + level / 2.0)
        between = float(np.asarray(fit.cov_re)[0, 0])
        more = {
            "n_groups": int(groups.max()) + 1,
            "share_random": between / (between + fit.scale),
        }
    scale = 1.0 if groups is None else unit
    effect = scale * np.asarray(fit.params)[: design.shape[1]]
    se = scale * np.asarray(fit.bse)[: design.shape[1]]
    return {
        "effect": effect,
        "se": se,
        "low": effect - tail * se,
        "high": effect + tail * se,
        "p": np.asarray(fit.pvalues)[: design.shape[1]],
        "n": len(column),
        **more,
    }
