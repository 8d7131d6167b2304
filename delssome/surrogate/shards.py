"""A training corpus on disk: one shard a group, never made twice."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import io
import json
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import Bunch

from delssome._version import __version__
from delssome.connectome import (
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    prepare_sc,
)
from delssome.costs import Evaluation, Target
from delssome.datasets import make_cohort
from delssome.models import FIC, ParameterSpace, check_maps
from delssome.search import CMAES
from delssome.simulation import Acquisition, SimulationEvaluator
from delssome.theory import TheoryEvaluator, TheoryStatistics, close
from delssome.utils import progress_bar, write_atomically

__all__ = [
    "CorpusSettings",
    "Group",
    "build_corpus",
    "read_shard",
    "synthetic_group",
    "varied_group",
    "window_group",
]

# FCD distributions are smooth: so many of their points are kept.
N_CDF_POINTS = 400
# Decay rates (1/s) of the slowest mode that candidates are pushed to.
EDGE = (0.03, 0.5)


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


@dataclass(frozen=True)
class Group:
    """One context of the corpus: a connectome, what was measured with it, and maps.

    Attributes
    ----------
    target : Target
    maps : ndarray of shape (n_rois, n_maps)
    acquisition : Acquisition
    """

    target: Target
    maps: np.ndarray
    acquisition: Acquisition


def synthetic_group(seed, n_rois=68, n_subjects=6, acquisition=None):
    """Make a group from a synthetic cohort of its own.

    Parameters
    ----------
    seed : int
    n_rois : int, default=68
    n_subjects : int, default=6
        Subjects that are averaged.
    acquisition : Acquisition, default=None

    Returns
    -------
    Group
    """
    scan = acquisition or Acquisition()
    cohort = make_cohort(n_subjects, n_rois, acquisition=scan, random_state=seed)
    return _average(cohort.X, cohort.maps, scan)


def window_group(file, start, stop, acquisition=None):
    """Average some subjects of a study of your own.

    Parameters
    ----------
    file : path
        An npz file with ``X``, packed subjects, and ``maps``, (n_rois, n_maps).
    start, stop : int
        Rows of X.
    acquisition : Acquisition, default=None
        The scan behind X.

    Returns
    -------
    Group
    """
    with np.load(file, allow_pickle=False) as data:
        X, maps = data["X"][start:stop], data["maps"]
    if len(X) < stop - start:
        raise ValueError(f"{file} holds no rows {start} to {stop} of X.")
    return _average(X, maps, acquisition or Acquisition())


def _average(X, maps, scan):
    average = group_average(X)
    sc = prepare_sc(average.sc)
    target = Target(sc, matrix_to_edges(average.fc), average.fcd_cdf)
    return Group(target, check_maps(maps, len(sc)), scan)


def varied_group(seed, **given):
    """Make a synthetic group that its connectome explains less well, as in real data.

    Weak tracts are missing, more in some regions than in others, weights are more or
    less unequal, maps have long tails, which put single regions at the edge of
    stability, and the goals are an FC more uneven than the cohort's and windows more
    alike: no candidate reaches them, and they draw searches to that edge.

    Parameters
    ----------
    seed : int
    **given
        As of :func:`synthetic_group`.

    Returns
    -------
    Group
    """
    group = synthetic_group(seed, **given)
    rng = np.random.default_rng([seed, 1])
    sc, fc, cdf = group.target
    seen = rng.normal(0.0, rng.uniform(0.0, 0.6), len(sc))
    weights = (sc / sc.max()) * np.exp(seen[:, None] + seen)
    share, power = rng.uniform(0.2, 1.0), np.exp(rng.uniform(np.log(0.7), np.log(3.0)))
    limit = np.quantile(weights[weights > 0], 1.0 - share)
    strongest = weights >= weights.max(axis=0)
    weights[(weights < limit) & ~strongest & ~strongest.T] = 0.0
    values = np.linspace(-1.0, 1.0, len(cdf) + 1)[1:]
    nearer = 1.0 - (1.0 - values) / rng.uniform(0.45, 1.0)
    pushed = np.interp(nearer, values, cdf, left=0.0)
    fc = fc.mean() + (fc - fc.mean()) * rng.uniform(1.0, 2.0)
    fc = np.clip(fc, -0.9, 0.95)
    sc = prepare_sc(weights**power, transform=None)
    maps = (group.maps - group.maps.mean(axis=0)) / group.maps.std(axis=0)
    skew, tails = rng.uniform(-1.0, 1.0, 2), rng.uniform(0.3, 1.2, 2)
    maps = np.sinh(tails * maps + skew)
    return Group(Target(sc, fc, pushed), maps, group.acquisition)


class _Recorder:
    """Evaluate by theory and keep what was asked and answered."""

    def __init__(self, theory):
        self.theory, self.asked, self.answered = theory, [], []

    def evaluate(self, params, target, rng):
        """Evaluate, and keep."""
        expected = self.theory.statistics(params, target.sc, rng)
        self.asked.append(params)
        self.answered.append(expected)
        return Evaluation(self.theory.costs(expected, target), expected.violation)

    @property
    def params(self):
        """All candidates asked for."""
        return {
            name: np.concatenate([params[name] for params in self.asked])
            for name in self.asked[0]
        }


def label_group(group, settings, seed, searcher=None):
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
    """
    model = FIC()
    rng = np.random.default_rng(seed)
    space = ParameterSpace(model, group.maps)
    theory = TheoryEvaluator(model, group.acquisition, n_samples=settings.n_samples)
    recorder = _Recorder(theory)
    if searcher is None:
        for _ in range(settings.n_searches):
            _search(space, recorder, group.target, settings, rng)
    else:
        found = _find(space, searcher, group, settings, rng)
        recorder.evaluate(space.expand(found), group.target, rng)
    if settings.n_spread > 0:
        for _ in range(6):
            spread = CMAES(space, popsize=settings.n_spread // 6, sigma0=0.4, rng=rng)
            recorder.evaluate(space.expand(spread.ask()), group.target, rng)
    if settings.n_edge > 0:
        pushed = push_to_edge(model, recorder.params, group, settings.n_edge, rng)
        recorder.evaluate(pushed, group.target, rng)
    params = recorder.params
    expected = TheoryStatistics(
        *map(np.concatenate, zip(*recorder.answered, strict=True))
    )
    shard = {name: x.astype(np.float32) for name, x in params.items()}
    shard |= {
        "sc": matrix_to_edges(group.target.sc).astype(np.float32),
        "target_fc": group.target.fc.astype(np.float32),
        "target_cdf": thin(group.target.fcd_cdf).astype(np.float32),
        "maps": group.maps,
        "scan": np.array(
            [
                group.acquisition.tr,
                group.acquisition.n_frames,
                group.acquisition.fcd_window,
                group.acquisition.step,
            ]
        ),
        "fc": expected.fc.astype(np.float16),
        "cdf": thin(expected.fcd_cdf).astype(np.float32),
        "fc_noise": expected.fc_noise.astype(np.float32),
        "rates": expected.rates.astype(np.float32),
        "ei_ratio": expected.ei_ratio.astype(np.float32),
        "p_in_range": expected.p_in_range,
        "violation": expected.violation,
    }
    return shard | _simulate_some(group, settings, model, params, expected, rng)


def _search(space, evaluator, target, settings, rng):
    """Search, and give the candidates of each generation with their fitness."""
    search = CMAES(space, popsize=settings.popsize, rng=rng)
    generations = []
    for _ in range(settings.n_generations):
        theta = search.ask()
        evaluation = evaluator.evaluate(space.expand(theta), target, rng)
        search.tell(evaluation.fitness)
        generations.append((theta, evaluation.fitness))
        if search.converged:
            break
    return generations


def _find(space, searcher, group, settings, rng):
    """Find candidates that a surrogate believes in: where it errs, it was led there."""
    searcher = copy(searcher).set_params(acquisition=group.acquisition)
    found = []
    for _ in range(settings.n_searches):
        generations = _search(space, searcher, group.target, settings, rng)
        late = generations[len(generations) // 2 :]
        # The better half of each of the later generations.
        for theta, fitness in late:
            found.append(theta[np.argsort(fitness)[: len(theta) // 2]])
    found = np.concatenate(found)
    return found[rng.permutation(len(found))[: settings.n_found]]


def push_to_edge(model, params, group, n, rng):
    """Raise G, and then w_EE, of some candidates until their slowest mode is slow.

    Parameters
    ----------
    model : FIC
    params : dict of str to ndarray
        Candidates, of which those with a stable fixed point are drawn from.
    group : Group
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to ndarray
        Fewer than `n` candidates, if fewer are stable.
    """
    sc, step = group.target.sc, group.acquisition.step

    def slowest(params):
        return close(model, params, sc, step, 0).network.decay[:, 0]

    stable = np.flatnonzero(slowest(params) > 0)
    chosen = rng.permutation(stable)[:n]
    params = {name: x[chosen] for name, x in params.items()}
    room = {
        "G": model.G[1] - params["G"],
        "w_EE": np.minimum(4.0, model.w_EE[1] - params["w_EE"].max(axis=1)),
    }

    def pushed(share):
        first, second = np.minimum(2 * share, 1), np.maximum(2 * share - 1, 0)
        return params | {
            "G": params["G"] + first * room["G"],
            "w_EE": params["w_EE"] + (second * room["w_EE"])[:, None],
        }

    goal = np.exp(rng.uniform(*np.log(EDGE), len(chosen)))
    low, high = np.zeros(len(chosen)), np.ones(len(chosen))
    for _ in range(11):
        middle = (low + high) / 2
        above = slowest(pushed(middle)) > goal
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return pushed(low)


def _simulate_some(group, settings, model, params, expected, rng):
    """Simulate candidates that settle, single runs apart."""
    if settings.n_simulated == 0:
        return {"simulated": np.empty(0, dtype=int), "runs_violation": np.empty(0)}
    usable = np.flatnonzero(np.isfinite(expected.fc[:, 0]))
    chosen = rng.permutation(usable)[: settings.n_simulated]
    simulator = SimulationEvaluator(model, group.acquisition, n_repeats=1)
    repeated = {
        name: np.repeat(x[chosen], settings.n_repeats, axis=0)
        for name, x in params.items()
    }
    runs = simulator.statistics(repeated, group.target.sc, rng)

    def apart(x):
        return x.reshape(len(chosen), settings.n_repeats, *x.shape[1:])

    return {
        "simulated": chosen,
        "runs_fc": apart(runs.fc).astype(np.float16),
        "runs_cdf": apart(thin(runs.fcd_cdf)).astype(np.float32),
        "runs_violation": apart(runs.violation),
    }


def thin(cdf):
    """Keep some points of distributions, the last one among them."""
    step = cdf.shape[-1] // N_CDF_POINTS
    return cdf[..., step - 1 :: step] if step > 1 else cdf


def build_corpus(
    folder, groups, settings=None, *, searcher=None, n_jobs=None, verbose=0
):
    """Label groups, one shard each, and go on where an earlier call stopped.

    Parameters
    ----------
    folder : path
        Made if it does not exist. A folder of other settings is refused.
    groups : sequence of (callable, dict)
        Functions that make a :class:`Group`, with their arguments: called in the
        workers, for groups that have no shard yet. The arguments name the shard.
    settings : CorpusSettings, default=None
    searcher : CircuitSurrogate, default=None
        Evaluates candidates during the searches, so that the corpus holds what this
        surrogate leads to. None: theory.
    n_jobs : int, default=None
        Processes (joblib). Shards do not depend on it.
    verbose : int, default=0
        1 or more shows a progress bar with the time left.

    Returns
    -------
    Bunch
        The manifest: settings, version, and of every shard its file, its hash, and
        how many candidates, targets and simulations stand behind it.
    """
    settings = settings or CorpusSettings()
    for group in groups:
        if not (isinstance(group, tuple) and len(group) == 2 and callable(group[0])):
            raise TypeError(
                "groups must hold pairs (function that makes a Group, dict of its "
                f"arguments), as corpus_groups gives them, got {group!r}."
            )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    header = {
        "delssome": __version__,
        "settings": asdict(settings),
        "searcher": None if searcher is None else searcher.digest(),
    }
    _check_header(folder / "settings.json", header)
    files = [folder / f"{_shard_name(make, given)}.npz" for make, given in groups]
    missing = [
        (file, make, given)
        for file, (make, given) in zip(files, groups, strict=True)
        if not file.exists()
    ]
    done = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_write_shard)(file, make, given, settings, searcher)
        for file, make, given in missing
    )
    bar = progress_bar(done, total=len(missing), desc="corpus", verbose=verbose)
    for _ in bar:
        pass
    shards = []
    for file, (make, given) in zip(files, groups, strict=True):
        with np.load(file, allow_pickle=False) as shard:
            shards.append(
                {
                    "file": file.name,
                    "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                    "made_by": make.__name__,
                    "arguments": {k: str(v) for k, v in given.items()},
                    "n_candidates": len(shard["G"]),
                    "n_in_range": int((shard["violation"] == 0).sum()),
                    "n_simulations": int(shard["runs_violation"].size),
                }
            )
    manifest = header | {"shards": shards}
    write_atomically(folder / "manifest.json", _json(manifest))
    return Bunch(**manifest)


def read_shard(file):
    """Read a shard: arrays as :func:`build_corpus` wrote them, SC as a matrix."""
    with np.load(file, allow_pickle=False) as data:
        shard = {name: data[name] for name in data.files}
    shard["sc"] = edges_to_matrix(shard["sc"])
    return Bunch(**shard)


def _json(content):
    return json.dumps(content, indent=1).encode()


def _shard_name(make, given):
    text = "_".join(f"{k}-{v}" for k, v in sorted(given.items()))
    digest = hashlib.sha256(f"{make.__name__} {text}".encode()).hexdigest()
    return f"{make.__name__}_{digest[:12]}"


def _check_header(file, header):
    if file.exists():
        found = json.loads(file.read_text())
        if found != header:
            raise ValueError(
                f"folder {str(file.parent)!r} holds a corpus of other settings, "
                f"{found}, not {header}; choose another folder."
            )
    else:
        write_atomically(file, _json(header))


def _write_shard(file, make, given, settings, searcher):
    # The seed follows from the name alone, whatever the order of the groups.
    seed = int(file.stem.rsplit("_", 1)[1], 16)
    shard = label_group(make(**given), settings, seed, searcher)
    content = io.BytesIO()
    np.savez(content, **shard)
    write_atomically(file, content.getvalue())
