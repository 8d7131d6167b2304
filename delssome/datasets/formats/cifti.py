"""Parcellated CIFTI files: time series, connectivity and maps of named parcels."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from pathlib import Path

import numpy as np

from delssome.datasets.formats.file import extension, need
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.numbers import numeric
from delssome.files import BadFileError, check_size, reading

__all__ = ["CIFTI", "read_cifti"]

CIFTI = (".ptseries.nii", ".pconn.nii", ".pscalar.nii")
REMEDY = "write it again with wb_command or nibabel"


def read_cifti(path: Path) -> Labelled:
    """Read a parcellated CIFTI file.

    Parameters
    ----------
    path : Path
        .ptseries.nii (frames x parcels), .pconn.nii (parcels x parcels) or
        .pscalar.nii (maps x parcels, given as parcels x maps).

    Returns
    -------
    Labelled
        With the repetition time where the series counts in seconds.
    """
    if extension(path) not in CIFTI:
        raise BadFileError(
            f"{path} must be one of {', '.join(CIFTI)}, which have a value for every "
            "region; parcellate others first, with wb_command -cifti-parcellate."
        )
    path.stat()
    nibabel = need("nibabel", f"{path}, a CIFTI file,")
    with reading(path, "CIFTI file", REMEDY):
        image = nibabel.load(path)
        if not isinstance(image, nibabel.Cifti2Image):
            raise ValueError("it has no CIFTI header")
        check_size(math.prod(image.shape) * 8, str(path))
        first, last = (image.header.get_axis(k) for k in (0, 1))
        values = numeric(np.asarray(image.dataobj), str(path))
    if not isinstance(last, nibabel.cifti2.ParcelsAxis):
        raise BadFileError(f"{path} must have parcels along its last axis.")
    names = tuple(str(name).strip() for name in last.name)
    if isinstance(first, nibabel.cifti2.SeriesAxis):
        seconds = str(first.unit).upper() == "SECOND"
        return Labelled(values, None, names, float(first.step) if seconds else None)
    if isinstance(first, nibabel.cifti2.ParcelsAxis):
        return Labelled(values, tuple(str(n).strip() for n in first.name), names)
    return Labelled(values.T, names, tuple(map(str, first.name)))
