"""Scans that a pipeline filtered: theory against simulation, and recovery from them.

Of each scan, candidates come from a search by theory and from wide draws over the box,
on a synthetic group; each is simulated six times, in two evaluations of three, whose
difference is the floor (as evaluators.py). Groups of known truth, draws of the prior
with eight scans of 30 regions, are given to posteriors by theory as the scanner gives
them, and filtered with the global signal regressed out. The noise of FC is compared by
its eigenmodes (as fc_noise.py).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import ast
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import across, correlation, main, make_target, middle, number, span, table
from _worlds import World, simulate_in_range
from evaluators import N_REPEATS, compare, draw, simulate_twice
from fc_noise import BATCH, LEAST_FC, N_BATCHES

from delssome import FIC, Acquisition, MeanFieldPosterior, Simulator, pack_subjects
from delssome.connectome import average_fc, average_fcd_cdf
from delssome.costs import COST_NAMES
from delssome.datasets import make_cohort
from delssome.inference import Tempering
from delssome.models import ParameterSpace
from delssome.observables import fc_edges, fc_matrix, fcd_cdf
from delssome.simulation import SimulationEvaluator
from delssome.theory import TheoryEvaluator, effective_parameters, fc_covariance

SCANS = {
    "0.72 s x 1200": Acquisition(),
    "2 s x 300": Acquisition(tr=2.0, n_frames=300),
    "3 s x 124": Acquisition(tr=3.0, n_frames=124, window=20),
}
BAND = {"band": (0.01, 0.08)}  # of XCP-D
GSR = {"global_signal": True}
PIPELINES = {"none": {}, "band": BAND, "gsr": GSR, "both": {**BAND, **GSR}}
RECOVERED = {"unfiltered": "none", "filtered": "both"}
N_ROIS, N_GROUPS, N_SCANS, N_ROIS_RECOVERED = 68, 8, 8, 30
CASES = {f"{scan}, {name}": (scan, name) for scan in SCANS for name in PIPELINES}
CASES |= {f"noise, {name}": ("noise", name) for name in PIPELINES}
CASES |= {f"{how} {k}": (how, k) for k in range(N_GROUPS) for how in RECOVERED}
# As evaluators.py: generations, then candidates near and wide, in range or not.
SIZES, QUICK = (16, 40, 0, 20, 0), (4, 8, 0, 4, 0)


def measure(run, case):
    kind, which = CASES[case]
    if kind == "noise":
        return noise(run, which)
    return recover(run, kind, which) if kind in RECOVERED else check(run, kind, which)


def check(run, scan, pipeline):
    """Compare theory with two evaluations by simulation."""
    scan = replace(SCANS[scan], **PIPELINES[pipeline])
    rng = np.random.default_rng(11)
    cohort = make_cohort(
        4, 12 if run.quick else N_ROIS, acquisition=scan, random_state=7
    )
    target, space = make_target(cohort.X), ParameterSpace(FIC(), cohort.maps)
    theta = draw(space, target, scan, QUICK if run.quick else SIZES, rng)
    simulator = SimulationEvaluator(
        space.model, scan, Simulator(n_repeats=1), n_jobs=run.n_jobs
    )
    _, fc, cdf, simulated, out = simulate_twice(simulator, space, theta, target, rng)
    theory = TheoryEvaluator(space.model, scan, n_repeats=N_REPEATS, n_jobs=run.n_jobs)
    found = theory.statistics(
        space.candidates(theta, target.sc), np.random.default_rng(3)
    )
    row = compare(found.compare(target, N_REPEATS), found.p_in_range, simulated, out)
    kept = ~out.any(axis=1) & (found.violation == 0)

    def apart(a, b, f):
        return f(a[kept] - b[kept]).mean()

    def rms(x):
        return np.sqrt((x**2).mean(axis=1))

    def ks(x):
        return np.abs(x).max(axis=1)

    # Expected FC has no noise, simulated FC has.
    row["fc"] = apart(found.fc, fc[:, 0], rms)
    row["fc_floor"] = apart(fc[:, 1], fc[:, 0], rms)
    row["cdf"] = apart(found.fcd_cdf, cdf[:, 0], ks)
    row["cdf_floor"] = apart(cdf[:, 1], cdf[:, 0], ks)
    del row["points"], row["calibration"]
    return row


def noise(run, pipeline):
    """Compare the predicted noise of FC with that of scans (as fc_noise.py)."""
    rng, base = np.random.default_rng(5), SCANS["2 s x 300"]
    world = World.draw(12 if run.quick else N_ROIS_RECOVERED, base, rng)
    found, prior = None, iter(world.prior(200, rng))
    while found is None:
        candidate = world.candidates(next(prior)[None])
        if world.network.statistics(candidate).fc.mean() > LEAST_FC:
            found = simulate_in_range(candidate, base, BATCH * N_BATCHES, rng)
    scan = replace(base, **PIPELINES[pipeline])
    fc = fc_edges(scan.process(found.bold[0]))
    predicted, modes = np.linalg.eigh(fc_covariance(candidate, scan))
    simulated = ((fc - fc.mean(axis=0)) @ modes).var(axis=0, ddof=1)
    tenths = np.array_split(simulated / predicted, 10)
    return {
        "ratios": [1.0 / tenth.mean() for tenth in tenths],
        "ratio_of_total": predicted.sum() / simulated.sum(),
    }


def recover(run, how, k):
    """Give a posterior a group of known truth."""
    rng, n_rois = np.random.default_rng([k, 17]), 12 if run.quick else N_ROIS_RECOVERED
    world = World.draw(n_rois, Acquisition(), rng)
    found, prior = None, iter(world.prior(200, rng))
    while found is None:  # the same scans for both
        candidate = world.candidates(next(prior)[None])
        found = simulate_in_range(candidate, world.scan, N_SCANS, rng)
    scan = replace(world.scan, **PIPELINES[RECOVERED[how]])
    bold = scan.process(found.bold[0])
    fc = average_fc(fc_matrix(bold))
    cdf = average_fcd_cdf(fcd_cdf(bold, scan.fcd_window))
    n_particles = 40 if run.quick else 200
    posterior = MeanFieldPosterior(
        world.space.maps,
        "linear",
        n_scans=N_SCANS,
        model=world.space.model,
        acquisition=scan,
        sampler=Tempering(n_particles=n_particles, n_draws=4 * n_particles),
        n_jobs=run.n_jobs,
        random_state=k,
    ).fit(pack_subjects(world.counts, fc, cdf))
    truth = world.space.model.readout(found.averages)[0].mean(axis=0)
    effective = effective_parameters(candidate)
    ratio = (effective.relaxation / effective.coupling)[0]

    def holds(interval, value):
        return ((interval[..., 0] <= value) & (value <= interval[..., 1])).mean()

    return {
        "r": correlation(posterior.readout_, truth),
        "r_ratio": correlation(posterior.relaxation_over_coupling_, ratio),
        "mean": [posterior.mean_readout_, truth.mean()],
        "mean_sd": posterior.mean_readout_sd_,
        "covers_mean": holds(posterior.mean_readout_interval_, truth.mean()),
        "covers_regions": holds(posterior.readout_interval_, truth),
        "n_scans_effective": posterior.n_scans_effective_[0],
        "in_range": posterior.in_range_,
    }


def of(rows, *kinds):
    """Give the rows of a kind of scan and pipeline, or of recovery."""
    return [r for r in rows if set(kinds) <= set(CASES[r["case"]])]


def tables(rows):
    def beside(key, form=".3f"):
        return lambda own: (
            f"{number(own[0][key], form)} ({number(own[0][f'{key}_floor'], form)})"
        )

    lines = {
        "candidates in range": lambda own: f"{own[0]['n_in_range']}",
        "FC, RMS over edges": beside("fc"),
        "FCD distribution, largest difference": beside("cdf"),
        **{f"{term} term": beside(term) for term in COST_NAMES},
        "total cost": beside("mae"),
        "total cost, over the floor": lambda own: f"{over(own, 'mae'):.2f}",
        "total cost: r with simulation": beside("r"),
    }
    found = {r["case"]: [r] for r in rows if "mae" in r}
    parts = [across(found, lines)] if found else []

    lines = [
        f"{CASES[r['case']][1]} | {' '.join(f'{x:.2f}' for x in r['ratios'])} | "
        f"{r['ratio_of_total']:.2f}"
        for r in of(rows, "noise")
    ]
    columns = "noise of FC, 2 s x 300 | predicted over simulated variance, weakest to "
    columns += "strongest tenth of the modes | of all"
    parts += [table(columns, lines)] if lines else []

    def mean(key):
        return lambda own: f"{np.mean([row[key] for row in own]):.2f}"

    def spread(key, form=".2f"):
        return lambda own: span(middle([row[key] for row in own]), form)

    lines = {
        "groups": lambda own: f"{len(own)}",
        "r of E/I over regions with the truth": spread("r"),
        "r of relaxation over coupling": spread("r_ratio"),
        "90 % intervals of mean E/I hold the truth": mean("covers_mean"),
        "of E/I of regions": mean("covers_regions"),
        "SD of mean E/I": spread("mean_sd"),
        "scans, effective": spread("n_scans_effective", ".1f"),
    }
    found = {how: of(rows, how) for how in RECOVERED if of(rows, how)}
    parts += [across(found, lines)] if found else []
    return "\n\n".join(parts)


def over(rows, key):
    """Give an error over its floor, both averaged over scans."""
    floor = np.mean([row[f"{key}_floor"] for row in rows])
    return float(np.mean([row[key] for row in rows]) / floor)


def summary(rows):
    found = {}
    for name in PIPELINES:
        own = of([r for r in rows if "mae" in r], name)
        if own:
            found |= {
                f"theory_mae_over_noise_floor_{name}": over(own, "mae"),
                f"theory_fc_over_noise_floor_{name}": over(own, "fc"),
                f"theory_fcd_over_noise_floor_{name}": over(own, "cdf"),
            }
    for how in RECOVERED:
        own = of(rows, how)
        if own:
            found[f"recovery_r_{how}"] = np.mean([row["r"] for row in own])
            ratio = np.mean([row["r_ratio"] for row in own])
            found[f"recovery_r_ratio_{how}"] = ratio
            found[f"coverage_90_mean_{how}"] = np.mean([r["covers_mean"] for r in own])
    ratios = [x for row in of(rows, "noise") for x in row["ratios"]]
    if ratios:
        found |= {"variance_ratio_min": min(ratios), "variance_ratio_max": max(ratios)}
    return {**found, "glue_lines": count_glue()}


def count_glue():
    """Count the statements, imports aside, of the first how-to's code."""
    page = (Path(__file__).resolve().parents[2] / "doc" / "howto.rst").read_text()
    block = page.split("::\n\n", 1)[1].split("\n\nor, from the shell", 1)[0]
    code = ast.parse(textwrap.dedent(block))
    return sum(not isinstance(one, ast.ImportFrom) for one in code.body)


if __name__ == "__main__":
    main(measure, tables, summary=summary, case=CASES)
