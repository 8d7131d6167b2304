"""Polynomials in place of what is dear, where particles are."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.inference.polynomial import Polynomial

__all__ = ["Emulator", "components"]

Array = NDArray[Any]

# Components that are emulated, and points in which they are looked for.
N_COMPONENTS, N_LOOKED_AT = 24, 500


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
        self.centre, self.components = components(vectors)
        amplitudes = (vectors - self.centre) @ self.components.T
        self._polynomial = Polynomial(points, amplitudes, rcond=1e-8)

    def amplitudes(self, points: Array) -> Array:
        """Give the components' amplitudes, (n, n_components)."""
        return self._polynomial(points)


def components(vectors: Array) -> tuple[Array, Array]:
    """Give the mean of vectors, and orthonormal directions of most variance.

    In the first of vectors, (n, n_entries): these are in no order.
    """
    centre = vectors.mean(axis=0)
    some = vectors[:N_LOOKED_AT] - centre
    variance, mixes = np.linalg.eigh(some @ some.T)
    kept = variance > 1e-9 * variance[-1]
    variance, mixes = variance[kept][-N_COMPONENTS:], mixes[:, kept]
    mixes = mixes[:, -N_COMPONENTS:] / np.sqrt(variance)
    return centre, mixes.T @ some
