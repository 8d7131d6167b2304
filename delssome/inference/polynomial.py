"""Polynomials in many coordinates by least squares, with slopes."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Polynomial"]

Array = NDArray[Any]

# Largest degree, and points for each term of a polynomial.
DEGREE, PER_TERM = 3, 3
# Share of the largest variance below which points lie in a plane.
FLAT = 1e-10
# Standard deviations of the points that are one unit of a polynomial.
UNIT = 3.0
# Leverage above which a point's own residual is not taken for larger.
LEVERAGE = 0.99
# Share of the largest power below which a mix of terms says what others do.
REPEATED = 1e-12


class Polynomial:
    """Give values at points, from values at others.

    Parameters
    ----------
    points : ndarray of shape (n, n_dim)
    values : ndarray of shape (n, n_values)
    weights : ndarray of shape (n,), default=None
        Of the points' residuals; None: all alike.
    rcond : float, default=1e-10
        Share of the largest singular value below which terms are left out.
    """

    def __init__(
        self,
        points: Array,
        values: Array,
        weights: Array | None = None,
        rcond: float = 1e-10,
    ) -> None:
        n, n_dim = points.shape
        self._mean = points.mean(axis=0)
        spread = np.cov(points.T).reshape(n_dim, n_dim)
        # Points may lie nearly in a plane.
        power, axes = np.linalg.eigh(spread)
        self._scale = axes / np.sqrt(np.maximum(power, FLAT * power[-1])) / UNIT
        self.degree = DEGREE
        while self.degree > 1 and n_terms(n_dim, self.degree) * PER_TERM > n:
            self.degree -= 1
        # A term is a term of one degree less times a coordinate.
        self._parents = _parents(n_dim, self.degree)
        root = np.ones((n, 1)) if weights is None else weights[:, None]
        self._given = points, values, root
        terms = self._expand(points) * root
        self._coefficients = np.linalg.lstsq(terms, values * root, rcond=rcond)[0]
        self._derivatives: Array | None = None

    def __call__(self, points: Array) -> Array:
        """Give values, (n, n_values)."""
        return np.asarray(self._expand(points) @ self._coefficients)

    def with_slopes(self, points: Array) -> tuple[Array, Array]:
        """Give values, (n, n_values), and slopes, (n, n_values, n_dim)."""
        if self._derivatives is None:
            self._derivatives = self._differentiated()
        terms = self._expand(points)
        n_less, n, n_dim = len(self._derivatives), len(points), points.shape[1]
        slopes = terms[:, :n_less] @ self._derivatives.reshape(n_less, -1)
        return terms @ self._coefficients, slopes.reshape(n, -1, n_dim)

    def distance(self, points: Array) -> Array:
        """Give how far points are from those known, in standard deviations, (n,)."""
        x = (points - self._mean) @ self._scale * UNIT
        return np.asarray(np.sqrt(np.square(x).mean(axis=1)))

    def left_out(self) -> Array:
        """Give residuals of points that are left out of the fit, one at a time."""
        points, values, root = self._given
        terms = self._expand(points) * root
        # Terms may repeat each other, as of a coordinate that is the same everywhere.
        power, axes = np.linalg.eigh(terms.T @ terms)
        kept = power > REPEATED * power[-1]
        white = terms @ (axes[:, kept] / np.sqrt(power[kept]))
        leverage = np.square(white).sum(axis=1)
        residuals = values - self(points)
        return np.asarray(residuals / (1.0 - np.minimum(leverage, LEVERAGE))[:, None])

    def _expand(self, points: Array) -> Array:
        x = (points - self._mean) @ self._scale
        terms = [np.ones((len(x), 1)), x]
        for parents, coordinates in self._parents:
            terms.append(terms[-1][:, parents] * x[:, coordinates])
        return np.concatenate(terms, axis=1)

    def _differentiated(self) -> Array:
        """Give coefficients of slopes on terms of one degree less.

        (n_terms, n_values, n_dim)
        """
        n_dim = len(self._mean)
        terms = [
            term
            for degree in range(self.degree + 1)
            for term in combinations_with_replacement(range(n_dim), degree)
        ]
        place = {term: k for k, term in enumerate(terms)}
        n_less = n_terms(n_dim, self.degree - 1)
        found = np.zeros((n_less, self._coefficients.shape[1], n_dim))
        for k, term in enumerate(terms):
            for c in set(term):
                less = list(term)
                less.remove(c)
                found[place[tuple(less)], :, c] += term.count(c) * self._coefficients[k]
        return np.asarray(found @ self._scale.T)


def n_terms(n_dim: int, degree: int) -> int:
    return comb(n_dim + degree, degree)


def _parents(n_dim: int, degree: int) -> list[tuple[Array, Array]]:
    """Places of the terms of a degree in those of one less, and their coordinates."""
    found = []
    before: dict[tuple[int, ...], int] = {(k,): k for k in range(n_dim)}
    for power in range(2, degree + 1):
        terms = list(combinations_with_replacement(range(n_dim), power))
        parents = np.array([before[term[:-1]] for term in terms])
        found.append((parents, np.array([term[-1] for term in terms])))
        before = {term: k for k, term in enumerate(terms)}
    return found
