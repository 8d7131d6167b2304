"""An array and the names of what its rows and columns are."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import align_names
from delssome.files import BadFileError

__all__ = ["Labelled", "as_connectome"]

Array = NDArray[np.float64]


class Labelled(NamedTuple):
    """What a file holds: numbers, names, and what was done to read them.

    Attributes
    ----------
    values : ndarray
        float64.
    rows, columns : tuple of str, or None
        Names along the last two axes; None where the file has none.
    tr : float or None
        Repetition time, in seconds, where the file, or the ``.json`` beside it, says.
    notes : tuple of str
        What was done or assumed, in words.
    """

    values: Array
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    tr: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[str, ...] | None:
        """Names of regions: of columns if these have some, else of rows."""
        return self.rows if self.columns is None else self.columns

    def noted(self, *notes: str) -> "Labelled":
        """Give the same with more notes."""
        return self._replace(notes=(*self.notes, *notes))


def as_connectome(table: Labelled, name: str) -> Labelled:
    """Check that a table is a square matrix of regions, and complete it.

    Rows in another order than the columns are brought into theirs, and a triangle
    alone is mirrored, each with a note.

    Parameters
    ----------
    table : Labelled
    name : str
        How errors call it.

    Returns
    -------
    Labelled
        With the same names along both axes.
    """
    values, rows, columns = table.values, table.rows, table.columns
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise BadFileError(
            f"{name} must have shape (n_rois, n_rois), got {values.shape}."
        )
    notes: list[str] = []
    if rows is not None and columns is not None and rows != columns:
        try:
            alignment = align_names(rows, columns, f"rows of {name}", "its columns")
        except ValueError as error:
            raise BadFileError(str(error)) from error
        values = values[alignment.order]
        notes += alignment.notes
    below, above = np.tril(values, -1), np.triu(values, 1)
    for empty, full, which in ((below, above, "upper"), (above, below, "lower")):
        if not empty.any() and full.any():
            values = values + full.T
            notes.append(
                f"{name}: {which} triangle alone, as tck2connectome writes it; "
                "mirrored."
            )
            break
    names = rows if columns is None else columns
    return table._replace(values=values, rows=names, columns=names).noted(*notes)
