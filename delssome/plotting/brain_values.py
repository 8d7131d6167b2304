"""What is drawn of an estimator on the brain: its map, or how far that is open."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from delssome.fitting import MeanFieldPosterior, PopulationFitter
from delssome.plotting.source import Z_90, Fitted

__all__ = ["map_of", "spread_of"]

Array = NDArray[np.float64]


def map_of(estimator: Fitted | PopulationFitter) -> dict[str, Any]:
    """Give a map, and of a posterior what is known of it."""
    name = estimator.model_.readout_name
    if isinstance(estimator, PopulationFitter):
        maps = _maps_of(estimator)
        return {"values": maps.mean(axis=0), "name": f"{name}, mean of {len(maps)}"}
    shown: dict[str, Any] = {"values": estimator.readout_, "name": name}
    if isinstance(estimator, MeanFieldPosterior):
        draws, level = estimator.readout_draws_, estimator.interval
        shown["known"] = _differ(draws - draws.mean(axis=1, keepdims=True), level)
        shown["known_name"] = f"{100 * level:g} % interval without the regions' mean"
    return shown


def spread_of(estimator: Fitted | PopulationFitter) -> dict[str, Any]:
    """Give how far a map is open, or differs between people."""
    name = estimator.model_.readout_name
    if isinstance(estimator, PopulationFitter):
        maps = _maps_of(estimator)
        if len(maps) < 2:
            raise ValueError("One subject with a map does not differ from others.")
        values, said = maps.std(axis=0, ddof=1), "SD between people"
    elif isinstance(estimator, MeanFieldPosterior):
        values = np.ptp(estimator.readout_interval_, axis=1) / 2.0
        said = f"half the {100 * estimator.interval:g} % interval"
    else:
        known = estimator.identifiability_
        if known is None:
            raise ValueError("Theory does not say what these data leave open.")
        values, said = Z_90 * known.readout_sd, "half the 90 % interval"
    return {"values": values, "name": f"{name}: {said}", "cmap": "magma_r"}


def _maps_of(population: PopulationFitter) -> Array:
    check_is_fitted(population)
    maps: Array = population.readout_[np.isfinite(population.readout_).all(axis=1)]
    if not len(maps):
        raise ValueError("No subject of the population has a map to draw.")
    return maps


def _differ(differences: Array, level: float) -> NDArray[np.bool_]:
    """Say whose equal-tailed interval does not hold 0."""
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(differences, (tail, 1.0 - tail), axis=0)
    return (low > 0) | (high < 0)
