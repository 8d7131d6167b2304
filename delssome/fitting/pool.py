"""From many scans and what is known of them to draws of what they share."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from delssome._version import __version__
from delssome.evaluation import Evaluator
from delssome.fitting.covariates import Covariates
from delssome.fitting.expecting import Expecting, Scans
from delssome.fitting.known import mean_and_interval
from delssome.fitting.likeliest import most_likely
from delssome.fitting.pooling import Direction, Linearised, Told
from delssome.inference import Hyper, MixedModel
from delssome.models import Candidates, ParameterSpace
from delssome.models.space import within_ranges
from delssome.theory import expected_readout

__all__ = ["Pool"]

Array = NDArray[Any]

# Scans by which the point is looked for about which FC is linear, at most.
N_LEADING = 48
# Scans whose slopes are taken at once, and kept in one file.
N_BATCH = 16
# Standard deviations of priors: of a coefficient that is uniform over a unit, of a
# slope over a map, of effects, and of scatter, in shares of a range.
UNIFORM, SLOPE, EFFECT, SCATTER = 0.29, 1.0, 0.3, 0.1
# Draws of effects for each of scatter, draws of these in a round, and rounds: as many
# draws as it takes that enough are within the ranges.
N_EACH, N_OF_SCATTER, N_ROUNDS = 250, 40, 50
# Model error that counts, in the noise of one scan.
SMALL = 1e-3
# Draws of people that are read out.
N_READ_OUT = 200


@dataclass(frozen=True)
class Pool:
    """Scans, what is known of them, and what may differ between them.

    Attributes
    ----------
    expecting : Expecting
    scans : Scans
    sc : ndarray of shape (n_rois, n_rois)
        Of the group.
    covariates : Covariates
    people : ndarray
        Labels of people, sorted.
    person : ndarray of int, shape (n_scans,)
    moved : list of list of int
        Coordinates that each covariate moves.
    directions : list of Direction
        Coordinates beyond those of the search.
    scattering : list of str
        Parameters in which people differ.
    network : Evaluator or None
    n_draws, interval, store, verbose
        As of :class:`~delssome.PooledPosterior`.
    """

    expecting: Expecting
    scans: Scans
    sc: Array
    covariates: Covariates
    people: Array
    person: NDArray[np.intp]
    moved: list[list[int]]
    directions: list[Direction]
    scattering: list[str]
    network: Evaluator | None
    n_draws: int
    interval: float
    store: Path | None
    verbose: int

    def run(self, rng: np.random.Generator) -> dict[str, Any]:
        """Give the attributes of a posterior."""
        start_rng, walk_rng, draw_rng = rng.spawn(3)
        linear = self._linearise(start_rng)
        told = self._told(linear)
        first = self._mixed(linear, told, 0.0)
        hyper = first.hyper(walk_rng)
        error = self._model_error(told, hyper)
        model = first
        if error > SMALL:
            model = self._mixed(linear, told, error)
        every = np.arange(0, len(hyper.noise), max(1, len(hyper.noise) // 500))
        return self._draw(linear, model, hyper.select(every), draw_rng) | {
            "model_error_": error,
            "n_replaced_": told.n_replaced,
            "scatter_": {
                name: mean_and_interval(hyper.scatter[:, k], self.interval)
                for k, name in enumerate(self.scattering)
            },
            "noise_scale_": mean_and_interval(hyper.noise, self.interval),
        }

    def _linearise(self, rng: np.random.Generator) -> Linearised:
        """Find the point about which FC is taken to be linear."""
        n = len(self.scans.sc)
        some = np.unique(np.linspace(0, n - 1, min(n, N_LEADING)).round().astype(int))
        leading = Scans(self.scans.sc[some], self.scans.fc[some])
        expecting = self.expecting
        found = most_likely(
            expecting.space, expecting.acquisition, self.sc, leading, rng, self.network
        )
        if found is None:
            raise ValueError(
                "The theory finds no stable state among the candidates whose FC is "
                "most like that of X: is X the FC of this SC, and within what the "
                "ranges of the model allow?"
            )
        x = expecting.space.x(found.theta)
        return Linearised(expecting, x, self.sc, found.root, self.directions)

    def _told(self, linear: Linearised) -> Told:
        """Take what every scan tells, a batch at a time, or read what is kept."""
        space, n = self.expecting.space, len(self.scans.sc)
        settings = (
            __version__,
            space.model,
            space.maps,
            self.expecting.acquisition,
            linear.x,
            [tuple(one) for one in self.directions],
        )
        parts = []
        batches = range(0, n, N_BATCH)
        for first in tqdm(batches, "scans", disable=not self.verbose):
            here = slice(first, first + N_BATCH)
            scans = Scans(self.scans.sc[here], self.scans.fc[here])
            file = None
            if self.store is not None:
                file = self.store / f"{joblib.hash((settings, self.sc, scans))}.joblib"
            if file is not None and file.exists():
                parts.append(joblib.load(file))
                continue
            parts.append(linear.told(scans))
            if file is not None:
                whole = file.with_suffix(".part")
                joblib.dump(parts[-1], whole)
                whole.rename(file)
        return Told.join(parts)

    def _mixed(self, linear: Linearised, told: Told, error: float) -> MixedModel:
        """Make the mixed model; with a model error, that of all scans is an effect."""
        space, n_dim, n = self.expecting.space, linear.n_dim, len(self.scans.sc)
        n_own = space.n_dim
        moved = [(c, j) for c, some in enumerate(self.moved) for j in some]
        design = np.zeros((n, n_dim, n_own + len(moved)))
        design[:, np.arange(n_own), np.arange(n_own)] = 1.0
        for k, (c, j) in enumerate(moved):
            design[:, j, n_own + k] = self.covariates.values[:, c]
        centre, spread = _uniform(space)
        sd = np.append(spread, np.full(len(moved), EFFECT))
        mean = np.append(centre - linear.x, np.zeros(len(moved)))
        precision = np.diag(1.0 / sd**2)
        if error > 0.0:
            # What the model gets wrong in all scans looks like a move of coefficients.
            information = told.evidence.information.mean(axis=0)[:n_own, :n_own]
            design = np.concatenate([design, design[:, :, :n_own]], axis=2)
            k = len(mean)
            precision = np.pad(precision, (0, n_own))
            precision[k:, k:] = information / error + 1e-9 * np.eye(n_own)
            mean = np.append(mean, np.zeros(n_own))
        kind = np.full(n_dim, -1)
        for k, name in enumerate(self.scattering):
            kind[space.slices[name]] = k
        return MixedModel(
            told.evidence, design, self.person, kind, precision, mean, SCATTER
        )

    def _model_error(self, told: Told, hyper: Hyper) -> float:
        """Give the variance of what is left of all scans alike."""
        n = len(self.scans.sc)
        noise = float(hyper.noise.mean())
        residual, slopes = told.residual / n, told.slopes / n
        left = residual - slopes @ np.linalg.lstsq(slopes, residual, rcond=None)[0]
        free = len(residual) - slopes.shape[1]
        return max(0.0, float(left @ left) / free - noise / n)

    def _draw(
        self,
        linear: Linearised,
        model: MixedModel,
        chain: Hyper,
        rng: np.random.Generator,
    ) -> dict[str, Any]:
        """Draw effects that are within the ranges, and what follows from them."""
        space, n_own = self.expecting.space, self.expecting.space.n_dim
        kept: list[tuple[Array, int]] = []
        n_tried = n_inside = n_looked_at = 0
        for _ in range(N_ROUNDS):
            which = rng.integers(len(chain.noise), size=N_OF_SCATTER)
            effects = model.effects(chain.select(which), rng, N_EACH)
            which = np.repeat(which, N_EACH)
            inside = np.flatnonzero(self._inside(linear, effects))
            n_tried, n_inside = n_tried + len(effects), n_inside + len(inside)
            some = rng.permutation(inside)[: self.n_draws]
            n_looked_at += len(some)
            if len(some):
                some = some[self._known(linear, effects[some])]
            kept += list(zip(effects[some], which[some], strict=True))
            if len(kept) >= self.n_draws:
                break
        share = n_inside / n_tried * len(kept) / max(n_looked_at, 1)
        if len(kept) < self.n_draws:
            raise ValueError(
                f"Of {n_tried} draws of the posterior {len(kept)} are within the "
                f"ranges of {space.model!r}: the model fits these scans at the edge of "
                "its ranges or beyond; widen them, or ask for fewer draws."
            )
        rng.shuffle(kept)  # type: ignore[arg-type]
        effects = np.array([one for one, _ in kept[: self.n_draws]])
        which = np.array([k for _, k in kept[: self.n_draws]])
        picked, group = chain.select(which), self._group(effects)
        step = self.expecting.acquisition.step
        readout = expected_readout(linear.candidates(group, self.sc), step)
        by_covariate = self._effects_on_readout(linear, effects, step)
        interval = self.interval
        mean_effect = mean_and_interval(by_covariate.mean(axis=2), interval)
        effect = mean_and_interval(by_covariate, interval)
        regions = mean_and_interval(readout, interval)
        level = mean_and_interval(readout.mean(axis=1), interval)
        return {
            "covariate_names_": self.covariates.names,
            "effect_draws_": by_covariate,
            "effect_": effect[..., 0],
            "effect_interval_": effect[..., 1:],
            "mean_effect_": mean_effect,
            "sign_probability_": (by_covariate.mean(axis=2) > 0).mean(axis=0),
            "draws_": space.theta(linear.x + effects[:, :n_own]),
            "param_names_": list(space.names),
            "readout_draws_": readout,
            "readout_": regions[:, 0],
            "readout_interval_": regions[:, 1:],
            "mean_readout_": float(level[0]),
            "mean_readout_interval_": level[1:],
            "people_": self.people,
            **self._people(linear, model, effects, picked, rng, step),
            "share_feasible_": share,
            "model_": space.model,
            "acquisition_": self.expecting.acquisition,
            "space_": space,
            "n_rois_": space.n_rois,
        }

    def _moves(self, effects: Array, c: int, n_dim: int) -> Array:
        """Give what one unit of a covariate does to coordinates, (n_draws, n_dim)."""
        k = self.expecting.space.n_dim + sum(map(len, self.moved[:c]))
        moves = np.zeros((len(effects), n_dim))
        moves[:, self.moved[c]] = effects[:, k : k + len(self.moved[c])]
        return moves

    def _group(self, effects: Array) -> Array:
        """Give coordinates where all covariates are at their mean, (n_draws, n_dim)."""
        own = effects[:, : self.expecting.space.n_dim]
        return np.hstack([own, np.zeros((len(own), len(self.directions)))])

    def _ends(self, linear: Linearised, effects: Array) -> list[Array]:
        """Give coordinates at both ends of covariates, the others at their mean."""
        group = self._group(effects)
        return [
            group + end * self._moves(effects, c, linear.n_dim)
            for c in range(len(self.covariates.names))
            for end in self.covariates.ends[c]
        ]

    def _inside(self, linear: Linearised, effects: Array) -> NDArray[np.bool_]:
        """Tell which effects keep the ranges, at both ends of every covariate."""
        space, n_own = self.expecting.space, self.expecting.space.n_dim
        inside = space.feasible(space.theta(linear.x + effects[:, :n_own]))
        for ends in self._ends(linear, effects):
            where = np.flatnonzero(inside)
            if not len(where):
                break
            params = linear.candidates(ends[where], self.sc).params
            inside[where] = within_ranges(space.model, params)
        return inside

    def _known(self, linear: Linearised, effects: Array) -> NDArray[np.bool_]:
        """Tell which effects leave the group stable, and in the plausible range."""
        group = linear.candidates(self._group(effects), self.sc)
        return self.expecting.of(group)[1]

    def _effects_on_readout(
        self, linear: Linearised, effects: Array, step: float
    ) -> Array:
        """Give changes of the readout by one unit, (n_draws, n_covariates, n_rois)."""
        ends = self._ends(linear, effects)
        found = [
            expected_readout(linear.candidates(end, self.sc), step) for end in ends
        ]
        changes = [
            (found[2 * c + 1] - found[2 * c]) / distance
            for c, distance in enumerate(self.covariates.distance)
        ]
        shape = len(effects), 0, len(self.sc)
        return np.stack(changes, axis=1) if changes else np.zeros(shape)

    def _people(
        self,
        linear: Linearised,
        model: MixedModel,
        effects: Array,
        picked: Hyper,
        rng: np.random.Generator,
        step: float,
    ) -> dict[str, Any]:
        """Read out every person, with the mean of the own covariates."""
        space = self.expecting.space
        some = slice(0, N_READ_OUT)
        effects = effects[some]
        own = model.people(picked.select(some), effects, rng)
        n_people = own.shape[1]
        counts = np.bincount(self.person, minlength=n_people)
        values = np.zeros((n_people, len(self.covariates.names)))
        np.add.at(values, self.person, self.covariates.values)
        values /= counts[:, None]
        base = self._group(effects)
        moves = [
            self._moves(effects, c, linear.n_dim)
            for c in range(len(self.covariates.names))
        ]
        found = []
        for k in range(n_people):
            at = base + own[:, k]
            at = at + sum(v * move for v, move in zip(values[k], moves, strict=True))
            params = linear.candidates(at, self.sc).params
            params = {
                name: np.clip(value, *getattr(space.model, name))
                for name, value in params.items()
            }
            readout = expected_readout(Candidates(space.model, params, self.sc), step)
            found.append(mean_and_interval(readout, self.interval))
        regions = np.array(found)
        return {"readouts_": regions[..., 0], "readouts_interval_": regions[..., 1:]}


def _uniform(space: ParameterSpace) -> tuple[Array, Array]:
    """Give mean and spread of search coordinates that fill the ranges."""
    centre, spread = np.zeros(space.n_dim), np.full(space.n_dim, SLOPE)
    for part in space.slices.values():
        centre[part.start], spread[part.start] = 0.5, UNIFORM
    return centre, spread
