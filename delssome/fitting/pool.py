"""From many scans and what is known of them to draws of what they share."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome._version import __version__
from delssome.evaluation import Evaluator, Target
from delssome.fitting.expecting import Expecting, Scans, whiten
from delssome.fitting.inferring import Inference, by_distance
from delssome.fitting.pool_design import Coordinates, Design
from delssome.fitting.pool_outcome import describe
from delssome.fitting.pool_state import Place, Seen, State
from delssome.fitting.pooling import PooledDensity
from delssome.fitting.store import Store
from delssome.identity import fingerprint
from delssome.inference import (
    Chains,
    LocalEmulator,
    MixedModel,
    Tempering,
    heat,
    walk,
)
from delssome.models.space import within_ranges
from delssome.saying import progress_bar
from delssome.theory import fisher_z

__all__ = ["Pool"]

Array = NDArray[Any]

# Standard deviations of priors: of a coefficient that is uniform over a unit, of a
# slope over a map, and of effects, in shares of a range.
UNIFORM, SLOPE, EFFECT = 0.29, 1.0, 0.3
# What draws coefficients from the mean FC, for chains to start with.
START = Tempering()
# Chains, rounds of them, in each of which the emulator learns anew, walks of a round
# and of the last one, moves of a walk, and moves at each power of the first.
N_CHAINS, N_ROUNDS, N_WALKS, N_LAST, N_MOVES, N_HEATED = 100, 4, 3, 6, 40, 12
# Candidates that theory looks at to begin with, and how far they are moved, in shares
# of a range: levels, slopes over maps, and directions; what the emulator remembers.
N_TAUGHT, LEVEL, OVER_MAPS, ALONG, N_REMEMBERED = 400, 0.06, 0.02, 0.04, 9000
# Places of scans that theory looks at after a round, and how far these are stretched.
N_VISITED, STRETCHES = 1200, (1.0, 1.5)
# Scatter and noise that chains start with.
FIRST_SCATTER, FIRST_NOISE = (0.01, 0.06), (0.95, 1.3)
# Draws of effects that are looked at for one that is within the ranges.
N_TRIES = 20


@dataclass(frozen=True)
class Pool:
    """Scans, what is known of them, and what may differ between them.

    Attributes
    ----------
    expecting : Expecting
    scans : Scans
    coordinates : Coordinates
        Of the search, and beyond.
    design : Design
        What covariates move.
    people : ndarray
        Labels of people, in the order of their first scans.
    person : ndarray of int, shape (n_scans,)
    scattering : list of str
        Parameters in which people differ.
    network : Evaluator or None
    n_draws, interval, store, verbose
        As of :class:`~delssome.PooledPosterior`.
    """

    expecting: Expecting
    scans: Scans
    coordinates: Coordinates
    design: Design
    people: Array
    person: NDArray[np.intp]
    scattering: list[str]
    network: Evaluator | None
    n_draws: int
    interval: float
    store: Path | None
    verbose: int

    @cached_property
    def sc(self) -> Array:
        """Connectome of the group: the mean, to which own ones add least."""
        return np.asarray(self.scans.sc.mean(axis=0))

    def run(self, rng: np.random.Generator) -> dict[str, Any]:
        """Give the attributes of a posterior."""
        start_rng, draw_rng, *rngs = rng.spawn(2 + N_ROUNDS)
        with progress_bar(
            total=N_ROUNDS + 1, desc="pooled", unit="round", verbose=self.verbose
        ) as bar:
            start = self._kept("start", start_rng, self._start)["x"]
            bar.update()
            state = self._first(start, start_rng.spawn(1)[0])
            for k, one in enumerate(rngs):
                state = State.of(self._kept(k, one, self._round, state, k))
                bar.update()
        return self._draw(state, draw_rng)

    def _kept(
        self, name: Any, rng: np.random.Generator, make: Any, *given: Any
    ) -> dict[str, Any]:
        """Read what is kept of an earlier run, or make and keep it."""
        expecting = self.expecting
        settings: list[Any] = [
            __version__,
            name,
            rng.bit_generator.state,
            expecting.space.model,
            expecting.space.maps,
            expecting.acquisition,
            self.scans,
            self.network,
        ]
        if name != "start":  # which says nothing of covariates
            settings += [
                [tuple(one) for one in self.coordinates.directions],
                (self.design.covariates.names, self.design.matrix),
                (self.person, self.scattering, self.n_draws),
            ]
        key, store = fingerprint(*settings), self._store
        if key not in store:
            store[key] = make(*given, rng)
        return store[key]

    @cached_property
    def _store(self) -> Store:
        return Store(self.store, {"delssome": __version__, "kind": "pooled posterior"})

    def _start(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw coefficients under which the mean FC is likely, (n, n_own)."""
        expecting = self.expecting
        fc = np.tanh(fisher_z(self.scans.fc).mean(axis=0))
        inference = Inference(
            space=expecting.space,
            target=Target(self.sc, fc, np.zeros(0)),
            acquisition=expecting.acquisition,
            evaluator=expecting.theory if self.network is None else self.network,
            exact=None if self.network is None else expecting.theory,
            n_scans=None,
            sampler=START,
            rng=rng,
        )
        return {"x": inference.run().x}

    def _first(self, x: Array, rng: np.random.Generator) -> State:
        """Start chains at draws that theory describes, and look around them."""
        coordinates = self.coordinates
        some = coordinates.padded(x[rng.choice(len(x), 3 * N_TAUGHT)])
        moved = some[N_TAUGHT:]
        moved = moved + self.coordinates.spread(
            LEVEL, OVER_MAPS, ALONG
        ) * rng.standard_normal(moved.shape)
        none = np.zeros((0, self._n_edges), dtype=np.float32)
        nothing = Seen(np.zeros((0, some.shape[1])), none, np.zeros(0))
        seen, _ = self._learn(nothing, moved)
        seen, known = self._learn(seen, some[:N_TAUGHT])
        own = some[:N_TAUGHT, : coordinates.n_own][known]
        if not len(own):
            raise ValueError(
                "The theory finds no stable state among the candidates whose FC is "
                "most like that of X: is X the FC of this SC, and within what the "
                "ranges of the model allow?"
            )
        own = own[rng.choice(len(own), N_CHAINS)]
        n_kinds = len(self.kinds)
        scatter = rng.uniform(*FIRST_SCATTER, (N_CHAINS, n_kinds))
        noise = rng.uniform(*FIRST_NOISE, (N_CHAINS, 1))
        points = np.hstack([own, np.log(scatter), np.log(noise)])
        place = self._place(x[by_distance(x)[0]])
        return State(points, points, seen, place, 0.0)

    def _round(self, state: State, k: int, rng: np.random.Generator) -> dict[str, Any]:
        """Learn from what was seen, let chains walk, and see where they are."""
        density = self._density(state, rng)
        seen, n_own = state.seen, self.coordinates.n_own

        def known(points: Array) -> NDArray[np.bool_]:
            nonlocal seen
            seen, ok = self._learn(seen, self.coordinates.padded(points[:, :n_own]))
            return ok

        points = state.points
        if k == 0:
            points = heat(density, points, known, N_HEATED, rng)
        look = density.look(points)
        good = np.flatnonzero(np.isfinite(look.value))
        if not len(good):
            raise ValueError(
                "No chain is where the expected FC of X is known; is X the FC of this "
                "SC, and within what the ranges of the model allow?"
            )
        which = np.arange(len(points))
        lost = ~np.isfinite(look.value)
        which[lost] = rng.choice(good, lost.sum())
        chains = Chains(points[which], look.select(which))
        n_walks, last = N_WALKS, k == N_ROUNDS - 1
        if last:
            n_walks = N_LAST + -(-self.n_draws // N_CHAINS)
        walked = []
        for _ in range(n_walks):
            chains = walk(density, chains, known, N_MOVES, rng)
            walked.append(chains.points)
        draws = np.concatenate(walked[N_LAST:] if last else walked[-1:])
        best = chains.points[[np.argmax(chains.look.value)]]
        error = self._model_error(density, state.place, best)
        place = state.place
        if not last:
            typical = chains.points[by_distance(chains.points[:, :n_own])[0], :n_own]
            place = self._place(typical)
            seen, _ = self._learn(seen, self._visited(density, draws, rng))
        return State(chains.points, draws, seen, place, error).arrays()

    def _visited(
        self, density: PooledDensity, draws: Array, rng: np.random.Generator
    ) -> Array:
        """Draw where scans are, and the ends of covariates, (n, n_dim)."""
        draws = draws[rng.choice(len(draws), N_CHAINS)]
        found, _ = density.settle(draws, rng=rng)
        base = self.coordinates.padded(draws[:, : self.coordinates.n_own])
        x = base[:, None] + density.off(found.effects, found.people)
        x = x.reshape(-1, x.shape[2])
        x = x[rng.choice(len(x), N_VISITED)]
        # Also further out, where chains have not been yet.
        x = x.mean(axis=0) + rng.choice(STRETCHES, (len(x), 1)) * (x - x.mean(axis=0))
        ends = [base + end for end in self.design.ends(found.effects)]
        return np.concatenate([x, *ends])

    @property
    def _n_edges(self) -> int:
        return len(self.expecting.which)

    @property
    def kinds(self) -> list[tuple[str, list[int]]]:
        """Name what people differ in, with its coordinates."""
        return self.coordinates.kinds(self.scattering)

    def _learn(self, seen: Seen, x: Array) -> tuple[Seen, NDArray[np.bool_]]:
        """Ask theory of candidates: what was seen then, and which are in range."""
        z, known, decay = self.expecting.of(self.coordinates.candidates(x, self.sc))
        ok = np.isfinite(z).all(axis=1)
        new = Seen(x[ok], z[ok].astype(np.float32), decay[ok])  # as kept in files
        both = (
            np.concatenate(pair)[-N_REMEMBERED:] for pair in zip(seen, new, strict=True)
        )
        return Seen(*both), known

    def _place(self, x: Array) -> Place:
        """Take noise, and what own connectomes add, at a point."""
        theta = self.expecting.space.theta(np.asarray(x))
        root = self.expecting.root(theta, self.sc)
        here = self.expecting.z(theta[None], self.sc)[0]
        own = self.expecting.z(theta[None], self.scans.sc)
        lost = np.asarray(np.isnan(own).any(axis=1))
        return Place(root, np.where(lost[:, None], 0.0, own - here), int(lost.sum()))

    def _white(self, place: Place) -> Array:
        """Give what was observed, less what own connectomes add, whitened."""
        observed = self.expecting.observed(self.scans.fc)
        return whiten(place.root, observed - place.added)

    def _density(self, state: State, rng: np.random.Generator) -> PooledDensity:
        """Make the density of chains from what was seen."""
        seen, place = state.seen, state.place
        order = rng.permutation(len(seen.x))
        white = self._white(place)
        emulator = LocalEmulator(
            seen.x[order],
            whiten(place.root, seen.z[order]),
            white.mean(axis=0),
            seen.decay[order],
        )
        amplitudes = emulator.project(white)
        whole = np.square(white - emulator.centre).sum()
        rest = float(whole - np.square(amplitudes).sum())
        n_dim, n_own = self.coordinates.n_dim, self.coordinates.n_own
        kind = np.full(n_dim, -1)
        for k, (_, which) in enumerate(self.kinds):
            kind[which] = k
        spread = self.coordinates.spread(UNIFORM, SLOPE, 0.0)[:n_own]
        # What emulators get wrong is wrong in all scans alike, as what models do.
        error = state.model_error + emulator.error / n_dim
        mixed = MixedModel(
            self.design.matrix, self.person, kind, EFFECT, spread, error, white.size
        )
        return PooledDensity(self.coordinates, emulator, amplitudes, rest, mixed)

    def _model_error(self, density: PooledDensity, place: Place, best: Array) -> float:
        """Give the variance of what is left of all scans alike, at a point, (1, n)."""
        emulator, off = density.emulator, density.settle(best)[1][0]
        x = off + self.coordinates.padded(best[:, : self.coordinates.n_own])
        expected = emulator.amplitudes(x) @ emulator.components + emulator.centre
        left = (self._white(place) - expected).mean(axis=0)
        free = max(1, len(left) - x.shape[1])
        noise = float(np.exp(best[0, -1])) / len(x)
        return max(0.0, float(left @ left) / free - noise)

    def _draw(self, state: State, rng: np.random.Generator) -> dict[str, Any]:
        """Draw effects and people that are within the ranges, and read them out."""
        density = self._density(state, rng)
        model, n_own = self.expecting.space.model, self.coordinates.n_own
        kept: list[tuple[Array, Array, Array]] = []
        n_tried = 0
        for _ in range(N_TRIES):
            found, _ = density.settle(state.draws, rng=rng)
            base = self.coordinates.padded(state.draws[:, :n_own])
            inside = np.isfinite(found.log_density)
            for end in self.design.ends(found.effects):
                inside &= within_ranges(model, self.coordinates.params(base + end))
            n_tried += len(inside)
            kept += list(
                zip(
                    state.draws[inside],
                    found.effects[inside],
                    found.people[inside],
                    strict=True,
                )
            )
            if len(kept) >= self.n_draws:
                break
        share = len(kept) / n_tried
        if len(kept) < self.n_draws:
            raise ValueError(
                f"Of {n_tried} draws of the posterior {len(kept)} are within the "
                f"ranges of {model!r} at both ends of all covariates: the model fits "
                "these scans at the edge of its ranges or beyond; widen them, or ask "
                "for fewer draws."
            )
        which = rng.choice(len(kept), self.n_draws, replace=False)
        points, effects, people = (
            np.array(part) for part in zip(*(kept[k] for k in which), strict=True)
        )
        return {
            **describe(self, density, points, effects, people),
            "share_feasible_": share,
            "model_error_": state.model_error,
            "n_replaced_": state.place.n_replaced,
        }
