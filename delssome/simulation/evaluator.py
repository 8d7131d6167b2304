"""Evaluate candidates by simulation: statistics over repeats, costs, rate check."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import delayed, effective_n_jobs
from numpy.typing import NDArray

from delssome.evaluation import Evaluation, Evaluator, Statistics, Target
from delssome.models import Candidates, Model, check_candidates
from delssome.simulation.acquisition import Acquisition
from delssome.simulation.backends import load_backend
from delssome.simulation.integrator import check_step, simulate
from delssome.simulation.simulator import Simulator
from delssome.utils import (
    MOST_BINS,
    check_number,
    check_running,
    instance_or_default,
    one_blas_thread,
)
from delssome.workers import Parallel

__all__ = ["SimulationEvaluator"]

Array = NDArray[Any]

# Simulations side by side: enough to fill the lanes of the fused backend and to hide
# the dispatch of the other, few enough to leave work for several workers. The number
# of workers has no say in it, so that results do not depend on it.
SMALLEST_BATCH, LARGEST_BATCH, N_BATCHES = 16, 64, 4
GPU_BATCH = 16_384


class SimulationEvaluator(Evaluator):
    """Simulate candidates and compare them with a target.

    Parameters
    ----------
    model : Model
    acquisition : Acquisition
    simulator : Simulator, default=None
        Repeats, backend, device and precision. None: ``Simulator()``.
    n_fcd_bins : int, default=10_000
    n_jobs : int, default=None
        Workers among which batches are shared (joblib): threads for the fused
        backend, processes for torch.

    Notes
    -----
    FC is averaged over repeats, FCD histograms are summed, as published. A repeat
    that diverged (NaN) is left out of the averages, but makes its candidate count
    as out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import FIC, Acquisition, Simulator
    >>> from delssome.models import Candidates
    >>> from delssome.simulation import SimulationEvaluator
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> evaluator = SimulationEvaluator(FIC(), scan, Simulator(n_repeats=2))
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> found = evaluator.statistics(candidates, np.random.default_rng(0))
    >>> found.fc.shape, found.fcd_cdf.shape
    ((1, 3), (1, 10000))
    """

    simulates: ClassVar[bool] = True

    def __init__(
        self,
        model: Model,
        acquisition: Acquisition,
        simulator: Simulator | None = None,
        *,
        n_fcd_bins: int = 10_000,
        n_jobs: int | None = None,
    ) -> None:
        check_number("n_fcd_bins", n_fcd_bins, Integral, 2, MOST_BINS)
        check_running(n_jobs)
        self.acquisition = check_step(model, acquisition)
        self.model = model
        self.simulator = instance_or_default("simulator", simulator, Simulator)
        self.n_fcd_bins = n_fcd_bins
        self.n_jobs = n_jobs

    @property
    def n_repeats(self) -> int:  # type: ignore[override]
        """Simulations of a candidate."""
        return self.simulator.n_repeats

    def check(self, model: Model) -> None:
        """Refuse what is no model, and steps at which it would diverge."""
        check_step(model, self.acquisition)

    def statistics(
        self,
        candidates: Candidates,
        rng: np.random.Generator | Sequence[np.random.Generator] | None = None,
        *,
        common_noise: bool = False,
    ) -> Statistics:
        """Simulate candidates and give their statistics.

        Parameters
        ----------
        candidates : Candidates
        rng : numpy.random.Generator, or one for each candidate, default=None
            Source of the seeds: one for each simulation, drawn at once, so that
            batches and processes do not matter. None: fresh entropy.
        common_noise : bool, default=False
            Whether all candidates share the noise of each repeat: then their
            differences are nearly those of their parameters.

        Returns
        -------
        Statistics
        """
        return Statistics.join(self._batches(candidates, rng, common_noise))

    def _batches(
        self,
        candidates: Candidates,
        rng: np.random.Generator | Sequence[np.random.Generator] | None,
        common_noise: bool,
        target: Target | None = None,
    ) -> list[Any]:
        """Give statistics of batches or, with a target, their costs alone."""
        check_candidates(candidates)
        rng = np.random.default_rng() if rng is None else rng
        n, n_repeats, used = len(candidates), self.n_repeats, self.simulator.uses
        if isinstance(rng, Sequence):
            seeds = np.array([_seeds(own, 1, n_repeats)[0] for own in rng])
        else:
            seeds = _seeds(rng, 1 if common_noise else n, n_repeats)
        seeds = np.repeat(seeds, n // len(seeds), axis=0)
        on_gpu = str(self.simulator.device) != "cpu"
        size = max(1, GPU_BATCH // n_repeats) if on_gpu else _batch_size(n, n_repeats)
        candidates.solved  # noqa: B018, once for all batches
        jobs = (
            delayed(_simulate_batch)(
                candidates.select(slice(k, k + size)),
                self.acquisition,
                seeds[k : k + size],
                self.n_fcd_bins,
                self.simulator,
                target,
            )
            for k in range(0, n, size)
        )
        # Compiled code runs side by side in threads, eager torch only in processes.
        # Workers share the cores, so the matrix products in each use one.
        n_jobs = 1 if on_gpu else self.n_jobs
        parallel = Parallel(
            n_jobs=n_jobs, prefer="threads" if used == "fused" else None
        )
        with one_blas_thread(effective_n_jobs(n_jobs) > 1):
            return list(parallel(jobs))

    def evaluate(
        self,
        candidates: Candidates,
        target: Target,
        rng: np.random.Generator | None = None,
    ) -> Evaluation:
        """Give costs against a target and the distance from the plausible range.

        Candidates share their noise, as they are to be ranked. Of each batch only the
        costs are kept, so that any number of candidates fits into memory.

        Parameters
        ----------
        candidates : Candidates
        target : Target
        rng : numpy.random.Generator, default=None

        Returns
        -------
        Evaluation
        """
        return Evaluation.join(self._batches(candidates, rng, True, target))


def _seeds(rng: np.random.Generator, n: int, n_repeats: int) -> Array:
    return rng.integers(0, 2**63, size=(n, n_repeats), dtype=np.int64)


def _batch_size(n_candidates: int, n_repeats: int) -> int:
    """Give the candidates of a batch: a multiple of the smallest batch, if it can."""
    wanted = np.clip(
        n_candidates * n_repeats // N_BATCHES, SMALLEST_BATCH, LARGEST_BATCH
    )
    step = SMALLEST_BATCH // np.gcd(n_repeats, SMALLEST_BATCH)
    return int(max(1, round(wanted / n_repeats / step)) * step)


def _simulate_batch(
    candidates: Candidates,
    acquisition: Acquisition,
    seeds: Array,
    n_fcd_bins: int,
    simulator: Simulator,
    target: Target | None,
) -> Statistics | Evaluation:
    from delssome.observables import fc_edges, fcd_histogram

    bold, averages = simulate(
        candidates,
        acquisition,
        seeds,
        backend=simulator.backend,
        device=simulator.device,
        dtype=simulator.dtype,
    )
    mask, window = acquisition.mask, acquisition.fcd_window
    if str(simulator.device) == "cpu":
        fc = fc_edges(bold, mask)
        counts = fcd_histogram(bold, window, n_fcd_bins, kept=mask)
    else:
        fc, counts = load_backend("torch").connectivity(
            bold, window, n_fcd_bins, simulator.device, mask
        )
    parts = (*averages.values(), fc, counts)
    valid = np.logical_and.reduce([np.isfinite(x).all(axis=-1) for x in parts])

    def mean(x: Array) -> Array:
        kept = np.where(valid[..., None], x, 0.0).sum(axis=1)
        n_valid = valid.sum(axis=1)[:, None]
        return np.where(n_valid > 0, kept / np.maximum(n_valid, 1), np.nan)

    cumulative = mean(counts).cumsum(axis=-1)
    model = candidates.model
    violation = np.zeros(len(candidates))
    if model.rate is not None:
        (low, high), rates = model.rate_range, averages[model.rate]
        beyond = np.maximum(low - rates, rates - high).max(axis=(1, 2))
        violation = np.maximum(beyond, 0.0)
    found = Statistics(
        mean(fc),
        cumulative / cumulative[:, -1:],
        np.where(valid.all(axis=1), violation, np.inf),
        {name: mean(x) for name, x in averages.items()},
        readout=mean(model.readout(averages)),
    )
    return found if target is None else found.compare(target)
