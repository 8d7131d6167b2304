"""Labels of a group: candidates drawn, evaluated by theory, some of them simulated."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import matrix_to_edges
from delssome.evaluation import Evaluation, Evaluator, Statistics, Target
from delssome.models import Candidates, ParameterSpace
from delssome.search import CMAES
from delssome.simulation import Acquisition, SimulationEvaluator, Simulator
from delssome.surrogate.corpus.groups import Group
from delssome.surrogate.shard import name_model, refuse_censoring, write_scan
from delssome.theory import TheoryEvaluator, close

__all__ = ["CorpusSettings", "label_group", "push_to_edge", "thin"]

Array = NDArray[Any]

# FCD distributions are smooth: so many of their points are kept.
N_CDF_POINTS = 400
# Decay rates (1/s) of the slowest mode that candidates are pushed to, and how far, as
# a share of its range, their first regional parameter is raised at most.
EDGE, RISE = (0.03, 0.5), 4 / 9
# Random starts around which candidates are spread, how widely, and the fewest that
# are drawn around each.
N_STARTS, WIDE, FEWEST = 6, 0.4, 4


@dataclass(frozen=True)
class CorpusSettings:
    """How many candidates a group gets, and how they are labelled.

    Parameters
    ----------
    popsize, n_generations, n_searches : int
        Searches against the group's own FC and FCD: by theory, every candidate of
        which is kept, or by the surrogate that `build_corpus` was given.
    n_found : int
        Candidates labelled of those that the surrogate's searches went through.
    n_spread : int
        Candidates spread over the box, as many as a wide normal distribution around
        random starts gives.
    n_edge : int
        Candidates of those that are pushed to the edge of stability, where searches
        for dynamic FC end and a network must not err.
    n_samples : int
        Samples of BOLD behind an FCD distribution by theory.
    n_simulated : int
        Candidates, drawn from all that settle, which are also simulated.
    n_repeats : int
        Simulations of each of them.

    Examples
    --------
    >>> from delssome.surrogate import CorpusSettings
    >>> CorpusSettings(n_spread=60, n_edge=0, n_simulated=0).popsize  # the others stay
    32
    """

    popsize: int = 32
    n_generations: int = 20
    n_searches: int = 1
    n_found: int = 256
    n_spread: int = 180
    n_edge: int = 240
    n_samples: int = 6
    n_simulated: int = 12
    n_repeats: int = 3


class _Evaluates(Protocol):
    def evaluate(
        self, candidates: Candidates, target: Target, rng: np.random.Generator
    ) -> Evaluation: ...


class _Recorder:
    """Evaluate by theory and keep what was asked and answered."""

    def __init__(self, theory: TheoryEvaluator) -> None:
        self.theory = theory
        self.asked: list[Mapping[str, Array]] = []
        self.answered: list[Statistics] = []

    def evaluate(
        self, candidates: Candidates, target: Target, rng: np.random.Generator
    ) -> Evaluation:
        """Evaluate, and keep."""
        expected = self.theory.statistics(candidates, rng)
        self.asked.append(candidates.params)
        self.answered.append(expected)
        return expected.compare(target, self.theory.n_repeats)

    @property
    def params(self) -> dict[str, Array]:
        """All candidates asked for."""
        return {
            name: np.concatenate([params[name] for params in self.asked])
            for name in self.asked[0]
        }


def label_group(
    group: Group,
    settings: CorpusSettings,
    seed: int,
    searcher: Evaluator | None = None,
) -> dict[str, Array]:
    """Draw candidates of one group and label them by theory and by simulation.

    Parameters
    ----------
    group : Group
    settings : CorpusSettings
    seed : int
    searcher : CircuitSurrogate, default=None
        Evaluates candidates during searches. None: theory.

    Returns
    -------
    dict of str to ndarray
        Of the group ``sc`` (upper triangle), ``target_fc``, ``target_cdf``, ``maps``,
        ``scan`` (TR, frames, window, step), ``pipeline`` (limits of the band, order of
        the filter, whether the global signal was regressed out) and ``model``, as JSON;
        of its candidates the searched parameters and, by theory, ``fc``, ``cdf``,
        ``fc_noise``, what the model reads out, ``p_in_range``, ``violation`` and, if
        the model bounds them, ``rates``; of those that were simulated their indices,
        ``simulated``, and of each run ``runs_fc``, ``runs_cdf`` and ``runs_violation``.
    """
    model = group.model
    rng = np.random.default_rng(seed)
    refuse_censoring(group.acquisition)
    group = replace(group, acquisition=group.acquisition.for_model(model))
    theory = TheoryEvaluator(model, group.acquisition, n_samples=settings.n_samples)
    recorder = _Recorder(theory)
    _draw(group, settings, recorder, searcher, rng)
    candidates = Candidates(model, recorder.params, group.target.sc)
    expected = Statistics.join(recorder.answered)
    scan = group.acquisition
    shard = {name: x.astype(np.float32) for name, x in candidates.params.items()}
    shard |= {
        "sc": matrix_to_edges(group.target.sc).astype(np.float32),
        "target_fc": group.target.fc.astype(np.float32),
        "target_cdf": thin(group.target.fcd_cdf).astype(np.float32),
        "maps": group.maps,
        **write_scan(scan),
        "model": np.array(name_model(model)),
        "fc": expected.fc.astype(np.float16),
        "cdf": thin(expected.fcd_cdf).astype(np.float32),
        "fc_noise": np.asarray(expected.fc_noise, dtype=np.float32),
        model.readout_key: np.asarray(expected.readout, dtype=np.float32),
        "p_in_range": np.asarray(expected.p_in_range),
        "violation": expected.violation,
    }
    if model.rate is not None:
        shard["rates"] = expected.averages[model.rate].astype(np.float32)
    return shard | _simulate_some(candidates, scan, settings, expected, rng)


def _draw(
    group: Group,
    settings: CorpusSettings,
    recorder: _Recorder,
    searcher: Evaluator | None,
    rng: np.random.Generator,
) -> None:
    """Let the recorder evaluate candidates of all kinds."""
    model, target = recorder.theory.model, group.target
    space = ParameterSpace(model, group.maps)
    if searcher is None:
        for _ in range(settings.n_searches):
            _search(space, recorder, target, settings, rng)
    else:
        found = _find(space, searcher, group, settings, rng)
        recorder.evaluate(space.candidates(found, target.sc), target, rng)
    if settings.n_spread > 0:
        n_each = settings.n_spread // N_STARTS
        spread = CMAES(popsize=max(n_each, FEWEST), sigma0=WIDE)
        for _ in range(N_STARTS):
            theta = spread.start(space, rng).ask()[:n_each]
            recorder.evaluate(space.candidates(theta, target.sc), target, rng)
    if settings.n_edge > 0:
        known = Candidates(model, recorder.params, target.sc)
        pushed = push_to_edge(known, group.acquisition.step, settings.n_edge, rng)
        recorder.evaluate(pushed, target, rng)


def _search(
    space: ParameterSpace,
    evaluator: _Evaluates,
    target: Target,
    settings: CorpusSettings,
    rng: np.random.Generator,
) -> list[tuple[Array, Array]]:
    """Search, and give the candidates of each generation with their fitness."""
    search = CMAES(popsize=settings.popsize).start(space, rng)
    generations = []
    for _ in range(settings.n_generations):
        theta = search.ask()
        candidates = space.candidates(theta, target.sc)
        fitness = evaluator.evaluate(candidates, target, rng).fitness
        search.tell(fitness)
        generations.append((theta, fitness))
        if search.converged:
            break
    return generations


def _find(
    space: ParameterSpace,
    searcher: Any,
    group: Group,
    settings: CorpusSettings,
    rng: np.random.Generator,
) -> Array:
    """Find candidates that a surrogate believes in: where it errs, it was led there."""
    searcher = copy(searcher).set_params(acquisition=group.acquisition)
    found = []
    for _ in range(settings.n_searches):
        generations = _search(space, searcher, group.target, settings, rng)
        late = generations[len(generations) // 2 :]
        # The better half of each of the later generations.
        for theta, fitness in late:
            found.append(theta[np.argsort(fitness)[: len(theta) // 2]])
    together = np.concatenate(found)
    return together[rng.permutation(len(together))[: settings.n_found]]


def push_to_edge(
    candidates: Candidates, step: float, n: int, rng: np.random.Generator
) -> Candidates:
    """Raise G, and then another parameter, until a candidate's slowest mode is slow.

    Parameters
    ----------
    candidates : Candidates
        Of which those with a stable fixed point are drawn from. After G, the first
        regional parameter of their model is raised, in all regions alike.
    step : float
        Integration step, in seconds.
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    Candidates
        Fewer than `n`, if fewer are stable.
    """
    model = candidates.model
    other = model.regional[0]

    def slowest(candidates: Candidates) -> Array:
        decay = close(candidates, step, 0).network.decay[:, 0]
        return np.where(candidates.rests, decay, -np.inf)

    stable = np.flatnonzero(slowest(candidates) > 0)
    chosen = candidates.select(rng.permutation(stable)[:n])
    params = chosen.params
    (_, highest), (low, high) = model.G, getattr(model, other)
    room_of_G = highest - params["G"]
    room = np.minimum(RISE * (high - low), high - params[other].max(axis=1))

    def pushed(share: Array) -> Candidates:
        first, second = np.minimum(2 * share, 1), np.maximum(2 * share - 1, 0)
        raised = {
            "G": params["G"] + first * room_of_G,
            other: params[other] + (second * room)[:, None],
        }
        return Candidates(model, params | raised, chosen.sc)

    slow, fast = np.log(EDGE)
    goal = np.exp(rng.uniform(slow, fast, len(chosen)))
    below, above = np.zeros(len(chosen)), np.ones(len(chosen))
    for _ in range(11):
        middle = (below + above) / 2
        faster = slowest(pushed(middle)) > goal
        below = np.where(faster, middle, below)
        above = np.where(faster, above, middle)
    return pushed(below)


def _simulate_some(
    candidates: Candidates,
    acquisition: Acquisition,
    settings: CorpusSettings,
    expected: Statistics,
    rng: np.random.Generator,
) -> dict[str, Array]:
    """Simulate candidates that settle, single runs apart."""
    if settings.n_simulated == 0:
        return {"simulated": np.empty(0, dtype=int), "runs_violation": np.empty(0)}
    usable = np.flatnonzero(np.isfinite(expected.fc[:, 0]))
    chosen = rng.permutation(usable)[: settings.n_simulated]
    simulation = SimulationEvaluator(
        candidates.model, acquisition, Simulator(n_repeats=1)
    )
    repeated = candidates.select(np.repeat(chosen, settings.n_repeats))
    runs = simulation.statistics(repeated, rng)

    def apart(x: Array) -> Array:
        return x.reshape(len(chosen), settings.n_repeats, *x.shape[1:])

    return {
        "simulated": chosen,
        "runs_fc": apart(runs.fc).astype(np.float16),
        "runs_cdf": apart(thin(runs.fcd_cdf)).astype(np.float32),
        "runs_violation": apart(runs.violation),
    }


def thin(cdf: Array) -> Array:
    """Keep some points of distributions, the last one among them."""
    step = cdf.shape[-1] // N_CDF_POINTS
    return cdf[..., step - 1 :: step] if step > 1 else cdf
