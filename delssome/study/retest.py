"""Whether maps of one subject are more alike than maps of two."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from delssome.study._tables import Array, check_maps_of_subjects

__all__ = ["retest"]


def retest(first: ArrayLike, second: ArrayLike) -> Bunch:
    """Compare maps of the same subjects from two scans.

    Parameters
    ----------
    first, second : array-like of shape (n_subjects, n_rois)
        Maps that a model reads out, such as E/I ratios; subjects with NaN in either
        are left out.

    Returns
    -------
    Bunch
        ``similarity`` (n, n): correlation over regions of each first map with each
        second one; ``within`` (n,), its diagonal, and ``between`` (n * (n - 1),), the
        rest; ``identified``, the share of first maps whose most similar second map is
        of the same subject (by chance 1 / n); ``icc_mean`` and ``icc`` (n_rois,), the
        intraclass correlation ICC(2,1) of the mean over regions and of each region.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import retest
    >>> rng = np.random.default_rng(0)
    >>> subjects = rng.normal(2.5, 0.2, (7, 30))
    >>> noisy = lambda: subjects + rng.normal(0, 0.1, subjects.shape)
    >>> retest(noisy(), noisy()).identified
    1.0
    """
    (first, whole), (second, whole_too) = (
        check_maps_of_subjects(maps, name)
        for maps, name in ((first, "first"), (second, "second"))
    )
    if first.shape != second.shape:
        raise ValueError(
            "first and second must be of the same subjects and regions, got shapes "
            f"{first.shape} and {second.shape}."
        )
    both = whole & whole_too
    first, second = first[both], second[both]
    n = len(first)
    similarity = np.corrcoef(first, second)[:n, n:]
    return Bunch(
        similarity=similarity,
        within=similarity.diagonal().copy(),
        between=similarity[~np.eye(n, dtype=bool)],
        identified=float(np.mean(similarity.argmax(axis=1) == np.arange(n))),
        icc_mean=float(_icc(first.mean(axis=1), second.mean(axis=1))),
        icc=_icc(first, second),
    )


def _icc(first: Array, second: Array) -> Any:
    """ICC(2,1): two-way random effects, absolute agreement (Shrout & Fleiss 1979)."""
    pairs = np.stack([first, second])  # (2, n, ...)
    n = pairs.shape[1]
    mean = pairs.mean(axis=(0, 1))
    subjects = 2 * ((pairs.mean(axis=0) - mean) ** 2).sum(axis=0) / (n - 1)
    scans = n * ((pairs.mean(axis=1) - mean) ** 2).sum(axis=0)
    rest = pairs - pairs.mean(axis=0) - pairs.mean(axis=1, keepdims=True) + mean
    error = (rest**2).sum(axis=(0, 1)) / (n - 1)
    return (subjects - error) / (subjects + error + 2 * (scans - error) / n)
