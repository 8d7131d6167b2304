"""From draws of a pool to what is said of scans, people and covariates."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delssome.fitting.known import mean_and_interval
from delssome.fitting.pooling import PooledDensity
from delssome.models import Candidates
from delssome.theory import expected_readout

if TYPE_CHECKING:
    from delssome.fitting.pool import Pool

__all__ = ["describe", "widened"]

Array = NDArray[Any]

# Draws of people that are read out.
N_READ_OUT = 200
# Chains spread too little over what scans leave open: errors were larger by so much, as
# a root mean square, in 45 synthetic cohorts (doc/results.md, Differences between
# scans). Draws of what is read out are widened by it.
WIDENED = 1.3


def describe(
    pool: Pool, density: PooledDensity, points: Array, effects: Array, people: Array
) -> dict[str, Any]:
    """Give the attributes of a posterior that follow from its draws.

    Parameters
    ----------
    pool : Pool
    density : PooledDensity
    points : ndarray of shape (n_draws, n_own + n_kinds + 1)
    effects : ndarray of shape (n_draws, n_effects)
    people : ndarray of shape (n_draws, n_people, n_dim)
    """
    space, interval = pool.expecting.space, pool.interval
    own, scatter, noise = density.split(points)
    base = pool.coordinates.padded(own)
    readout = widened(_readout(pool, base))
    by_covariate = widened(_effects_on_readout(pool, base, effects))
    effect = mean_and_interval(by_covariate, interval)
    regions = mean_and_interval(readout, interval)
    level = mean_and_interval(readout.mean(axis=1), interval)
    by_label = np.argsort(pool.people)
    persons = _read_out_people(pool, base, effects, people)[by_label]
    return {
        "covariate_names_": pool.design.covariates.names,
        "effect_draws_": by_covariate,
        "effect_": effect[..., 0],
        "effect_interval_": effect[..., 1:],
        "mean_effect_": mean_and_interval(by_covariate.mean(axis=2), interval),
        "sign_probability_": (by_covariate.mean(axis=2) > 0).mean(axis=0),
        "draws_": space.theta(own),
        "param_names_": list(space.names),
        "readout_draws_": readout,
        "readout_": regions[:, 0],
        "readout_interval_": regions[:, 1:],
        "mean_readout_": float(level[0]),
        "mean_readout_interval_": level[1:],
        "people_": pool.people[by_label],
        "readouts_": persons[..., 0],
        "readouts_interval_": persons[..., 1:],
        "scatter_": {
            name: mean_and_interval(scatter[:, k], interval)
            for k, (name, _) in enumerate(pool.kinds)
        },
        "noise_scale_": mean_and_interval(noise, interval),
        "model_": space.model,
        "acquisition_": pool.expecting.acquisition,
        "space_": space,
        "n_rois_": space.n_rois,
    }


def widened(draws: Array) -> Array:
    """Move draws, (n_draws, ...), away from their mean."""
    mean = draws.mean(axis=0)
    return np.asarray(mean + WIDENED * (draws - mean))


def _readout(pool: Pool, x: Array) -> Array:
    """Read out coordinates, kept within the ranges."""
    model = pool.expecting.space.model
    params = {
        name: np.clip(value, *getattr(model, name))
        for name, value in pool.coordinates.params(x).items()
    }
    step = pool.expecting.acquisition.step
    return expected_readout(Candidates(model, params, pool.sc), step)


def _effects_on_readout(pool: Pool, base: Array, effects: Array) -> Array:
    """Give changes of the readout by one unit, (n_draws, n_covariates, n_rois)."""
    found = [_readout(pool, base + end) for end in pool.design.ends(effects)]
    changes = [
        (found[2 * c + 1] - found[2 * c]) / distance
        for c, distance in enumerate(pool.design.covariates.distance)
    ]
    none = np.zeros((len(base), 0, len(pool.sc)))
    return np.stack(changes, axis=1) if changes else none


def _read_out_people(pool: Pool, base: Array, effects: Array, people: Array) -> Array:
    """Read out every person, with the mean of the own covariates."""
    some = slice(0, N_READ_OUT)
    base, people = base[some], people[some]
    n_people = people.shape[1]
    given = pool.design.covariates.values
    values = np.zeros((n_people, given.shape[1]))
    np.add.at(values, pool.person, given)
    values /= np.bincount(pool.person, minlength=n_people)[:, None]
    moves = pool.design.moves(effects[some])
    found = []
    for k in range(n_people):
        at = base + people[:, k]
        at = at + sum(v * move for v, move in zip(values[k], moves, strict=True))
        found.append(mean_and_interval(widened(_readout(pool, at)), pool.interval))
    return np.array(found)
