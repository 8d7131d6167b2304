"""A page of HTML with a brain that can be turned; it needs no other file."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import io
import json
import re
from collections.abc import Sequence
from html import escape
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delssome.plotting.cortex import Placed, load_nilearn
from delssome.plotting.page import folded, lines_of, page, picture, table
from delssome.plotting.style import styled
from delssome.plotting.wording import three_digits

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable

__all__ = ["brain_page"]

Array = NDArray[Any]

# Names where the pointer is, and little shade, so that colours are those of the bar:
# nilearn's pages draw by these variables and functions, with hovering turned off. If
# another version calls them otherwise, the brain is there without names.
LINK = re.compile(r"<link\s[^>]*http[^>]*>")  # an icon: nothing is to be fetched
HOVER = Template("""\
<script>
try {
  const said = $said, layout = getLayout;
  getLayout = (...a) => Object.assign(layout(...a), {hovermode: "closest"});
  $how
} catch (error) { console.log(error); }
</script>
""")
OF_SURFACE = Template("""\
getLighting = () => ({ambient: 0.85, diffuse: 0.3, specular: 0.0});
  const mesh = surfaceMapInfo["inflated_both"];
  mesh.text = $of.map(k => k < 0 ? "no region" : said[k]);
  mesh.hoverinfo = "text";""")
OF_NODES = """\
const add = addConnectome;
  addConnectome = () => {
    add();
    const plot = document.getElementById("connectome-plot");
    const node = {mode: "markers", hoverinfo: "text", text: [said]};
    plot.data.forEach((trace, k) => Plotly.restyle(
      plot, trace.type == "scatter3d" ? node : {hoverinfo: "skip"}, [k]));
  };"""


def brain_page(
    placed: Placed | None,
    coordinates: Array | None,
    values: Array,
    colors: Array,
    region_names: Sequence[str],
    scale: "ScalarMappable",
    name: str,
    known: NDArray[np.bool_] | None,
    known_name: str,
    notes: Sequence[str],
) -> str:
    """Lay out the page.

    Parameters
    ----------
    placed : Placed, or None
        Regions on a surface. None: `coordinates` are drawn.
    coordinates : ndarray of shape (n_rois, 3), or None
    values : ndarray of shape (n_rois,)
    colors : ndarray of shape (n_rois, 4)
    region_names : sequence of str of length n_rois
    scale : ScalarMappable
        Of the colour bar.
    name : str
        What the values are.
    known : ndarray of bool, shape (n_rois,), or None
    known_name : str
    notes : sequence of str

    Returns
    -------
    str
    """
    numbers = ["none" if np.isnan(x) else three_digits(x) for x in values]
    said = [f"{a}: {b}" for a, b in zip(region_names, numbers, strict=True)]
    rows = [["region", name], *map(list, zip(region_names, numbers, strict=True))]
    if known is not None:
        said = [f"{a}{' *' if b else ''}" for a, b in zip(said, known, strict=True)]
        marks = [known_name, *("*" if one else "" for one in known)]
        rows = [[*row, mark] for row, mark in zip(rows, marks, strict=True)]
    if placed is not None:
        view = _surface_view(placed, values, colors, said)
    else:
        assert coordinates is not None
        view = _node_view(coordinates, values, colors, said)
    legend = []
    if known is not None:
        legend.append(
            f"Full colour and *: {known_name} ({int(known.sum())} of {len(known)} "
            "regions). Faded: the others, whose difference is not known."
        )
    legend += [f"{note[0].upper()}{note[1:]}." for note in notes]
    low, high = (three_digits(x) for x in scale.get_clim())
    bar = picture(_bar(scale, name), f"{name}, colours from {low} to {high}", "bar")
    regions = folded("Regions", table(rows[1:], rows[0]))
    return page(name, {"": "".join([view, bar, lines_of(legend), regions])})


def _surface_view(
    placed: Placed, values: Array, colors: Array, said: Sequence[str]
) -> str:
    """Draw both hemispheres, of which every region has its own colour."""
    from matplotlib.colors import ListedColormap

    shown = (placed.regions >= 0) & np.isfinite(values)[placed.regions]
    (left, left_faces), (right, right_faces) = placed.surface.meshes
    # Inflated hemispheres each have their own middle: side by side.
    apart = max(0.0, left[:, 0].max() - right[:, 0].min() + 1.0)
    mesh = [
        np.concatenate([left, right + np.array([apart, 0.0, 0.0])]),
        np.concatenate([left_faces, right_faces + len(left)]),
    ]
    view = load_nilearn().plotting.view_surf(
        mesh,
        np.where(shown, placed.regions, np.nan),
        bg_map=np.concatenate(placed.surface.relief),
        cmap=ListedColormap(colors),
        vmin=-0.5,
        vmax=len(values) - 0.5,
        symmetric_cmap=False,
        colorbar=False,
    )
    of = json.dumps(np.where(shown, placed.regions, -1).tolist())
    return _framed(view.html, said, OF_SURFACE.substitute(of=of))


def _node_view(
    coordinates: Array, values: Array, colors: Array, said: Sequence[str]
) -> str:
    """Draw a marker for each region that has a value."""
    from matplotlib.colors import to_hex

    there = np.isfinite(values)
    view = load_nilearn().plotting.view_markers(
        coordinates[there], [to_hex(color) for color in colors[there]], marker_size=8
    )
    shown = [one for one, has in zip(said, there, strict=True) if has]
    return _framed(view.html, shown, OF_NODES)


def _framed(theirs: str, said: Sequence[str], how: str) -> str:
    """Put nilearn's page into ours, with what regions say."""
    names = json.dumps(list(said)).replace("</", "<\\/")
    body, end, rest = LINK.sub("", theirs).rpartition("</body>")
    framed = body + HOVER.substitute(said=names, how=how) + end + rest
    return f'<iframe height="540" srcdoc="{escape(framed)}"></iframe>'


@styled
def _bar(scale: "ScalarMappable", name: str) -> bytes:
    """Draw the colour bar alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4, 0.55), layout="constrained")
    bar = figure.colorbar(
        scale, figure.subplots(), orientation="horizontal", label=name
    )
    bar.ax.locator_params(nbins=5)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()
