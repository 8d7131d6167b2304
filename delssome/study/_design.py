"""What is known of subjects, taken apart by a formula, in the order of their maps."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delssome.connectome.names import are_counts, some
from delssome.formulas import by_formula, refuse_case, without_blanks

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "design_by",
    "groups_by",
    "names_of_rows",
    "refuse_other_rows",
    "subjects_of",
]

# Groups of a random effect, at least: a variance over fewer is not known.
FEWEST_GROUPS = 3
# What BIDS calls who they are.
WHO = "participant_id"


def subjects_of(
    maps: Any, subjects: Any, n: int, of: str = "maps", name: str = "subjects"
) -> "DataFrame":
    """Give what is known of subjects, a row for each of maps, in their order.

    Parameters
    ----------
    maps : array-like
        As given: of a data frame the index names subjects.
    subjects : pandas.DataFrame, or dict of str to array-like
    n : int
        Rows of `maps`.
    of, name : str
        What these two are called in errors.

    Returns
    -------
    pandas.DataFrame
        By name, where both have names: its index, or a column ``participant_id``.
    """
    import pandas as pd

    if isinstance(subjects, Mapping):
        subjects = pd.DataFrame({name: np.asarray(x) for name, x in subjects.items()})
    if not hasattr(subjects, "columns"):
        raise TypeError(
            f"{name} must be a pandas.DataFrame with a row for each of {of}, or a "
            f"dict of columns, got {type(subjects).__name__}."
        )
    who = names_of_rows(maps)
    if who is not None and names_of_rows(subjects) is None and WHO in subjects:
        subjects = subjects.set_index(WHO, drop=False)
    known = names_of_rows(subjects)
    if who is None or known is None or who == known:
        if len(subjects) != n:
            raise ValueError(
                f"{name} must have a row for each of the {n} of {of}, got "
                f"{len(subjects)}."
            )
        return subjects
    missing = [name for name in who if name not in set(known)]
    if missing:
        raise ValueError(
            f"{name} lacks {len(missing)} of the {len(who)} of {of}: "
            f"{some(missing)}; it has {some(known)}."
        )
    if len(set(known)) < len(known):
        raise ValueError(
            f"{name} names some more than once, and in another order than {of}: put "
            "it into that order."
        )
    return subjects.set_axis(known).loc[who]


def names_of_rows(table: Any) -> list[str] | None:
    """Give the names of rows, if there are any that do not only count."""
    if not hasattr(table, "iloc"):
        return None
    names = [str(name) for name in table.index]
    numbers = table.index.inferred_type in ("integer", "floating")
    return None if numbers or are_counts(names) else names


def refuse_other_rows(**given: Any) -> None:
    """Refuse columns that name other rows, or the same in another order."""
    named = {name: names_of_rows(column) for name, column in given.items()}
    found = [(name, rows) for name, rows in named.items() if rows is not None]
    for name, rows in found[1:]:
        first, known = found[0]
        if rows != known:
            raise ValueError(
                f"{first} and {name} name different rows, or in another order: take "
                f"both from one table, or {name}.loc[{first}.index]."
            )


def design_by(
    subjects: "DataFrame", formula: str, complete: NDArray[np.bool_]
) -> "DataFrame":
    """Take subjects apart by a formula, with a constant; of complete rows.

    Parameters
    ----------
    subjects : pandas.DataFrame
    formula : str
    complete : ndarray of bool, shape (n_subjects,)
        Whose map is complete.

    Returns
    -------
    pandas.DataFrame
        A column for each term.
    """
    import pandas as pd

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


def groups_by(
    subjects: "DataFrame", random: str, complete: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Give the groups of a random effect as numbers, of complete rows.

    Parameters
    ----------
    subjects : pandas.DataFrame
    random : str
        Column.
    complete : ndarray of bool, shape (n_subjects,)

    Returns
    -------
    ndarray of int
    """
    if random not in subjects.columns:
        raise ValueError(
            f"random={random!r} is no column of subjects: there are "
            f"{', '.join(map(str, subjects.columns))}."
        )
    column = without_blanks(subjects.loc[complete, random])
    refuse_case(random, column.dropna().unique(), "subjects")
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
