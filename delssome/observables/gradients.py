"""Heterogeneity maps that the data themselves give."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components

from delssome.connectome import check_fc
from delssome.utils import check_number

__all__ = ["fc_gradients"]

# Connections of a region that are kept at least: with fewer, regions fall apart.
SMALLEST = 5


def fc_gradients(
    fc: ArrayLike,
    n_gradients: int = 1,
    *,
    share: float = 0.3,
    like: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Principal gradients of FC: axes along which connectivity profiles change.

    The strongest connections of every region are kept, profiles compared by their
    cosine, and the regions embedded by diffusion maps.

    Parameters
    ----------
    fc : array-like of shape (n_rois, n_rois)
        Functional connectivity, better of a group than of a single scan.
    n_gradients : int, default=1
        At most n_rois - 1.
    share : float, default=0.3
        Share of its strongest connections that each region keeps, five at least.
        Margulies et al. keep a tenth of some 30 000 vertices; of a few dozen regions
        that leaves too few to compare.
    like : array-like of shape (n_rois,), default=None
        A map that gradients correlate with positively: which end is positive is a
        convention. The published first gradient rises from sensory to association
        cortex, against T1w/T2w. None: the longer tail is positive.

    Returns
    -------
    ndarray of shape (n_rois, n_gradients)
        Mean 0 and standard deviation 1.

    References
    ----------
    Margulies et al. 2016, PNAS, https://doi.org/10.1073/pnas.1608282113.
    Coifman and Lafon 2006, https://doi.org/10.1016/j.acha.2006.04.006 (diffusion maps,
    alpha 0.5).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import fc_gradients
    >>> place = np.linspace(0, 1, 5)  # regions in a row, near ones alike
    >>> fc = np.exp(-np.abs(place[:, None] - place))
    >>> np.abs(fc_gradients(fc)[:, 0]).round(2)
    array([1.36, 0.81, 0.  , 0.81, 1.36])
    """
    fc = check_fc(fc)
    if fc.ndim != 2:
        raise ValueError(
            f"fc must have shape (n_rois, n_rois), got {fc.shape}; average subjects "
            "first."
        )
    n_rois = len(fc)
    check_number("n_gradients", n_gradients, Integral, 1, n_rois - 1)
    check_number("share", share, Real, 0.01, 1.0)
    if like is not None:
        like = np.asarray(like, dtype=np.float64)
        if like.shape != (n_rois,) or not np.isfinite(like).all():
            raise ValueError(
                f"like must hold one number for each of the {n_rois} regions, got "
                f"shape {like.shape}."
            )
    # Itself among them.
    n_kept = min(n_rois, max(SMALLEST, round(share * n_rois)))
    affinity = _affinity(fc, n_kept)
    n_parts = connected_components(affinity > 0)[0]
    if n_parts > 1:
        raise ValueError(
            f"fc falls into {n_parts} parts that have no strong connection in common "
            f"at share={share!r}, so that no gradient runs through all of it; give a "
            "larger share."
        )
    first = _embed(affinity, n_gradients)
    ends = first**2 if like is None else like - like.mean()
    signs = np.where(np.sum(first.T * ends.T, axis=1) < 0, -1.0, 1.0)
    return np.asarray(first * signs)


def _affinity(fc: NDArray[np.float64], n_kept: int) -> NDArray[np.float64]:
    """Cosines between the profiles of regions: their strongest connections."""
    weakest = np.sort(fc, axis=1)[:, [len(fc) - n_kept]]
    profiles = np.where(fc >= weakest, fc, 0.0).clip(min=0.0)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    return np.asarray(profiles @ profiles.T)


def _embed(affinity: NDArray[np.float64], n_axes: int) -> NDArray[np.float64]:
    """Diffusion maps (alpha 0.5) without the constant one, standardised."""
    density = affinity.sum(axis=1)
    affinity = affinity / np.sqrt(np.outer(density, density))
    density = affinity.sum(axis=1)
    # Symmetric, with the eigenvalues of the diffusion operator.
    _, vectors = np.linalg.eigh(affinity / np.sqrt(np.outer(density, density)))
    first = vectors[:, ::-1][:, 1 : n_axes + 1] / np.sqrt(density)[:, None]
    return np.asarray((first - first.mean(axis=0)) / first.std(axis=0))
