"""FC and FC dynamics of samples, and what signals weigh in them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["Windows", "smooth_distribution"]

Array = NDArray[Any]


class Windows:
    """Correlations of samples: over all frames, in windows, and between windows.

    Parameters
    ----------
    signals : ndarray of shape (n_samples, n_frames, n_rois)
    window, stride : int
        Frames in a window, and from one to the next.

    Attributes
    ----------
    fc : ndarray of shape (n_samples, n_edges)
    pairs : ndarray of shape (n_samples, n_pairs)
        FC dynamics, upper triangle.
    """

    def __init__(self, signals: Array, window: int, stride: int) -> None:
        self._shape, self._stride = signals.shape, stride
        n_rois = signals.shape[2]
        self._edges = np.triu_indices(n_rois, k=1)
        self._whole = _Standardised(signals)
        self.fc = self._whole.products()[:, *self._edges]
        cut = sliding_window_view(signals, window, axis=1)[:, ::stride]
        self._parts = _Standardised(np.swapaxes(cut, -1, -2))
        fc = self._parts.products()[..., *self._edges]
        self._over = np.triu_indices(fc.shape[1], k=1)
        self._dynamics = _Standardised(np.swapaxes(fc, -1, -2))
        self.pairs = self._dynamics.products()[:, *self._over]

    def weights(self, by_fc: Array, by_pairs: Array) -> Array:
        """Take derivatives by `fc` and `pairs` to the signals."""
        by = self._whole.weights(_fill(by_fc, self._edges, self._shape[2]))
        n_windows = self._parts.shape[1]
        by_windows = self._dynamics.weights(_fill(by_pairs, self._over, n_windows))
        by_windows = np.swapaxes(by_windows, -1, -2)
        own = self._parts.weights(_fill(by_windows, self._edges, self._shape[2]))
        window = own.shape[2]
        last = (n_windows - 1) * self._stride + 1
        for k in range(window):  # frames of the windows, each as many windows
            by[:, k : k + last : self._stride] += own[:, :, k]
        return by


class _Standardised:
    """Signals (..., n_frames, n), of mean 0 and sum of squares 1."""

    def __init__(self, signals: Array) -> None:
        centred = signals - signals.mean(axis=-2, keepdims=True)
        self.size = np.sqrt((centred**2).sum(axis=-2, keepdims=True))
        self.values = centred / self.size
        self.shape = signals.shape

    def products(self) -> Array:
        """Correlations, (..., n, n)."""
        found: Array = np.swapaxes(self.values, -1, -2) @ self.values
        return found

    def weights(self, by: Array) -> Array:
        """Take symmetric weights of correlations, those of pairs twice, to signals."""
        by = self.values @ by
        by -= self.values * (self.values * by).sum(axis=-2, keepdims=True)
        by -= by.mean(axis=-2, keepdims=True)
        by /= self.size
        return by


def smooth_distribution(
    values: Array, n_points: int
) -> tuple[Array, Callable[[Array], Array]]:
    """Cumulative distribution on [-1, 1] that is smooth in the values.

    Parameters
    ----------
    values : ndarray
    n_points : int
        Equal bins, at whose upper ends it is given.

    Returns
    -------
    cdf : ndarray of shape (n_points,)
    back : callable
        Takes derivatives by `cdf` to the values.

    Notes
    -----
    Every value is a quadratic spline of three bins.
    """
    place = (values.ravel() + 1.0) * (0.5 * n_points) - 1.0
    nearest = np.rint(place).astype(int)
    off = nearest - place
    below, above = 0.5 + off, 0.5 - off
    before, after = below**3 / 6.0, 1.0 - above**3 / 6.0
    there = 0.5 + 0.75 * off - off**3 / 3.0
    added = before, there - before, after - there, 1.0 - after
    counts: Any = 0.0
    for k, share in enumerate(added):  # two bins more at either end
        counts = counts + np.bincount(nearest + k + 1, share, minlength=n_points + 4)
    slopes = 0.5 * below**2, 0.75 - off**2, 0.5 * above**2

    def back(by: Array) -> Array:
        by = np.pad(by, 2)
        found: Any = sum(by[nearest + 1 + k] * slopes[k] for k in range(3))
        return np.asarray(found * (-0.5 * n_points / values.size)).reshape(values.shape)

    return counts.cumsum()[2 : n_points + 2] / values.size, back


def _fill(values: Array, places: tuple[Array, Array], n: int) -> Array:
    """Symmetric matrices with given upper triangles, 0 on the diagonal."""
    matrices = np.zeros((*values.shape[:-1], n, n))
    rows, columns = places
    matrices[..., rows, columns] = values
    matrices[..., columns, rows] = values
    return matrices
