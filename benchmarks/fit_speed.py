"""Fit a real group by simulation, by theory and by the network: time and cost.

The same budget of candidates for all, several seeds, every winner evaluated afresh
against the validation group. Rows are kept, so that a run that was stopped goes on.

    python benchmarks/fit_speed.py --keep FOLDER --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np
from real_group import DATA, load_group, run

import delssome

# In the report simulation is called what it is; surrogate=None to the fitter.
SURROGATES = {"deep": "deep", "linear": "linear", "simulation": "none"}


def rows_of(name, seeds, args, data):
    """Fit with every seed, or read what an earlier run kept."""
    rows = []
    fit = {
        "popsize": 8 if args.quick else args.popsize,
        "max_iter": 2 if args.quick else args.max_iter,
        "n_search_repeats": 3,
        "n_finalists": 4 if args.quick else 20,
        "n_closing": args.n_closing,
        "n_restarts": args.n_restarts,
    }
    for seed in seeds:
        file = args.keep / f"{name}_{seed}.json" if args.keep else None
        if file and file.exists():
            rows.append(json.loads(file.read_text()))
            continue
        row = run(SURROGATES[name], *data, {"fit": fit}, args.n_jobs, seed)
        row["fit"] = fit
        rows.append(row)
        print(
            f"{name}, seed {seed}: {row['verified_cost_mean']:.3f} "
            f"(training SC {row['verified_cost_training_sc']:.3f}), "
            f"{row['wall_seconds']:.1f} s wall, {row['cpu_seconds']:.1f} s CPU",
            flush=True,
        )
        if file:
            args.keep.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(row))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--popsize", type=int, default=100)
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--n-closing", type=int, default=0)
    parser.add_argument("--n-restarts", type=int, help="default: that of the fitter")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--simulated-seeds", type=int, help="fewer: they take long")
    parser.add_argument("--only", nargs="+", choices=SURROGATES, default=[*SURROGATES])
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder of finished rows")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    X, maps = load_group(args.data, "train")
    X_validation, _ = load_group(args.data, "vali")
    if args.quick:
        args.seeds = min(args.seeds, 2)
    n = {name: args.seeds for name in SURROGATES}
    n["simulation"] = args.simulated_seeds or args.seeds

    report = {
        "delssome": delssome.__version__,
        "machine": platform.processor() or platform.machine(),
        "threads": {"n_jobs": args.n_jobs, "OMP": os.environ.get("OMP_NUM_THREADS")},
    }
    cpu = {}
    for name in args.only:
        rows = rows_of(name, range(n[name]), args, (X, X_validation, maps))
        cost = np.array([row["verified_cost_mean"] for row in rows])
        cpu[name] = np.median([row["cpu_seconds"] for row in rows])
        report |= {
            f"{name}_n_seeds": len(rows),
            f"{name}_cpu_seconds": float(cpu[name]),
            f"{name}_wall_seconds": float(np.median([r["wall_seconds"] for r in rows])),
            f"{name}_verified_cost_mean": float(cost.mean()),
            f"{name}_verified_cost_sd": float(cost.std(ddof=1)) if len(cost) > 1 else 0,
            f"{name}_verified_costs": cost.tolist(),
            f"{name}_verified_costs_training_sc": [
                row["verified_cost_training_sc"] for row in rows
            ],
            f"{name}_in_range": [row["in_range"] for row in rows],
            f"{name}_budget": rows[0]["fit"],
        }
    for name in {"deep", "linear"} & cpu.keys() if "simulation" in cpu else ():
        report[f"{name}_over_simulation_cpu"] = float(cpu["simulation"] / cpu[name])
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
