"""What draws of a posterior say, and what simulation says of their mean."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import edges_to_matrix
from delssome.costs import COST_NAMES
from delssome.fitting.inferring import Inference, Sampled, by_distance
from delssome.fitting.verification import with_a_cost
from delssome.simulation import SimulationEvaluator
from delssome.theory import expected_readout

__all__ = [
    "describe",
    "doubts",
    "flat_mean",
    "mean_and_interval",
    "pattern_probability",
    "simulate_typical",
]

Array = NDArray[Any]

# Probability below which the orientation of a pattern is said to be open.
SURE = 0.95
# Departure of regions from the maps up to which intervals held the truth as often as
# they say (benchmarks/studies/posterior.py, "all at once", where it was 0.03).
CALIBRATED = 0.06
# Evaluations of the mean.
N_EVALUATIONS = 8
# Bins of the prior's distribution, over the range of the posterior's draws and beyond.
N_BINS = 12


def describe(inference: Inference, sampled: Sampled, interval: float) -> dict[str, Any]:
    """Give the attributes of a posterior that follow from its draws."""
    space, target = inference.space, inference.target
    step = inference.acquisition.for_model(space.model).step
    theta = space.theta(sampled.x)
    candidates = space.candidates(theta, target.sc)
    readout = expected_readout(candidates, step)
    before = space.candidates(space.theta(sampled.prior), target.sc)
    prior = expected_readout(before, step)
    mean, prior_mean = readout.mean(axis=1), prior.mean(axis=1)
    error = sampled.scale - (
        np.nan if inference.n_scans is None else 1.0 / inference.n_scans
    )

    def of(draws: Array) -> Array:
        return mean_and_interval(draws, interval)

    parameters, regions, level = of(theta), of(readout), of(mean)
    relaxation = middle_and_interval(sampled.relaxation, interval)
    noise = middle_and_interval(sampled.noise, interval)
    maps = [of(_correlations(readout, one)) for one in space.maps.T]
    return {
        "draws_": theta,
        "relaxation_over_coupling_": relaxation[:, 0],
        "relaxation_over_coupling_interval_": relaxation[:, 1:],
        "relative_noise_": noise[:, 0],
        "relative_noise_interval_": noise[:, 1:],
        "param_names_": list(space.names),
        "params_": parameters[..., 0],
        "params_sd_": theta.std(axis=0),
        "params_interval_": parameters[..., 1:],
        "sign_probability_": (theta > 0).mean(axis=0),
        "readout_draws_": readout,
        "readout_": regions[..., 0],
        "readout_sd_": readout.std(axis=0),
        "readout_interval_": regions[..., 1:],
        "mean_readout_": float(level[0]),
        "mean_readout_sd_": float(mean.std()),
        "mean_readout_interval_": level[1:],
        "mean_readout_flat_": flat_mean(mean, prior_mean, interval),
        "prior_draws_": space.theta(sampled.prior),
        "prior_readout_draws_": prior,
        "prior_mean_readout_": of(prior_mean),
        "pattern_probability_": pattern_probability(readout),
        "map_correlations_": np.array(maps).reshape(-1, 3),
        "n_scans_effective_": of(1.0 / sampled.scale),
        "model_error_": of(error),
        "departure_": of(sampled.departure),
        "log_evidence_": sampled.log_evidence,
        "share_in_range_": sampled.share_in_range,
        "n_evaluations_": sampled.n_evaluations,
        "space_": space,
        "model_": space.model,
        "acquisition_": inference.acquisition,
        "n_rois_": space.n_rois,
        "sc_": target.sc,
        "fc_": edges_to_matrix(target.fc, diagonal=1.0),
        "fcd_cdf_": target.fcd_cdf,
        "_sampled": sampled,
    }


def simulate_typical(
    inference: Inference, simulation: SimulationEvaluator, sampled: Sampled
) -> dict[str, Any]:
    """Simulate the draw nearest to the mean: the mean itself may lie off a ridge."""
    space, target, model = inference.space, inference.target, inference.space.model
    point = space.theta(sampled.x[by_distance(sampled.x)[0]])
    theta = np.repeat(point[None], N_EVALUATIONS, axis=0)
    candidates = space.candidates(theta, target.sc)
    (rng,) = inference.rng.spawn(1)
    simulated = simulation.statistics(candidates, rng)
    found = with_a_cost(simulated, target)
    evaluation = found.compare(target)
    total = evaluation.total
    typical = int(np.argmin(np.abs(total - total.mean())))
    rate = model.rate
    return {
        "_point": point,
        "regional_params_": {
            name: values[0].copy() if values.ndim == 2 else float(values[0])
            for name, values in candidates.solved.items()
        },
        "cost_": float(total.mean()),
        "cost_sd_": float(total.std(ddof=1)),
        "costs_": dict(
            zip(COST_NAMES, evaluation.costs.mean(axis=0).tolist(), strict=True)
        ),
        "in_range_": bool((simulated.violation == 0).all()),
        "rates_": None if rate is None else found.averages[rate].mean(axis=0),
        "fc_simulated_": edges_to_matrix(found.fc[typical], diagonal=1.0),
        "fcd_cdf_simulated_": found.fcd_cdf[typical].copy(),
    }


def _correlations(readout: Array, one: Array) -> Array:
    """Correlate every draw with a map; 0 for a flat one."""
    centred = readout - readout.mean(axis=1, keepdims=True)
    one = one - one.mean()
    size = np.linalg.norm(centred, axis=1) * np.linalg.norm(one)
    return centred @ one / np.maximum(size, 1e-300)


def mean_and_interval(draws: Array, interval: float) -> Array:
    """Give mean, low and high end of an equal-tailed interval, (..., 3).

    Parameters
    ----------
    draws : ndarray of shape (n_draws, ...)
    interval : float
        Its probability.

    Returns
    -------
    ndarray of shape (..., 3)
    """
    tail = (1.0 - interval) / 2.0
    low, high = np.quantile(draws, (tail, 1.0 - tail), axis=0)
    return np.stack([draws.mean(axis=0), low, high], axis=-1)


def middle_and_interval(draws: Array, interval: float) -> Array:
    """Give median, low and high end of an equal-tailed interval, (..., 3).

    Ratios have no mean where what they are over may be near 0.
    """
    tail = (1.0 - interval) / 2.0
    return np.moveaxis(np.quantile(draws, (0.5, tail, 1.0 - tail), axis=0), 0, -1)


def pattern_probability(readout: Array) -> float:
    """Probability that the mean pattern is not upside down.

    Parameters
    ----------
    readout : ndarray of shape (n_draws, n_rois)

    Returns
    -------
    float
        Share of draws whose pattern over regions correlates with that of the mean; 1
        where regions are alike, so that there is no pattern.
    """
    centred = readout - readout.mean(axis=1, keepdims=True)
    mean = centred.mean(axis=0)
    if np.abs(mean).max() <= 1e-9 * np.abs(readout).max():
        return 1.0
    return float((centred @ mean > 0).mean())


def flat_mean(draws: Array, prior: Array, interval: float) -> Array:
    """Mean and interval of a number, had its prior been flat.

    Parameters
    ----------
    draws, prior : ndarray of shape (n_draws,)
        Of the posterior and of the prior.
    interval : float

    Returns
    -------
    ndarray of shape (3,)
        By weights of one over the prior's density, which is taken to be no lower than
        that of a twentieth of its draws in a bin: what the prior hardly ever says
        cannot be weighed.
    """
    edges = np.histogram_bin_edges(np.concatenate([draws, prior]), N_BINS)
    counts = np.histogram(prior, edges)[0].astype(float)
    centres = (edges[1:] + edges[:-1]) / 2.0
    density = np.interp(draws, centres, counts)
    weights = 1.0 / np.maximum(density, len(prior) / 20.0 / N_BINS)
    weights /= weights.sum()
    order = np.argsort(draws)
    cumulative = np.cumsum(weights[order])
    tail = (1.0 - interval) / 2.0
    ends = np.searchsorted(cumulative, (tail, 1.0 - tail)).clip(max=len(draws) - 1)
    return np.array([weights @ draws, *draws[order][ends]])


def doubts(readout_name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Say what of a posterior must not be read as it stands.

    Parameters
    ----------
    readout_name : str
    found : dict
        As `describe` gives it.

    Yields
    ------
    str
    """
    p, departure = found["pattern_probability_"], found["departure_"][0]
    if p < SURE:
        yield (
            f"The data leave open which way up the pattern of the {readout_name} is: "
            f"the map has its orientation with a probability of {p:.2f}. Read "
            "readout_interval_ or draws_, not the map alone; signs of maps "
            "(FIC(map_signs=...)) or more scans decide it."
        )
    effective, error = found["n_scans_effective_"][0], found["model_error_"][0]
    if error > 0.5 / effective:
        yield (
            f"What is left of the FC is as large as noise of {effective:.2g} scans, "
            "more than half of which is error of the model: it is taken for noise of "
            "the same shape, with which intervals were not calibrated."
        )
    if departure > CALIBRATED and not found["space_"].departs:
        yield (
            f"Regions depart from the maps by {departure:.2f} of the ranges, as far as "
            f"FC tells, and intervals were calibrated up to {CALIBRATED}: these hold "
            "under the model alone, which the data contradict. Other maps, or another "
            "model, come first."
        )
