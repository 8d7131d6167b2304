"""Candidates as rows of numbers: the searched parameters side by side."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.models import Model

__all__ = ["column_widths", "flatten_params", "scale_to_ranges"]

Array = NDArray[Any]


def column_widths(model: Model, n_rois: int) -> tuple[int, ...]:
    """Give the columns of each searched parameter: a column a region, or one."""
    return tuple(n_rois if name in model.regional else 1 for name in model.searched)


def flatten_params(model: Model, params: Mapping[str, Array]) -> Array:
    """Give searched parameters as rows, in the order of ``model.searched``.

    Parameters
    ----------
    model : Model
    params : dict of str to ndarray
        Regional ones (n_candidates, n_rois), others (n_candidates,).

    Returns
    -------
    ndarray of shape (n_candidates, n_columns)
    """
    return np.column_stack([params[name] for name in model.searched])


def scale_to_ranges(model: Model, rows: Array, n_rois: int) -> Array:
    """Give rows of parameters in units of their ranges: 0 to 1 within the box."""
    ranges = [getattr(model, name) for name in model.searched]
    widths = column_widths(model, n_rois)
    low = np.repeat([r[0] for r in ranges], widths)
    width = np.repeat([r[1] - r[0] for r in ranges], widths)
    return np.asarray((rows - low) / width)
