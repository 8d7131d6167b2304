"""Regions of an atlas: their table, and those that are wanted."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from delssome.connectome import check_names
from delssome.connectome.names import some
from delssome.datasets.derivatives.bids import File
from delssome.datasets.formats.file import need
from delssome.files import BadFileError, reading

__all__ = ["Regions", "find_atlas", "select_regions"]

# Names; a regular expression; a choice; or columns of the table of the atlas, each with
# a regular expression.
Regions = (
    Sequence[str] | str | re.Pattern[str] | Callable[[str], bool] | Mapping[str, str]
)


def find_atlas(files: Sequence[File], atlas: str | None) -> tuple[File, Any] | None:
    """Find the table of an atlas (``*_dseg.tsv``).

    Parameters
    ----------
    files : sequence of File
    atlas : str or None

    Returns
    -------
    (File, DataFrame) or None
        The table has the columns ``index`` and ``label``, in the order of `index`.
    """
    tables = [
        file
        for file in files
        if file.suffix == "dseg" and file.end == ".tsv" and file.atlas == atlas
    ]
    if atlas is None or not tables:
        return None
    file = min(tables, key=lambda file: "sub" in file.entities)
    pandas = need("pandas", "reading derivatives")
    with reading(file.path, "table of an atlas", "it is a .tsv with index and label"):
        table = pandas.read_csv(file.path, sep="\t", dtype={"label": str, "name": str})
    if "label" not in table and "name" in table:
        table = table.rename(columns={"name": "label"})
    if not {"index", "label"} <= set(table.columns):
        raise BadFileError(
            f"{file.path} must have the columns index and label, got "
            f"{', '.join(map(str, table.columns))}."
        )
    table = table.sort_values("index", ignore_index=True)
    table["label"] = check_names(table["label"].astype(str), str(file.path))
    return file, table


def select_regions(
    names: Sequence[str], regions: Regions | None, table: Any = None
) -> list[str]:
    """Choose regions of an atlas.

    Parameters
    ----------
    names : sequence of str
        All of them.
    regions : sequence of str, str, pattern, callable, mapping, or None
        Names; a regular expression that is in the name; a function of the name; or,
        for columns of the table of the atlas, regular expressions. None: all.
    table : DataFrame, default=None
        Of the atlas.

    Returns
    -------
    list of str
    """
    if regions is None:
        return list(names)
    if isinstance(regions, Mapping):
        chosen = _by_columns(names, regions, table)
    elif isinstance(regions, str | re.Pattern):
        chosen = [name for name in names if re.search(regions, name)]
    elif callable(regions):
        chosen = [name for name in names if regions(name)]
    else:
        chosen = list(check_names(regions, "regions"))
        missing = [name for name in chosen if name not in set(names)]
        if missing:
            raise ValueError(
                f"regions: {some(missing)} not among the {len(names)} of the atlas, "
                f"such as {some(names)}."
            )
    if len(chosen) < 3:
        raise ValueError(
            f"regions={regions!r} chooses {len(chosen)} of {len(names)} regions, three "
            f"are needed; names are such as {some(names)}."
        )
    return chosen


def _by_columns(
    names: Sequence[str], regions: Mapping[str, str], table: Any
) -> list[str]:
    if table is None:
        raise ValueError(
            f"regions={dict(regions)!r} asks for columns of the atlas, but no "
            "*_dseg.tsv of it was found; give names, or a regular expression of names."
        )
    unknown = [column for column in regions if column not in table]
    if unknown:
        raise ValueError(
            f"regions: the atlas has no column {some(unknown)}; it has "
            f"{', '.join(map(str, table.columns))}."
        )
    rows = table.set_index("label")
    fits = {
        name
        for name in rows.index
        if all(
            re.search(pattern, str(rows.loc[name, column]))
            for column, pattern in regions.items()
        )
    }
    return [name for name in names if name in fits]
