"""Evaluate candidates by simulation: statistics over repeats, costs, rate check."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import threadpool_limits

from delssome.costs import Evaluation, cost_terms
from delssome.models import check_candidates
from delssome.observables import fc_edges, fcd_histogram
from delssome.simulation.integrator import check_backend, check_step, simulate
from delssome.utils import check_device, check_number

__all__ = ["SimulationEvaluator", "Statistics", "compare"]

# Simulations side by side: enough to fill the lanes of the fused backend and to hide
# the dispatch of the other, few enough to leave work for several workers. The number
# of workers has no say in it, so that results do not depend on it.
SMALLEST_BATCH, LARGEST_BATCH, N_BATCHES = 16, 64, 4
GPU_BATCH = 16_384


class Statistics(NamedTuple):
    """Simulated statistics of candidates, averaged over their valid repeats.

    Attributes
    ----------
    fc : ndarray of shape (n_candidates, n_edges)
        FC, upper triangle, arithmetic mean over repeats.
    fcd_cdf : ndarray of shape (n_candidates, n_fcd_bins)
        CDF of the FCD histograms summed over repeats.
    rates : ndarray of shape (n_candidates, n_rois)
        Mean excitatory firing rate, in Hz.
    ei_ratio : ndarray of shape (n_candidates, n_rois)
        <S_E>/<S_I> of each repeat, averaged.
    violation : ndarray of shape (n_candidates,)
        Largest distance (Hz) of any region's mean rate in any repeat from the
        plausible range; 0 within range, inf if a repeat diverged.
    """

    fc: np.ndarray
    fcd_cdf: np.ndarray
    rates: np.ndarray
    ei_ratio: np.ndarray
    violation: np.ndarray


def draw_seeds(rng, shape):
    """Draw seeds for simulations from a NumPy generator."""
    return rng.integers(0, 2**63, size=shape, dtype=np.int64)


class SimulationEvaluator:
    """Simulate candidates and compare them with a target.

    Parameters
    ----------
    model : FIC
    acquisition : Acquisition
    n_fcd_bins : int, default=10_000
    n_repeats : int, default=3
        Simulations with independent noise per candidate.
    backend : {"auto", "fused", "torch"}, default="auto"
    device : str, default="cpu"
    dtype : {"float32", "float64"}, default="float32"
    n_jobs : int, default=None
        Workers among which batches are shared (joblib): threads for the fused
        backend, processes for torch.

    Notes
    -----
    FC is averaged over repeats, FCD histograms are summed, as published. A repeat
    that diverged (NaN) is left out of the averages, but makes its candidate count
    as out of range.
    """

    def __init__(
        self,
        model,
        acquisition,
        *,
        n_fcd_bins=10_000,
        n_repeats=3,
        backend="auto",
        device="cpu",
        dtype="float32",
        n_jobs=None,
    ):
        check_number("n_repeats", n_repeats, Integral, 1)
        check_number("n_fcd_bins", n_fcd_bins, Integral, 2)
        check_step(model, acquisition)
        self.model = model
        self.acquisition = acquisition
        self.n_fcd_bins = n_fcd_bins
        self.n_repeats = n_repeats
        self.backend = backend
        self.device = device
        self.dtype = dtype
        self.n_jobs = n_jobs

    def statistics(self, params, sc, rng, *, common_noise=False):
        """Simulate candidates and give their statistics.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched parameters, (n_candidates, n_rois) or (n_candidates,).
        sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
            Scaled structural connectivity.
        rng : numpy.random.Generator
            Source of the seeds: one for each simulation, drawn at once, so that
            batches and processes do not matter.
        common_noise : bool, default=False
            Whether all candidates share the noise of each repeat: then their
            differences are nearly those of their parameters.

        Returns
        -------
        Statistics
        """
        params, sc = check_candidates(self.model, params, sc)
        n_candidates = len(params["G"])
        shape = (1 if common_noise else n_candidates, self.n_repeats)
        seeds = np.repeat(draw_seeds(rng, shape), n_candidates // shape[0], axis=0)
        on_gpu = check_device(self.device).type != "cpu"
        size = (
            max(1, GPU_BATCH // self.n_repeats)
            if on_gpu
            else _batch_size(n_candidates, self.n_repeats)
        )
        batches = [slice(k, k + size) for k in range(0, n_candidates, size)]
        fused = check_backend(self.backend, self.device, self.dtype) == "fused"
        options = {"backend": self.backend, "device": self.device, "dtype": self.dtype}
        jobs = (
            delayed(_simulate_batch)(
                self.model,
                {name: values[batch] for name, values in params.items()},
                sc if np.ndim(sc) == 2 else sc[batch],
                self.acquisition,
                seeds[batch],
                self.n_fcd_bins,
                options,
            )
            for batch in batches
        )
        # Compiled code runs side by side in threads, eager torch only in processes.
        # Workers share the cores, so the matrix products in each use one.
        n_jobs = 1 if on_gpu else self.n_jobs
        parallel = Parallel(n_jobs=n_jobs, prefer="threads" if fused else None)
        limit = 1 if effective_n_jobs(n_jobs) > 1 else None
        with threadpool_limits(limit, user_api="blas"):
            parts = parallel(jobs)
        return Statistics(*map(np.concatenate, zip(*parts, strict=True)))

    def evaluate(self, params, target, rng):
        """Give costs against a target and the distance from the plausible range.

        Candidates share their noise, as they are to be ranked.

        Parameters
        ----------
        params : dict of str to ndarray
        target : Target
        rng : numpy.random.Generator

        Returns
        -------
        Evaluation
        """
        statistics = self.statistics(params, target.sc, rng, common_noise=True)
        return compare(statistics, target)


def compare(statistics, target):
    """Give the evaluation of simulated statistics against a target."""
    costs = cost_terms(statistics.fc, statistics.fcd_cdf, target.fc, target.fcd_cdf)
    return Evaluation(costs, statistics.violation)


def _batch_size(n_candidates, n_repeats):
    """Give the candidates of a batch: a multiple of the smallest batch, if it can."""
    wanted = np.clip(
        n_candidates * n_repeats // N_BATCHES, SMALLEST_BATCH, LARGEST_BATCH
    )
    step = SMALLEST_BATCH // np.gcd(n_repeats, SMALLEST_BATCH)
    return int(max(1, round(wanted / n_repeats / step)) * step)


def _simulate_batch(model, params, sc, acquisition, seeds, n_fcd_bins, options):
    simulation = simulate(model, params, sc, acquisition, seeds, **options)
    rates = simulation.averages["r_E"]
    fc = fc_edges(simulation.bold)
    counts = fcd_histogram(
        simulation.bold, acquisition.fcd_window, n_fcd_bins, options["device"]
    )
    valid = (
        np.isfinite(rates).all(axis=-1)
        & np.isfinite(fc).all(axis=-1)
        & np.isfinite(counts).all(axis=-1)
    )

    def mean(x):
        kept = np.where(valid[..., None], x, 0.0).sum(axis=1)
        n_valid = valid.sum(axis=1)[:, None]
        return np.where(n_valid > 0, kept / np.maximum(n_valid, 1), np.nan)

    cumulative = mean(counts).cumsum(axis=-1)
    low, high = model.rate_range
    beyond = np.maximum(low - rates, rates - high).max(axis=(1, 2))
    violation = np.where(valid.all(axis=1), np.maximum(beyond, 0.0), np.inf)
    ei_ratio = simulation.averages["S_E"] / simulation.averages["S_I"]
    return Statistics(
        mean(fc),
        cumulative / cumulative[:, -1:],
        mean(rates),
        mean(ei_ratio),
        violation,
    )
