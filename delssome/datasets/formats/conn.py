"""Files of the CONN toolbox: time courses in cells, and Fisher's z."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from delssome.connectome.names import check_names, some
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.numbers import numeric

__all__ = ["of_conn"]


def of_conn(path: Path, arrays: Mapping[str, Any], key: str | None) -> Labelled | None:
    """Read ``ROI_Subject*.mat`` or ``resultsROI_Subject*.mat``.

    Parameters
    ----------
    path : Path
    arrays : dict of str to ndarray
        Of the file.
    key : str or None
        "data" and "Z" are what such files are read for.

    Returns
    -------
    Labelled or None
        None: it is no such file.
    """
    names = arrays.get("names")
    if not isinstance(names, np.ndarray) or names.dtype.kind != "U":
        return None
    regions = check_names(names.ravel().tolist(), f"{path}: names")
    if key in (None, "data") and "data" in arrays:
        return _time_courses(path, arrays["data"], regions)
    if key in (None, "Z") and {"Z", "names2"} <= {*arrays}:
        return _correlations(path, arrays["Z"], regions)
    return None


def _time_courses(path: Path, cells: Any, regions: tuple[str, ...]) -> Labelled | None:
    """Put cells side by side that are one time course each."""
    if not isinstance(cells, np.ndarray) or cells.dtype.kind != "O":
        return None
    if cells.size != len(regions):
        return None
    columns = [np.squeeze(numeric(x, f"{path}: data")) for x in cells.ravel()]
    single = [x.ndim == 1 for x in columns]
    if len({len(x) for x, one in zip(columns, single, strict=True) if one}) != 1:
        return None
    kept, lost = (
        tuple(name for name, one in zip(regions, single, strict=True) if one is which)
        for which in (True, False)
    )
    notes = []
    if lost:
        notes = [f"{path}: {some(lost)} have several time courses each; left out."]
    values = np.column_stack([x for x, one in zip(columns, single, strict=True) if one])
    return Labelled(values, None, kept, notes=tuple(notes))


def _correlations(path: Path, z: Any, regions: tuple[str, ...]) -> Labelled | None:
    values, n = numeric(z, f"{path}: Z"), len(regions)
    if values.ndim != 2 or min(values.shape) < n:
        return None
    note = f"{path}: Z is Fisher's z, of which tanh is taken."
    return Labelled(np.tanh(values[:n, :n]), regions, regions, notes=(note,))
