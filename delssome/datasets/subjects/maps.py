"""Maps of regions from a file: aligned by name, and no column of labels among them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Sequence

import numpy as np

from delssome.connectome import align_names
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.matrices import read_table
from delssome.datasets.formats.numbers import is_whole
from delssome.datasets.subjects.runs import called

__all__ = ["read_maps"]


def read_maps(
    path: str | os.PathLike[str],
    regions: Sequence[str] | int,
    key: str | None = None,
    *,
    header: bool | None = None,
) -> Labelled:
    """Read maps of regions, in the order of those that are fitted.

    Parameters
    ----------
    path : str or path-like
        One row a region, one column a map; of any format that :func:`read_table`
        reads. Names of regions stand at the left.
    regions : sequence of str, or int
        Names of the regions that are fitted, or their number.
    key : str, default=None
        Name of the array in a file of several.
    header : bool, default=None
        Whether the first row of a text names the maps. None: as the table shows.

    Returns
    -------
    Labelled
        ``values`` of shape (n_rois, n_maps); ``columns`` are names of maps, or None.

    Raises
    ------
    ValueError
        If a column is constant, or counts or codes regions: it is no map. If names
        of regions differ.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome.datasets import read_maps
    >>> file = Path(mkdtemp(), "maps.csv")
    >>> maps = [[1.2, -0.5], [1.5, 0.3], [1.1, 0.9]]
    >>> np.savetxt(file, maps, delimiter=",", header="myelin,gradient", comments="")
    >>> found = read_maps(file, regions=3)
    >>> found.values.shape, found.columns
    ((3, 2), ('myelin', 'gradient'))
    """
    table = read_table(path, key, header=header)
    values = table.values[:, None] if table.values.ndim == 1 else table.values
    if values.ndim != 2:
        raise ValueError(
            f"{path} must have shape (n_rois, n_maps), got {values.shape}."
        )
    ours = len(values) if table.rows is None else table.rows
    theirs = regions if isinstance(regions, int) else tuple(regions)
    n_rois = regions if isinstance(regions, int) else len(regions)
    if len(values) != n_rois and (isinstance(ours, int) or isinstance(theirs, int)):
        raise ValueError(
            f"{path} must have one row for each of the {n_rois} regions, got shape "
            f"{values.shape}; names of regions at the left would tell them apart."
        )
    alignment = align_names(ours, theirs, str(path), "the regions that are fitted")
    for k, column in enumerate(values.T):
        name = called(k, table.columns)
        if np.nanmin(column) == np.nanmax(column):
            raise ValueError(
                f"{path}: {name} has one value, {column[0]:g}, for all regions; a map "
                "must vary: leave it out."
            )
        if all(map(is_whole, column)) and (np.diff(column) > 0).all():
            raise ValueError(
                f"{path}: {name} counts or codes the regions ({column[0]:g}, "
                f"{column[1]:g}, ...); it is no map: leave it out."
            )
    return Labelled(
        values[alignment.order],
        None if isinstance(theirs, int) else theirs,
        table.columns,
        notes=(*table.notes, *alignment.notes),
    )
