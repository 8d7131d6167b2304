"""Two groups of people, or two conditions of the same people."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from delssome.connectome.names import some
from delssome.formulas import refuse_case, without_blanks
from delssome.study._design import subjects_of
from delssome.study._tables import check_maps_of_subjects, names_of_regions
from delssome.study.effects import map_effects

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["contrast"]


def contrast(
    maps: "ArrayLike | DataFrame",
    subjects: "DataFrame | Mapping[str, Any]",
    column: str,
    levels: tuple[Any, Any],
    *,
    covariates: str | None = None,
    random: str | None = None,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
    level: float = 0.95,
) -> "DataFrame":
    """Compare the maps of two groups of people, or of the same people twice.

    :func:`map_effects` of a column with two levels, with covariates regressed out.

    Parameters
    ----------
    maps : array-like of shape (n_subjects, n_rois)
        As of :func:`map_effects`.
    subjects : pandas.DataFrame, or dict of str to array-like
        As of :func:`map_effects`.
    column : str
        What is compared, such as ``"group"``.
    levels : tuple of two
        Such as ``("patient", "control")``: the first less the second. Rows of other
        levels are left out.
    covariates : str, default=None
        Formula of what to regress out, such as ``"age + sex + mean_fd + C(site)"``.
    random : str, default=None
        As of :func:`map_effects`: sites, or the participant of two conditions.
    region_names, networks, level
        As of :func:`map_effects`.

    Returns
    -------
    pandas.DataFrame
        A row for the mean over regions, each network and each region (index ``kind``,
        ``name``): ``difference``, ``low`` and ``high`` (confidence interval), ``d``
        (Cohen's: over the standard deviation that covariates leave), ``p`` (t-test,
        two-sided), ``p_fdr`` (within networks and within regions), ``df``, and ``n_a``
        and ``n_b``, rows of the first and of the second level.

    Notes
    -----
    Without covariates this is the t-test of two samples and, with `random` naming
    participants who have both levels once, the paired one.

    Examples
    --------
    Patients who are older, and differ in nothing else:

    >>> import numpy as np
    >>> from delssome.study import contrast
    >>> rng = np.random.default_rng(0)
    >>> group = np.repeat(["control", "patient"], 30)
    >>> age = rng.uniform(20, 40, 60) + 15 * (group == "patient")
    >>> maps = 3.0 - 0.03 * age[:, None] + rng.normal(0, 0.2, (60, 3))
    >>> people, sides = {"group": group, "age": age}, ("patient", "control")
    >>> table = contrast(maps, people, "group", sides)
    >>> bool(table.loc[("mean", "mean"), "p"] < 0.001)
    True
    >>> table = contrast(maps, people, "group", sides, covariates="age")
    >>> bool(table.loc[("mean", "mean"), "p"] > 0.05)
    True
    """
    values, complete = check_maps_of_subjects(maps)
    subjects = subjects_of(maps, subjects, len(values))
    if column not in subjects:
        raise ValueError(
            f"column={column!r} is no column of subjects: there are "
            f"{', '.join(map(str, subjects.columns))}."
        )
    side = without_blanks(subjects[column])
    refuse_case(column, side.dropna().unique(), "subjects")
    if side[complete].isna().any():
        raise ValueError(
            f"column={column!r} has {int(side[complete].isna().sum())} gaps where maps "
            "are complete: leave these rows out, or fill them."
        )
    if isinstance(levels, str) or len(levels) != 2 or levels[0] == levels[1]:
        raise ValueError(f"levels must be two that differ, got {levels!r}.")
    sides = [np.asarray(side == one, dtype=bool) & complete for one in levels]
    for one, rows in zip(levels, sides, strict=True):
        if rows.sum() < 2:
            there = [str(x) for x in side[complete].unique()]
            raise ValueError(
                f"Level {one!r} of {column} needs two rows with a complete map, got "
                f"{rows.sum()}; there are {some(there)}."
            )
    kept = sides[0] | sides[1]
    term = "first"  # a name that every formula can hold
    while term in subjects:
        term += "_"
    people = subjects[kept].assign(**{term: sides[0][kept].astype(float)})
    found = map_effects(
        values[kept],
        people.reset_index(drop=True),
        term + (f" + {covariates}" if covariates else ""),
        random=random,
        region_names=names_of_regions(maps, region_names),
        networks=networks,
        level=level,
    ).loc[term]
    found["d"] = found["effect"] / found["sd"]
    found["n_a"], found["n_b"] = (int(rows.sum()) for rows in sides)
    kept_columns = ["effect", "low", "high", "d", "p", "p_fdr", "df", "n_a", "n_b"]
    return found[kept_columns].rename(columns={"effect": "difference"})
