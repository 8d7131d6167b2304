"""Compare linear-noise theory with simulation, and simulation with itself.

Candidates come from a search by theory (all its generations) and from wide draws over
the box, on a real group connectome, if its file is there, and on synthetic ones of
other sizes. Each is simulated six times: two independent evaluations of three repeats,
whose difference is the noise floor.

    python benchmarks/theory_vs_simulation.py --json FILE --figure FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import os
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from real_group import DATA, load_group
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

import delssome
from delssome import FIC, Acquisition
from delssome.connectome import (
    group_average,
    matrix_to_edges,
    prepare_sc,
)
from delssome.costs import COST_NAMES, Target, cost_terms
from delssome.datasets import make_cohort
from delssome.fitting.protocol import search
from delssome.models import ParameterSpace
from delssome.observables import fcd_histogram
from delssome.search import CMAES
from delssome.simulation import SimulationEvaluator, simulate
from delssome.theory import TheoryEvaluator, close, escape_features, start_holds

N_REPEATS = 3
N_FCD_BINS = 10_000
# Candidates of a connectome, by where they come from; fewer where they take long.
SIZES = {"generations": 50, "near": 160, "lost": 30, "wide": 70, "unstable": 20}
SMALLER = {"near": 40, "lost": 10, "wide": 20, "unstable": 10}
QUICK_SIZES = {"generations": 15, "near": 30, "lost": 10, "wide": 10, "unstable": 10}


# A short scan at a long TR, as of the Philadelphia Neurodevelopmental Cohort.
SHORT_SCAN = Acquisition(tr=3.0, n_frames=124, window=20)


def load_connectome(name, data):
    """Give the target, the parameter space and the scan of one connectome."""
    scan = SHORT_SCAN if name == "short scan" else Acquisition()
    if name == "real":
        X, maps = load_group(data, "train")
        signs = (-1, 1)
    else:
        n_rois = 68 if name == "short scan" else int(name)
        cohort = make_cohort(
            n_subjects=4, n_rois=n_rois, acquisition=scan, random_state=7
        )
        X, maps, signs = cohort.X, cohort.maps, None
    group = group_average(X, N_FCD_BINS)
    target = Target(prepare_sc(group.sc), matrix_to_edges(group.fc), group.fcd_cdf)
    return target, ParameterSpace(FIC(), maps, map_signs=signs), scan


class Recorder:
    """Pass a search's candidates on to the theory, and remember them."""

    def __init__(self, evaluator):
        self.evaluator, self.params, self.settled = evaluator, [], []

    def evaluate(self, params, target, rng):
        """Evaluate and remember."""
        evaluation = self.evaluator.evaluate(params, target, rng)
        self.params.append(params)
        self.settled.append(np.isfinite(evaluation.costs[:, 0]))
        return evaluation


def draw_candidates(space, target, scan, sizes, rng):
    """Take candidates from a search by theory and from wide draws over the box."""
    theory = TheoryEvaluator(space.model, scan, n_samples=1, n_jobs=2)
    recorder = Recorder(theory)
    search(
        space,
        recorder,
        target,
        [CMAES(space, popsize=32, rng=rng)],
        max_iter=sizes["generations"],
        n_finalists=1,
    )
    params = {
        name: np.concatenate([p[name] for p in recorder.params])
        for name in space.slices
    }
    settled = np.concatenate(recorder.settled)
    chosen = [pick(rng, settled, sizes["near"]), pick(rng, ~settled, sizes["lost"])]
    near = {name: x[np.concatenate(chosen)] for name, x in params.items()}

    draws = [CMAES(space, popsize=100, sigma0=0.4, rng=rng).ask() for _ in range(6)]
    params = space.expand(np.concatenate(draws))
    stable = close(space.model, params, target.sc, scan.step, 0).settled > 0
    chosen = [pick(rng, stable, sizes["wide"]), pick(rng, ~stable, sizes["unstable"])]
    wide = {name: x[np.concatenate(chosen)] for name, x in params.items()}
    return {name: np.concatenate([near[name], wide[name]]) for name in near}


def pick(rng, mask, n):
    """Choose at most n of the marked candidates."""
    found = np.flatnonzero(mask)
    return rng.permutation(found)[:n]


def connectome_names(args):
    """Name the connectomes that a run compares on."""
    names = [] if args.quick else ["40", "100", "200", "short scan"]
    if args.data.exists():
        names = ["real", *names]
    if args.only:
        names = [name for name in names if name in args.only]
    return names or ["40"]


def collect(name, args):
    """Simulate the candidates of one connectome, or read what was simulated."""
    target, space, scan = load_connectome(name, args.data)
    sizes = SIZES | (SMALLER if name == "200" else {})
    sizes, cache = QUICK_SIZES if args.quick else sizes, args.cache
    file = (
        cache / f"theory_vs_simulation_{name}.npz".replace(" ", "_") if cache else None
    )
    if file is None or not file.exists():
        rng = np.random.default_rng(11)
        params = draw_candidates(space, target, scan, sizes, rng)
        n = len(params["G"])
        simulator = SimulationEvaluator(space.model, scan, n_repeats=1, n_jobs=2)
        repeated = {k: np.repeat(x, 2 * N_REPEATS, axis=0) for k, x in params.items()}
        runs = simulator.statistics(repeated, target.sc, rng)._asdict()
        runs = {k: x.reshape(n, 2 * N_REPEATS, *x.shape[1:]) for k, x in runs.items()}
        result = params | {f"runs_{k}": x for k, x in runs.items()}
        if file is None:
            return target, space, scan, result
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, **result)
        os.replace(partial, file)
    return target, space, scan, dict(np.load(file))


def correlation(a, b):
    """Pearson correlation of two vectors."""
    return float(np.corrcoef(a, b)[0, 1])


def simulated_costs(target, found):
    """Give the cost terms of both evaluations of three simulations."""
    return [
        cost_terms(
            found["runs_fc"][:, half].mean(axis=1),
            found["runs_fcd_cdf"][:, half].mean(axis=1),
            target.fc,
            target.fcd_cdf,
        )
        for half in (slice(0, N_REPEATS), slice(N_REPEATS, None))
    ]


def compare(target, space, scan, found):
    """Compare theory with simulation on one connectome."""
    params = {name: found[name] for name in space.slices}
    theory = TheoryEvaluator(space.model, scan, n_repeats=N_REPEATS)
    rng = np.random.default_rng(3)
    expected = theory.statistics(params, target.sc, rng)
    predicted = theory.costs(expected, target)

    fc, cdf = found["runs_fc"], found["runs_fcd_cdf"]
    first, second = simulated_costs(target, found)
    out = found["runs_violation"] > 0
    both = ~out.any(axis=1) & (expected.violation == 0)
    total = [x.sum(axis=1)[both] for x in (predicted, first, second)]
    escaped = out.mean(axis=1) > 0.5
    flagged = expected.violation > 0
    linear = close(space.model, params, target.sc, scan.step, 0)

    ks = np.abs(expected.fcd_cdf[both, None] - cdf[both]).max(axis=2).mean()
    pairs = np.abs(cdf[both, :N_REPEATS] - cdf[both, N_REPEATS:])
    row = {
        "n_regions": target.sc.shape[0],
        "n_candidates": len(out),
        "n_in_range": int(both.sum()),
        "total_cost_r_in_range": correlation(total[0], total[1]),
        "total_cost_r_noise_floor": correlation(total[1], total[2]),
        "total_cost_mae": np.abs(total[0] - total[1]).mean(),
        "total_cost_mae_noise_floor": np.abs(total[1] - total[2]).mean(),
        "total_cost_bias": (total[0] - (total[1] + total[2]) / 2).mean(),
        "fc_r": np.median(
            [
                correlation(a, b)
                for a, b in zip(expected.fc[both], fc[both].mean(axis=1), strict=True)
            ]
        ),
        "fc_r_noise_floor": np.median(
            [
                correlation(a[:N_REPEATS].mean(axis=0), a[N_REPEATS:].mean(axis=0))
                for a in fc[both]
            ]
        ),
        "fcd_ks": ks,
        "fcd_ks_noise_floor": pairs.max(axis=2).mean(),
        "rate_error_hz": np.abs(
            expected.rates[both] - found["runs_rates"][both].mean(axis=1)
        ).mean(),
        "rate_error_hz_without_closure": np.abs(
            linear.rates[both] - found["runs_rates"][both].mean(axis=1)
        ).mean(),
        "ei_error": np.abs(
            expected.ei_ratio[both] - found["runs_ei_ratio"][both].mean(axis=1)
        ).mean(),
        "escape_precision": (escaped & flagged).sum() / flagged.sum(),
        "escape_recall": (escaped & flagged).sum() / escaped.sum(),
        "escape_auroc": roc_auc_score(out.ravel(), repeat(1 - expected.p_in_range)),
        "escape_brier": brier_score_loss(out.ravel(), repeat(1 - expected.p_in_range)),
        "escape_brier_of_base_rate": out.mean() * (1 - out.mean()),
        "escape_calibration": calibration(1 - expected.p_in_range, out),
        "escape_precision_of_linear_stability": (escaped & (linear.settled == 0)).sum()
        / (linear.settled == 0).sum(),
        "escape_recall_of_linear_stability": (escaped & (linear.settled == 0)).sum()
        / escaped.sum(),
    }
    for k, term in enumerate(COST_NAMES):
        row[f"{term}_mae"] = np.abs(predicted - first)[both, k].mean()
        row[f"{term}_mae_noise_floor"] = np.abs(first - second)[both, k].mean()
    points = {"predicted": total[0], "simulated": total[1], "repeated": total[2]}
    points |= {"fc": expected.fc[both], "fc_simulated": fc[both].mean(axis=1)}
    points |= {"cdf": expected.fcd_cdf[both], "cdf_simulated": cdf[both].mean(axis=1)}
    return {name: as_number(value) for name, value in row.items()}, points


def repeat(p):
    """Give one probability a run."""
    return np.repeat(p, 2 * N_REPEATS)


def as_number(value):
    """Make NumPy numbers fit for JSON."""
    return value.item() if isinstance(value, np.generic) else value


def calibration(p, out, edges=(0.0, 0.01, 0.03, 0.1, 0.3, 0.9, 1.0)):
    """Tabulate predicted against observed escapes, bin by bin."""
    rows = []
    for low, high in pairwise(edges):
        chosen = (p >= low) & ((p < high) | (high == 1.0))
        if chosen.any():
            rows.append(
                {
                    "runs": int(out[chosen].size),
                    "predicted": float(p[chosen].mean()),
                    "observed": float(out[chosen].mean()),
                }
            )
    return rows


def calibrate(connectomes):
    """Fit the log odds of an escape to runs whose state settles and start holds."""
    features, labels = [], []
    for target, space, scan, found in connectomes:
        params = {name: found[name] for name in space.slices}
        closure = close(space.model, params, target.sc, scan.step)
        chosen = np.flatnonzero(closure.settled == closure.settled.max())
        part = {name: x[chosen] for name, x in params.items()}
        chosen = chosen[start_holds(space.model, part, target.sc, scan)]
        x = np.column_stack(
            escape_features(
                closure.rates[chosen],
                closure.network.fastest[chosen],
                scan.step,
                space.model.rate_range,
            )
        )
        out = found["runs_violation"][chosen] > 0
        features.append(np.repeat(x, out.shape[1], axis=0))
        labels.append(out.ravel())
    labels = np.concatenate(labels)
    fit = LogisticRegression(C=100.0).fit(np.concatenate(features), labels)
    return {
        "runs": len(labels),
        "intercept": float(fit.intercept_[0]),
        "deviation": float(fit.coef_[0, 0]),
        "damping": float(fit.coef_[0, 1]),
    }


def time_theory(target, space, scan, found, n=64):
    """Time one core: theory with and without FCD, and the FCD of one simulation."""
    params = {name: found[name] for name in space.slices}
    theory = TheoryEvaluator(space.model, scan)
    inside = theory.statistics(params, target.sc, np.random.default_rng(0)).violation
    inside = np.flatnonzero(inside == 0)[:n]
    params = {name: x[inside] for name, x in params.items()}
    few = {name: x[:1] for name, x in params.items()}
    bold = simulate(
        space.model, few, target.sc, scan, np.zeros((1, 1), dtype=np.int64)
    ).bold[0, 0]

    def milliseconds(function, per):
        function()
        seconds = []
        for _ in range(5):
            started = time.process_time()
            function()
            seconds.append(time.process_time() - started)
        return float(np.median(seconds) / per * 1e3)

    def with_samples(n_samples):
        evaluator = TheoryEvaluator(space.model, scan, n_samples=n_samples)
        return lambda: evaluator.evaluate(params, target, np.random.default_rng(0))

    return {
        "cpu_ms_per_candidate": milliseconds(with_samples(4), len(inside)),
        "cpu_ms_without_fcd": milliseconds(with_samples(0), len(inside)),
        "cpu_ms_of_the_fcd_of_one_simulation": milliseconds(
            lambda: fcd_histogram(bold, scan.fcd_window), 1
        ),
    }


def draw_figure(points, title, file):
    """Draw total cost, FC edges and FCD distributions, theory against simulation."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.5), layout="constrained")
    order = np.argsort(points["predicted"])
    best = order[0]
    low = min(points["predicted"].min(), points["simulated"].min()) - 0.05
    high = max(points["predicted"].max(), points["simulated"].max()) + 0.05
    line = {"color": "0.6", "linewidth": 1, "zorder": 0}

    axes[0].plot([low, high], [low, high], **line)
    axes[0].scatter(
        points["repeated"],
        points["simulated"],
        s=10,
        color="0.65",
        marker="x",
        linewidth=0.8,
        label="simulated again",
    )
    axes[0].scatter(
        points["predicted"], points["simulated"], s=10, color="C0", label="theory"
    )
    axes[0].set(
        xlabel="predicted total cost",
        ylabel="simulated total cost (3 repeats)",
        title=title,
        xlim=(low, high),
        ylim=(low, high),
    )
    axes[0].legend(frameon=False, loc="upper left")

    axes[1].plot([-0.1, 1], [-0.1, 1], **line)
    axes[1].scatter(
        points["fc"][best], points["fc_simulated"][best], s=3, color="C0", alpha=0.4
    )
    limits = (points["fc"][best].min() - 0.05, points["fc"][best].max() + 0.05)
    axes[1].set(
        xlabel="FC by theory",
        ylabel="FC by simulation (6 repeats)",
        title="Edges of the best candidate",
        xlim=limits,
        ylim=limits,
    )

    x = np.linspace(-1, 1, points["cdf"].shape[1])
    for k, name in ((best, "best"), (order[len(order) // 2], "median")):
        style = {"linestyle": "-" if k == best else "--"}
        axes[2].plot(x, points["cdf"][k], color="C0", label=f"theory, {name}", **style)
        axes[2].plot(
            x,
            points["cdf_simulated"][k],
            color="0.3",
            label=f"simulation, {name}",
            linewidth=1,
            **style,
        )
    axes[2].set(xlabel="FCD", ylabel="cumulative share", title="FC dynamics")
    axes[2].set_xlim(-0.2, 1)
    axes[2].legend(frameon=False, fontsize="small")
    figure.savefig(file, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, help="folder that keeps simulations")
    parser.add_argument("--calibrate", action="store_true", help="fit the log odds")
    parser.add_argument("--only", nargs="+", help="connectomes, by their names")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    names = connectome_names(args)

    report = {"delssome": delssome.__version__, "connectomes": {}}
    found = {}
    for name in names:
        found[name] = collect(name, args)
        row, points = compare(*found[name])
        report["connectomes"][name] = row
        print(f"{name}:")
        for key, value in row.items():
            if isinstance(value, float):
                value = round(value, 4)
            print(f"  {key}: {value}")
        if args.figure and name == ("40" if "40" in names else names[0]):
            title = f"{row['n_in_range']} candidates, {row['n_regions']} regions"
            draw_figure(points, title, args.figure)
    row = report["connectomes"][names[0]]
    for key in ("total_cost_r_in_range", "rate_error_hz"):
        report[key] = row[key]
    report["mae_over_noise_floor"] = (
        row["total_cost_mae"] / row["total_cost_mae_noise_floor"]
    )
    report |= time_theory(*found[names[0]])
    for key in ("escape_precision", "escape_recall"):
        report[key] = row[key]
    if args.calibrate:
        others = [found[name] for name in ("40", "100", "200") if name in found]
        report["calibration"] = calibrate(others)
    for key, value in report.items():
        if key != "connectomes":
            print(f"{key}: {value}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
