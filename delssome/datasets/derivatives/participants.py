"""The table of participants, in the order of subjects."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import codecs
import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from delssome.datasets.formats.file import need
from delssome.files import BadFileError, check_size, reading

__all__ = ["read_participants"]

# Derivatives are a folder or two below the table of the study.
ABOVE = 3
KIND = "table of participants"
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
    table = _read(pandas, found)
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


def _read(pandas: Any, path: Path) -> Any:
    """Read a table whose header says how fields are separated."""
    with reading(path, KIND, "save it as text in UTF-8, with a column participant_id"):
        check_size(path.stat().st_size, str(path))
        content = path.read_bytes()
        # What spreadsheets call Unicode text has a mark of its own.
        unicode = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if unicode else "utf-8-sig")
        first = next((line for line in text.splitlines() if line.strip()), "")
        mark = next((m for m in "\t;," if any(map(_is_id, first.split(m)))), "\t")
        (header,) = csv.reader([first], delimiter=mark)
        table = pandas.read_csv(
            io.StringIO(text),
            sep=mark,
            decimal="," if mark == ";" else ".",
            na_values=NOTHING,
            keep_default_na=False,
            dtype={name: str for name in header if _is_id(name)},
        )
    names = ["participant_id" if _is_id(name) else name.strip() for name in header]
    if "participant_id" not in names:
        raise BadFileError(
            f"{path} must have a column participant_id, got {', '.join(names)}."
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise BadFileError(f"{path} has a column {twice[0]} more than once.")
    if not isinstance(table.index, pandas.RangeIndex):
        raise BadFileError(f"{path} has rows of more fields than its header.")
    return table.set_axis(names, axis="columns")


def _is_id(name: str) -> bool:
    return name.strip(' "').casefold() == "participant_id"


def _find(roots: Sequence[str | os.PathLike[str]]) -> Path | None:
    for root in roots:
        place = Path(root).resolve()
        for folder in (place, *list(place.parents)[:ABOVE]):
            if (folder / "participants.tsv").is_file():
                return folder / "participants.tsv"
    return None
