"""GIFTI files that hold one matrix, as micapipe writes connectomes and time courses."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path

import numpy as np

from delssome.datasets.formats.file import need
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.numbers import numeric
from delssome.files import BadFileError, check_size, reading

__all__ = ["read_gifti"]


def read_gifti(path: Path) -> Labelled:
    """Read a GIFTI file of one matrix.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Labelled
        Without names: such files have none.
    """
    path.stat()
    nibabel = need("nibabel", f"{path}, a GIFTI file,")
    with reading(path, "GIFTI file", "write it again with nibabel"):
        check_size(path.stat().st_size, str(path))
        image = nibabel.load(path)
        if not isinstance(image, nibabel.GiftiImage):
            raise ValueError("it is no GIFTI image")
        arrays = [np.asarray(array.data) for array in image.darrays]
    if len(arrays) != 1 or arrays[0].ndim != 2:
        shapes = ", ".join(str(array.shape) for array in arrays[:3]) or "none"
        raise BadFileError(
            f"{path} must hold one matrix, of regions, got {len(arrays)} arrays "
            f"({shapes}): average the vertices of each region first."
        )
    return Labelled(numeric(arrays[0], str(path)))
