"""Fit a real group by the network, by theory and by simulation: cost and time.

The same budget for all, 100 generations of 100 candidates in a search. The winner,
chosen among 20 finalists on the training group, is simulated five times against the
validation group.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import Clock, across, correlation, each, load_group, main, make_target, number

from delssome import CMAES, FIC
from delssome.simulation import SimulationEvaluator

N_EVALUATIONS = 5
# Surrogates and searches; what fits do by default comes first.
FITS = {
    "network": ("deep", None),
    "network, long searches": ("deep", CMAES()),
    "network, one search": ("deep", CMAES(n_restarts=1)),
    "network, theory closes": ("deep", CMAES(n_restarts=1, n_closing=20)),
    "theory": ("linear", CMAES()),
    "simulation": (None, CMAES()),
}


def fit_real(run, data, maps, seed, *, signs, surrogate="deep", **settings):
    """Fit the training group; give what the validation group says of the winner."""
    model, target = FIC(map_signs=signs), make_target(data.X_validation)
    fitter = run.fitter(maps, surrogate, model=model, random_state=seed, **settings)
    with Clock() as clock:
        fitter.fit(data.X)
    theta = np.repeat(fitter.params_[None], N_EVALUATIONS, axis=0)
    candidates = fitter.space_.candidates(theta, target.sc)

    def simulated(dt, n):
        scan, rng = replace(fitter.acquisition_, dt=dt), np.random.default_rng(seed)
        simulator = SimulationEvaluator(model, scan, n_jobs=run.n_jobs)
        found = simulator.statistics(candidates.select(slice(n)), rng)
        return found.compare(target), found.readout.mean(axis=0)

    (evaluation, readout), (fine, fine_readout) = (
        simulated(0.006, N_EVALUATIONS),
        simulated(0.003 if run.quick else 0.0005, 2 if run.quick else N_EVALUATIONS),
    )
    return {
        "cost": evaluation.total.mean(),
        "cost_sd": evaluation.total.std(ddof=1),
        "terms": evaluation.costs.mean(axis=0),
        "fine_cost": fine.total.mean(),
        "fine_r": correlation(readout, fine_readout),
        "predicted_cost": np.nanmin(fitter.history_.best_total),
        "in_range": fitter.in_range_ and evaluation.in_range.all(),
        "readout_mean": fitter.readout_.mean(),
        "n_candidates": fitter.history_.n_evaluations[-1],
        "fit_wall_seconds": clock.wall,
        "fit_cpu_seconds": clock.cpu,
        "params": dict(zip(fitter.param_names_, fitter.params_, strict=True)),
    }


def measure(run, fit, seed):
    data, (surrogate, search) = load_group(), FITS[fit]
    settings = {"signs": (-1, 1), "surrogate": surrogate, "search": search}
    return fit_real(run, data, data.maps, seed, **settings)


def costs(rows):
    """Write the verified totals of seeds, and their mean."""
    total = [row["cost"] for row in rows]
    sd = f" ({np.std(total, ddof=1):.3f})" if len(total) > 1 else ""
    return f"**{np.mean(total):.3f}**{sd}: {', '.join(f'{x:.3f}' for x in total)}"


def terms(rows):
    """Write the mean terms."""
    return " / ".join(f"{x:.3f}" for x in np.mean([r["terms"] for r in rows], axis=0))


def inside(rows):
    """Write how many winners are in range."""
    return f"{sum(row['in_range'] for row in rows)} of {len(rows)}"


def medians(rows, key):
    """Give the median of a figure over seeds."""
    return float(np.nanmedian(np.array([row[key] for row in rows], dtype=float)))


def tables(rows):
    fits = each(rows, "fit")
    most = medians(fits["simulation"], "fit_cpu_seconds") if "simulation" in fits else 0
    lines = {
        "verified total, mean (SD): seeds": costs,
        "1 - r / L1 / KS": terms,
        "winners in range": inside,
        "CPU s": lambda own: f"**{medians(own, 'fit_cpu_seconds'):.1f}**",
        "times less than by simulation": lambda own: (
            f"{most / medians(own, 'fit_cpu_seconds'):.0f}"
        ),
        "wall s": lambda own: f"{medians(own, 'fit_wall_seconds'):.1f}",
        "total with steps of 0.5 ms": lambda own: f"{medians(own, 'fine_cost'):.3f}",
        "r of E/I maps with those": lambda own: number(own[0]["fine_r"], ".5f"),
        "mean E/I": lambda own: f"{medians(own, 'readout_mean'):.2f}",
    }
    return across(fits, lines)


if __name__ == "__main__":
    main(measure, tables, seeds=5, fit=FITS)
