"""The table of participants, in the order of subjects."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from delssome.datasets.formats.file import need
from delssome.files import BadFileError, reading

__all__ = ["read_participants"]

# Derivatives are a folder or two below the table of the study.
ABOVE = 3
# What stands for nothing: BIDS, and what programs write for not a number. Other words
# are labels, such as the diagnosis "None".
NOTHING = ["", "n/a", "N/A", "NA", "nan", "NaN"]


def read_participants(
    path: str | os.PathLike[str] | None,
    roots: Sequence[str | os.PathLike[str]],
    subjects: Sequence[str],
) -> tuple[Any, Path | None]:
    """Read the table of participants.

    Parameters
    ----------
    path : str or path-like, or None
        None: ``participants.tsv`` of a root, or of a folder above it.
    roots : sequence of str or path-like
    subjects : sequence of str
        Rows wanted, in this order.

    Returns
    -------
    table : DataFrame
        Indexed by subject; without columns if there is no table.
    path : Path or None
    """
    pandas = need("pandas", "read_derivatives")
    found = _find(roots) if path is None else Path(path)
    if found is None:
        return pandas.DataFrame(
            index=pandas.Index(subjects, name="participant_id")
        ), None
    with reading(found, "table of participants", "it is a .tsv with participant_id"):
        table = pandas.read_csv(
            found,
            sep="," if found.suffix == ".csv" else "\t",
            na_values=NOTHING,
            keep_default_na=False,
            dtype={"participant_id": str},
        )
    if "participant_id" not in table:
        raise BadFileError(
            f"{found} must have a column participant_id, got "
            f"{', '.join(map(str, table.columns))}."
        )
    ids = "sub-" + table["participant_id"].str.strip().str.removeprefix("sub-")
    table = table.drop(columns="participant_id").set_axis(ids, axis="index")
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise BadFileError(
            f"{found} has {twice} more than once; keep one row for each."
        )
    missing = [subject for subject in subjects if subject not in table.index]
    if missing:
        raise BadFileError(
            f"{found} lacks {', '.join(missing[:5])}"
            f"{' and others' if len(missing) > 5 else ''}; add them, or give the table "
            "of these participants."
        )
    return table.loc[list(subjects)].rename_axis("participant_id"), found


def _find(roots: Sequence[str | os.PathLike[str]]) -> Path | None:
    for root in roots:
        place = Path(root).resolve()
        for folder in (place, *list(place.parents)[:ABOVE]):
            if (folder / "participants.tsv").is_file():
                return folder / "participants.tsv"
    return None
