"""Names at the edges of a table of text: where they are, and where it may be either.

A header of numbers (labels 1 to N, codes of an atlas) read as the first frame of a scan
changes every correlation without a word. So numbers are told from names by evidence,
and where there is none, the user is asked.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path
from typing import NamedTuple

import numpy as np

from delssome.connectome.names import some
from delssome.datasets.formats.numbers import as_number, is_whole
from delssome.files import BadFileError

__all__ = ["Edges", "find_edges", "name_of"]

Fields = list[str]

# What stands above a column that counts.
INDEX = ("", "index", "unnamed: 0", "frame", "time", "volume", "row", "id")
# Fewer columns or rows may count by chance.
FEW = 3


class Edges(NamedTuple):
    """Names that a table has.

    Attributes
    ----------
    n_header : int
        Rows at the top that hold names: 0 or 1.
    rows, columns : list of str, or None
    notes : list of str
    """

    n_header: int
    rows: Fields | None
    columns: Fields | None
    notes: list[str]


def find_edges(path: Path, table: list[Fields], header: bool | None) -> Edges:
    """Find the names of columns and rows.

    Parameters
    ----------
    path : Path
        For notes and errors.
    table : list of list of str
        Rows of one width; the first may be one shorter.
    header : bool or None
        Whether the first row names columns. None: found.

    Returns
    -------
    Edges
    """
    first, body = table[0], table[1:]
    notes = []
    if header is None:
        header = _has_header(first, body)
        if header is None:
            raise BadFileError(
                f"{path}: its first row ({some(first)}) may be names of columns or "
                "numbers of the data; say which, by header=True or header=False "
                "(--header or --no-header on the command line)."
            )
        if header and all(as_number(field) is not None for field in first):
            notes.append(f"{path}: its first row ({some(first)}) names the columns.")
    if not header:
        body = table
    rows = _row_names(first if header else None, body)
    if rows is not None and header is False and as_number(rows[0]) is not None:
        notes.append(f"{path}: its first column counts the rows; left out.")
    columns = None
    if header:
        full = bool(body) and len(first) == len(body[-1])
        columns = first[1:] if rows is not None and full else first
    return Edges(int(header), rows, columns, notes)


def name_of(field: str) -> str:
    """Give a name as text; a number has no decimals that are zero.

    Parameters
    ----------
    field : str

    Returns
    -------
    str
    """
    number = as_number(field)
    return str(int(number)) if number is not None and is_whole(number) else field


def _has_header(first: Fields, body: list[Fields]) -> bool | None:
    """Say whether the first row names columns; None: it may be either."""
    if not body:
        return not all(as_number(field) is not None for field in first)
    if len(first) < len(body[0]):  # as R writes it
        return True
    words = [as_number(field) is None for field in first]
    if any(words[1:]) or (len(first) == 1 and words[0]):
        return True
    if not words[0]:
        return _counts_columns(first, body)
    # One word before numbers: above a column of names or numbers, or a name itself.
    if any(as_number(row[0]) is not None for row in body):
        return None if len(first) == 2 and not first[0] else True
    n_numbers = len(first) - 1
    if first[0] == "" or len(body) == n_numbers:
        return True
    if len(body) + 1 == n_numbers:
        return False
    return _counts_columns(first[1:], [row[1:] for row in body])


def _counts_columns(first: Fields, body: list[Fields]) -> bool | None:
    """Say whether numbers in the first row are names; None: they may be either."""
    names = [as_number(field) for field in first]
    if not all(map(is_whole, names)) or len(set(names)) < len(names):
        return False
    label = np.array(names, dtype=float)
    n, rising = len(label), bool((np.diff(label) > 0).all())
    table = np.array(
        [[np.nan if (x := as_number(f)) is None else x for f in row] for row in body]
    )
    if len(body) + 1 == n and _mirrored(label, table):
        # Labels at both edges, or a connectome whose first row happens to rise.
        return None if rising and n > FEW else False
    fractions = (table != np.round(table)) & np.isfinite(table)
    if fractions.any(axis=1).mean() >= 0.5:
        if n >= FEW:
            return True if rising else None
        # Who writes decimals writes them everywhere.
        decimals = all("." in f or "e" in f.lower() for row in body for f in row)
        return None if decimals and all(f.isdigit() for f in first) else False
    if not rising or n < FEW or (np.diff(table) > 0).all(axis=1).mean() > 0.5:
        return False
    if len(body) == n or bool((np.diff(label) == 1).all()):
        return True
    return None


def _mirrored(label: np.ndarray, table: np.ndarray) -> bool:
    """Say whether all rows together are a symmetric matrix."""
    square = np.vstack([label, table])
    return bool(np.array_equal(square, square.T, equal_nan=True))


def _row_names(header: Fields | None, body: list[Fields]) -> Fields | None:
    """Give the first column where it holds names, or counts the rows."""
    if not body or len(body[-1]) < 2:
        # One column: with a header one shorter, there are names alone.
        return None
    left = [row[0] for row in body]
    numbers = [as_number(field) for field in left]
    if header is not None and len(header) < len(body[-1]):
        return left
    if all(number is None for number in numbers):
        return left
    if not all(map(is_whole, numbers)):
        # Times above "time" may have fractions.
        return left if header is not None and header[0] == "" else None
    step = np.diff(np.array(numbers, dtype=float))
    rising = bool((step > 0).all())
    counts = rising and bool((step == 1).all()) and numbers[0] in (0, 1)
    square = len(body[-1]) - 1 == len(body)
    if header is not None:
        corner = header[0].lower()
        same = [name_of(f) for f in header[1:]] == [name_of(f) for f in left]
        if corner == "" or (square and same) or (corner in INDEX and rising):
            return left
    fractions = any(not is_whole(as_number(field)) for row in body for field in row[1:])
    if counts and len(body) > FEW and fractions:
        return left
    return left if header is None and square and rising and len(body) >= FEW else None
