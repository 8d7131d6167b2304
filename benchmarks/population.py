"""Throughput of PopulationFitter, against a loop of fits, and what a kill costs.

python benchmarks/population.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone

import delssome
from delssome import MeanFieldFitter, PopulationFitter
from delssome.datasets import make_cohort

warnings.simplefilter("ignore")


def make_fitter(maps, quick):
    """Give the fitter of all runs: the default one, or a small one."""
    small = {"popsize": 8, "max_iter": 5, "n_finalists": 2, "n_repeats": 1}
    return MeanFieldFitter(
        maps, map_signs=(-1, 1), random_state=0, **(small if quick else {})
    )


def loop(fitter, X, n_jobs):
    """Fit row after row; each fit may use all cores."""
    started = time.perf_counter()
    costs = [clone(fitter).set_params(n_jobs=n_jobs).fit(row[None]).cost_ for row in X]
    return time.perf_counter() - started, costs


def population(fitter, X, n_jobs):
    """Fit all rows by PopulationFitter, whose workers have been started before."""
    started = time.perf_counter()
    fitted = PopulationFitter(fitter, n_jobs=n_jobs).fit(X)
    return time.perf_counter() - started, fitted.cost_.tolist()


def study(folder, store, quick):
    """Fit what lies in a folder into a store; run as a process that is killed."""
    X, maps = np.load(f"{folder}/X.npy"), np.load(f"{folder}/maps.npy")
    PopulationFitter(make_fitter(maps, quick), store=store, n_jobs=2).fit(X)


def kill_again_and_again(X, maps, quick, n_kills):
    """Kill a study at random times; count results that were lost or made again."""
    rng, lost, repeated = random.Random(0), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/X.npy", X)
        np.save(f"{folder}/maps.npy", maps)
        store = Path(folder, "store")
        command = [sys.executable, __file__, "--study", folder, str(store)]
        command += ["--quick"] * quick

        def files():
            return {p.name: p.stat().st_mtime_ns for p in store.glob("*.npz")}

        known = {}
        for kill in range(n_kills + 1):
            run = subprocess.Popen(command, start_new_session=True)
            if kill < n_kills:
                n_known = len(known)
                while run.poll() is None and len(files()) == n_known:
                    time.sleep(0.02)
                time.sleep(rng.uniform(0.0, 1.0))
                # A run that found all rows done has ended by itself.
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            now = files()
            lost += len(known.keys() - now.keys())
            repeated += sum(now.get(name, t) != t for name, t in known.items())
            known = now
        assert run.returncode == 0
        lost += len(X) - len(known)
    return lost, repeated


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=16)
    parser.add_argument("--rois", type=int, default=68)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--study", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.study:
        study(*args.study, args.quick)
        return
    if args.quick:
        args.subjects, args.rois, args.kills = 4, 16, 2
    cohort = make_cohort(args.subjects, args.rois, n_jobs=2, random_state=0)
    fitter = make_fitter(cohort.maps, args.quick)
    # Compile, and start the workers.
    population(fitter, cohort.X[:2], 2)
    loop(fitter, cohort.X[:1], 2)

    half = args.subjects // 2
    batched = looped = 0.0
    for rows in (slice(0, half), slice(half, None)):  # interleaved
        batched += population(fitter, cohort.X[rows], 2)[0]
        looped += loop(fitter, cohort.X[rows], 2)[0]
    lost, repeated = kill_again_and_again(cohort.X, cohort.maps, args.quick, args.kills)
    report = {
        "delssome": delssome.__version__,
        "machine": platform.processor() or platform.machine(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "n_subjects": args.subjects,
        "n_rois": args.rois,
        "subjects_per_minute_two_cores": 60 * args.subjects / batched,
        "loop_subjects_per_minute_two_cores": 60 * args.subjects / looped,
        "batched_over_loop": looped / batched,
        "kills": args.kills,
        "killed_rows_lost": lost,
        "killed_rows_repeated": repeated,
    }
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
