"""In which order regions are drawn, and what is written beside them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.datasets._parcels import same_spelling
from delssome.plotting.style import points_high

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Rows",
    "arrange",
    "groups_of",
    "height_of",
    "in_groups",
    "label_rows",
    "marks",
]

# Points that a name needs, and names that a page has room for.
POINTS, MOST_NAMES = 6.0, 80
# Height (inch) of a figure of groups, or without names; of what is around names, and
# of each.
GROUPED, AROUND, EACH = 3.4, 0.6, 0.115

# Schaefer's parcels say their network; those of Desikan-Killiany lie in lobes.
NETWORK = re.compile(r"(?:^|_)[LR]H_([A-Za-z]+)(?:_|$)")
LOBES = {
    "frontal": "superiorfrontal rostralmiddlefrontal caudalmiddlefrontal "
    "parsopercularis parstriangularis parsorbitalis lateralorbitofrontal "
    "medialorbitofrontal precentral paracentral frontalpole",
    "insula": "insula",
    "cingulate": "rostralanteriorcingulate caudalanteriorcingulate "
    "posteriorcingulate isthmuscingulate",
    "parietal": "postcentral supramarginal superiorparietal inferiorparietal precuneus",
    "temporal": "superiortemporal middletemporal inferiortemporal bankssts fusiform "
    "transversetemporal entorhinal temporalpole parahippocampal",
    "occipital": "lateraloccipital lingual cuneus pericalcarine",
}
LOBE = {region: lobe for lobe, regions in LOBES.items() for region in regions.split()}
SIDES = {"l": "left", "r": "right"}


class Rows(NamedTuple):
    """An order of regions, and labels of single ones or of groups.

    Attributes
    ----------
    order : ndarray of int, shape (n_rois,)
    places : ndarray
        Where labels stand, in rows.
    labels : list of str
    starts : ndarray of int
        First rows of all groups but the first.
    """

    order: NDArray[np.intp]
    places: NDArray[np.float64]
    labels: list[str]
    starts: NDArray[np.intp]


def groups_of(region_names: Sequence[str]) -> list[str] | None:
    """Tell the network, lobe or side of regions from their names.

    Parameters
    ----------
    region_names : sequence of str

    Returns
    -------
    list of str, or None
        None: names do not say it.

    Examples
    --------
    >>> groups_of(["7Networks_LH_Vis_1", "7Networks_RH_Default_PFC_2"])
    ['Vis', 'Default']
    >>> groups_of(["ctx-lh-insula", "ctx-rh-cuneus"])
    ['insula', 'occipital']
    """
    networks = [NETWORK.search(name) for name in region_names]
    if all(networks):
        return [found.group(1) for found in networks if found]
    parts = [same_spelling(name).partition("_") for name in region_names]
    if not all(side in SIDES and structure for side, _, structure in parts):
        return None
    lobes = [LOBE.get(structure, "other") for _, _, structure in parts]
    if lobes.count("other") < len(lobes) / 4:
        return lobes
    return [SIDES[side] for side, _, _ in parts]


def arrange(values: ArrayLike, region_names: Sequence[str] | None, room: float) -> Rows:
    """Sort regions by value where all names have room, else by group and value.

    Parameters
    ----------
    values : array-like of shape (n_rois,)
    region_names : sequence of str of length n_rois, or None
        None: no labels.
    room : float
        For names, in points.

    Returns
    -------
    Rows
        Counted from below.
    """
    order, none = np.argsort(np.asarray(values), kind="stable"), np.array([], np.intp)
    names = [] if region_names is None else list(map(str, region_names))
    if names and len(names) > min(MOST_NAMES, room / POINTS):
        groups = groups_of(names)
        if groups is not None:
            return in_groups(groups, values, from_below=True)
        names = []
    labels = [names[k] for k in order] if names else []
    return Rows(order, np.arange(len(labels), dtype=float), labels, none)


def in_groups(
    groups: Sequence[str], values: ArrayLike | None = None, from_below: bool = False
) -> Rows:
    """Put regions together by group: lobes from front to back, others as they come.

    Parameters
    ----------
    groups : sequence of str of length n_rois
    values : array-like of shape (n_rois,), default=None
        By which regions of a group are sorted. None: they keep their order.
    from_below : bool, default=False
        Whether the first group is to have the last rows.

    Returns
    -------
    Rows
    """
    there = list(dict.fromkeys(map(str, groups)))
    if {*there} & {*LOBES}:
        there.sort(key=[*LOBES, *there].index)
    names = there[::-1] if from_below else there
    of = np.array([names.index(str(group)) for group in groups])
    order = np.lexsort(
        (np.arange(len(of)) if values is None else np.asarray(values), of)
    )
    ends = np.cumsum(np.bincount(of, minlength=len(names)))
    starts = np.concatenate([[0], ends[:-1]])
    return Rows(order, (starts + ends - 1) / 2, names, starts[1:])


def label_rows(ax: "Axes", rows: Rows, what: str = "Region, sorted") -> None:
    """Write labels at the left of rows, and lines between groups.

    Parameters
    ----------
    ax : Axes
    rows : Rows
    what : str
        Of the axis, where there are no labels.
    """
    if not rows.labels:
        ax.set(ylabel=what, yticks=[])
        return
    ax.set_yticks(rows.places, rows.labels, fontsize=6)
    ax.tick_params(axis="y", length=0)
    for start in rows.starts:
        ax.axhline(start - 0.5, color="0.6", lw=0.4, zorder=0)


def height_of(n_rois: int, region_names: Sequence[str] | None) -> float:
    """Give the height of a figure of regions in rows, in inches.

    Parameters
    ----------
    n_rois : int
    region_names : sequence of str, or None
        None: there are no labels.
    """
    if region_names is None or n_rois > MOST_NAMES:
        return GROUPED
    return max(2.0, AROUND + EACH * n_rois)


def marks(ax: "Axes", n_rows: int) -> tuple[float, float]:
    """Give the size of markers and the width of lines that rows have room for.

    Parameters
    ----------
    ax : Axes
    n_rows : int

    Returns
    -------
    size, width : float
        In points.
    """
    each = points_high(ax) / n_rows
    return float(np.clip(1.2 * each, 1.6, 3.0)), float(np.clip(0.5 * each, 0.3, 0.8))
