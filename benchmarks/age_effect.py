"""Recover how E/I falls with age: what is held in common, and how long is searched.

The synthetic cohort of examples/plot_population.py, in twenty groups of ten or as
single subjects, with ranges of w_EE and G near the truth, elsewhere, or free.

    python benchmarks/age_effect.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

import delssome
from delssome import FIC, MeanFieldFitter, PopulationFitter
from delssome.datasets import make_cohort
from delssome.study import age_groups, age_slope

NEAR = {"w_EE": (2.4, 3.8), "G": (2.2, 2.6)}
ELSEWHERE = {"w_EE": (3.8, 5.6), "G": (1.2, 1.4)}
SHORT = {"n_restarts": 1, "popsize": 32, "max_iter": 50, "n_finalists": 4}
LONG = {"n_restarts": 2, "popsize": 64, "max_iter": 60, "n_finalists": 8}
# Subjects in a group, ranges, settings of the search.
VARIANTS = {
    "near": (10, NEAR, SHORT),
    "near, longer": (10, NEAR, LONG),
    "elsewhere, longer": (10, ELSEWHERE, LONG),
    "free, longer": (10, {}, LONG),
    "single subjects, near": (1, NEAR, LONG),
    "single subjects, elsewhere": (1, ELSEWHERE, LONG),
    "single subjects, free": (1, {}, LONG),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=[*VARIANTS])
    parser.add_argument("--subjects", type=int, default=200)
    parser.add_argument("--single", type=int, default=40, help="of these, as singles")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.quick:
        args.subjects, args.single, args.only = 60, 6, args.only[:1]
    warnings.simplefilter("ignore")
    cohort = make_cohort(
        args.subjects, age_effect=0.025, n_jobs=args.n_jobs, random_state=0
    )
    report = {"delssome": delssome.__version__}
    for name in args.only:
        size, ranges, search = VARIANTS[name]
        # Single subjects: evenly over the ages.
        chosen = np.argsort(cohort.age, kind="stable")
        if size == 1:
            chosen = chosen[:: max(1, args.subjects // args.single)]
        age, truth = cohort.age[chosen], cohort.ei_ratio[chosen]
        groups = age_groups(age, len(chosen) // size)
        fitter = MeanFieldFitter(
            cohort.maps,
            map_signs=(-1, 1),
            model=FIC(**ranges),
            random_state=0,
            **search,
        )
        population = PopulationFitter(fitter, n_jobs=args.n_jobs).fit(
            cohort.X[chosen], groups=groups
        )
        age, truth = (
            np.array([x[groups == k].mean(axis=0) for k in population.groups_])
            for x in (age, truth)
        )
        found = age_slope(population.ei_ratio_, age).loc[("mean", "mean")]
        true = age_slope(truth, age).loc[("mean", "mean")]
        known = np.isfinite(population.cost_)
        maps = zip(population.ei_ratio_[known], truth[known], strict=True)
        report[name] = {
            "n_fits": len(age),
            "slope": found["slope"],
            "slope_low": found["low"],
            "slope_high": found["high"],
            "true_slope": true["slope"],
            "r_of_mean": np.corrcoef(
                population.ei_ratio_[known].mean(axis=1), truth[known].mean(axis=1)
            )[0, 1],
            "r_over_regions": [float(np.corrcoef(a, b)[0, 1]) for a, b in maps],
            "in_range": float(population.in_range_.mean()),
            "spectral_radius_young_old": [
                float(population.spectral_radius_[known][k]) for k in (0, -1)
            ],
        }
        print(name, report[name], flush=True)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
