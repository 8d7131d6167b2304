"""Tables of people taken apart by a formula; what in them is not what it seems."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from delssome.saying import warn

__all__ = ["by_formula", "refuse_case", "without_blanks"]

# Words in names of columns whose whole numbers are more often groups than amounts.
GROUPS = (
    "arm batch center centre diagnosis dx ethnicity group hospital manufacturer "
    "protocol race scanner site vendor"
)
# Columns that are listed where a formula names none of them.
MOST_LISTED = 12


def by_formula(formula: str, table: Any, setting: str) -> Any:
    """Take a table apart by a formula (formulaic).

    Parameters
    ----------
    formula : str
    table : pandas.DataFrame
        Blanks around words do not count.
    setting : str
        What the table is called in errors.

    Returns
    -------
    design : formulaic.ModelMatrix
        Gaps of numbers are NaN.
    gaps : dict of str to int
        How many there are in each column that the formula reads, text with them: there
        they would pass for the first of its levels.

    Raises
    ------
    ValueError
        Also where text is read that holds numbers and would enter as categories, that
        is another in every row, or that differs by case alone.
    """
    if not hasattr(table, "columns"):
        raise TypeError(
            f"formula={formula!r} needs {setting} as a pandas.DataFrame, got "
            f"{type(table).__name__}."
        )
    from formulaic import model_matrix

    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"{setting} has a column {twice[0]} more than once.")
    table = table.apply(without_blanks)
    try:
        design = model_matrix(formula, table, na_action="ignore")
    except Exception as error:  # of any kind, by what the formula asks for
        said = _misfit(formula, [str(name) for name in table.columns], error, setting)
        raise ValueError(f"formula={formula!r} does not fit {setting}: {said}") from (
            error
        )
    spec = design.model_spec
    factors = {factor.expr for term in spec.terms for factor in term.factors}
    quoted = {name for name in table if {f"Q({name!r})", f'Q("{name}")'} & factors}
    read = {*map(str, spec.required_variables), *quoted} & {*table.columns}
    for name in sorted(read):
        _check_column(name, table[name], name in factors | quoted, setting)
    gaps = {name: int(table[name].isna().sum()) for name in table if name in read}
    return design, {name: n for name, n in gaps.items() if n}


def without_blanks(column: Any) -> Any:
    """Take blanks around words away; what is nothing else is a gap (pandas)."""
    if column.dtype.kind != "O" or hasattr(column, "cat"):
        return column
    return column.map(
        lambda x: (x.strip() or None) if isinstance(x, str) else x, na_action="ignore"
    )


def refuse_case(name: str, labels: Iterable[Any], setting: str) -> None:
    """Refuse labels that differ by case alone: they would be groups of their own."""
    known: dict[str, str] = {}
    for label in map(str, labels):
        other = known.setdefault(label.casefold(), label)
        if other != label:
            raise ValueError(
                f"{name} of {setting} says {other!r} and {label!r}, which differ by "
                "case alone: write them alike."
            )


def _check_column(name: str, column: Any, bare: bool, setting: str) -> None:
    """Check what a formula reads; `bare` as it is, not as C(...) or by a function."""
    values = column.dropna()
    if hasattr(column, "cat") or not len(values):
        return
    if column.dtype.kind in "iuf":
        if bare and _are_groups(name, values.unique()):
            warn(
                f"{name} of {setting} has {values.nunique()} whole numbers and enters "
                f"as an amount, one step like the other: C({name}) takes them for "
                "groups."
            )
        return
    if column.dtype.kind != "O":
        return
    words = values.astype(str)
    refuse_case(name, words.unique(), setting)
    if not bare:
        return
    numbers = words.map(_is_number)
    with_point = words[numbers].str.contains(r"[.,]").any()
    if 2 * numbers.sum() >= len(words) and (with_point or not numbers.all()):
        others = words[~numbers]
        but = f" and others are not, such as {others.iloc[0]!r}" if len(others) else ""
        raise ValueError(
            f"{name} of {setting} is text and would enter as {words.nunique()} "
            f"categories, but {numbers.sum()} of its {len(words)} values are numbers, "
            f"such as {words[numbers].iloc[0]!r}{but}: make all of them numbers, with "
            "decimal points and n/a for what is missing, or ask for categories by "
            f"C({name if name.isidentifier() else f'`{name}`'})."
        )
    if words.nunique() == len(words) > 2:
        raise ValueError(
            f"{name} of {setting} is another in every row, such as "
            f"{words.iloc[0]!r}: it names rows, and explains nothing."
        )


def _is_number(word: str) -> bool:
    with suppress(ValueError):
        float(word.replace(",", "."))
        return True
    return False


def _are_groups(name: str, values: Any) -> bool:
    """Tell whether a column is likely to number groups, three or more."""
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).casefold())
    words += [word.removesuffix("s") for word in words]
    return (
        not {*words}.isdisjoint(GROUPS.split())
        and 3 <= len(values) <= 100
        and bool((values == values.astype(int)).all())
    )


def _misfit(
    formula: str, columns: Collection[str], error: Exception, setting: str
) -> str:
    """Say why a formula does not fit a table, and what may be meant."""
    there = f"there are {', '.join([*columns][:MOST_LISTED])}"
    end = "."
    if len(columns) > MOST_LISTED:
        there, end = f"{there} ...", ""
    unknown = re.search(r"NameError: `?'?([^`']+)`?'? is not", str(error))
    if unknown:
        name = unknown[1]
        alike = {column.casefold(): column for column in columns}
        close = get_close_matches(name.casefold(), alike, 1)
        meant = f"; is {alike[close[0]]} meant?" if close else end
        return f"it has no column {name}, {there}{meant}"
    said = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error))
    said = " ".join(said.split()).rstrip(".")
    odd = [name for name in columns if not name.isidentifier() and name in formula]
    if odd:
        return f"{said}. Names that are no single word stand in backticks: `{odd[0]}`."
    if "|" in formula and setting == "subjects":
        return f"{said}. Groups with levels of their own are asked for by `random`."
    return f"{said}; {there}{end}"
