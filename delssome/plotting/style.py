"""How all figures look: sizes, fonts and colours, without touching global state."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import wraps

import matplotlib as mpl
import numpy as np

__all__ = [
    "ACCENT",
    "DARK",
    "DOUBLE",
    "GREY",
    "LIGHT",
    "PALE",
    "SINGLE",
    "correlation",
    "new_axes",
    "new_figure",
    "styled",
]

SINGLE, DOUBLE = 3.4, 7.0  # widths of one and two columns of a journal (inch)

# Distinct by lightness, so that they survive colour blindness and grey print.
DARK, ACCENT, LIGHT, GREY, PALE = "#00224e", "#b2182b", "#e0a526", "0.45", "0.9"

STYLE = {
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


def styled(plot):
    """Decorate a plotting function to draw in the package's style."""

    @wraps(plot)
    def wrapper(*args, **kwargs):
        with mpl.rc_context(STYLE):
            return plot(*args, **kwargs)

    return wrapper


def new_figure(width, height):
    """Open a figure with pyplot, so that notebooks and scripts show it."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), dpi=150, layout="constrained")


def new_axes(width, height):
    """Open a figure with one set of axes."""
    return new_figure(width, height).subplots()


def correlation(a, b):
    """Pearson correlation of two vectors; NaN, without a warning, if one is flat."""
    a, b = np.asarray(a) - np.mean(a), np.asarray(b) - np.mean(b)
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")
