"""Recover known parameters from synthetic groups, by the true maps and by others.

Eight scans of 68 regions a group. "scans": one connectome, one set of parameters.
"connectomes": every subject has its own connectome. "subjects": and its own parameters,
which differ by 3 %. Truths differ by 15 % between groups, the seeds. True E/I is linear
in two maps; fits of "subjects" are given others too, gradients of the group's own FC.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import across, correlation, each, main, make_target, middle, number, span

from delssome import FIC, Acquisition, Simulator, pack_subjects
from delssome.connectome import group_average, prepare_sc
from delssome.datasets import make_cohort
from delssome.models import ParameterSpace
from delssome.observables import fc_gradients, fc_matrix, fcd_cdf
from delssome.simulation import SimulationEvaluator, simulate
from delssome.theory import effective_parameters

DESIGNS = ("scans", "connectomes", "subjects")
# Design, columns of the true maps, number of own gradients, signs of w_EI along them.
FITS = {
    **{design: (design, [0, 1], 0, (-1, 1)) for design in DESIGNS},
    "subjects, no signs": ("subjects", [0, 1], 0, None),
    "first true map, two gradients": ("subjects", [0], 2, None),
    "two gradients": ("subjects", [], 2, None),
    "one gradient": ("subjects", [], 1, None),
    "no map": ("subjects", [], 0, None),
}
GROUP_SD, SUBJECT_SD = 0.15, 0.03
SIGNED, RATIO = FIC(map_signs=(-1, 1)), "relaxation over coupling"


def make_group(run, design, seed):
    """Give packed subjects, space, E/I ratios and the group's coefficients."""
    n_subjects, n_rois = (2, 12) if run.quick else (8, 68)
    cohort = make_cohort(n_subjects, n_rois, n_jobs=run.n_jobs, random_state=seed)
    space, scan = ParameterSpace(SIGNED, cohort.maps), Acquisition()
    rng = np.random.default_rng([seed, DESIGNS.index(design)])
    alike, sd = design == "scans", SUBJECT_SD * (design == "subjects")
    counts = np.repeat(cohort.sc[:1], n_subjects, axis=0) if alike else cohort.sc
    low, high = SIGNED.rate_range

    def scattered(theta, sd):
        return theta * (1.0 + rng.normal(0.0, sd, len(theta)))

    while True:
        truth = scattered(cohort.group_theta, GROUP_SD)
        theta = np.array([scattered(truth, sd) for _ in counts])
        if not space.feasible(np.vstack([truth, theta])).all():
            continue
        seeds = rng.integers(2**63, size=(n_subjects, 1))
        candidates = space.candidates(theta, prepare_sc(counts))
        bold, averages = simulate(candidates, scan, seeds)
        rates = averages[SIGNED.rate]
        if ((rates >= low) & (rates <= high)).all():  # not so if NaN
            break
    cdf = np.stack([fcd_cdf(one[0], scan.fcd_window) for one in bold])
    X = pack_subjects(counts, fc_matrix(bold[:, 0]), cdf)
    return X, space, SIGNED.readout(averages)[:, 0].mean(axis=0), truth


def measure(run, fit, seed):
    design, columns, n_gradients, signs = FITS[fit]
    X, space, readout, truth = make_group(run, design, seed)
    gradients = fc_gradients(group_average(X).fc, 2)
    maps = np.hstack([space.maps[:, columns], gradients[:, :n_gradients]])
    model, maps = FIC(map_signs=signs), maps if maps.size else None
    fitter, target = run.fitter(maps, model=model, random_state=seed), make_target(X)
    fitter.fit(X)
    true = space.candidates(truth[None], target.sc)
    found = fitter.space_.candidates(fitter.params_[None], target.sc)
    many = Simulator(n_repeats=12)
    simulator = SimulationEvaluator(SIGNED, Acquisition(), many, n_jobs=run.n_jobs)
    rng = np.random.default_rng(seed)
    regional = {
        name: [c.params[name][0] for c in (found, true)] for name in model.regional
    }
    effective = [effective_parameters(c) for c in (found, true)]
    regional[RATIO] = [(e.relaxation / e.coupling)[0] for e in effective]
    regional["E/I"] = [fitter.readout_, readout]
    # Found and true: means over regions, global coupling, what theory makes of them.
    pairs = {f"mean {name}": np.mean(both, axis=1) for name, both in regional.items()}
    pairs["spectral radius"] = [e.spectral_radius[0] for e in effective]
    pairs["G"] = [c.params["G"][0] for c in (found, true)]
    return {
        "cost": fitter.cost_,
        "cost_of_truth": simulator.evaluate(true, target, rng).total[0],
        "in_range": fitter.in_range_,
        "r": {name: correlation(*both) for name, both in regional.items()},
        # Of each search that ended alike: what one search would have given.
        "r_alone": [correlation(one, readout) for one in fitter.readouts_],
        "pairs": pairs,
    }


def tables(rows):
    def over_regions(name):
        def give(own):
            r = [row["r"][name] for row in own if row["r"][name] is not None]
            return span(middle(r)) if r else "flat"

        return give

    def over_groups(name):
        return lambda own: agreement([row["pairs"][name] for row in own])

    def mean(key):
        return lambda own: f"{np.mean([row[key] for row in own]):.3f}"

    def alone(own):
        r = [r for row in own for r in row["r_alone"] if r is not None]
        return f"{np.mean(r):.3f}" if r else "flat"

    def high(own):
        return f"{sum((row['r']['E/I'] or 0) >= 0.95 for row in own)} of {len(own)}"

    lines = {
        **{
            f"{k} over regions, r with the truth": over_regions(k) for k in rows[0]["r"]
        },
        "groups with r of E/I of at least 0.95": high,
        "r of E/I of single searches, mean": alone,
        "cost of the winner": mean("cost"),
        "cost of the truth": mean("cost_of_truth"),
        "in range": lambda own: f"{sum(r['in_range'] for r in own)} of {len(own)}",
        **{
            f"{k}: r over groups, median error": over_groups(k)
            for k in rows[0]["pairs"]
        },
    }
    return across(each(rows, "fit"), lines)


def agreement(pairs):
    """Write how well found and true values agree, over groups."""
    found, true = np.array(pairs).T
    error = 100 * np.median(np.abs(found / true - 1.0))
    return f"{number(correlation(found, true), '.2f')}, {error:.0f} %"


if __name__ == "__main__":
    main(measure, tables, seeds=10, fit=FITS)
