"""Calibrate posteriors on synthetic groups whose truths are draws of the prior.

All scans of a group have the same connectome and parameters. In exact kinds, these are
what the posterior assumes; in others, they depart from it: connections from SC, or one
regional parameter from the maps. Without signs, maps may be upside down, truths too.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import kstest

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import ROOT, Run, across, correlation, each, main, middle, span
from _worlds import World, simulate_in_range

sys.path.append(str(ROOT / "benchmarks" / "accuracy"))
import fc_noise

from delssome import Acquisition, MeanFieldPosterior, pack_subjects
from delssome.connectome import average_fc, average_fcd_cdf
from delssome.inference import Tempering
from delssome.models import Candidates
from delssome.observables import fc_matrix, fcd_cdf
from delssome.theory import averages_at_rest

LONG, SHORT = Acquisition(), Acquisition(tr=2.0, n_frames=300)


class Kind(NamedTuple):
    """Regions and scans of a group, signs of maps, and what departs by how much."""

    n_rois: int = 68
    n_scans: int = 8
    scan: Acquisition = LONG
    signs: tuple | None = (-1, 1)
    departs: str | None = None
    # Relative; of weights w_EI and w_EE as it is; of all at once, a share of their
    # ranges, and ten times as much of connections.
    sd: float = 0.0


MAIN, NO_SIGNS = "68 regions, 8 scans", "no signs"
KINDS = {
    MAIN: Kind(),
    "40 regions, 1 scan": Kind(40, 1),
    "68 regions, 4 scans of 300 x 2 s": Kind(68, 4, SHORT),
    "100 regions, 8 scans": Kind(100),
    NO_SIGNS: Kind(signs=None),
    "edges": Kind(departs="edges", sd=0.1),
    "w_EI": Kind(departs="w_EI", sd=0.05),
    "w_EE": Kind(departs="w_EE", sd=0.09),
    "sigma": Kind(departs="sigma", sd=0.05),
    "all at once": Kind(departs="all", sd=0.03),
}
# Draws of the prior: what it says of E/I, and of correlations with the truth.
N_PRIOR = 400
# Regions whose ranks are kept: one in so many.
EVERY = 7
NOISE = ROOT / "benchmarks" / "kept" / "fc_noise.json"


def depart(candidate, kind, rng):
    """Let connections, or one parameter of every region, depart from what is fitted."""
    params, sc, model = dict(candidate.params), candidate.sc, candidate.model
    if kind.departs in ("edges", "all"):
        sd = kind.sd if kind.departs == "edges" else 10 * kind.sd
        off = np.triu(rng.normal(0.0, sd, sc.shape), k=1)
        sc = np.minimum(sc * np.exp(off + off.T), 1.0)
    if kind.departs == "all":
        for name in model.regional:
            low, high = getattr(model, name)
            off = rng.normal(0.0, kind.sd * (high - low), params[name].shape)
            params[name] = np.clip(params[name] + off, low, high)
    elif kind.departs and kind.departs != "edges":
        own = params[kind.departs]
        off = rng.normal(0.0, kind.sd, own.shape)
        own = own * np.exp(off) if kind.departs == "sigma" else own + off
        params[kind.departs] = np.clip(own, *getattr(model, kind.departs))
    return Candidates(model, params, sc)


class Group(NamedTuple):
    """One packed row, the world behind it, and the truth."""

    X: np.ndarray
    world: World
    theta: np.ndarray
    readout: np.ndarray
    prior: np.ndarray  # draws of the readout
    n_drawn: int  # truths until all scans stayed in range


def make_group(run, fit, seed):
    """Draw a world and a truth, and simulate the scans of a group."""
    kind = KINDS[fit]
    if run.quick:
        kind = kind._replace(n_rois=12, n_scans=min(kind.n_scans, 2))
    rng = np.random.default_rng([seed, list(KINDS).index(fit)])
    world = World.draw(kind.n_rois, kind.scan, rng, kind.signs)
    prior, model = world.prior(N_PRIOR, rng), world.space.model
    found, n_drawn = None, 0
    while found is None:
        theta = prior[n_drawn]
        candidate = depart(world.candidates(theta[None]), kind, rng)
        found = simulate_in_range(candidate, kind.scan, kind.n_scans, rng)
        n_drawn += 1
    bold = found.bold[0]
    fc = average_fc(fc_matrix(bold))
    cdf = average_fcd_cdf(fcd_cdf(bold, kind.scan.fcd_window))
    readout = model.readout(found.averages)[0].mean(axis=0)
    prior = model.readout(averages_at_rest(world.candidates(prior)))
    X = pack_subjects(world.counts, fc, cdf)
    return Group(X, world, theta, readout, prior, n_drawn)


def pose(run, group, fit, seed):
    """Give the posterior to be fitted, of the smallest budget in a smoke run."""
    small = Tempering(n_particles=40, n_moves=2, n_draws=80) if run.quick else None
    return MeanFieldPosterior(
        group.world.space.maps,
        n_scans=2 if run.quick else KINDS[fit].n_scans,
        model=group.world.space.model,
        acquisition=group.world.scan,
        sampler=small,
        n_jobs=run.n_jobs,
        random_state=seed,
    )


def measure(run, fit, seed):
    group = make_group(run, fit, seed)
    posterior, start = pose(run, group, fit, seed), time.perf_counter()
    posterior.fit(group.X)
    seconds, truth = time.perf_counter() - start, group.readout
    draws, mean = posterior.readout_draws_, truth.mean()
    row = {
        "fit_seconds": seconds,
        "n_evaluations": posterior.n_evaluations_,
        "n_drawn": group.n_drawn,
        "mean": [posterior.mean_readout_, mean],
        "rank_mean": (draws.mean(axis=1) < mean).mean(),
        "rank_regions": (draws < truth).mean(axis=0)[::EVERY],
        "rank_coefficients": (posterior.draws_ < group.theta).mean(axis=0),
        "covers_mean": covers(posterior.mean_readout_interval_, mean),
        "covers_regions": covers(posterior.readout_interval_, truth).mean(),
        "covers_coefficients": covers(posterior.params_interval_, group.theta),
        "sd_over_prior": posterior.mean_readout_sd_ / group.prior.mean(axis=1).std(),
        "r": correlation(posterior.readout_, truth),
        "r_chance": np.median([correlation(one, truth) for one in group.prior]),
        "amplitude": posterior.readout_.std() / truth.std(),
        "pattern_probability": posterior.pattern_probability_,
        "n_scans_effective": posterior.n_scans_effective_[0],
        "departure": posterior.departure_[0],
        "in_range": posterior.in_range_,
    }
    if fit == MAIN:
        settings = {"model": group.world.space.model, "acquisition": group.world.scan}
        fitter = run.fitter(posterior.maps, random_state=seed, **settings).fit(group.X)
        row["fitter_r"] = correlation(fitter.readout_, truth)
    return row


def covers(interval, truth):
    """Tell whether intervals hold the truth."""
    return (interval[..., 0] <= truth) & (truth <= interval[..., 1])


def tables(rows):
    def mean(key):
        return lambda own: f"{np.mean([row[key] for row in own]):.2f}"

    def least(own):
        return f"{np.mean([r['covers_coefficients'] for r in own], axis=0).min():.2f}"

    def of(key, form=".2f"):
        return lambda own: span(middle([row[key] for row in own]), form)

    def upside_down(own):
        turned = [row["pattern_probability"] for row in own if row["r"] < 0]
        return f"{len(turned)}, {sum(p >= 0.95 for p in turned)}"

    def fitter(own):
        r = [row["fitter_r"] for row in own if "fitter_r" in row]
        return span(middle(r)) if r else ""

    lines = {
        "groups": lambda own: f"{len(own)}",
        "90 % intervals of mean E/I hold the truth": mean("covers_mean"),
        "of E/I of regions": mean("covers_regions"),
        "of coefficients, the least": least,
        "SD of mean E/I over that of the prior": of("sd_over_prior"),
        "r of E/I over regions with the truth": of("r"),
        "the same of draws of the prior": of("r_chance"),
        "the same of `MeanFieldFitter`": fitter,
        "amplitude of E/I over regions, over the truth's": of("amplitude"),
        "maps upside down, of which probability at least 0.95": upside_down,
        "scans, effective": of("n_scans_effective", ".1f"),
        "departure of regions, share of the range": of("departure", ".4f"),
        "seconds": of("fit_seconds", ".0f"),
        "candidates": of("n_evaluations", ".0f"),
    }
    return across(each(rows, "fit"), lines)


def summary(rows):
    def of(key, own):
        return np.array([row[key] for row in own])

    exact = [row for row in rows if not KINDS[row["fit"]].departs]
    off = [row for row in rows if KINDS[row["fit"]].departs]
    first = [row for row in rows if row["fit"] == MAIN]
    unsigned = [row for row in rows if row["fit"] == NO_SIGNS]
    found = {
        "seconds": np.median(of("fit_seconds", rows)),
        "evaluations": np.median(of("n_evaluations", rows)),
        **noise(),
    }
    if exact:
        ranks = np.column_stack(
            [of("rank_mean", exact), of("rank_coefficients", exact)]
        )
        found |= {
            "n_groups": len(exact),
            "coverage_90_mean": of("covers_mean", exact).mean(),
            "coverage_90_regions": of("covers_regions", exact).mean(),
            "coverage_90_coefficients_min": of("covers_coefficients", exact)
            .mean(axis=0)
            .min(),
            "sbc_p_min": min(kstest(one, "uniform").pvalue for one in ranks.T),
        }
    if off:
        found["coverage_90_misfit"] = of("covers_mean", off).mean()
    if first:
        r, fitter = of("r", first), of("fitter_r", first)
        found |= {"r_mean": r.mean(), "r_worst": r.min()}
        found |= {"fitter_r_mean": fitter.mean(), "fitter_r_worst": fitter.min()}
    if unsigned:
        silent = of("pattern_probability", unsigned) >= 0.95
        found["upside_down_silent"] = ((of("r", unsigned) < 0) & silent).sum()
    return found


def noise():
    """Give predicted over simulated variance of FC as kept, or from a small check."""
    if NOISE.exists():
        report = json.loads(NOISE.read_text())
    else:
        found = fc_noise.measure(Run(), "40 regions", "3 s x 150")
        report = fc_noise.summary([found])
    return {key: value for key, value in report.items() if key.startswith("variance")}


if __name__ == "__main__":
    main(measure, tables, summary=summary, seeds=20, fit=KINDS)
