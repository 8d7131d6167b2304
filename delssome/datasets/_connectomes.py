"""Synthetic brains: centroids, maps, and streamline counts between regions."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_counts", "draw_maps", "population_connectome"]

Array = NDArray[np.float64]

# Means and SDs over regions of the T1w/T2w ratio and of the principal gradient of
# resting-state FC in young adults, and about the correlation between the two.
MAP_MEANS, MAP_SDS, MAP_CORRELATION = (1.31, 0.20), (0.13, 1.22), -0.5
SMOOTHNESS = 35.0  # SD of the kernel that smooths maps (mm)

# A hemisphere is a folded ellipsoid: centre of the left one and semi-axes (mm), in
# the usual directions (right, front, up).
CENTRE, SEMI_AXES = (-34.0, -18.0, 12.0), (28.0, 70.0, 46.0)
FOLDING = 0.08  # SD of the depth of a region, as a share of the radius
JITTER = 1.5  # SD of what differs between mirrored regions (mm)
CALLOSUM = (0.0, -10.0, 15.0)  # fibres between hemispheres pass here (mm)
TORTUOSITY = 1.2  # length of a fibre over its shortest path
# Expected streamlines between two of 68 regions: peak, decay with length (mm), SD of
# the logarithm over edges and over subjects, factor between mirrored regions.
PEAK, DECAY, EDGE_SD, SUBJECT_EDGE_SD, HOMOTOPIC = 7e3, 22.0, 1.0, 0.3, 5.0
# A tract with fewer streamlines than about this is missed (median, SD of logarithm).
FAINT, FAINT_SD = 45.0, 1.0


def population_connectome(
    n_rois: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Give centroids, fibre lengths, expected streamlines and least visible ones."""
    n_right = n_rois // 2
    n_left = n_rois - n_right
    left = np.asarray(CENTRE) + _folded_sphere(n_left, rng) * SEMI_AXES
    centroids = np.vstack([left, left[:n_right] * (-1, 1, 1)])
    centroids += rng.normal(0.0, JITTER, centroids.shape)

    path = _distances(centroids)
    to_callosum = np.linalg.norm(centroids - CALLOSUM, axis=1)
    is_left = np.arange(n_rois) < n_left
    across = is_left[:, None] != is_left
    path[across] = (to_callosum[:, None] + to_callosum)[across]
    lengths = path * TORTUOSITY * np.exp(_symmetric_normal(n_rois, 0.05, rng))

    # Regions of a coarser parcellation are larger and share more streamlines.
    expected = PEAK * (68 / n_rois) * np.exp(-lengths / DECAY)
    expected *= np.exp(_symmetric_normal(n_rois, EDGE_SD, rng))
    pairs = np.arange(n_right)
    expected[pairs, pairs + n_left] *= HOMOTOPIC
    expected[pairs + n_left, pairs] *= HOMOTOPIC
    np.fill_diagonal(expected, 0.0)
    faint = FAINT * np.exp(_symmetric_normal(n_rois, FAINT_SD, rng))
    return centroids, lengths, expected, faint


def _folded_sphere(n: int, rng: np.random.Generator) -> Array:
    """Spread n points evenly over a sphere (Fibonacci's spiral), then fold it."""
    k = np.arange(n) + 0.5
    front = 1.0 - 2.0 * k / n
    angle = np.pi * (1.0 + 5**0.5) * k
    radius = np.sqrt(1.0 - front**2)
    points = np.column_stack([radius * np.cos(angle), front, radius * np.sin(angle)])
    return points * (1.0 + rng.normal(0.0, FOLDING, (n, 1)))


def _distances(points: Array) -> Array:
    return np.asarray(np.linalg.norm(points[:, None] - points, axis=-1))


def _symmetric_normal(n: int, sd: float, rng: np.random.Generator) -> Array:
    upper = np.triu(rng.normal(0.0, sd, (n, n)), k=1)
    return upper + upper.T


def draw_counts(expected: Array, faint: Array, rng: np.random.Generator) -> Array:
    """Draw a subject's streamline counts around the expected ones."""
    n_rois = len(expected)
    own = expected * np.exp(_symmetric_normal(n_rois, SUBJECT_EDGE_SD, rng))
    own[own < faint] = 0.0
    counts = np.triu(rng.poisson(own), k=1)
    # Every region keeps its strongest tract, with a count whose logarithm is not 0.
    strongest = np.zeros((n_rois, n_rois), dtype=int)
    strongest[np.arange(n_rois), expected.argmax(axis=1)] = 2
    most = np.maximum.reduce([counts, counts.T, strongest, strongest.T])
    return np.asarray(most.astype(float))


def draw_maps(centroids: Array, rng: np.random.Generator) -> Array:
    """Draw two smooth maps that are alike in both hemispheres, (n_rois, 2)."""
    distances = _distances(centroids * (centroids[:, :1] < 0) * (-2, 0, 0) + centroids)
    kernel = np.exp(-0.5 * (distances / SMOOTHNESS) ** 2)
    fields = kernel @ rng.normal(size=(len(kernel), 2))
    fields = fields / fields.std(axis=0) + rng.normal(0.0, 0.2, fields.shape)
    # Ranks: evenly spread, as gradients are, which also bounds the parameters.
    gradient, other = _standardise(fields.argsort(axis=0).argsort(axis=0)).T
    other = _standardise(other - gradient * np.mean(other * gradient))
    myelin = MAP_CORRELATION * gradient + (1 - MAP_CORRELATION**2) ** 0.5 * other
    return np.column_stack([myelin, gradient]) * MAP_SDS + MAP_MEANS


def _standardise(x: Array) -> Array:
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0))
