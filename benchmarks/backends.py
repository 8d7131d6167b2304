"""Compare the costs that the two simulation backends give to the same candidates.

Candidates in range, from wide draws around the middle of the box, are evaluated over
and over by both backends with independent noise. Equal costs in the mean and in their
spread are what a search sees of a backend.

    python benchmarks/backends.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import time
from pathlib import Path

import numpy as np
from real_group import DATA, load_group

from delssome import FIC, Acquisition
from delssome.connectome import matrix_to_edges, prepare_sc, unpack_subjects
from delssome.costs import Target, cost_terms
from delssome.models import ParameterSpace
from delssome.search import CMAES
from delssome.simulation import SimulationEvaluator


def candidates_in_range(space, target, n, rng):
    """Draw candidates and keep the best of those that simulate within range."""
    theta = CMAES(space, popsize=64 * n, sigma0=0.3, rng=rng).ask()
    simulator = SimulationEvaluator(space.model, Acquisition(), n_repeats=1, n_jobs=2)
    fitness = simulator.evaluate(space.expand(theta), target, rng).fitness
    return theta[np.argsort(fitness)[:n]]


def repeated_costs(backend, space, theta, target, n_repeats, rng):
    """Give the cost terms of single simulations, (n_candidates, n_repeats, 3)."""
    simulator = SimulationEvaluator(
        space.model, Acquisition(), n_repeats=1, backend=backend, n_jobs=2
    )
    params = space.expand(np.repeat(theta, n_repeats, axis=0))
    statistics = simulator.statistics(params, target.sc, rng)
    terms = cost_terms(statistics.fc, statistics.fcd_cdf, target.fc, target.fcd_cdf)
    return terms.reshape(len(theta), n_repeats, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    n_candidates, n_repeats = (3, 8) if args.quick else (10, 32)

    X, maps = load_group(args.data, "train")
    group = unpack_subjects(X)
    target = Target(
        prepare_sc(group.sc[0]), matrix_to_edges(group.fc[0]), group.fcd_cdf[0]
    )
    space = ParameterSpace(FIC(), maps, map_signs=(-1, 1))
    rng = np.random.default_rng(0)
    theta = candidates_in_range(space, target, n_candidates, rng)
    total, seconds = {}, {}
    for backend in ("fused", "torch"):
        started = time.perf_counter()
        terms = repeated_costs(backend, space, theta, target, n_repeats, rng)
        seconds[backend] = time.perf_counter() - started
        total[backend] = terms.sum(axis=2)

    fused, torch = total["fused"], total["torch"]
    gap = fused.mean(axis=1) - torch.mean(axis=1)
    error = np.sqrt((fused.var(axis=1, ddof=1) + torch.var(axis=1, ddof=1)) / n_repeats)
    report = {
        "cost_fused": fused.mean(axis=1).tolist(),
        "cost_torch": torch.mean(axis=1).tolist(),
        "z": (gap / error).tolist(),
        "mean_difference": gap.mean(),
        "mean_difference_standard_error": np.sqrt((error**2).mean() / len(gap)),
        "sd_fused": np.sqrt(fused.var(axis=1, ddof=1).mean()),
        "sd_torch": np.sqrt(torch.var(axis=1, ddof=1).mean()),
        "wall_seconds": seconds,
    }
    for name, value in report.items():
        print(f"{name}: {np.round(value, 4) if name != 'wall_seconds' else value}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
