"""Contexts that a corpus covers, and what of a new one lies outside."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import matrix_to_edges
from delssome.evaluation import Target
from delssome.simulation import Acquisition

__all__ = ["covered", "describe_context", "outside"]

Array = NDArray[Any]

# A context may lie beyond those of the corpus by this share of their spread.
MARGIN = 0.05


def describe_context(target: Target, acquisition: Acquisition) -> dict[str, float]:
    """Describe connectome, scan and goal by a few numbers that a reader understands.

    Parameters
    ----------
    target : Target
    acquisition : Acquisition

    Returns
    -------
    dict of str to float
    """
    sc, fc = np.asarray(target.sc), np.asarray(target.fc, dtype=float)
    strength = sc.sum(axis=1)
    second, first = np.linalg.eigvalsh(sc)[-2:]
    edges = matrix_to_edges(sc)
    tr = acquisition.tr
    cdf = np.asarray(target.fcd_cdf)
    return {
        "regions": len(sc),
        "TR (s)": tr,
        "scan (s)": acquisition.n_frames * tr,
        "FCD window (s)": acquisition.fcd_window * tr,
        "SC density": np.count_nonzero(edges) / len(edges),
        "SC strength": strength.mean(),
        "SC strength, variation over regions": strength.std() / strength.mean(),
        "SC, second eigenvalue over first": second / first,
        "FC mean": fc.mean(),
        "correlation of FC with paths in SC": np.corrcoef(fc, _paths(sc))[0, 1],
        "FCD mean": 1.0 - 2.0 * cdf.mean(),
    }


def _paths(sc: Array) -> Array:
    """Correlation between regions in a network that noise drives, upper triangle.

    The weights of a region are scaled to its strength, and half of what it receives it
    passes on: indirect paths make FC as well, in any network.
    """
    strength = np.maximum(sc.sum(axis=1), 1e-12 * sc.max())
    scaled = sc / np.sqrt(strength[:, None] * strength)
    response = np.linalg.inv(np.eye(len(sc)) - 0.5 * scaled)
    covariance = response @ response
    sd = np.sqrt(np.diag(covariance))
    return matrix_to_edges(covariance / (sd[:, None] * sd))


def covered(contexts: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Give the range of every number over the contexts of a corpus, but for 1 %.

    Parameters
    ----------
    contexts : sequence of dict
        As `describe_context` gives them.

    Returns
    -------
    dict of str to list of two floats
    """
    return {
        name: np.quantile([c[name] for c in contexts], (0.005, 0.995)).tolist()
        for name in contexts[0]
    }


def outside(
    context: Mapping[str, float], domain: Mapping[str, Sequence[float]]
) -> list[str]:
    """Say what of a context lies outside a corpus.

    Parameters
    ----------
    context : dict
        As `describe_context` gives it.
    domain : dict
        As `covered` gives it.

    Returns
    -------
    list of str
        Empty if nothing does.
    """
    found = []
    for name, (low, high) in domain.items():
        room = MARGIN * (high - low)
        if not low - room <= context[name] <= high + room:
            found.append(f"{name} {context[name]:.3g} (corpus {low:.3g} to {high:.3g})")
    return found
