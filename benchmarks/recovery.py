"""Recover known parameters from synthetic groups: which come back, which do not.

Eight scans of 68 regions a group, by three designs. "scans": one connectome, one set of
parameters. "connectomes": every subject has its own connectome. "subjects": and its own
parameters, which differ by 3 %. Truths differ by 15 % between groups. Rows are kept, so
that a run that was stopped goes on.

    python benchmarks/recovery.py --keep FOLDER --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
from pathlib import Path

import numpy as np

import delssome
from delssome import MeanFieldFitter, pack_subjects
from delssome.connectome import matrix_to_edges, prepare_sc
from delssome.costs import Target
from delssome.datasets import make_cohort
from delssome.models import FIC, ParameterSpace
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import Acquisition, SimulationEvaluator, simulate
from delssome.theory import effective_parameters

DESIGNS = ("scans", "connectomes", "subjects")
GROUP_SD, SUBJECT_SD = 0.15, 0.03
SIGNS = (-1, 1)
REGIONAL = ("w_EE", "w_EI", "sigma", "relaxation", "relaxation/coupling")


def make_group(design, seed, n_subjects, n_rois):
    """Give packed subjects, maps, E/I ratios and the group's coefficients."""
    cohort = make_cohort(n_subjects, n_rois, n_jobs=2, random_state=seed)
    space = ParameterSpace(FIC(), cohort.maps, SIGNS)
    rng = np.random.default_rng([seed, DESIGNS.index(design)])
    counts = cohort.sc
    if design == "scans":
        counts = np.repeat(counts[:1], n_subjects, axis=0)
    sd = SUBJECT_SD if design == "subjects" else 0.0
    low, high = space.model.rate_range
    while True:
        truth = scattered(cohort.group_theta, GROUP_SD, rng)
        theta = np.array([scattered(truth, sd, rng) for _ in counts])
        if not (space.feasible(truth[None])[0] and space.feasible(theta).all()):
            continue
        seeds = rng.integers(2**63, size=(n_subjects, 1))
        bold, averages = simulate(
            space.model, space.expand(theta), prepare_sc(counts), Acquisition(), seeds
        )
        rates = averages["r_E"]
        if ((rates >= low) & (rates <= high)).all():  # not so if NaN
            break
    window = Acquisition().fcd_window
    X = pack_subjects(
        counts, fc_matrix(bold[:, 0]), np.stack([fcd_cdf(b[0], window) for b in bold])
    )
    ei_ratio = (averages["S_E"] / averages["S_I"])[:, 0].mean(axis=0)
    return X, space, ei_ratio, truth


def scattered(theta, sd, rng):
    """Scale every coefficient by a normal factor around 1."""
    return theta * (1.0 + rng.normal(0.0, sd, len(theta)))


def fit(design, seed, quick):
    """Give the row of one group."""
    size = (2, 12) if quick else (8, 68)
    X, space, ei_ratio, truth = make_group(design, seed, *size)
    small = {"popsize": 8, "max_iter": 2, "n_finalists": 2} if quick else {}
    fitter = MeanFieldFitter(
        space.maps, map_signs=SIGNS, n_jobs=2, random_state=seed, **small
    ).fit(X)
    target = Target(fitter.sc_, matrix_to_edges(fitter.fc_), fitter.fcd_cdf_)
    simulator = SimulationEvaluator(space.model, Acquisition(), n_repeats=12)
    both = np.stack([fitter.params_, truth])
    params = space.expand(both)
    costs = simulator.evaluate(params, target, np.random.default_rng(seed)).costs
    row = {
        "ei_correlation": float(np.corrcoef(fitter.ei_ratio_, ei_ratio)[0, 1]),
        # Of every search that ended alike: what one search would have given.
        "ei_correlations_alone": [
            float(np.corrcoef(found, ei_ratio)[0, 1]) for found in fitter.ei_ratios_
        ],
        "mean E/I": [float(fitter.ei_ratio_.mean()), float(ei_ratio.mean())],
        "in_range": fitter.in_range_,
        "costs": costs[0].tolist(),
        "costs_of_truth": costs[1].tolist(),
        "names": list(space.names),
        "coefficients": both.tolist(),
    }
    effective = effective_parameters(space.model, params, fitter.sc_)
    params["relaxation"] = effective.relaxation
    params["relaxation/coupling"] = effective.relaxation / effective.coupling
    row["spectral radius"] = effective.spectral_radius.tolist()
    for name in REGIONAL:
        found, true = params[name]
        row[f"mean {name}"] = [float(found.mean()), float(true.mean())]
        row[f"{name}_correlation"] = float(np.corrcoef(found, true)[0, 1])
    return row


def recovered(pairs):
    """Say how well (n, 2) found and true values agree, over groups."""
    found, true = np.array(pairs).T
    spread = true.std(ddof=1) if len(true) > 1 else np.nan
    return {
        "found": float(found.mean()),
        "found_sd": float(found.std()),
        "true": float(true.mean()),
        "true_sd": float(true.std()),
        "r": float(np.corrcoef(found, true)[0, 1]) if spread > 0 else None,
        "median_relative_error": float(np.median(np.abs(found / true - 1.0))),
    }


def summary(rows):
    """Give the report of a design."""
    coefficients = np.array([row["coefficients"] for row in rows])
    pairs = {
        name: coefficients[:, :, k].tolist() for k, name in enumerate(rows[0]["names"])
    }
    for name in ("mean E/I", *(f"mean {name}" for name in REGIONAL), "spectral radius"):
        pairs[name] = [row[name] for row in rows]
    median = lambda name: float(np.median([row[name] for row in rows]))  # noqa: E731
    return {
        "n_groups": len(rows),
        "ei_correlations": [row["ei_correlation"] for row in rows],
        "ei_correlations_alone": [row["ei_correlations_alone"] for row in rows],
        **{f"{n}_correlation": median(f"{n}_correlation") for n in REGIONAL},
        "in_range": [row["in_range"] for row in rows],
        "cost": float(np.mean([sum(row["costs"]) for row in rows])),
        "cost_of_truth": float(np.mean([sum(row["costs_of_truth"]) for row in rows])),
        "costs": np.mean([row["costs"] for row in rows], axis=0).tolist(),
        "costs_of_truth": np.mean([r["costs_of_truth"] for r in rows], axis=0).tolist(),
        "parameters": {name: recovered(values) for name, values in pairs.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=DESIGNS, default=DESIGNS)
    parser.add_argument("--keep", type=Path, help="folder of finished groups")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    report = {"delssome": delssome.__version__}
    for design in args.only:
        rows = []
        for seed in range(2 if args.quick else args.groups):
            file = args.keep / f"{design}_{seed}.json" if args.keep else None
            if file and file.exists():
                rows.append(json.loads(file.read_text()))
            else:
                rows.append(fit(design, seed, args.quick))
                if file:
                    args.keep.mkdir(parents=True, exist_ok=True)
                    file.write_text(json.dumps(rows[-1]))
            row = rows[-1]
            found, true = np.array(row["coefficients"])[:, row["names"].index("G")]
            print(
                f"{design}, group {seed}: E/I r {row['ei_correlation']:.3f}, "
                f"G {found:.2f} for {true:.2f}, cost {sum(row['costs']):.3f}, "
                f"of the truth {sum(row['costs_of_truth']):.3f}",
                flush=True,
            )
        report[design] = summary(rows)
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
