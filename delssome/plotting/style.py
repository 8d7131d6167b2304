"""How all figures look: sizes, fonts and colours, without touching global state."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:  # loaded when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "DARK",
    "DOUBLE",
    "GREY",
    "LIGHT",
    "PALE",
    "SINGLE",
    "STYLE",
    "correlation",
    "new_axes",
    "new_figure",
    "points_high",
    "styled",
]

P = ParamSpec("P")
R = TypeVar("R")

SINGLE, DOUBLE = 3.4, 7.0  # widths of one and two columns of a journal (inch)

# Distinct by lightness, so that they survive colour blindness and grey print.
DARK, ACCENT, LIGHT, GREY, PALE = "#00224e", "#b2182b", "#e0a526", "0.45", "0.9"

STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def styled(plot: Callable[P, R]) -> Callable[P, R]:
    """Decorate a plotting function to draw in the package's style."""

    @wraps(plot)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        from matplotlib import rc_context

        with rc_context(STYLE):
            return plot(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float) -> "Figure":
    """Open a figure with pyplot, so that notebooks and scripts show it."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), dpi=150, layout="constrained")


def new_axes(width: float, height: float) -> "Axes":
    """Open a figure with one set of axes."""
    return new_figure(width, height).subplots()


def points_high(ax: "Axes") -> float:
    """Give the height of axes, in points."""
    return float(ax.get_window_extent().height * 72 / ax.figure.dpi)


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson correlation of two vectors; NaN, without a warning, if one is flat."""
    both = np.array([a, b], dtype=np.float64)
    x, y = both - both.mean(axis=1, keepdims=True)
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else float("nan")
