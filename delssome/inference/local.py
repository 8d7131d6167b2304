"""Polynomials that are best near what was observed, with slopes and errors."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.inference.emulator import components
from delssome.inference.polynomial import Polynomial

__all__ = ["LocalEmulator"]

Array = NDArray[Any]

# Squared distance, in variances of an entry, up to which vectors count nearly alike.
NEAR = 40.0
# Distances at which errors are known, their grid and width (logarithms), and vectors
# without which they are not.
FARTHEST, N_GRID, WIDTH, FEWEST = 9.0, 40, 0.35, 5.0
# Share of the smallest rate known below which rates are not followed.
SLOWEST = 0.5


class LocalEmulator:
    """An emulator of vectors of unit noise, about one of them.

    Parameters
    ----------
    points : ndarray of shape (n, n_dim)
        In no order: the first of them stand for all.
    vectors : ndarray of shape (n, n_entries)
    about : ndarray of shape (n_entries,)
        What vectors are to be near.
    rates : ndarray of shape (n,)
        Positive; vectors grow without limit where they vanish.

    Attributes
    ----------
    centre : ndarray of shape (n_entries,)
    components : ndarray of shape (n_components, n_entries)
        Orthonormal: a vector is about ``centre + amplitudes @ components``.
    error : float
        Squared error of a vector that is near, left out of the fit; median.

    Notes
    -----
    Near the edge of stability, correlations move with the logarithm of the decay rate
    of the slowest mode, which no polynomial of points follows far, while the rate
    itself is smooth: amplitudes are polynomials of points and of the logarithm of a
    polynomial of points. Vectors weigh the less the further they are: those that nobody
    observed may be anything. Errors are those of vectors left out, one at a time, in
    closed form.
    """

    def __init__(
        self, points: Array, vectors: Array, about: Array, rates: Array
    ) -> None:
        self.centre, self.components = components(vectors)
        amplitudes = self.project(vectors)
        self._about = self.project(about)
        squares = np.square(amplitudes - self._about).sum(axis=1)
        weights = 1.0 / np.sqrt(1.0 + squares / NEAR)
        self._slowest = SLOWEST * rates.min()
        self._rate = Polynomial(points, rates[:, None], weights)
        self._polynomial = Polynomial(self._bent(points), amplitudes, weights)
        errors = np.square(self._polynomial.left_out()).sum(axis=1)
        near = squares < NEAR
        near = near if near.sum() >= FEWEST else np.ones_like(near)
        self.error = float(np.median(errors[near]))
        k = len(self.components)
        distance = np.log(k + squares)
        self._grid = np.log(k) + np.linspace(0.0, FARTHEST, N_GRID)
        share = np.exp(-0.5 * ((self._grid[:, None] - distance) / WIDTH) ** 2)
        counts = share.sum(axis=1)
        by_distance = np.where(
            counts < FEWEST, np.inf, share @ errors / np.maximum(counts, 1e-300)
        )
        self._errors = np.maximum.accumulate(by_distance)

    @property
    def n_components(self) -> int:
        """Amplitudes of a vector."""
        return len(self.components)

    def project(self, vectors: Array) -> Array:
        """Give amplitudes of observed vectors, (..., n_components)."""
        return np.asarray((vectors - self.centre) @ self.components.T)

    def trust(self, amplitudes: Array) -> Array:
        """Give the weights of observed vectors, by the errors of vectors like them.

        Parameters
        ----------
        amplitudes : ndarray of shape (n, n_components)

        Returns
        -------
        ndarray of shape (n,)
            One over the variance of an amplitude, with its noise of 1; 0 where the
            emulator has seen nothing so far away.
        """
        k = self.n_components
        squares = np.square(amplitudes - self._about).sum(axis=1)
        distance = np.log(np.maximum(squares, k))  # of which k are noise
        place = np.searchsorted(self._grid, distance).clip(max=N_GRID - 1)
        return np.asarray(1.0 / (1.0 + self._errors[place] / k))

    def amplitudes(self, points: Array) -> Array:
        """Give the components' amplitudes, (n, n_components)."""
        return self._polynomial(self._bent(points))

    def with_slopes(self, points: Array) -> tuple[Array, Array]:
        """Give amplitudes, (n, n_components), and slopes, (n, n_components, n_dim)."""
        rate, of_rate = self._rate.with_slopes(points)
        by_point = np.where(rate > self._slowest, of_rate[:, 0] / rate, 0.0)
        values, slopes = self._polynomial.with_slopes(self._bent(points, rate))
        through = slopes[..., -1:] * by_point[:, None]
        return values, slopes[..., :-1] + through

    def distance(self, points: Array) -> Array:
        """Give how far points are from those known, in standard deviations, (n,)."""
        return self._rate.distance(points)

    def _bent(self, points: Array, rate: Array | None = None) -> Array:
        """Give points and the logarithm of their rates, (n, n_dim + 1)."""
        rate = self._rate(points) if rate is None else rate
        return np.hstack([points, np.log(np.maximum(rate, self._slowest))])
