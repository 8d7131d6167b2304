"""Compare theory and the shipped network with simulation, and simulation with itself.

Candidates come from a search by theory and from wide draws over the box, on the real
group and on synthetic ones of other sizes, scans, pipelines and models that took no
part in training. Each is simulated six times, in two evaluations of three, whose
difference is the floor.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, precision_recall_curve, roc_auc_score

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import across, correlation, each, load_group, main, make_target, number, table

from delssome import CMAES, FIC, MFM, Acquisition, Linear, Simulator
from delssome.costs import COST_NAMES, cost_terms
from delssome.datasets import make_cohort
from delssome.models import ParameterSpace
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator, close, escape_features, start_holds

N_REPEATS = 3
# Regions and scans; the short one is as of the Philadelphia Neurodevelopmental Cohort.
USUAL, SHORT = Acquisition(), Acquisition(tr=3.0, n_frames=124, window=20)
BAND = {"band": (0.01, 0.08)}  # of XCP-D
FIRST = {
    "real group": (68, USUAL),
    "40 regions": (40, USUAL),
    "100 regions": (100, USUAL),
    "200 regions": (200, USUAL),
    "short scan": (68, SHORT),
}
OTHERS = {
    "band": (68, replace(USUAL, **BAND)),
    "global signal": (100, replace(USUAL, global_signal=True)),
    "short, both": (68, replace(SHORT, **BAND, global_signal=True)),
    "MFM": (68, USUAL, MFM()),
    "MFM, 100 regions": (100, USUAL, MFM()),
    "MFM, short, band": (68, replace(SHORT, **BAND), MFM()),
    "linear": (68, USUAL, Linear()),
}
CONNECTOMES = FIRST | OTHERS
# Generations of the search; candidates it went through that settle, or are lost;
# wide draws that are stable, or not.
SIZES, FEWER, QUICK = (50, 160, 30, 70, 20), (50, 40, 10, 20, 10), (8, 12, 6, 6, 6)
# Figures that stand beside those of simulation against itself, or of the base rate.
SAYS = {"r": "total cost: r with simulation (floor)", "mae": "mean absolute difference"}
SAYS |= {term: f"{term} term" for term in COST_NAMES}
SAYS |= {
    "auroc": "single runs: AUROC (of other runs)",
    "brier": "Brier score (base rate)",
}


def make_context(run, connectome):
    """Give target, space and scan."""
    n_rois, scan, *model = CONNECTOMES[connectome]
    if connectome == "real group":
        data = load_group()
        X, maps, signs = data.X, data.maps, (-1, 1)
    else:
        n_rois = min(n_rois, 20) if run.quick else n_rois
        cohort = make_cohort(4, n_rois, acquisition=scan, random_state=7)
        X, maps, signs = cohort.X, cohort.maps, None
    model = model[0] if model else FIC(map_signs=signs)
    return make_target(X), ParameterSpace(model, maps), scan


def draw(space, target, scan, sizes, rng):
    """Take candidates from a search by theory and from wide draws over the box."""
    n_generations, *wanted = sizes
    theory = TheoryEvaluator(space.model, scan, n_samples=1, n_jobs=2)
    search, seen, settled = CMAES(popsize=32).start(space, rng), [], []
    for _ in range(n_generations):
        seen.append(search.ask())
        candidates = space.candidates(seen[-1], target.sc)
        evaluation = theory.evaluate(candidates, target, rng.spawn(1)[0])
        settled.append(np.isfinite(evaluation.costs[:, 0]))
        search.tell(evaluation.fitness)
        if search.converged:
            break
    near, settled = np.concatenate(seen), np.concatenate(settled)
    wide = CMAES(popsize=100, sigma0=0.4)
    wide = np.concatenate([wide.start(space, rng).ask() for _ in range(6)])
    stable = close(space.candidates(wide, target.sc), scan.step, 0).settled > 0
    groups = (near, settled), (near, ~settled), (wide, stable), (wide, ~stable)
    return np.concatenate(
        [
            theta[rng.permutation(np.flatnonzero(which))[:n]]
            for (theta, which), n in zip(groups, wanted, strict=True)
        ]
    )


def simulate_twice(simulator, space, theta, target, rng):
    """Simulate in two evaluations: all runs, FC, FCD, costs, which left the range."""
    again = space.candidates(np.repeat(theta, 2 * N_REPEATS, axis=0), target.sc)
    runs, shape = simulator.statistics(again, rng), (len(theta), 2, N_REPEATS, -1)
    fc, cdf = (x.reshape(shape).mean(axis=2) for x in (runs.fc, runs.fcd_cdf))
    simulated = [
        cost_terms(fc[:, k], cdf[:, k], target.fc, target.fcd_cdf) for k in (0, 1)
    ]
    out = runs.violation.reshape(len(theta), -1) > 0
    return runs, fc, cdf, simulated, out


def measure(run, connectome):
    target, space, scan = make_context(run, connectome)
    few = connectome == "200 regions" or connectome in OTHERS
    sizes = FEWER if few else SIZES
    rng, model = np.random.default_rng(11), space.model
    theta = draw(space, target, scan, QUICK if run.quick else sizes, rng)
    single = Simulator(n_repeats=1)
    simulator = SimulationEvaluator(model, scan, single, n_jobs=run.n_jobs)
    runs, _, _, simulated, out = simulate_twice(simulator, space, theta, target, rng)
    candidates = space.candidates(theta, target.sc)
    evaluators = {
        "theory": TheoryEvaluator(model, scan, n_repeats=N_REPEATS),
        "network": CircuitSurrogate.load(acquisition=scan, model=model),
    }
    row = {"n_candidates": len(theta)}
    for name, evaluator in evaluators.items():
        expected = evaluator.statistics(candidates, np.random.default_rng(3))
        evaluation = expected.compare(target, N_REPEATS)
        row[name] = compare(evaluation, expected.p_in_range, simulated, out)
    if model.rate is None:
        return row
    rates = runs.averages[model.rate].reshape(*out.shape, -1).mean(axis=1)
    return row | by_theory(candidates, scan, rates, out)


def by_theory(candidates, scan, rates, out):
    """Compare mean rates, and give what the log odds of an escape are fitted to."""
    model, row = candidates.model, {}
    which = model.outputs.index(model.rate)
    linear, closure = (close(candidates, scan.step, n) for n in (0, 4))
    for name, found in {
        "rate_error_hz": closure,
        "rate_error_hz_linear": linear,
    }.items():
        inside = ~out.any(axis=1) & (found.settled > 0)
        row[name] = np.abs(found.outputs[which] - rates)[inside].mean()
    escaped = out.mean(axis=1) > 0.5
    row["recall_of_linear_stability"] = (linear.settled == 0)[escaped].mean()
    # Those whose state settles and whose start holds.
    chosen = np.flatnonzero(closure.settled == closure.settled.max())
    chosen = chosen[start_holds(candidates.select(chosen), scan)]
    features = escape_features(
        closure.outputs[which, chosen],
        closure.network.fastest[chosen].max(axis=1),
        scan.step,
        model.rate_range,
    )
    return row | {"escapes": np.column_stack([*features, out[chosen].sum(axis=1)])}


def compare(evaluation, p_in_range, simulated, out):
    """Compare what is predicted of candidates with two evaluations and single runs."""
    kept = ~out.any(axis=1) & evaluation.in_range
    predicted, one, two = (x[kept] for x in (evaluation.costs, *simulated))
    totals = [x.sum(axis=1) for x in (predicted, one, two)]
    p_out, escaped = 1.0 - p_in_range, out.mean(axis=1) > 0.5
    flagged, n_runs = ~evaluation.in_range, out.shape[1]
    # The share of a candidate's other runs that leave, were it known.
    others = (out.sum(axis=1, keepdims=True) - out) / (n_runs - 1)
    runs, p_runs = out.ravel(), np.repeat(p_out, n_runs)
    precision, recall, _ = precision_recall_curve(escaped, p_out)
    row = {
        "n_in_range": int(kept.sum()),
        "r": correlation(totals[0], totals[1]),
        "r_floor": correlation(totals[1], totals[2]),
        "mae": np.abs(totals[0] - totals[1]).mean(),
        "mae_floor": np.abs(totals[1] - totals[2]).mean(),
        "bias": (totals[0] - (totals[1] + totals[2]) / 2).mean(),
        "precision": escaped[flagged].mean() if flagged.any() else None,
        "recall": flagged[escaped].mean() if escaped.any() else None,
        "recall_at_precision_90": recall[precision >= 0.9].max()
        if escaped.any()
        else None,
        "auroc": auroc(runs, p_runs),
        "auroc_floor": auroc(runs, others.ravel()),
        "brier": brier_score_loss(runs, p_runs),
        "brier_floor": runs.mean() * (1 - runs.mean()),
        "calibration": [
            [int(bin_.sum()), p_runs[bin_].mean(), runs[bin_].mean()]
            for low, high in pairwise((0.0, 0.01, 0.03, 0.1, 0.3, 0.9, 1.01))
            if (bin_ := (p_runs >= low) & (p_runs < high)).any()
        ],
        "points": np.round(totals, 4),
    }
    for k, term in enumerate(COST_NAMES):
        row[term] = np.abs(predicted - one)[:, k].mean()
        row[f"{term}_floor"] = np.abs(one - two)[:, k].mean()
    return row


def auroc(happened, p):
    """Give the area under the curve, or None if it happened always or never."""
    return roc_auc_score(happened, p) if 0 < np.mean(happened) < 1 else None


def tables(rows):
    lines = {}

    def line(says, keys, evaluator=None, form=".3f"):
        def give(own):
            of = own[0] if evaluator is None else own[0][evaluator]
            if keys[0] not in of:  # of models that bound no rate
                return ""
            first, *floor = (number(of[key], form) for key in keys)
            return f"{first} ({floor[0]})" if floor else first

        lines[says if evaluator is None else f"{says}, {evaluator}"] = give

    line("candidates", ["n_candidates"], form="d")
    for evaluator in ("theory", "network"):
        line("in range", ["n_in_range"], evaluator, "d")
        for key, says in SAYS.items():
            line(says, [key, f"{key}_floor"], evaluator)
        for key in ("bias", "precision", "recall", "recall_at_precision_90"):
            line(key.replace("_", " "), [key], evaluator)
    line("error of mean rates by theory, Hz", ["rate_error_hz"], form=".4f")
    line("the same, linear at the fixed point", ["rate_error_hz_linear"], form=".4f")
    line("recall of linear stability alone", ["recall_of_linear_stability"])
    odds = [
        f"{name} | "
        + ", ".join(
            f"{p:.3f}: {q:.3f} ({n})" for n, p, q in rows[0][name]["calibration"]
        )
        for name in ("theory", "network")
    ]
    columns = f"{rows[0]['connectome']} | single runs, predicted to leave: left (runs)"
    kinds = each(rows, "connectome")
    parts = [
        across(own, lines)
        for some in (FIRST, OTHERS)
        if (own := {name: kinds[name] for name in some if name in kinds})
    ]
    return "\n\n".join([*parts, table(columns, odds)])


def summary(rows):
    """Fit the log odds of an escape to the runs on synthetic connectomes."""
    fitted = [
        row["escapes"]
        for row in rows
        if "escapes" in row and row["connectome"].endswith("regions")
    ]
    found = np.concatenate(fitted) if fitted else np.empty((0, 3))
    n_out, n_runs = found[:, 2].astype(int), 2 * N_REPEATS
    left = np.concatenate([np.arange(n_runs) < n for n in n_out] or [[]])
    if not 0 < left.sum() < len(left):
        return {}
    odds = LogisticRegression(C=100.0).fit(
        np.repeat(found[:, :2], n_runs, axis=0), left
    )
    slopes = dict(zip(("deviation", "damping"), odds.coef_[0], strict=True))
    return {"log_odds": {"runs": len(left), "intercept": odds.intercept_[0], **slopes}}


def figure(rows):
    """Draw predicted against simulated total cost."""
    import matplotlib.pyplot as plt

    rows = [row for row in rows if row["connectome"] in FIRST]
    size = {"figsize": (3.1 * len(rows), 6.2), "layout": "constrained"}
    panels, axes = plt.subplots(2, len(rows), squeeze=False, **size)
    for line, name in zip(axes, ("theory", "network"), strict=True):
        for ax, row in zip(line, rows, strict=True):
            predicted, simulated, again = row[name]["points"]
            ax.axline(
                [min(simulated, default=1)] * 2, slope=1, color="0.6", lw=1, zorder=0
            )
            ax.plot(again, simulated, "x", color="0.65", ms=3, label="simulated again")
            ax.plot(predicted, simulated, "o", ms=3, label=name)
            ax.set(title=row["connectome"], xlabel="predicted total cost")
        line[0].set_ylabel("simulated total cost (3 repeats)")
        line[0].legend(frameon=False, loc="upper left")
    return panels


if __name__ == "__main__":
    main(measure, tables, summary=summary, figure=figure, connectome=CONNECTOMES)
