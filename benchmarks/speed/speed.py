"""What people wait for, in one run: a candidate, a fit, a population, a first start.

A part is a row. Fits and populations take turns with those of an earlier version of the
package, of a commit of this repository: its code, not its settings in ours. Winners of
both are simulated by today's, with one noise for all.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import candidates
import numpy as np
import simulator

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import (
    ROOT,
    MissingError,
    load_group,
    main,
    make_target,
    middle,
    span,
    table,
)
from house import imports

from delssome import FIC, Acquisition
from delssome.models import ParameterSpace
from delssome.simulation import SimulationEvaluator

# The version whose fits were to take three times as long as ours: five searches of 100
# candidates in 100 generations, twenty finalists, eight evaluations of the winner.
BEFORE = "23117e0"
SETTINGS = "model=FIC(map_signs=(-1, 1)), random_state=seed"
# Run in fresh processes, of either version: they print what they took.
HEAD = """
import json, os, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from delssome import CMAES, FIC, Acquisition, MeanFieldFitter, PopulationFitter
from delssome import Verification
from delssome.datasets import make_cohort

def took():
    return sum(os.times()[:4])

tiny = {"search": CMAES(popsize=8, max_iter=1, n_restarts=1),
        "verification": Verification(n_finalists=1), "random_state": 0}
"""
FIT = f"""
data = np.load(sys.argv[1])
seeds = json.loads(sys.argv[2])
MeanFieldFitter(data["maps"], model=FIC(map_signs=(-1, 1)), **tiny).fit(data["X"])
for seed in seeds:
    start = took()
    fit = MeanFieldFitter(data["maps"], {SETTINGS}).fit(data["X"])
    print(json.dumps({{"cpu": took() - start, "params": fit.params_.tolist(),
                      "in_range": bool(fit.in_range_)}}))
"""
POPULATION = f"""
data, seed, n_jobs = np.load(sys.argv[1]), 0, int(sys.argv[3])
one = MeanFieldFitter(data["maps"], {SETTINGS}, n_jobs=n_jobs)
many = PopulationFitter(MeanFieldFitter(data["maps"], {SETTINGS}), n_jobs=n_jobs)
MeanFieldFitter(data["maps"], model=FIC(map_signs=(-1, 1)), **tiny).fit(data["X"])
start = time.perf_counter()
if sys.argv[2] == "loop":
    found = [one.fit(row[None]).cost_ for row in data["X"]]
else:
    found = many.fit(data["X"]).cost_.tolist()
wall = time.perf_counter() - start
print(json.dumps({{"wall": wall, "costs": found}}))
"""
START = """
data = np.load(sys.argv[1])
ends = [took()]
for _ in range(2):
    MeanFieldFitter(data["maps"], **tiny).fit(data["X"])
    ends.append(took())
print(json.dumps({"first": ends[1], "again": ends[2] - ends[1]}))
"""
MEMORY = """
import resource
n, scan = int(sys.argv[1]), Acquisition(n_frames=30, window=10, burn_in=2, warm_up=1)
cohort = make_cohort(4, 68, acquisition=scan, random_state=0)
rng = np.random.default_rng(0)
X = np.repeat(cohort.X.astype(np.float32), n // 4, axis=0)
for row in X:  # all of them others
    row[:100] += rng.uniform(0, 1e-4, 100).astype(np.float32)
fitter = MeanFieldFitter(cohort.maps, acquisition=scan, **tiny)
start = time.perf_counter()
found = PopulationFitter(fitter, n_jobs=2).fit(X)
print(json.dumps({"gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                  "n": len(X), "X_gib": X.nbytes / 2**30, "dtype": str(X.dtype),
                  "ms_a_fit": 1e3 * (time.perf_counter() - start) / n}))
"""


def call(code, *arguments, tree=ROOT, **environment):
    """Run code in a fresh process by the package of a folder; give what it prints."""
    known = {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", HEAD + code, *map(str, arguments)],
        env=os.environ | known | environment,
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(x) for x in done.stdout.splitlines() if x.startswith("{")]


@contextmanager
def versions(**arrays):
    """Give the folders of both versions, and a file of arrays."""
    git = ["git", "archive", BEFORE, "delssome", "setup.cfg", "pyproject.toml"]
    done = subprocess.run(git, cwd=ROOT, capture_output=True)
    if done.returncode:
        raise MissingError(f"commit {BEFORE}, to compare with, is not here")
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            archive.extractall(before, filter="data")
        file = Path(folder) / "data.npz"
        np.savez(file, **arrays)
        yield {"now": ROOT, "before": before}, file


def fits(run):
    """Compare fits of the real group, CPU seconds and costs."""
    data, seeds = load_group(), range(1 if run.quick else 10)
    found = {"now": [], "before": []}
    with versions(X=data.X, maps=data.maps) as (trees, file):
        for seed in seeds:  # in turns
            for name, tree in trees.items():
                found[name] += call(FIT, file, json.dumps([seed]), tree=tree)
    space = ParameterSpace(FIC(map_signs=(-1, 1)), data.maps)
    costs = {}
    for kind, X in (("search", data.X), ("validation", data.X_validation)):
        for name, own in found.items():
            costs[f"{name}_{kind}"] = [simulated(space, make_target(X), x) for x in own]
    gap = np.subtract(costs["now_search"], costs["before_search"])
    cpu = {name: [fit["cpu"] for fit in own] for name, own in found.items()}
    return {
        "cpu_seconds_of_a_fit": {name: middle(own) for name, own in cpu.items()},
        "now_over_before": middle(np.divide(cpu["now"], cpu["before"])),
        "in_range": {k: sum(x["in_range"] for x in own) for k, own in found.items()},
        "costs": costs,
        "difference": [gap.mean(), gap.std(ddof=1) / len(gap) ** 0.5]
        if len(gap) > 1
        else [gap.mean(), None],
    }


def simulated(space, target, fit):
    """Give the mean cost of eight evaluations, with one noise for all fits."""
    theta = np.repeat([fit["params"]], 8, axis=0)
    simulation = SimulationEvaluator(space.model, Acquisition())
    found = simulation.statistics(
        space.candidates(theta, target.sc), np.random.default_rng(1)
    )
    return found.compare(target).total.mean()


def populations(run):
    """Compare a population with loops of default fits, of today and of before."""
    from delssome.datasets import make_cohort

    cohort = make_cohort(2 if run.quick else 6, 68, n_jobs=run.n_jobs, random_state=0)
    found = {name: [] for name in ("population", "loop", "loop of before")}
    with versions(X=cohort.X, maps=cohort.maps) as (trees, file):
        for _ in range(1 if run.quick else 2):
            for name, own in found.items():
                tree = trees["before" if "before" in name else "now"]
                how = name.partition(" ")[0]
                own += call(POPULATION, file, how, run.n_jobs, tree=tree)
    wall = {name: [x["wall"] for x in own] for name, own in found.items()}
    n = len(cohort.X)
    return {
        "n": n,
        "wall_seconds_of_all": {name: middle(own) for name, own in wall.items()},
        "costs": {name: own[0]["costs"] for name, own in found.items()},
        "loop_over_population": middle(np.divide(wall["loop"], wall["population"])),
        "loop_of_before_over_population": middle(
            np.divide(wall["loop of before"], wall["population"])
        ),
        "hours_of_12000": 12_000 * np.median(wall["population"]) / n / 3600,
    }


def memory(run):
    """Measure the largest memory of the parent of a population of short scans."""
    return call(MEMORY, 40 if run.quick else 12_000)[0]


def starts(run):
    """Measure what a process takes before its first fit, with compiled code or not."""
    from delssome.datasets import make_cohort

    cohort = make_cohort(1, 68, random_state=0)
    warm, cold = [], []
    with versions(X=cohort.X, maps=cohort.maps) as (_, file):
        call(START, file)  # compiles
        for _ in range(1 if run.quick else 5):
            warm += call(START, file)
        for _ in range(1 if run.quick else 3):
            with tempfile.TemporaryDirectory() as folder:
                cold += call(START, file, DELSSOME_CACHE=folder)
    start = [x["first"] - x["again"] for x in warm]
    first = [x["first"] - x["again"] for x in cold]
    return {
        "start_cpu_seconds": middle(start),
        "compile_cpu_seconds": middle(np.subtract(first, np.median(start))),
        "import_over_sklearn": imports(run.quick)["import_over_sklearn"],
    }


def one_candidate(run):
    """Time a candidate by all that evaluates it, on one core."""
    return candidates.measure(run, "68")


def simulation(run):
    """Time simulation and FCD on one core, with the peers that are installed."""
    return {k: simulator.measure(run, k) for k in ("simulators", "FCD")}


PARTS = {
    "candidate": one_candidate,
    "simulation": simulation,
    "fit": fits,
    "population": populations,
    "memory": memory,
    "start": starts,
}


def measure(run, part):
    return {"found": PARTS[part](run)}


SAYS = {
    "speedup_over_simulation": "the network, times less than three simulations",
    "network_ms_per_candidate": "a candidate by the network, CPU ms",
    "region_steps_per_second_one_core": "million region-steps per CPU second",
    "fused_over_tvboptim_one_core": "times less than tvboptim",
    "fcd_cpu_seconds": "FCD of 1200 frames, CPU s",
    "fit_cpu_seconds": "a default fit, CPU s",
    "fit_cpu_over_before": "the same, over one of the version before",
    "fit_cost_difference": "cost of its winner, less that of before",
    "batched_over_loop": "a population, times faster than a loop of fits",
    "population_over_loop_of_before": "the same, of fits of the version before",
    "hours_of_12000": "12 000 people, hours on these cores",
    "population_parent_gib": "12 000 people, GiB of the parent",
    "worker_start_seconds": "from the start of a process to its first fit, CPU s",
    "compile_seconds": "all that a first fit compiles, CPU s",
    "import_over_sklearn": "import, over that of scikit-learn",
}


def figures(rows):
    """Give figures by their names: numbers, or median, lowest and highest."""
    by = {row["part"]: row["found"] for row in rows}

    def give(part, *keys):
        found = by.get(part)
        for key in keys:
            found = None if found is None else found.get(key)
        return found

    def peer(contestant, key, part="simulators"):
        return give("simulation", part, "contestants", contestant, key)

    fcd = peer("ours", "work_per_second", "FCD")
    found = {
        "speedup_over_simulation": give("candidate", "simulation_over", "network"),
        "network_ms_per_candidate": give("candidate", "cpu_ms", "network"),
        "region_steps_per_second_one_core": peer("fused", "work_per_second"),
        "fused_over_tvboptim_one_core": peer("tvboptim", "over_first"),
        "fcd_cpu_seconds": fcd and [1.0 / fcd[k] for k in (0, 2, 1)],
        "fit_cpu_seconds": give("fit", "cpu_seconds_of_a_fit", "now"),
        "fit_cpu_over_before": give("fit", "now_over_before"),
        "fit_cost_difference": give("fit", "difference"),
        "batched_over_loop": give("population", "loop_over_population"),
        "population_over_loop_of_before": give(
            "population", "loop_of_before_over_population"
        ),
        "hours_of_12000": give("population", "hours_of_12000"),
        "population_parent_gib": give("memory", "gib"),
        "worker_start_seconds": give("start", "start_cpu_seconds"),
        "compile_seconds": give("start", "compile_cpu_seconds"),
        "import_over_sklearn": give("start", "import_over_sklearn"),
    }
    return {name: value for name, value in found.items() if value is not None}


def summary(rows):
    """Give medians, and the instruction set."""
    found = {k: x[0] if isinstance(x, list) else x for k, x in figures(rows).items()}
    return {"instruction_set": rows[0]["made"].split("(")[1].split(")")[0], **found}


def tables(rows):
    def said(name, value):
        if name == "fit_cost_difference":
            return f"{value[0]:+.4f} (standard error {value[1] or 0:.4f})"
        if name == "region_steps_per_second_one_core":
            return span(value, ".0f", 1e-6)
        if not isinstance(value, list):
            return f"{value:.3g}"
        return span(value, ".0f" if value[0] >= 100 else ".3g")

    lines = [f"{SAYS[name]} | {said(name, x)}" for name, x in figures(rows).items()]
    return table("one core, 68 regions | median [lowest, highest]", lines)


if __name__ == "__main__":
    main(measure, tables, summary=summary, part=PARTS)
