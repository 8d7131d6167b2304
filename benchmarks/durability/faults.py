"""Errors and kills at every call to the disk: nothing lost, nothing wrong, none half.

Every operation is run again and again: with an error (no room, a broken disk, no right,
an interrupt) at the first, second, ... call of open, write, fsync, replace, link, mkdir
and read, until it passes; and likewise with a kill. After each it is run once more,
undisturbed. What was kept must not be computed again (lost), answers must be those of
an undisturbed run (wrong), files must be whole (half), and errors must name a file.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import shutil
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import each, main, table
from durability._bad import bad_inputs
from durability._inject import CALLS, FAULTS, KILL, Injection, run

from delssome import (
    CMAES,
    Acquisition,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.datasets import make_cohort
from delssome.files import clear_leftovers, read_arrays, read_json
from delssome.fitting import rows
from delssome.fitting.journal import Journal
from delssome.fitting.store import Store
from delssome.report import figures, write_results
from delssome.report import summary as summary_of
from delssome.report import tables as report_tables
from delssome.surrogate import CorpusSettings, build_corpus, synthetic_group, train
from delssome.surrogate.corpus import recipe, shards

SCAN = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)
N_BINS, N_ROIS, N_SUBJECTS = 200, 8, 3
SETTINGS = CorpusSettings(
    popsize=6, n_generations=2, n_spread=8, n_edge=2, n_samples=1, n_simulated=0
)
# What a scenario is about, and whether it is part of a quick run.
SCENARIOS = ("population", "checkpoint", "corpus", "training", "report")
QUICK = ("population", "checkpoint", "corpus", "report")
BAD = "bad inputs"


def measure(run_, kind):
    if kind == BAD:
        return bad_inputs(run_.quick)
    if run_.quick and kind not in QUICK:
        return {"injected": 0, "kills": 0} | dict.fromkeys(COUNTS, 0)
    scenario = Scenario(kind, run_.quick)
    found = {"injected": 0, "kills": 0} | dict.fromkeys(COUNTS, 0)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "warm").mkdir()
        scenario(Path(folder) / "warm", lambda *_: None)  # loads what is compiled
        (Path(folder) / "expected").mkdir()
        expected = run(scenario, Path(folder) / "expected")["answer"]
        for call in CALLS:
            for k, fault in enumerate(FAULTS):
                if run_.quick and fault != KILL and k != CALLS.index(call) % 4:
                    continue  # one error a call, all of them over calls
                n = 0
                while _disturb(scenario, folder, (call, n, fault), expected, found):
                    n += 1
    return found


COUNTS = ("rows_lost", "rows_wrong", "half_files", "unnamed_errors", "left_behind")


def _disturb(scenario, folder, fault, expected, found):
    """Run with a fault and once more; say whether there was a call so late."""
    folder = Path(folder) / "run"
    folder.mkdir()
    first = run(scenario, folder, Injection(folder, *fault))
    if first["fired"]:
        found["kills" if first["killed"] else "injected"] += 1
        found["half_files"] += _half(folder)
    if "error" in first and str(folder) not in first["error"]:
        found["unnamed_errors"] += 1
        print("unnamed:", fault, first["error"], flush=True)
    if first.get("answer", expected) != expected:
        found["rows_wrong"] += 1
        print("wrong:", fault, flush=True)
    again = run(scenario, folder)
    if again.get("answer") != expected:
        found["rows_wrong"] += 1
        print("wrong afterwards:", fault, again.get("error"), flush=True)
    lost = {*first["kept"]} & {*again["computed"]}
    found["rows_lost"] += len(lost)
    if lost:
        print("lost:", fault, lost, flush=True)
    clear_leftovers(folder.parent)
    found["left_behind"] += len(list(folder.parent.rglob(".delssome-*.part")))
    shutil.rmtree(folder)
    return first["fired"]


def _half(folder):
    """Count files that cannot be read as what they are called."""
    n = 0
    for path in folder.rglob("*"):
        if any(part.endswith(".part") for part in path.parts):
            continue
        try:
            if path.suffix == ".npz":
                read_arrays(path, "archive", "")
            elif path.suffix == ".json":
                read_json(path, "file", "")
            elif path.suffix in (".csv", ".toml", ".html", ".png", ".safetensors"):
                n += path.stat().st_size == 0
        except ValueError as error:
            print("half:", error, flush=True)
            n += 1
    return n


class Scenario:
    """An operation on a folder, which gives an answer that can be compared."""

    def __init__(self, kind, quick):
        self.kind, self.quick = kind, quick
        cohort = make_cohort(
            N_SUBJECTS, N_ROIS, acquisition=SCAN, n_fcd_bins=N_BINS, random_state=0
        )
        self.X, self.names = cohort.X, cohort.region_names
        self.fitter = MeanFieldFitter(
            cohort.maps,
            "linear",
            acquisition=SCAN,
            search=CMAES(popsize=6, max_iter=3, n_restarts=1),
            simulator=Simulator(n_repeats=1),
            verification=Verification(n_finalists=2),
            n_fcd_bins=N_BINS,
            random_state=0,
        )
        given = {"n_rois": N_ROIS, "n_subjects": 2, "acquisition": SCAN}
        self.groups = [(synthetic_group, given | {"seed": seed}) for seed in (0, 1)]
        if kind == "report":
            self.fitted = self.fitter.fit(self.X[:1])

    def __call__(self, folder, note):
        """Do it, and note what was computed and what is kept."""
        return getattr(self, f"_{self.kind}")(folder, note)

    def _population(self, folder, note):
        fit_one, put = rows.fit_one, Store.__setitem__

        def fit(fitter, X, key, seed):
            note("computed", key)
            if self.quick:
                return key, _stub(key)
            return fit_one(fitter, X, key, seed)

        def keep(store, key, result):
            put(store, key, result)
            if not store._unwritten:
                note("kept", key)

        rows.fit_one, Store.__setitem__ = fit, keep
        try:
            found = PopulationFitter(self.fitter, store=folder / "store").fit(self.X)
        finally:
            rows.fit_one, Store.__setitem__ = fit_one, put
        return _digest(found.params_, found.cost_, found.readout_)

    def _checkpoint(self, folder, note):
        write = Journal._write

        def keep(journal):
            write(journal)
            if not journal._failed:
                note("kept", len(journal._kept))

        evaluated = Journal.evaluate

        def evaluate(journal, *args):
            n = len(journal._kept)
            found = evaluated(journal, *args)
            if len(journal._kept) > n:
                note("computed", n + 1)
            return found

        Journal._write, Journal.evaluate = keep, evaluate
        try:
            fitter = self.fitter.set_params(checkpoint=folder / "fit.npz")
            found = fitter.fit(self.X[:1])
        finally:
            Journal._write, Journal.evaluate = write, evaluated
        return _digest(found.params_, found.cost_)

    def _corpus(self, folder, note):
        label, write = shards.label_group, shards.write_shard

        def labelled(group, settings, seed, searcher):
            note("computed", seed)
            if self.quick:
                return _stub_shard(seed)
            return label(group, settings, seed, searcher)

        def keep(file, shard):
            write(file, shard)
            note("kept", int(file.stem.rsplit("_", 1)[1], 16))

        shards.label_group, shards.write_shard = labelled, keep
        try:
            found = build_corpus(folder / "corpus", self.groups, SETTINGS)
        finally:
            shards.label_group, shards.write_shard = label, write
        return [shard["sha256"] for shard in found.shards]

    def _training(self, folder, note):
        recipe.LED = {"popsize": 6, "n_generations": 2}
        groups = [self.groups[:1], self.groups[1:]]
        return train(
            folder / "out", groups=groups, settings=SETTINGS, n_steps=2
        ).digest()

    def _report(self, folder, note):
        results = summary_of(self.fitted)
        drawn = {} if self.quick else figures(self.fitted, self.names)
        out = folder / "out"
        for k in range(2):  # the second in the place of the first
            texts = {"config.toml": f"run = {k}\n"}
            files = write_results(
                out, report_tables(self.fitted, self.names), drawn, results, texts
            )
        return [path.name for path in files if path.suffix != ".png"]


def _stub(key):
    """Give a result as of a fit, without one."""
    rng = np.random.default_rng(int(key[:8], 16))
    maps = ("readout", "spread_over_restarts", "relaxation_over_coupling", "rates")
    single = ("cost", "cost_sd", "validation_cost", "spectral_radius", "seconds")
    return {
        "param_names": np.array(["a", "b"]),
        "params": rng.random(2),
        "costs": rng.random(3),
        "in_range": np.array(True),
        "warnings": np.array(""),
        "relative_noise": rng.random(N_ROIS),
        **{name: rng.random(N_ROIS) for name in maps},
        **{name: np.array(rng.random()) for name in single},
    }


def _stub_shard(seed):
    rng = np.random.default_rng(seed)
    return {
        "G": rng.random(4),
        "sc": rng.random(N_ROIS * (N_ROIS - 1) // 2),
        "violation": np.zeros(4),
        "runs_violation": np.zeros((2, 3)),
    }


def _digest(*arrays):
    return sha256(
        b"".join(np.ascontiguousarray(x).tobytes() for x in arrays)
    ).hexdigest()


def tables(found):
    lines = [
        f"{kind} | {one['injected']} | {one['kills']} | "
        + " | ".join(str(one[name]) for name in COUNTS)
        for kind, (one,) in each(found, "kind").items()
        if kind != BAD
    ]
    written = table(
        "operation | errors | kills | rows lost | answers wrong | half files | errors "
        "without a name | temporaries left",
        lines,
    )
    for one in found:
        if one["kind"] == BAD:
            written += (
                f"\n\n{one['bad_inputs']} damaged files and wrong settings: "
                f"{one['bad_inputs_unclear']} without a clear error."
            )
    return written


def summary(found):
    names = ("injected", "kills", *COUNTS)
    total = {k: sum(one.get(k, 0) for one in found) for k in names}
    for one in found:
        if one["kind"] == BAD:
            total |= {k: one[k] for k in ("bad_inputs", "bad_inputs_unclear")}
    kept = Path(__file__).resolve().parents[1] / "kept" / "mutation.json"
    if kept.exists():
        total["mutation_score"] = json.loads(kept.read_text())["mutation_score"]
    return total


if __name__ == "__main__":
    main(measure, tables, summary=summary, kind=(*SCENARIOS, BAD))
