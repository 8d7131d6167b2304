"""Polynomials that are best near what was observed, with slopes and errors."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.inference.emulator import UNIT, Emulator, n_terms

__all__ = ["LocalEmulator"]

Array = NDArray[Any]

# Squared distance, in variances of an entry, up to which vectors count nearly alike.
NEAR = 40.0
# Distances at which errors are known, their grid and width (logarithms), and vectors
# without which they are not.
FARTHEST, N_GRID, WIDTH, FEWEST = 9.0, 40, 0.35, 5.0
# Leverage above which a vector's own error is not taken for larger.
LEVERAGE = 0.99


class LocalEmulator(Emulator):
    """An emulator of vectors of unit noise, about one of them.

    Parameters
    ----------
    points : ndarray of shape (n, n_dim)
        In no order.
    vectors : ndarray of shape (n, n_entries)
    about : ndarray of shape (n_entries,)
        What vectors are to be near.

    Attributes
    ----------
    error : float
        Squared error of a vector that is near, left out of the fit; median.

    Notes
    -----
    Vectors weigh the less the further they are: those that nobody observed may be
    anything. Errors are those of vectors left out, one at a time, in closed form.
    """

    def __init__(self, points: Array, vectors: Array, about: Array) -> None:
        super().__init__(points, vectors)
        amplitudes = (vectors - self.centre) @ self.components.T
        self._about = self.project(about)
        squares = np.square(amplitudes - self._about).sum(axis=1)
        weight = 1.0 / np.sqrt(1.0 + squares / NEAR)[:, None]
        terms = self._expand(points) * weight
        self._coefficients = np.linalg.lstsq(terms, amplitudes * weight, rcond=1e-10)[0]
        self._derivatives = self._differentiated()
        leverage = np.square(np.linalg.qr(terms)[0]).sum(axis=1)
        left = (amplitudes * weight - terms @ self._coefficients) / weight
        left /= 1.0 - np.minimum(leverage, LEVERAGE)[:, None]
        errors = np.square(left).sum(axis=1)
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

    def with_slopes(self, points: Array) -> tuple[Array, Array]:
        """Give amplitudes, (n, n_components), and slopes, (n, n_components, n_dim)."""
        terms = self._expand(points)
        n_less, n, n_dim = self._derivatives.shape[0], len(points), points.shape[1]
        slopes = terms[:, :n_less] @ self._derivatives.reshape(n_less, -1)
        return terms @ self._coefficients, slopes.reshape(n, -1, n_dim)

    def distance(self, points: Array) -> Array:
        """Give how far points are from those known, in standard deviations, (n,)."""
        x = (points - self._mean) @ self._scale * UNIT
        return np.asarray(np.sqrt(np.square(x).mean(axis=1)))

    def _differentiated(self) -> Array:
        """Give coefficients of slopes on terms of one degree less.

        (n_terms, n_components, n_dim)
        """
        n_dim = len(self._mean)
        coordinates = range(n_dim)
        terms = [
            term
            for degree in range(self._degree + 1)
            for term in combinations_with_replacement(coordinates, degree)
        ]
        place = {term: k for k, term in enumerate(terms)}
        n_less = n_terms(n_dim, self._degree - 1)
        found = np.zeros((n_less, self.n_components, n_dim))
        for k, term in enumerate(terms):
            for c in set(term):
                less = list(term)
                less.remove(c)
                found[place[tuple(less)], :, c] += term.count(c) * self._coefficients[k]
        return found @ self._scale.T
