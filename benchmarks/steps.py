"""Simulate fitted parameters with shorter integration steps, to see what holds.

The published protocol searches with steps of 6 ms and computes final costs and E/I maps
with 0.5 ms. Winners of default fits on the real training group are simulated with both
and with steps between, eight evaluations of three simulations, against the same group.

    python benchmarks/steps.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from real_group import DATA, load_group

import delssome
from delssome import MeanFieldFitter
from delssome.connectome import matrix_to_edges
from delssome.costs import Target
from delssome.simulation import SimulationEvaluator, compare

N_EVALUATIONS = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=float, nargs="+", default=[6, 3, 2, 1, 0.5])
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    small = {"popsize": 8, "max_iter": 2, "n_finalists": 2} if args.quick else {}
    if args.quick:
        args.seeds, args.steps = 1, [6, 3]
    X, maps = load_group(args.data, "train")
    rows = []
    for seed in range(args.seeds):
        fitter = MeanFieldFitter(
            maps, map_signs=(-1, 1), n_jobs=2, random_state=seed, **small
        ).fit(X)
        target = Target(fitter.sc_, matrix_to_edges(fitter.fc_), fitter.fcd_cdf_)
        params = fitter.space_.expand(np.tile(fitter.params_, (N_EVALUATIONS, 1)))
        ratios = {}
        for step in args.steps:
            scan = replace(fitter.acquisition_, dt=step / 1000)
            simulator = SimulationEvaluator(fitter.model_, scan, n_jobs=2)
            statistics = simulator.statistics(
                params, target.sc, np.random.default_rng(seed)
            )
            evaluation = compare(statistics, target)
            ratios[step] = statistics.ei_ratio.mean(axis=0)
            row = {
                "seed": seed,
                "step_ms": step,
                "cost": evaluation.total.mean(),
                "cost_sd": evaluation.total.std(ddof=1),
                "terms": evaluation.costs.mean(axis=0).tolist(),
                "in_range": float(evaluation.in_range.mean()),
                "rate_min": statistics.rates.min(),
                "rate_max": statistics.rates.max(),
                "ei_ratio": ratios[step].mean(),
                "ei_ratio_r": np.corrcoef(ratios[step], ratios[args.steps[0]])[0, 1],
            }
            rows.append(row)
            print(row, flush=True)
    report = {"delssome": delssome.__version__, "rows": rows}
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
