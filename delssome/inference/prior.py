"""Draws from the prior: uniform over coefficients that are feasible, and in range."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.exceptions import InfeasibleSpaceError
from delssome.models import ParameterSpace

__all__ = ["draw_feasible", "draw_prior"]

Array = NDArray[Any]

# Where feasible points to start from are looked for: spreads around starts of a search,
# and draws of each.
SPREADS, N_LOOKED_AT, ROUNDS = (0.05, 0.1, 0.2, 0.4, 0.8), 300, 40
# Length of the lines on which the next point is drawn: about the longest that there is,
# a range for an intercept and four for a slope.
LONGEST = 5.0
# Steps of a chain before a draw is taken, and before the next one.
BURN_IN, THINNING = 200, 25
# Chains side by side, and draws after which none in range will be found.
N_CHAINS, MOST_DRAWS = 2000, 200_000


def draw_feasible(
    space: ParameterSpace,
    n: int,
    rng: np.random.Generator,
    *,
    start: Array | None = None,
    n_steps: int = BURN_IN,
) -> Array:
    """Draw uniformly from the box and the constraints of a space.

    Parameters
    ----------
    space : ParameterSpace
    n : int
    rng : numpy.random.Generator
    start : ndarray of shape (n, n_dim), default=None
        Feasible points to go on from. None: some are looked for.
    n_steps : int, default=200

    Returns
    -------
    ndarray of shape (n, n_dim)
        Search coordinates.

    Raises
    ------
    InfeasibleSpaceError
        If no feasible point is found.

    Notes
    -----
    Hit and run (Smith 1984): the next point is drawn from a random line through each.
    A line that leaves what is feasible is cut at the rejected point (Neal 2003), which
    needs neither convexity nor bounds. Parts that hardly any line joins, as a large
    `min_w_EI_sd` makes them, keep the share of starts of searches that lead there.
    """
    x = _some_feasible(space, n, rng) if start is None else start.copy()
    for _ in range(n_steps):
        direction = rng.standard_normal(x.shape)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        low = -LONGEST * rng.random(n)
        high = low + LONGEST
        todo = np.arange(n)
        while len(todo):
            t = rng.uniform(low[todo], high[todo])
            moved = x[todo] + t[:, None] * direction[todo]
            ok = space.feasible(space.theta(moved))
            x[todo[ok]] = moved[ok]
            todo, t = todo[~ok], t[~ok]
            low[todo] = np.where(t < 0, t, low[todo])
            high[todo] = np.where(t >= 0, t, high[todo])
            # Nothing is left of a line but the point itself.
            todo = todo[high[todo] - low[todo] > 1e-12]
    return x


def draw_prior(
    space: ParameterSpace,
    in_range: Callable[[Array], NDArray[np.bool_]],
    n: int,
    rng: np.random.Generator,
) -> tuple[Array, float]:
    """Draw from the prior: uniform over feasible coefficients within range.

    Parameters
    ----------
    space : ParameterSpace
    in_range : callable
        Tells it of search coordinates, (n, n_dim) to (n,).
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    x : ndarray of shape (n, n_dim)
        Search coordinates.
    share : float
        Share of what is feasible that is in range.

    Raises
    ------
    InfeasibleSpaceError
        If nothing, or next to nothing, is feasible and in range.
    """
    x = draw_feasible(space, N_CHAINS, rng)
    kept: list[Array] = []
    n_kept = n_drawn = 0
    while True:
        kept.append(x[in_range(x)])
        n_kept, n_drawn = n_kept + len(kept[-1]), n_drawn + len(x)
        if n_kept >= n:
            break
        if n_drawn >= MOST_DRAWS:
            raise InfeasibleSpaceError(
                f"Only {n_kept} of {n_drawn} draws from the box and the constraints "
                f"of {space.model!r} are within the plausible range; widen the ranges "
                "or relax the constraints of the model."
            )
        x = draw_feasible(space, N_CHAINS, rng, start=x, n_steps=THINNING)
    return np.concatenate(kept)[:n], n_kept / n_drawn


def _some_feasible(space: ParameterSpace, n: int, rng: np.random.Generator) -> Array:
    """Find feasible points, not uniform, to start from."""
    found: list[Array] = []
    for _ in range(ROUNDS):
        noise = rng.standard_normal((len(SPREADS), N_LOOKED_AT, space.n_dim))
        x = space.start(rng) + np.asarray(SPREADS)[:, None, None] * noise
        x = x.reshape(-1, space.n_dim)
        x = x[space.feasible(space.theta(x))]
        if len(x):
            found.append(x[rng.integers(len(x), size=n)])
    if not found:
        raise InfeasibleSpaceError(
            f"None of {ROUNDS * len(SPREADS) * N_LOOKED_AT} draws is within the box "
            f"and the constraints of {space.model!r}; widen the ranges of the model, "
            "or relax its constraints."
        )
    # As many around each centre: where constraints part the space, chains hardly cross.
    return np.stack(found)[rng.integers(len(found), size=n), np.arange(n)]
