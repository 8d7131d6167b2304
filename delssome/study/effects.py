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

from delssome.study._design import design_by, groups_by, subjects_of
from delssome.study._tables import (
    Array,
    add_fdr,
    check_maps_of_subjects,
    names_of_regions,
    with_summaries,
)
from delssome.utils import check_number

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["map_effects"]


def map_effects(
    maps: "ArrayLike | DataFrame",
    subjects: "DataFrame | Mapping[str, Any]",
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
        ``PopulationFitter.readout_``; rows with NaN (failed fits) are left out. A data
        frame names its regions and subjects.
    subjects : pandas.DataFrame, or dict of str to array-like
        A row for each of `maps`, columns may be text. Rows are brought into the order
        of `maps` where both name subjects (its index, or ``participant_id``), and are
        in that order otherwise.
    formula : str
        Of columns, as in ``"group + age + sex + mean_fd + C(site)"`` (formulaic).
        An effect is given for every term, with all the others regressed out.
    random : str, default=None
        Column whose groups have a level of their own, drawn from a normal density:
        sites that stand for others, or the participant whose visits rows are. None:
        rows are independent.
    region_names : sequence of str of length n_rois, default=None
        None: those of `maps`.
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
        ``high`` (confidence interval), ``r`` (partial correlation), ``p`` (t-test,
        two-sided), ``p_fdr`` (within the networks and the regions of a term), ``df``,
        ``sd`` (of what the formula leaves), ``n`` rows and, with `random`,
        ``n_groups`` and ``share_random`` (of the variance that the formula leaves).

    Raises
    ------
    ValueError, TypeError
        If a column is missing or has gaps, or terms repeat each other.

    See Also
    --------
    contrast : two groups, or two conditions of the same people.

    Notes
    -----
    Ordinary least squares, or a linear mixed model by restricted maximum likelihood, of
    statsmodels. A term that differs within groups is tested with the degrees of freedom
    that rows have within them, one that is the same in all rows of a group, such as the
    diagnosis of participants with several visits, with those of groups (containment,
    Pinheiro & Bates 2000): of two visits each, this is the paired t-test. Intervals
    know the scatter of subjects, not that fits may flatten an effect: other parameters
    explain a part of it.

    Examples
    --------
    Patients who are older, and differ in nothing else:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from delssome.study import map_effects
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"group": ["control"] * 30 + ["patient"] * 30})
    >>> table["age"] = rng.uniform(20, 40, 60) + 15 * (table["group"] == "patient")
    >>> maps = 3.0 - 0.03 * table["age"].to_numpy()[:, None]
    >>> maps = maps + rng.normal(0, 0.2, (60, 3))
    >>> effects = map_effects(maps, table, "group + age")
    >>> bool(effects.loc[("group[T.patient]", "mean", "mean"), "p"] > 0.05)
    True
    >>> alone = map_effects(maps, table, "group")
    >>> bool(alone.loc[("group[T.patient]", "mean", "mean"), "p"] < 0.001)
    True

    A slope over age, of arrays:

    >>> effects = map_effects(maps, {"age": table["age"]}, "age").loc["age"]
    >>> effects.loc[("mean", "mean"), "effect"].round(2)
    np.float64(-0.03)
    """
    import pandas as pd

    check_number("level", level, Real, 0.01, 0.999)
    values, complete = check_maps_of_subjects(maps)
    subjects = subjects_of(maps, subjects, len(values))
    design = design_by(subjects, formula, complete)
    names = names_of_regions(maps, region_names)
    values, index = with_summaries(values[complete], names, networks)
    groups = None if random is None else groups_by(subjects, random, complete)
    matrix = np.asarray(design, dtype=np.float64)
    df = _freedom(matrix, groups)
    short = [str(name) for name, n in zip(design.columns, df, strict=True) if n < 1]
    if short:
        raise ValueError(
            f"formula={formula!r} with random={random!r} leaves nothing to test "
            f"{', '.join(short)} by: there are too few groups, or rows in them."
        )
    rows = [_fit(column, matrix, groups, df, level) for column in values.T]
    tables = {}
    for k, term in enumerate(design.columns):
        if term != "Intercept":
            found = [{name: _at(x, k) for name, x in row.items()} for row in rows]
            tables[str(term)] = add_fdr(pd.DataFrame(found, index=index))
    return pd.concat(tables, names=["term"])


def _at(value: Any, k: int) -> Any:
    return value[k] if np.ndim(value) else value


def _freedom(design: Array, groups: NDArray[np.intp] | None) -> NDArray[np.int_]:
    """Give the degrees of freedom of each term: of rows, within groups, or of these."""
    n, n_terms = design.shape
    if groups is None:
        return np.full(n_terms, n - n_terms)
    members = groups[:, None] == np.arange(groups.max() + 1)
    means = (members.T @ design) / members.sum(axis=0)[:, None]
    gaps = np.abs(design - means[groups]).max(axis=0)
    within = gaps > 1e-9 * np.abs(design).max(axis=0)
    n_groups = members.shape[1]
    of_rows = n - n_groups - within.sum()
    of_groups = n_groups - (~within).sum()
    return np.where(within, of_rows, of_groups)


def _fit(
    column: Array,
    design: Array,
    groups: NDArray[np.intp] | None,
    df: NDArray[np.int_],
    level: float,
) -> dict[str, Any]:
    """Regress one column: effects of all terms."""
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    n_terms, unit, more = design.shape[1], 1.0, {}
    if groups is None:
        fit = sm.OLS(column, design).fit()
        variance = fit.scale
    else:
        # Units of about 1, for the optimiser; a variance of 0 is no failure.
        unit = column.std() or 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message=".*MLE may be on the boundary.*")
            warnings.filterwarnings("ignore", message="Random effects covariance")
            fit = sm.MixedLM(column / unit, design, groups).fit(reml=True)
        between = float(np.asarray(fit.cov_re)[0, 0])
        variance = between + fit.scale
        more = {
            "n_groups": int(groups.max()) + 1,
            "share_random": between / variance if variance else 0.0,
        }
    effect = unit * np.asarray(fit.params)[:n_terms]
    se = unit * np.asarray(fit.bse)[:n_terms]
    half = stats.t.ppf(0.5 + level / 2.0, df) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        t = effect / se
        r = np.where(np.isinf(t), np.sign(t), t / np.sqrt(t**2 + df))
    return {
        "effect": effect,
        "se": se,
        "low": effect - half,
        "high": effect + half,
        "r": r,
        "p": 2.0 * stats.t.sf(np.abs(t), df),
        "df": df,
        "sd": unit * float(np.sqrt(variance)),
        "n": len(column),
        **more,
    }
