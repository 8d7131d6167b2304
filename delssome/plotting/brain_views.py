"""Views of a brain on which every region has its colour, drawn by nilearn."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.plotting.cortex import Placed, load_nilearn
from delssome.plotting.style import GREY

__all__ = ["draw_nodes", "draw_surfaces", "fade"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SIDES, VIEWS = ("left", "right"), ("lateral", "medial")
# Width and height of a brain in nilearn's 3D axes, in parts of the square that these
# have within the place for them.
WIDE, HIGH = 0.65, 0.47
# What is faded keeps this share of its colour; the rest is this grey.
SHARE, FADED = 0.4, 0.93


def fade(colors: Array) -> Array:
    """Mix colours with a light grey.

    Parameters
    ----------
    colors : ndarray of shape (..., 4)

    Returns
    -------
    ndarray of shape (..., 4)
    """
    faded = colors.copy()
    faded[..., :3] = SHARE * colors[..., :3] + (1.0 - SHARE) * FADED
    return faded


def draw_surfaces(
    axes: list[Any], placed: Placed, colors: Array, outlined: Mask | None
) -> None:
    """Draw four views of the cortex.

    Parameters
    ----------
    axes : list of four Axes
        In three dimensions, left and right lateral, then medial; all else has to be in
        the figure already.
    placed : Placed
    colors : ndarray of shape (n_rois, 4)
        What is transparent is as if it were no region.
    outlined : ndarray of bool, shape (n_rois,), or None
    """
    from matplotlib.colors import ListedColormap

    plotting = load_nilearn().plotting
    surface, n_rois = placed.surface, len(colors)
    _lay_out(axes[0])
    place, size = axes[0].get_position(original=True), axes[0].figure.bbox.size
    width, height = place.width * size[0], place.height * size[1]
    zoom = min(width / WIDE, height / HIGH) / min(width, height)
    regions = np.split(placed.regions, surface.n_vertices[:1])
    for side, mesh, of, column in zip(
        SIDES, surface.meshes, regions, (axes[::2], axes[1::2]), strict=True
    ):
        relief = surface.relief[SIDES.index(side)]
        for view, ax in zip(VIEWS, column, strict=True):
            how = {"hemi": side, "axes": ax}
            # Regions are numbers, each of which has its colour.
            plotting.plot_surf(
                list(mesh),
                np.where(of < 0, np.nan, of),
                bg_map=relief,
                view=view,
                cmap=ListedColormap(colors),
                vmin=-0.5,
                vmax=n_rois - 0.5,
                avg_method="median",
                colorbar=False,
                alpha=1.0,
                **how,
            )
            if outlined is not None:
                inside = (of >= 0) & outlined[of]
                if (inside[mesh[1]].sum(axis=1) > 1).any():  # else there is no edge
                    plotting.plot_surf_contours(
                        list(mesh), inside.astype(int), levels=[1], colors=["k"], **how
                    )
            ax.set_box_aspect(None, zoom=zoom)
            # Brains are wider than the square that 3D axes are clipped to; twenty
            # thousand faces are no vector graphic.
            ax.collections[0].set(clip_on=False, rasterized=True)
    for side, ax in zip(SIDES, axes[:2], strict=True):
        ax.text2D(0.5, 1.04, side.capitalize(), transform=ax.transAxes, ha="center")
    beside = {"rotation": 90, "va": "center", "color": GREY}
    for view, ax in zip(VIEWS, axes[::2], strict=True):
        ax.text2D(-0.3, 0.5, view, transform=ax.transAxes, **beside)


def draw_nodes(
    ax: Any, coordinates: Array, shown: Mask, colors: Array, outlined: Mask | None
) -> list[Any]:
    """Draw a glass brain with a marker for each region.

    Parameters
    ----------
    ax : Axes
        The place for it: the rest of the figure has to be there already.
    coordinates : ndarray of shape (n_rois, 3)
    shown : ndarray of bool, shape (n_rois,)
    colors : ndarray of shape (n_rois, 4)
    outlined : ndarray of bool, shape (n_rois,), or None

    Returns
    -------
    list of Axes
        Seen from the left, from above and from the right.
    """
    _lay_out(ax)
    whole = ax.figure.figure
    ax.set_axis_off()
    place = ax.get_window_extent().transformed(whole.transFigure.inverted())
    glass = load_nilearn().plotting.plot_glass_brain(
        None, display_mode="lzr", figure=whole, axes=place.bounds, annotate=False
    )
    glass.annotate(size=7)
    front = np.ones(len(shown), dtype=bool) if outlined is None else outlined
    size = np.clip(2400.0 / len(shown), 6.0, 24.0)
    for which, edge in ((shown & ~front, "0.6"), (shown & front, "k")):
        if which.any():
            glass.add_markers(
                coordinates[which],
                marker_color=colors[which],
                marker_size=size,
                edgecolors="none" if outlined is None else edge,
                linewidths=0.5,
            )
    return [view.ax for view in glass.axes.values()]


def _lay_out(ax: Any) -> None:
    """Put everything where it will be, for what has to know its place."""
    engine = ax.figure.get_layout_engine()
    if engine is not None:
        engine.execute(ax.figure.figure)
