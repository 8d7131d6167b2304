"""Tables of text: csv, tsv, txt, with or without names at their edges."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import io
import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from delssome.connectome.names import are_counts, some
from delssome.datasets.formats.comments import names_in_comments
from delssome.datasets.formats.edges import Edges, find_edges, name_of
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.numbers import as_number
from delssome.files import BadFileError, reading

__all__ = ["read_text"]

REMEDY = (
    "separate numbers by commas, semicolons, tabs or spaces and give all rows the same "
    "length. One row of names at the top and one column of names at the left may be "
    "there"
)
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


class Row(NamedTuple):
    """Fields of a line, and its number from 1."""

    line: int
    fields: list[str]


def read_text(path: Path, header: bool | None = None) -> Labelled:
    """Read a table of numbers, and the names at its edges.

    Parameters
    ----------
    path : Path
    header : bool, default=None
        Whether the first row names the columns. None: as the table shows; where it
        may be either, an error asks.

    Returns
    -------
    Labelled
        Two-dimensional.
    """
    with reading(path, "table of text", "save it as text in UTF-8"):
        # Spreadsheets put a byte order mark first, which utf-8-sig drops.
        text = _decode(path)
        lines, notes = _split(path, text)
        edges = find_edges(path, [line.fields for line in lines], header)
        values = _numbers(path, lines[edges.n_header :], edges)
    rows, columns = (
        None if names is None else tuple(map(name_of, names))
        for names in (edges.rows, edges.columns)
    )
    if rows is not None and len(rows) != values.shape[1] and are_counts(rows):
        rows = None  # frames that are counted are no names, of regions least of all
    if columns is None:
        found = names_in_comments(_comments(text), values.shape[1])
        if found is not None:
            columns = tuple(map(name_of, found))
            notes.append(f"{path}: names of columns are those of a line that begins #.")
    return Labelled(
        values,
        rows,
        columns,
        notes=(*notes, *edges.notes),
    )


def _comments(text: str) -> list[str]:
    """Give the lines above the first row that begin with #."""
    lines = (line.rstrip() for line in io.StringIO(text))
    return [*takewhile(lambda line: line[0] == "#", filter(None, lines))]


def _decode(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_table(path, f"byte {error.start + 1} is no text in UTF-8") from error


def _split(path: Path, text: str) -> tuple[list[Row], list[str]]:
    """Split lines into fields, all rows of one length but for a short first one."""
    lines = [
        (k, line)
        for k, line in enumerate(text.splitlines(), 1)
        if line.strip() and line[0] != "#"
    ]
    if not lines:
        raise _no_table(path, "it has no lines")
    # Names may hold any mark; numbers, below them, hold none.
    ends = [re.sub(r'"[^"]*"', "", lines[k][1]) for k in (-1, 0)]
    mark = next((mark for end in ends for mark in "\t;," if mark in end), None)
    rows = [_fields(path, k, line, mark) for k, line in lines]
    rows = _without_ends(rows)
    width = len(rows[-1].fields)
    for k, row in enumerate(rows):
        # In R a header has no word above the names at the left.
        allowed = (width, width - 1) if k == 0 and width > 1 else (width,)
        if len(row.fields) not in allowed:
            raise _no_table(
                path,
                f"line {row.line} has {len(row.fields)} fields, line {rows[-1].line} "
                f"has {width}",
            )
    notes = []
    if mark in (";", "\t"):
        commas = [
            [bool(DECIMAL_COMMA.fullmatch(field)) for field in row.fields]
            for row in rows
        ]
        if any(map(any, commas)):
            notes.append(f"{path}: commas are read as decimal points.")
            rows = [
                Row(
                    row.line,
                    [
                        field.replace(",", ".") if comma else field
                        for field, comma in zip(row.fields, found, strict=True)
                    ],
                )
                for row, found in zip(rows, commas, strict=True)
            ]
    return rows, notes


def _fields(path: Path, number: int, line: str, mark: str | None) -> Row:
    if mark is None:
        line, mark = " ".join(line.split()), " "
    try:
        # One line at a time, so that a quote that never closes has a line.
        (fields,) = csv.reader([line], delimiter=mark, strict=True)
    except (csv.Error, ValueError) as error:
        raise BadFileError(
            f'{path}, line {number}: a quote (") that does not close, or stands '
            f"within a field ({error}): {line[:40]!r}; remove it."
        ) from error
    return Row(number, [field.strip() for field in fields])


def _without_ends(rows: list[Row]) -> list[Row]:
    """Leave out the empty field behind a separator at the end of a line."""
    shortest = min(len(row.fields) for row in rows)
    if all(row.fields[-1] == "" for row in rows) and shortest > 1:
        shortest -= 1
    return [
        Row(row.line, row.fields[:-1])
        if len(row.fields) == shortest + 1 and row.fields[-1] == ""
        else row
        for row in rows
    ]


def _numbers(path: Path, rows: list[Row], edges: Edges) -> np.ndarray:
    if not rows:
        raise _no_table(path, "it has a header and no numbers")
    start = 0 if edges.rows is None else 1
    values = np.empty((len(rows), len(rows[-1].fields) - start))
    for out, row in zip(values, rows, strict=True):
        for k, field in enumerate(row.fields[start:]):
            number = as_number(field)
            if number is None:
                what = f"{field!r} is no number" if field else "is empty; write n/a"
                called = ""
                if edges.columns is not None:
                    called = f" ({edges.columns[k]})"
                raise _no_table(
                    path, f"line {row.line}, column {k + start + 1}{called}: {what}"
                )
            out[k] = number
    if values.size == 0:
        raise _no_table(path, f"it has names alone: {some(rows[0].fields)}")
    return values


def _no_table(path: Path, why: str) -> BadFileError:
    return BadFileError(
        f"{path} cannot be read as a table of numbers ({why}); {REMEDY}."
    )
