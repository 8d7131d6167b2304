"""Compare our sampler with those of libraries on posteriors of synthetic groups.

All draw in batches from one likelihood, that of a posterior after its refinement, with
draws of one prior to start from, or the box that they lie in. Errors are those of means
and SDs of all coordinates and of mean E/I, against a long run of ours, which a long one
without leaps checks. What does not end by its own rule in time is stopped; of those,
emcee gives what it has.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import (
    ROOT,
    Clock,
    MissingError,
    each,
    installed,
    main,
    middle,
    span,
    table,
)

sys.path.append(str(ROOT / "benchmarks" / "studies"))
import posterior as study

from delssome.fitting.likelihood import LikelihoodOfFC
from delssome.fitting.posing_inference import pose_inference
from delssome.inference import Tempering
from delssome.theory import averages_at_rest

# CPU seconds on one core until a sampler is stopped.
LIMIT = 120.0
LONG = Tempering(n_particles=2000, n_moves=4, n_leaps=6, leap=160, n_draws=20_000)
PLAIN = Tempering(n_particles=1000, n_moves=30, n_leaps=0, n_draws=20_000)
SHORT = Tempering(n_particles=40, n_moves=2, n_draws=80)  # of a smoke run
# Draws that others are asked for: as many as ours gives.
N_DRAWS = Tempering().n_draws
# Walkers of emcee, steps between looks at the autocorrelation time, and how many of
# these times a chain has to last, as its manual says.
WALKERS, STEPS, TIMES = 400, 20, 50
# By how much a box is wider than the draws of the prior in it, as a share.
WIDER = 0.1


class OutOfTimeError(Exception):
    """A sampler took too long."""


class Problem(NamedTuple):
    """A group, its likelihood, draws of the prior, and what a long run says."""

    group: study.Group
    likelihood: LikelihoodOfFC
    prior: np.ndarray
    known: np.ndarray

    @property
    def box(self):
        """Lower and upper bounds."""
        low, high = self.prior.min(axis=0), self.prior.max(axis=0)
        wider = WIDER * (high - low)
        wider[-2:] = 0.0
        low[-2:], high[-2:] = 0.0, 1.0
        return low - wider, high + wider

    def told(self, points):
        """Give all coordinates of points and their mean E/I."""
        world = self.group.world
        x = points[:, : world.space.n_dim]
        candidates = world.candidates(world.space.theta(x))
        readout = world.space.model.readout(averages_at_rest(candidates))
        return np.column_stack([points, readout.mean(axis=1)])


class Refined:
    """Stands in for our sampler, to keep the likelihood that it ends with."""

    def __init__(self, sampler):
        self.sampler, self.n_particles = sampler, sampler.n_particles

    def sample(self, likelihood, prior, rng, *, refine, verbose):
        """Sample, and keep what `refine` gives."""

        def keep(points, value, power):
            found = refine(points, value, power)
            if found:
                self.likelihood = copy(found)  # it learns from what it is asked
            return found

        return self.sampler.sample(likelihood, prior, rng, refine=keep)


@cache
def make_problem(run, seed):
    """Fit a group of the main design, and sample its posterior for long."""
    group = study.make_group(run, study.MAIN, seed)
    estimator = study.pose(run, group, study.MAIN, seed)
    inference, _ = pose_inference(estimator, group.X)
    refined, rng = Refined(inference.sampler), np.random.default_rng(seed)
    replace(inference, sampler=refined).run()
    long = SHORT if run.quick else LONG
    x = group.world.space.x(group.world.prior(long.n_particles, rng))
    prior = np.hstack([x, rng.random((len(x), 2))])
    found = Problem(group, refined.likelihood, prior, None)
    known = long.sample(copy(refined.likelihood), prior, rng).points
    return found._replace(known=found.told(known))


def by_ours(problem, likelihood, rng, quick, sampler):
    sampler = SHORT if quick else sampler
    start = rng.permutation(problem.prior)[: sampler.n_particles]
    return sampler.sample(likelihood.known, start, rng).points, True


def by_emcee(problem, likelihood, rng, quick, moves=()):
    import emcee

    state = rng.permutation(problem.prior)[:WALKERS]
    sampler = emcee.EnsembleSampler(
        *state.shape,
        likelihood.known,  # the time is looked at here
        moves=[(getattr(emcee.moves, name)(), share) for name, share in moves],
        vectorize=True,
    )
    sampler.random_state = np.random.RandomState(rng.integers(2**32)).get_state()
    ended = False
    while not (ended or likelihood.over):
        state = sampler.run_mcmc(state, 5 if quick else STEPS)
        n = sampler.iteration
        ended = n > TIMES * sampler.get_autocorr_time(tol=0).max()
        if quick:
            break
    chain = sampler.get_chain(discard=n // 2, flat=True, thin=max(n // 200, 1))
    return chain, bool(ended)


def by_nautilus(problem, likelihood, rng, quick):
    from nautilus import Sampler

    (low, high), seed = problem.box, int(rng.integers(2**31))
    sampler = Sampler(
        lambda unit: low + (high - low) * unit,
        likelihood,
        n_dim=len(low),
        n_live=200 if quick else 2000,
        vectorized=True,
        pass_dict=False,
        seed=seed,
    )
    sampler.run(n_eff=100 if quick else N_DRAWS)
    return sampler.posterior(equal_weight=True)[0], True


def by_pocomc(problem, likelihood, rng, quick):
    import pocomc

    space = problem.group.world.space

    class Prior:
        bounds, dim = np.column_stack(problem.box), problem.prior.shape[1]

        def logpdf(self, x):
            x, rest = np.split(np.atleast_2d(x), [space.n_dim], axis=1)
            inside = space.feasible(space.theta(x))
            inside &= ((rest >= 0) & (rest <= 1)).all(axis=1)
            return np.where(inside, 0.0, -np.inf)

        def rvs(self, size=1):
            return problem.prior[rng.integers(len(problem.prior), size=size)]

    seed = int(rng.integers(2**31))
    settings = {"vectorize": True, "random_state": seed}
    sampler = pocomc.Sampler(Prior(), likelihood, **settings)
    n = 100 if quick else N_DRAWS
    sampler.run(n_total=n, n_evidence=0, progress=False)
    return sampler.posterior(resample=True)[0], True


DE = (("DEMove", 0.8), ("DESnookerMove", 0.2))
# Distribution that is needed, and what samples.
SAMPLERS = {
    "ours": (None, partial(by_ours, sampler=Tempering())),
    "emcee, stretch": ("emcee", partial(by_emcee, moves=(("StretchMove", 1.0),))),
    "emcee, DE and snooker": ("emcee", partial(by_emcee, moves=DE)),
    "nautilus": ("nautilus-sampler", by_nautilus),
    "pocoMC": ("pocomc", by_pocomc),
    "ours, long, without leaps": (None, partial(by_ours, sampler=PLAIN)),
}


class Timed:
    """A likelihood that refuses to go on when time is over."""

    def __init__(self, known, seconds):
        self.known, self.end = known, time.process_time() + seconds

    @property
    def over(self):
        """Whether it is."""
        return time.process_time() > self.end

    def __call__(self, points):
        """Give it for points, (n, n_dim) to (n,)."""
        if self.over:
            raise OutOfTimeError
        return self.known(points)


def measure(run, sampler, seed):
    needed, sample = SAMPLERS[sampler]
    if needed and installed(needed) is None:
        raise MissingError(f"{needed} is not installed")
    torch.set_num_threads(1)
    with threadpool_limits(1):
        problem = make_problem(run, seed)
        counting, rng = problem.likelihood.evaluator, np.random.default_rng([seed, 1])
        limit = np.inf if sampler.startswith("ours") else 10.0 if run.quick else LIMIT
        likelihood = Timed(copy(problem.likelihood), limit)
        n_before, points, ended = counting.n_evaluations, None, False
        with Clock() as clock, suppress(OutOfTimeError):
            points, ended = sample(problem, likelihood, rng, run.quick)
        row = {
            "version": needed and installed(needed),
            "ended": ended,
            "sampler_wall_seconds": clock.wall,
            "sampler_cpu_seconds": clock.cpu,
            "n_evaluations": counting.n_evaluations - n_before,
        }
        if points is None:
            return row
        told, known = problem.told(points), problem.known
    off = np.abs(told.mean(axis=0) - known.mean(axis=0)) / known.std(axis=0)
    ratio = told.std(axis=0) / known.std(axis=0)
    return row | {"n_draws": len(points), "mean_off": off, "sd_ratio": ratio}


def tables(rows):
    def errors(own):
        found = [row for row in own if "mean_off" in row]
        if not found:
            return " | "
        off = [row["mean_off"] for row in found]
        ratios = [ratio for row in found for ratio in row["sd_ratio"]]
        return (
            f"{np.mean(off):.2f}, {np.max(off):.2f} | "
            f"{min(ratios):.2f} to {max(ratios):.2f}"
        )

    columns = "sampler | ended | CPU s | candidates | means off by, in SDs: mean, worst"
    return table(
        f"{columns} | SDs over those of a long run",
        [
            f"{sampler} | {sum(r['ended'] for r in own)} of {len(own)} | "
            f"{span(middle([r['sampler_cpu_seconds'] for r in own]), '.0f')} | "
            f"{span(middle([r['n_evaluations'] for r in own]), '.0f')} | {errors(own)}"
            for sampler, own in each(rows, "sampler").items()
        ],
    )


if __name__ == "__main__":
    main(measure, tables, seeds=2, sampler=SAMPLERS)
