"""Polynomials in place of what is dear, where particles are."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Emulator"]

Array = NDArray[Any]

# Largest degree, and points for each term of a polynomial.
DEGREE, PER_TERM = 3, 3
# Components that are emulated, and points in which they are looked for.
N_COMPONENTS, N_LOOKED_AT = 24, 500
# Share of the largest variance below which points lie in a plane.
FLAT = 1e-10
# Standard deviations of the points that are one unit of a polynomial.
UNIT = 3.0


class Emulator:
    """Give vectors at points, from vectors at others: components by polynomials.

    Parameters
    ----------
    points : ndarray of shape (n, n_dim)
        In no order: the first of them stand for all.
    vectors : ndarray of shape (n, n_entries)

    Attributes
    ----------
    centre : ndarray of shape (n_entries,)
    components : ndarray of shape (n_components, n_entries)
        Orthonormal: a vector is about ``centre + amplitudes @ components``.
    """

    def __init__(self, points: Array, vectors: Array) -> None:
        n, n_dim = points.shape
        self.centre = vectors.mean(axis=0)
        some = vectors[:N_LOOKED_AT] - self.centre
        variance, mixes = np.linalg.eigh(some @ some.T)
        kept = variance > 1e-9 * variance[-1]
        variance, mixes = variance[kept][-N_COMPONENTS:], mixes[:, kept]
        mixes = mixes[:, -N_COMPONENTS:] / np.sqrt(variance)
        self.components = mixes.T @ some
        self._mean = points.mean(axis=0)
        spread = np.cov(points.T).reshape(n_dim, n_dim)
        # Points may lie nearly in a plane.
        power, axes = np.linalg.eigh(spread)
        self._scale = axes / np.sqrt(np.maximum(power, FLAT * power[-1])) / UNIT
        self._degree = DEGREE
        while self._degree > 1 and n_terms(n_dim, self._degree) * PER_TERM > n:
            self._degree -= 1
        # A term is a term of one degree less times a coordinate.
        self._parents = _parents(n_dim, self._degree)
        amplitudes = (vectors - self.centre) @ self.components.T
        terms = self._expand(points)
        self._coefficients = np.linalg.lstsq(terms, amplitudes, rcond=1e-8)[0]

    def amplitudes(self, points: Array) -> Array:
        """Give the components' amplitudes, (n, n_components)."""
        return np.asarray(self._expand(points) @ self._coefficients)

    def _expand(self, points: Array) -> Array:
        x = (points - self._mean) @ self._scale
        terms = [np.ones((len(x), 1)), x]
        for parents, coordinates in self._parents:
            terms.append(terms[-1][:, parents] * x[:, coordinates])
        return np.concatenate(terms, axis=1)


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
