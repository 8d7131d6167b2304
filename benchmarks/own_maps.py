"""Fit synthetic groups with maps other than those their parameters are made of.

True E/I maps are linear in two maps. Fits are given these, gradients of the group's
own FC, or none: how low do costs get, and how much of E/I comes back? Rows are kept, so
that a run that was stopped goes on.

    python benchmarks/own_maps.py --keep FOLDER --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from recovery import DESIGNS, make_group

import delssome
from delssome import MeanFieldFitter
from delssome.connectome import group_average
from delssome.maps import fc_gradients
from delssome.theory import effective_parameters

# Columns of the true maps, number of own gradients, signs of w_EI along them.
KINDS = {
    "true maps and signs": ([0, 1], 0, (-1, 1)),
    "true maps": ([0, 1], 0, None),
    "first true map, two gradients": ([0], 2, None),
    "two gradients": ([], 2, None),
    "one gradient": ([], 1, None),
    "none": ([], 0, None),
}


def fit(design, seed, kinds, quick):
    """Give the row of one group."""
    size = (2, 12) if quick else (8, 68)
    X, space, ei_ratio, truth = make_group(design, seed, *size)
    small = {"popsize": 8, "max_iter": 2, "n_finalists": 2} if quick else {}
    fc = group_average(X).fc
    true, row = space.expand(truth[None]), {}
    for kind in kinds:
        columns, n_gradients, signs = KINDS[kind]
        maps = [space.maps[:, columns]]
        if n_gradients:
            maps.append(fc_gradients(fc, n_gradients))
        maps = np.hstack(maps)
        fitter = MeanFieldFitter(
            maps if maps.size else None,
            map_signs=signs,
            n_jobs=2,
            random_state=seed,
            **small,
        ).fit(X)
        effective = effective_parameters(space.model, true, fitter.sc_)
        ratio = (effective.relaxation / effective.coupling)[0]
        row[kind] = {
            "cost": fitter.cost_,
            "in_range": fitter.in_range_,
            # NaN where nothing varies over regions.
            "ei_correlation": float(np.corrcoef(fitter.ei_ratio_, ei_ratio)[0, 1])
            if np.ptp(fitter.ei_ratio_) > 1e-3
            else None,
            "relaxation_over_coupling_correlation": float(
                np.corrcoef(fitter.relaxation_over_coupling_, ratio)[0, 1]
            ),
            "spectral_radius": [
                fitter.spectral_radius_,
                float(effective.spectral_radius[0]),
            ],
        }
    design = np.column_stack([np.ones(len(fc)), fc_gradients(fc, 2)])
    within = design @ np.linalg.lstsq(design, ei_ratio, rcond=None)[0]
    row["ei_correlation_at_most"] = float(np.corrcoef(within, ei_ratio)[0, 1])
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--design", choices=DESIGNS, default="subjects")
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    parser.add_argument("--keep", type=Path, help="folder of finished rows")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for seed in range(2 if args.quick else args.groups):
        file = args.keep / f"{args.design}_{seed}.json" if args.keep else None
        if file and file.exists():
            rows.append(json.loads(file.read_text()))
            continue
        rows.append(fit(args.design, seed, args.kinds, args.quick))
        print(seed, json.dumps(rows[-1]), flush=True)
        if file:
            args.keep.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(rows[-1]))
    report = {"delssome": delssome.__version__, "design": args.design}
    for kind in args.kinds:
        report[kind] = {
            name: [row[kind][name] for row in rows]
            for name in rows[0][kind]
            if rows[0][kind][name] is not None
        }
        medians = {
            name: float(np.median(values))
            for name, values in report[kind].items()
            if name != "spectral_radius"
        }
        report[kind]["medians"] = medians
        print(kind, medians)
    at_most = [row["ei_correlation_at_most"] for row in rows]
    report["ei_correlation_at_most"] = at_most
    print("two gradients could give at most", float(np.median(at_most)))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
