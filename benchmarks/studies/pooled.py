"""Differences between scans by a pooled posterior, where the truth is known.

Every cohort has a connectome and maps of its own, and a truth drawn from the prior with
free ranges, in range and with FC as data have it; people scatter by 2 % of every range
(slopes: of a quarter of it, for a standard deviation of a map). Covariates move w_EI:
age by 2.5 % a year, a group by 10 %, and a drug, in the same people, along the density
of a receptor. The scans of three published studies (Zeng et al. 2026) tell less: PNC
(124 frames of 3 s), alprazolam (210 of 3 s) and GUSTO (116 of 2.62 s).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np
from scipy.stats import norm

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import Clock, MissingError, each, main, number, table
from _worlds import MEAN_FC, World, draw_maps, population_connectome

from delssome import CMAES, FIC, Acquisition, MeanFieldFitter, PooledPosterior
from delssome.connectome import pack_subjects, prepare_sc
from delssome.datasets._connectomes import draw_counts
from delssome.models import Candidates, ParameterSpace
from delssome.models.space import within_ranges
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import simulate
from delssome.study import Norms
from delssome.theory import expected_readout

N_ROIS, AGES = 40, (8.0, 23.0)
# Scatter of people, in search coordinates, and people drawn for each of a cohort, at
# most: where more are out of range, the group is not what they scatter about.
SCATTER, MOST_DRAWN = 0.02, 1.3
A_YEAR, IN_GROUP, BY_DRUG = 0.025, 0.1, 0.25
# People of a design, and scans of each of them.
DESIGNS = {
    "age": (24, 1),
    "age, all free": (24, 1),
    "groups": (32, 1),
    "drug": (12, 2),
    "no effect": (24, 1),
    "separate fits": (24, 1),
    "norms": (12_000, 1),
    "PNC, age": (48, 1),
    "PNC, cognition": (48, 1),
    "alprazolam": (24, 2),
    "GUSTO": (48, 1),
}
# Scans of published studies, and what they are designs of.
PNC = Acquisition(tr=3.0, n_frames=124, window=20)
PUBLISHED = {
    "PNC, age": ("age", PNC),
    "PNC, cognition": ("groups", PNC),
    "alprazolam": ("drug", Acquisition(tr=3.0, n_frames=210, window=20)),
    "GUSTO": ("groups", Acquisition(tr=2.62, n_frames=116, window=23)),
}
# Cohorts of these.
N_PUBLISHED = 3
# Cohorts of separate fits, which cost the most.
N_SEPARATE = 3
# Sites of norms, of which one is left out, and its people that norms learn it from.
N_SITES, N_OF_NEW = 10, (20, 100)


def measure(run, design, seed):
    if design == "separate fits" and seed >= N_SEPARATE:
        raise MissingError("three cohorts are fitted separately")
    if design in PUBLISHED and seed >= N_PUBLISHED:
        raise MissingError("three cohorts for each published design")
    rng = np.random.default_rng([seed, 21])
    if design == "norms":
        return _norms(1000 if run.quick else DESIGNS[design][0], rng)
    n_people, n_scans = (4, DESIGNS[design][1]) if run.quick else DESIGNS[design]
    design, scan = PUBLISHED.get(design, (design, Acquisition()))
    if run.quick:
        scan = Acquisition(n_frames=200, window=40)
    n_rois = 12 if run.quick else N_ROIS
    centroids, _, expected, faint = population_connectome(n_rois, rng)
    space = ParameterSpace(FIC(map_signs=(-1, 1)), draw_maps(centroids, rng))
    receptor = np.abs(draw_maps(centroids, rng)[:, 0])
    receptor /= np.sqrt((receptor**2).mean())
    world = World(draw_counts(expected, faint, rng), space, scan)
    sc = world.sc
    people = np.repeat(np.arange(n_people), n_scans)
    x = _covariate(design, people, n_scans, rng)
    counts = np.stack([draw_counts(expected, faint, rng) for _ in range(n_people)])
    while True:
        theta = _draw_truth(world, rng)
        made = _simulate(space, theta, x, design, people, receptor, counts, scan, rng)
        if made is not None:
            break
    X = pack_subjects(counts[people], *made)
    truth = _true_effect(space, theta, x, design, receptor, sc)
    if design == "separate fits":
        return _separate(run, space, scan, X, x, truth)
    settings = {"affects": None if design == "age, all free" else ["w_EI"]}
    if design == "drug":
        settings["along"] = {"covariate_1": {"w_EI": receptor}}
    with Clock() as clock:
        pooled = PooledPosterior(
            space.maps,
            model=space.model,
            acquisition=scan,
            n_jobs=run.n_jobs,
            random_state=seed,
            **settings,
        ).fit(X, x, people)
    mean, low, high = pooled.mean_effect_[0]
    return {
        "truth": truth,
        "found": mean,
        "low": low,
        "high": high,
        "sd": pooled.effect_draws_.mean(axis=2).std(),
        "share_feasible": pooled.share_feasible_,
        "model_error": pooled.model_error_,
        "noise": pooled.noise_scale_[0],
        "n_replaced": pooled.n_replaced_,
        "level": pooled.mean_readout_interval_,
        "true_level": _readout(space, space.expand(theta[None]), sc).mean(),
        "n_scans": len(X),
        "fit_cpu_seconds": clock.cpu,
    }


def _covariate(design, people, n_scans, rng):
    if design == "groups":
        return (people % 2).astype(float)
    if design == "drug":
        return np.tile(np.arange(n_scans), len(people) // n_scans).astype(float)
    return rng.uniform(*AGES, len(people))


def _draw_truth(world, rng):
    """Draw coefficients from the prior, in range and with FC as data have it."""
    while True:
        theta = world.prior(16, rng)
        found = world.network.statistics(world.candidates(theta))
        mean = found.fc.mean(axis=1)
        usual = (MEAN_FC[0] < mean) & (mean < MEAN_FC[1]) & (found.violation == 0)
        if usual.any():
            return theta[np.argmax(usual)]


def _params(space, theta, x, design, receptor):
    """Give parameters of scans whose coefficients are known, and covariate."""
    params = space.expand(theta)
    if design == "drug":
        params["w_EI"] = params["w_EI"] + BY_DRUG * x[:, None] * receptor
    elif design == "groups":
        params["w_EI"] = params["w_EI"] * (1.0 + IN_GROUP * x[:, None])
    elif design != "no effect":
        params["w_EI"] = params["w_EI"] * (1.0 + A_YEAR * (x[:, None] - np.mean(AGES)))
    return params


def _simulate(space, theta, x, design, people, receptor, counts, scan, rng):
    """Simulate a scan each; None where many people would be out of range."""
    n_people = people.max() + 1
    own = np.empty((n_people, len(theta)))
    fc, cdf = [None] * len(x), [None] * len(x)
    low, high = space.model.rate_range
    todo, n_drawn = np.arange(n_people), 0
    while len(todo):
        n_drawn += len(todo)
        if n_drawn > MOST_DRAWN * n_people:
            return None
        off = SCATTER * rng.standard_normal((len(todo), len(theta)))
        own[todo] = space.theta(space.x(theta) + off)
        good = np.isin(people, todo[space.feasible(own[todo])])
        params = _params(space, own[people], x, design, receptor)
        good &= within_ranges(space.model, params)
        which = np.flatnonzero(_of_whole(good, people))
        if not len(which):
            continue
        params = _params(space, own[people[which]], x[which], design, receptor)
        own_sc = prepare_sc(counts[people[which]])
        candidates = Candidates(space.model, params, own_sc)
        found = simulate(candidates, scan, rng.integers(2**63, size=(len(which), 1)))
        rates = found.averages["r_E"][:, 0]
        good[which] = ((rates >= low) & (rates <= high)).all(axis=1)
        good = _of_whole(good, people)
        for k, bold in zip(which, found.bold[:, 0], strict=True):
            if good[k]:
                fc[k], cdf[k] = fc_matrix(bold), fcd_cdf(bold, scan.fcd_window)
        todo = np.setdiff1d(todo, people[good])
    return np.array(fc), np.array(cdf)


def _of_whole(good, people):
    """Tell which scans are of people of whom all are good."""
    return ~np.isin(people, people[~good]) & good


def _readout(space, params, sc):
    return expected_readout(Candidates(space.model, params, sc), Acquisition().step)


def _true_effect(space, theta, x, design, receptor, sc):
    """Give the change of mean E/I by one unit of the covariate, without scatter."""
    if design in ("groups", "drug"):
        ends = np.array([0.0, 1.0])
    else:
        ends = x.mean() + np.array([-1.0, 1.0]) * x.std()
    params = _params(space, np.repeat(theta[None], 2, axis=0), ends, design, receptor)
    low, high = _readout(space, params, sc).mean(axis=1)
    return (high - low) / np.ptp(ends)


def _separate(run, space, scan, X, x, truth):
    """Fit every scan alone, and regress its mean E/I on age."""
    levels = []
    small = {"popsize": 8, "max_iter": 2} if run.quick else {}
    with Clock() as clock:
        for k, one in enumerate(X):
            fitter = MeanFieldFitter(
                space.maps,
                model=space.model,
                acquisition=scan,
                search=CMAES(n_restarts=1, **small),
                n_jobs=run.n_jobs,
                random_state=k,
            )
            levels.append(fitter.fit(one[None]).readout_.mean())
    return {
        "truth": truth,
        "found": np.polyfit(x, levels, 1)[0],
        "n_scans": len(X),
        "fit_cpu_seconds": clock.cpu,
    }


def _norms(n, rng):
    """Fit norms of people whose centiles are known, and give the errors of others."""
    site, sex = rng.integers(N_SITES, size=n), rng.integers(2, size=n)
    age, z = rng.uniform(5.0, 80.0, n), rng.standard_normal(n)
    by_site = rng.standard_normal((N_SITES, 2)) * [0.08, 0.15]
    middle = 2.6 - 0.25 * np.log(age / 5.0) + 0.03 * sex + by_site[site, 0]
    spread = 0.12 * (1.0 + 0.5 * ((age - 40.0) / 40.0) ** 2)
    w = np.sinh((np.arcsinh(z) + 0.4) / 0.85)
    value = middle + spread * np.exp(by_site[site, 1]) * w
    given = value, age, sex.astype(str), site.astype(str)
    truth = 100.0 * norm.cdf(z)
    new = np.flatnonzero(site == N_SITES - 1)
    fitted = (site < N_SITES - 1) & (rng.random(n) < 0.9)
    others = (site < N_SITES - 1) & ~fitted

    def error(norms, which):
        some = norms.centiles(*(x[which] for x in given))
        return float(np.abs(some - truth[which]).mean())

    with Clock() as clock:
        norms = Norms().fit(*(x[fitted] for x in given))
    half = len(new) // 2
    found = {"centile_error": error(norms, others), "n_people": n}
    for k in (*N_OF_NEW, half):
        learned = (x[new[: min(k, half)]] for x in given[:3])
        adapted = norms.adapt(*learned, site=str(N_SITES - 1))
        name = "half" if k == half else str(k)
        found[f"new_site_error_{name}"] = error(adapted, new[half:])
    return found | {"knots": norms.knots_, "fit_cpu_seconds": clock.cpu}


def tables(rows):
    norms = [row for row in rows if row["design"] == "norms"]
    rows = [row for row in rows if row["design"] != "norms"]
    found = [_effects_table(rows)] if rows else []
    if norms:
        names = ("centile_error", *(f"new_site_error_{k}" for k in (*N_OF_NEW, "half")))
        middle = [np.mean([row[name] for row in norms]) for name in names]
        cpu = np.median([row["fit_cpu_seconds"] for row in norms])
        line = " | ".join(number(x, ".2f") for x in middle)
        found.append(
            table(
                "norms of | sets | centile error, points: people of known sites | of a "
                f"new site, from {N_OF_NEW[0]} | from {N_OF_NEW[1]} | from half | "
                "CPU s",
                [f"{norms[0]['n_people']} people | {len(norms)} | {line} | {cpu:.2f}"],
            )
        )
    return "\n\n".join(found)


def _knows_level(row):
    low, high = row["level"]
    return low < row["true_level"] < high


def _effects_table(rows):
    lines = []
    for design, some in each(rows, "design").items():
        truth, found = (np.array([r[k] for r in some]) for k in ("truth", "found"))
        right = np.sign(truth) == np.sign(found)
        line = f"{design} | {len(some)} | {np.median(truth):.3f}"
        if "low" in some[0]:
            low, high = (np.array([r[k] for r in some]) for k in ("low", "high"))
            clear = (low > 0) | (high < 0)
            line += (
                f" | {np.sum((low < truth) & (truth < high))} | {clear.sum()} | "
                f"{np.sum(right & clear)} | {np.sum(right)} | "
                f"{number(np.median([r['sd'] for r in some]), '.4f')} | "
                f"{number(max(r['sd'] for r in some), '.4f')}"
            )
        else:
            line += f" |  |  |  | {np.sum(right)} |  | "
        line += f" | {sum(map(_knows_level, some)) if 'low' in some[0] else ''}"
        cpu = np.median([r["fit_cpu_seconds"] / r["n_scans"] for r in some])
        lines.append(f"{line} | {cpu:.2f}")
    return table(
        "design | cohorts | true effect on mean E/I, median | truth in 95 % interval | "
        "interval excludes 0 | and sign right | sign of mean right | SD, median | "
        "SD, largest | level in its interval | CPU s a scan",
        lines,
    )


def summary(rows):
    found, designs = {}, each(rows, "design")

    def coverage(design):
        some = designs.get(design, [])
        held = [row["low"] < row["truth"] < row["high"] for row in some]
        return float(np.mean(held)) if held else None

    if some := designs.get("age"):
        found["n_cohorts"] = len(some)
        clear = [r for r in some if r["low"] > 0 or r["high"] < 0]
        found["slope_sign_right"] = (
            float(np.mean([r["truth"] * r["found"] > 0 for r in clear]))
            if clear
            else None
        )
        found["slope_sd_per_year"] = float(np.median([r["sd"] for r in some]))
        found["seconds_per_subject"] = float(
            np.median([r["fit_cpu_seconds"] / r["n_scans"] for r in some])
        )
    found["slope_coverage"] = coverage("age")
    found["contrast_coverage"] = coverage("groups")
    found["drug_coverage"] = coverage("drug")
    if some := designs.get("norms"):
        for name, row in (
            ("norm_centile_error", "centile_error"),
            ("norm_new_site_error", "new_site_error_half"),
        ):
            found[name] = float(np.mean([one[row] for one in some]))
    if some := designs.get("separate fits"):
        found["separate_slope_sign_right"] = float(
            np.mean([r["truth"] * r["found"] > 0 for r in some])
        )
    return found


if __name__ == "__main__":
    main(measure, tables, summary=summary, seeds=20, design=DESIGNS)
