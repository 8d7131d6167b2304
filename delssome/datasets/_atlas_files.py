"""Files of atlases, of users and of installed packages, read within bounds."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.files import MAX_BYTES, check_size, read_bytes, reading

__all__ = ["REINSTALL", "load_nibabel", "read_arrays", "read_labels", "read_volume"]

Array = NDArray[Any]

REINSTALL = "install the package again that ships it"


def load_nibabel() -> Any:
    """Import nibabel, or say how to install it."""
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "This atlas is read with nibabel. Install it with: pip install nibabel",
            name="nibabel",
        ) from error
    return nibabel


def read_volume(path: Path, remedy: str) -> tuple[Array, Array]:
    """Read labels, and how to get from voxels to millimetres."""
    nibabel = load_nibabel()
    with reading(path, "label volume", remedy):
        volume = nibabel.load(path)
        check_size(math.prod(volume.shape) * 8, str(path))
        if len(volume.shape) < 3 or math.prod(volume.shape[3:]) != 1:
            raise ValueError(f"it has shape {volume.shape}, not that of one volume")
        labels = np.asarray(volume.dataobj).reshape(volume.shape[:3])
        return np.round(labels).astype(int), volume.affine


def read_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays of a package's NumPy archive."""
    with reading(path, "NumPy archive", REINSTALL), np.load(path) as arrays:
        return dict(arrays)


def read_labels(path: Path) -> tuple[Array, dict[int, str]]:
    """Read the labels of a hemisphere, and their names."""
    nibabel = load_nibabel()
    if path.suffix == ".annot":
        # Labels are places in the list of names, -1: none.
        labels, _, found = nibabel.freesurfer.read_annot(path)
        return labels.astype(int) + 1, {k: n.decode() for k, n in enumerate(found, 1)}
    content = read_bytes(path)
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            content = file.read(MAX_BYTES + 1)
        check_size(len(content), str(path))
    image = nibabel.GiftiImage.from_bytes(content)
    own = image.labeltable.get_labels_as_dict()
    return (
        np.asarray(image.agg_data()).astype(int),
        {key: name for key, name in own.items() if key > 0},
    )
