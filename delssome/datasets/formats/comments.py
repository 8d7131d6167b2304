"""Names of columns that a table of text has in a comment above its numbers."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from collections.abc import Sequence

from delssome.datasets.formats.numbers import as_number

__all__ = ["names_in_comments"]

LABELS = re.compile(r'#\s*ColumnLabels\s*=\s*"(.*)"')


def names_in_comments(comments: Sequence[str], n_columns: int) -> list[str] | None:
    """Find names of columns, one for each.

    Parameters
    ----------
    comments : sequence of str
        Lines that begin with #, above the first row, in their order.
    n_columns : int

    Returns
    -------
    list of str or None
        Of AFNI's ``ColumnLabels``, or of the last line, as C-PAC (``#2001 #2002``) and
        NumPy (``# left right``) write them.
    """
    for line in comments:
        if found := LABELS.match(line):
            return _one_each(re.split(r"\s*;\s*", found[1].strip(" ;")), n_columns)
    if not comments:
        return None
    last = comments[-1]
    parts = re.split(r"[\t;,]", last) if re.search(r"[\t;,]", last) else last.split()
    fields = [part.strip() for part in parts]
    if all(field.startswith("#") for field in fields):
        return _one_each([field[1:].strip() for field in fields], n_columns)
    fields = [field.strip('"') for field in [fields[0].lstrip("# "), *fields[1:]]]
    fields = fields[1:] if not fields[0] else fields
    # One # above all: a sentence, or a setting, of as many words is no header.
    if any(as_number(field) is not None for field in fields) or ":" in last:
        return None
    return _one_each(fields, n_columns)


def _one_each(names: list[str], n_columns: int) -> list[str] | None:
    there = all(names) and len({*names}) == len(names) == n_columns > 1
    return names if there else None
