"""Fit synthetic cohorts with known parameters: what comes back, and what does not.

Eight subjects of every cohort are fitted as a group; the truth is what they scatter
about.

    python benchmarks/recovery.py --keep FOLDER --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
from pathlib import Path

import numpy as np

import delssome
from delssome import MeanFieldFitter
from delssome.datasets import make_cohort


def fit(seed, quick):
    """Give the row of one cohort."""
    given = {"n_subjects": 2, "n_rois": 12} if quick else {"n_subjects": 8}
    small = {"popsize": 8, "max_iter": 2, "n_finalists": 2} if quick else {}
    cohort = make_cohort(**given, n_jobs=2, random_state=seed)
    fitter = MeanFieldFitter(
        cohort.maps, map_signs=(-1, 1), n_jobs=2, random_state=seed, **small
    ).fit(cohort.X)
    truth = cohort.ei_ratio.mean(axis=0)
    return {
        "ei_correlation": float(np.corrcoef(fitter.ei_ratio_, truth)[0, 1]),
        "ei_mean": float(fitter.ei_ratio_.mean()),
        "ei_mean_truth": float(truth.mean()),
        "cost": fitter.cost_,
        "in_range": fitter.in_range_,
        "params": fitter.params_.tolist(),
        "truth": cohort.group_theta.tolist(),
        "names": list(cohort.theta_names),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=10)
    parser.add_argument("--keep", type=Path, help="folder of finished cohorts")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for seed in range(2 if args.quick else args.cohorts):
        file = args.keep / f"{seed}.json" if args.keep else None
        if file and file.exists():
            rows.append(json.loads(file.read_text()))
        else:
            rows.append(fit(seed, args.quick))
            if file:
                args.keep.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(rows[-1]))
        row = rows[-1]
        print(
            f"cohort {seed}: E/I r {row['ei_correlation']:.3f}, mean "
            f"{row['ei_mean']:.2f} for {row['ei_mean_truth']:.2f}, "
            f"cost {row['cost']:.3f}",
            flush=True,
        )
    found, truth = (np.array([r[k] for r in rows]) for k in ("params", "truth"))
    names = rows[0]["names"]
    report = {
        "delssome": delssome.__version__,
        "n_cohorts": len(rows),
        "ei_correlations": [r["ei_correlation"] for r in rows],
        "ei_means": [[r["ei_mean"], r["ei_mean_truth"]] for r in rows],
        "in_range": [r["in_range"] for r in rows],
        "parameters": {
            name: {
                "truth": float(truth[:, k].mean()),
                "mean": float(found[:, k].mean()),
                "sd": float(found[:, k].std(ddof=1)),
                "relative_errors": (found[:, k] / truth[:, k] - 1.0).tolist(),
            }
            for k, name in enumerate(names)
        },
    }
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
