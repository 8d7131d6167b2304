"""What it buys that candidates share their noise: correlation and spread of costs.

Finalists of a fit to the real training group are simulated one by one with the same
seeds. Costs that rise and fall together over seeds can be told apart by less.

    python benchmarks/common_noise.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
from pathlib import Path

import numpy as np
from real_group import DATA, load_group
from search_methods import make_target

import delssome
from delssome import FIC, Acquisition, MeanFieldFitter
from delssome.costs import cost_terms
from delssome.models import ParameterSpace
from delssome.observables import fc_edges, fcd_cdf
from delssome.simulation import simulate


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--candidates", type=int, default=10)
    parser.add_argument("--noises", type=int, default=24)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.quick:
        args.candidates, args.noises = 3, 4
    X, maps = load_group(args.data, "train")
    target, _ = make_target(args.data, "train")
    short = {"popsize": 16, "max_iter": 5} if args.quick else {}
    fitter = MeanFieldFitter(
        maps, map_signs=(-1, 1), n_finalists=args.candidates, n_jobs=2, random_state=0
    ).set_params(**short)
    table = fitter.fit(X).verification_
    scan, model = Acquisition(), FIC()
    params = ParameterSpace(model, maps).expand(table.theta)

    # One row of seeds for all: every candidate meets the same noise.
    seeds = np.tile(np.arange(args.noises), (len(table.theta), 1))
    bold = simulate(model, params, target.sc, scan, seeds).bold
    totals = np.array(
        [
            [
                cost_terms(
                    fc_edges(run),
                    fcd_cdf(run, scan.fcd_window),
                    target.fc,
                    target.fcd_cdf,
                ).sum()
                for run in runs
            ]
            for runs in bold
        ]
    )
    pairs = np.triu_indices(len(totals), 1)
    shared = (totals[pairs[0]] - totals[pairs[1]]).std(axis=1, ddof=1)
    variances = totals.var(axis=1, ddof=1)
    independent = np.sqrt(variances[pairs[0]] + variances[pairs[1]])
    report = {
        "delssome": delssome.__version__,
        "n_candidates": len(totals),
        "n_noises": args.noises,
        "cost_sd": float(np.sqrt(variances.mean())),
        "correlation": float(np.corrcoef(totals)[pairs].mean()),
        "difference_sd_shared": float(shared.mean()),
        "difference_sd_independent": float(independent.mean()),
    }
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
