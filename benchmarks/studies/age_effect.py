"""Recover how E/I falls with age: what is held in common, and how long is searched.

The synthetic cohort of examples/plot_population.py, in twenty groups of ten or as forty
single subjects, with ranges of w_EE and G near the truth, elsewhere, or free.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from functools import cache
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import correlation, main, table

from delssome import CMAES, FIC, PopulationFitter, Verification
from delssome.datasets import make_cohort
from delssome.study import age_groups, map_effects

NEAR = {"w_EE": (2.4, 3.8), "G": (2.2, 2.6)}
ELSEWHERE = {"w_EE": (3.8, 5.6), "G": (1.2, 1.4)}
SHORT = CMAES(n_restarts=1, popsize=32, max_iter=50), Verification(n_finalists=4)
LONG = CMAES(n_restarts=2, popsize=64, max_iter=60), Verification(n_finalists=8)
# Subjects in a group, ranges, search.
FITS = {
    "groups, near, one search": (10, NEAR, SHORT),
    "groups, near": (10, NEAR, LONG),
    "groups, elsewhere": (10, ELSEWHERE, LONG),
    "groups, free": (10, {}, LONG),
    "single subjects, near": (1, NEAR, LONG),
    "single subjects, elsewhere": (1, ELSEWHERE, LONG),
    "single subjects, free": (1, {}, LONG),
}


@cache
def cohort_of(n_subjects, n_rois):
    """Give the cohort of all fits."""
    settings = {"age_effect": 0.025, "n_jobs": 2, "random_state": 0}
    return make_cohort(n_subjects, n_rois, **settings)


def measure(run, fit):
    size, ranges, (search, verification) = FITS[fit]
    n_subjects, n_rois, n_single = (30, 16, 6) if run.quick else (200, 68, 40)
    cohort, model = cohort_of(n_subjects, n_rois), FIC(map_signs=(-1, 1), **ranges)
    chosen = np.argsort(cohort.age, kind="stable")
    if size == 1:  # evenly over the ages
        chosen = chosen[:: n_subjects // n_single]
    groups = age_groups(cohort.age[chosen], len(chosen) // size)
    settings = {"search": search, "verification": verification, "random_state": 0}
    fitter = run.fitter(cohort.maps, model=model, **settings).set_params(n_jobs=None)
    population = PopulationFitter(fitter, n_jobs=run.n_jobs)
    found = population.fit(cohort.X[chosen], groups=groups).readout_
    age, truth = (
        np.array([x[chosen][groups == k].mean(axis=0) for k in population.groups_])
        for x in (cohort.age, cohort.ei_ratio)
    )
    slope, true = (
        map_effects(x, {"age": age}, "age").loc[("age", "mean", "mean")]
        for x in (found, truth)
    )
    known = np.isfinite(population.cost_)
    pairs = zip(found[known], truth[known], strict=True)
    return {
        "n_fits": len(age),
        "slope": [slope["effect"], slope["low"], slope["high"]],
        "true_slope": true["effect"],
        "r_of_mean": correlation(found[known].mean(axis=1), truth[known].mean(axis=1)),
        "r_over_regions": [r for x in pairs if (r := correlation(*x)) is not None],
        "in_range": population.in_range_.mean(),
    }


def tables(rows):
    lines = []
    for row in rows:
        slope, low, high = row["slope"]
        r = row["r_over_regions"] or [np.nan]
        lines.append(
            f"{row['n_fits']} {row['fit']} | {slope:+.3f} [{low:.3f}, {high:.3f}] | "
            f"{row['true_slope']:+.3f} | {row['r_of_mean']:.2f} | "
            f"{np.median(r):.2f}, {min(r):.2f} | {100 * row['in_range']:.0f} %"
        )
    columns = " | slope per year [95 %] | the truth's | mean E/I, r with the truth"
    return table(f"{columns} | over regions, r: median, worst | in range", lines)


if __name__ == "__main__":
    main(measure, tables, fit=FITS)
