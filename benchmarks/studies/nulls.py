"""Spatial nulls: how often they find what is not there, and what is.

Pairs of smooth maps, unrelated or sharing a quarter of their variance, on two spheres
of 50 regions each, which mirror each other but for half a region. Other nulls are those
of neuromaps, brainspace and brainsmash: pip install neuromaps brainspace brainsmash.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import Clock, MissingError, installed, main, table

from delssome.study import rotations

# Regions and points of noise on a hemisphere, surrogates, what both sides share, and
# the radius (mm).
N, N_FINE, N_SURROGATES, SHARED, RADIUS = 50, 400, 99, 0.8, 100.0
# Standard deviations of the smoothing (mm).
SMOOTH = (15.0, 30.0, 45.0, 60.0)
# Who makes them, under which licence, and pairs: variograms take seconds a map.
NULLS = {
    "rotated, nearest": ("delssome", "BSD-3-Clause", 1000),
    "rotated, permuted": ("delssome", "BSD-3-Clause", 1000),
    "original": ("neuromaps", "CC BY-NC-SA 4.0", 1000),
    "vasa": ("neuromaps", "CC BY-NC-SA 4.0", 1000),
    "hungarian": ("neuromaps", "CC BY-NC-SA 4.0", 1000),
    "moran": ("brainspace", "BSD-3-Clause", 1000),
    "none": ("scipy", "BSD-3-Clause", 1000),
    "variogram": ("brainsmash", "GPL-3.0", 25),
}


def sphere(n, rng):
    """Spread points over a sphere, evenly but for some noise."""
    k = np.arange(n) + 0.5
    z, angle = 1 - 2 * k / n, np.pi * (1 + 5**0.5) * k
    points = np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2), z], 1)
    points[:, 1] *= np.sin(angle)
    return moved(points, n, rng)


def moved(points, n, rng):
    """Move points by half the distance between n of them, or so."""
    points = points + rng.normal(0, 0.5 / np.sqrt(n), points.shape)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


class World:
    """Two hemispheres, and smooth maps on them."""

    def __init__(self):
        self.rng = np.random.default_rng(0)
        left = sphere(N, self.rng)
        self.folded = [left, moved(left, N, self.rng)]
        self.fine = sphere(N_FINE, self.rng)
        both = [RADIUS * points for points in self.folded]
        both[1] = both[1] * [-1, 1, 1]
        self.balls = np.vstack(both)
        self.places = np.vstack([both[0] - [150, 0, 0], both[1] + [150, 0, 0]])
        self.right = np.repeat([0, 1], N)

    def distances(self, side):
        """Give distances along the sphere."""
        points = self.folded[side]
        found = RADIUS * np.arccos(np.clip(points @ points.T, -1, 1))
        np.fill_diagonal(found, 0.0)
        return found

    def maps(self, smooth, n):
        """Draw maps of variance 1."""
        noise, found = self.rng.normal(size=(3, n, N_FINE)), []
        for side, points in enumerate(self.folded):
            angle = np.arccos(np.clip(points @ self.fine.T, -1, 1))
            kernel = np.exp(-0.5 * (RADIUS * angle / smooth) ** 2)
            kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
            mixed = SHARED**0.5 * noise[2] + (1 - SHARED) ** 0.5 * noise[side]
            found.append(mixed @ kernel.T)
        return np.hstack(found)


def null_of(name, world):
    """Give a function from a map to its surrogates."""
    library = NULLS[name][0]
    if installed(library) is None and library != "delssome":
        raise MissingError(f"{library} is not installed")
    if library == "delssome":
        order = rotations(
            world.places, N_SURROGATES, doubles=name.endswith("nearest"), random_state=0
        )
        return lambda x: x[order]
    if library == "neuromaps":
        from neuromaps.nulls.spins import gen_spinsamples

        order = gen_spinsamples(
            world.balls, world.right, N_SURROGATES, method=name, seed=0
        )
        return lambda x: x[order.T.astype(int)]
    sides = [world.right == side for side in (0, 1)]

    def on_side(x, side):
        if library == "brainsmash":
            from brainsmash.mapgen.base import Base

            return Base(x, world.distances(side), seed=0)(n=N_SURROGATES)
        from brainspace.null_models import MoranRandomization

        distances = world.distances(side)  # as neuromaps asks it
        np.fill_diagonal(distances, 1.0)
        moran = MoranRandomization(
            joint=True, tol=1e-6, n_rep=N_SURROGATES, random_state=0
        )
        return moran.fit(1.0 / distances).randomize(x)

    return lambda x: np.hstack([on_side(x[own], k) for k, own in enumerate(sides)])


def standardised(x):
    ranks = rankdata(x, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    return ranks / np.linalg.norm(ranks, axis=-1, keepdims=True)


def measure(run, null):
    library, _, n_pairs = NULLS[null]
    n_pairs, world = 2 if run.quick else n_pairs, World()
    give, one = None, world.maps(SMOOTH[0], 1)[0]
    if library != "scipy":
        try:
            null_of(null, world)(one)  # imports
        except ImportError as error:
            raise MissingError(f"{library} cannot be imported: {error}") from error
    with Clock() as clock:
        if library != "scipy":
            give = null_of(null, world)
            give(one)
    found = np.zeros((len(SMOOTH), 2))
    for k, smooth in enumerate(SMOOTH):
        a, b, c = (world.maps(smooth, n_pairs) for _ in range(3))
        related = 0.5 * a + 0.75**0.5 * c
        for i in range(n_pairs):
            others = b[i], related[i]
            if give is None:
                p = [spearmanr(a[i], other).pvalue for other in others]
            else:
                surrogates = standardised(give(a[i]))
                maps = [standardised(other) for other in others]
                beyond = [
                    np.abs(surrogates @ x) >= abs(standardised(a[i]) @ x) - 1e-12
                    for x in maps
                ]
                p = [(1 + one.sum()) / (1 + N_SURROGATES) for one in beyond]
            found[k] += np.array(p) <= 0.05
    return {
        "version": installed(library),
        "n_pairs": n_pairs,
        "seconds": clock.wall,
        "false": found[:, 0] / n_pairs,
        "power": found[:, 1] / n_pairs,
    }


def tables(rows):
    def share(values):
        return ", ".join(f"{value:.3f}" for value in values)

    lines = []
    for row in rows:
        library, licence, _ = NULLS[row["null"]]
        of = "" if library == "delssome" else f" {row['version'] or ''}"
        seconds = "-" if library == "scipy" else f"{row['seconds']:.2f}"
        lines.append(
            f"{row['null']} ({library}{of}) | {share(row['false'])} | "
            f"{share(row['power'])} | {row['n_pairs']} | {seconds} | {licence}"
        )
    smooth = ", ".join(f"{x:g}" for x in SMOOTH)
    columns = (
        f"null | p < 0.05, unrelated maps ({smooth} mm) | related maps, r 0.5 | pairs"
        f" | s for {N_SURROGATES} surrogates of the first map | licence"
    )
    return table(columns, lines)


if __name__ == "__main__":
    main(measure, tables, null=NULLS)
