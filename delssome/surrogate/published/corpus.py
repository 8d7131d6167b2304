"""Training examples for the networks: simulated candidates, scored against scans."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from delssome.connectome import pack_rows
from delssome.costs import cost_terms, expected_cost_terms
from delssome.files import BadFileError, pack_arrays, read_arrays, write_atomically
from delssome.models import FIC, Candidates, Model
from delssome.saying import progress_bar
from delssome.simulation import SimulationEvaluator
from delssome.surrogate.published.columns import flatten_params
from delssome.surrogate.shard import LARGEST, read_shard, refuse_pipeline

__all__ = ["Corpus", "corpus_of_shards", "simulate_corpus"]

Array = NDArray[Any]

# Candidates simulated between two updates of the progress bar.
PORTION = 128
# Simulations whose mean costs are those of a candidate, as published.
N_REPEATS = 3


@dataclass
class Corpus:
    """Simulated candidates and their costs against every target.

    One simulation makes an example for every target that it is scored against, so
    examples are stored as indices, never as copies.

    Attributes
    ----------
    sc : ndarray of shape (n_sc, n_rois, n_rois)
        Connectomes, scaled as the model uses them.
    fc : ndarray of shape (n_targets, n_edges)
        FC of the targets, upper triangle.
    fcd_cdf : ndarray of shape (n_targets, n_fcd_bins)
        FCD distribution of the targets.
    params : ndarray of shape (n_candidates, n_columns)
        The searched parameters in the order of their model, a column per region where
        they are regional (of FIC 3 * n_rois + 1 columns).
    sc_index : ndarray of int, shape (n_candidates,)
        Connectome of each candidate.
    in_range : ndarray of bool, shape (n_candidates,)
        Whether candidates stayed within the plausible range of their model.
    costs : ndarray of shape (n_candidates, n_targets, 3)
        Cost terms; NaN if the simulation diverged.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.surrogate import Corpus
    >>> corpus = Corpus(  # two candidates of a model with a regional and a global one
    ...     sc=0.02 * (1 - np.eye(3))[None],
    ...     fc=np.array([[0.5, 0.3, 0.1]]),
    ...     fcd_cdf=np.array([[0.2, 0.5, 0.9, 1.0]]),
    ...     params=np.array([[1.0, 2.0, 1.5, 0.5], [2.0, 2.5, 1.0, 0.8]]),
    ...     sc_index=np.array([0, 0]),
    ...     in_range=np.array([True, False]),
    ...     costs=np.full((2, 1, 3), 0.2),
    ... )
    >>> X, y, contexts = corpus.cost_examples()  # of what is in range
    >>> X.shape, y.shape, contexts.shape
    ((1, 6), (1, 3), (1, 10))
    """

    sc: Array
    fc: Array
    fcd_cdf: Array
    params: Array
    sc_index: Array
    in_range: Array
    costs: Array

    def __add__(self, other: "Corpus") -> "Corpus":
        """Join two corpora of the same connectomes and targets."""
        for name in ("sc", "fc", "fcd_cdf"):
            if not np.array_equal(getattr(self, name), getattr(other, name)):
                raise ValueError(f"Corpora must share {name} to be joined.")
        joined = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("params", "sc_index", "in_range", "costs")
        }
        return Corpus(self.sc, self.fc, self.fcd_cdf, **joined)

    def range_examples(self) -> tuple[Array, Array, Array]:
        """Examples for the classifier.

        Returns
        -------
        X : ndarray of shape (n_candidates, n_columns + 2)
        y : ndarray of bool, shape (n_candidates,)
        contexts : ndarray of shape (n_contexts, n_features)
        """
        X = np.column_stack([self.params, self.sc_index, self.sc_index])
        return X, self.in_range, self.contexts()

    def cost_examples(self, in_range_only: bool = True) -> tuple[Array, Array, Array]:
        """Examples for the cost predictor, every candidate with every target.

        Parameters
        ----------
        in_range_only : bool, default=True
            Leave out candidates whose rates are out of range: a search never trusts
            their costs.

        Returns
        -------
        X : ndarray of shape (n_samples, n_columns + 2)
        y : ndarray of shape (n_samples, 3)
        contexts : ndarray of shape (n_contexts, n_features)
        """
        kept = np.isfinite(self.costs).all(axis=(1, 2))
        if in_range_only:
            kept &= self.in_range
        n_targets = len(self.fc)
        X = np.column_stack(
            [
                np.repeat(self.params[kept], n_targets, axis=0),
                np.repeat(self.sc_index[kept], n_targets),
                np.tile(np.arange(n_targets), np.count_nonzero(kept)),
            ]
        )
        return X, self.costs[kept].reshape(-1, 3), self.contexts()

    def contexts(self) -> Array:
        """Connectome k beside target k in row k; the fewer of them start again."""
        rows = np.arange(max(len(self.sc), len(self.fc)))
        sc, target = rows % len(self.sc), rows % len(self.fc)
        return pack_rows(self.sc[sc], self.fc[target], self.fcd_cdf[target])

    def save(self, path: Path | str) -> None:
        """Write the corpus to a npz file."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        write_atomically(path, pack_arrays(arrays))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a corpus that `save` wrote."""
        kind, remedy = "corpus of the published form", "simulate it again"
        found = read_arrays(Path(path), kind, remedy, LARGEST)
        missing = [f.name for f in fields(cls) if f.name not in found]
        if missing:
            raise BadFileError(f"{path} has no {', '.join(missing)}: no {kind}.")
        return cls(**{f.name: found[f.name] for f in fields(cls)})


def simulate_corpus(
    simulator: SimulationEvaluator,
    params: Mapping[str, ArrayLike],
    sc: ArrayLike,
    fc: ArrayLike,
    fcd_cdf: ArrayLike,
    *,
    sc_index: ArrayLike | None = None,
    random_state: int = 0,
    verbose: int = 0,
) -> Corpus:
    """Simulate candidates once and score each against every target.

    Parameters
    ----------
    simulator : SimulationEvaluator
        Model, acquisition, repeats, device and processes.
    params : dict of str to ndarray
        Searched parameters, (n_candidates, n_rois) or (n_candidates,), as
        :meth:`delssome.models.ParameterSpace.expand` gives them.
    sc : array-like of shape (n_sc, n_rois, n_rois)
        Connectomes, scaled as the model uses them.
    fc : array-like of shape (n_targets, n_edges)
        FC of the targets, upper triangle.
    fcd_cdf : array-like of shape (n_targets, n_fcd_bins)
        FCD distribution of the targets.
    sc_index : array-like of int, shape (n_candidates,), default=None
        Connectome of each candidate. None: the first for all.
    random_state : int, default=0
        Seed of the simulations.
    verbose : int, default=0
        1 or more shows a progress bar.

    Returns
    -------
    Corpus

    Raises
    ------
    ValueError
        If scans went through a pipeline: a corpus has no place to say so.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import FIC, Acquisition
    >>> from delssome.simulation import SimulationEvaluator
    >>> from delssome.surrogate import simulate_corpus
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> params = {"w_EE": [3.0, 4.0], "w_EI": [2.0, 2.0]}
    >>> params |= {"G": [1.0, 0.5], "sigma": [0.005, 0.005]}
    >>> fc, fcd_cdf = [0.5, 0.3, 0.1], np.linspace(0.0001, 1.0, 10_000)
    >>> corpus = simulate_corpus(
    ...     SimulationEvaluator(FIC(), scan), params, 0.02 * (1 - np.eye(3))[None], fc,
    ...     fcd_cdf,
    ... )
    >>> corpus.costs.shape  # candidates, targets, terms
    (2, 1, 3)
    """
    refuse_pipeline(simulator.acquisition)
    sc = np.asarray(sc, dtype=np.float64)
    fc, fcd_cdf = np.atleast_2d(fc), np.atleast_2d(fcd_cdf)
    n_candidates = np.size(params["G"])
    index = np.zeros(n_candidates, dtype=int) if sc_index is None else sc_index
    index = np.asarray(index)
    if sc.ndim != 3 or index.max() >= len(sc) or len(index) != n_candidates:
        raise ValueError(
            f"sc must have shape (n_sc, n_rois, n_rois) and sc_index one row of it per "
            f"candidate, got shapes {sc.shape} and {index.shape}."
        )
    rng = np.random.default_rng(random_state)
    model, values = simulator.model, {k: np.asarray(x) for k, x in params.items()}
    rows, costs, in_range = [], [], []
    with progress_bar(total=n_candidates, desc="corpus", verbose=verbose) as bar:
        for start in range(0, n_candidates, PORTION):
            part = slice(start, start + PORTION)
            shared = len(np.unique(index[part])) == 1
            candidates = Candidates(
                model,
                {name: x[part] for name, x in values.items()},
                sc[index[start]] if shared else sc[index[part]],
            )
            statistics = simulator.statistics(candidates, rng)
            simulated = statistics.fc[:, None], statistics.fcd_cdf[:, None]
            rows.append(flatten_params(model, candidates.params))
            costs.append(cost_terms(*simulated, fc, fcd_cdf))
            in_range.append(statistics.violation == 0)
            bar.update(len(candidates))
    flat, inside, terms = map(np.concatenate, (rows, in_range, costs))
    return Corpus(sc, fc, fcd_cdf, flat, index, inside, terms)


def corpus_of_shards(
    files: Sequence[Path | str],
    n_candidates: int = 160,
    n_targets: int = 64,
    *,
    model: Model | None = None,
    random_state: int = 0,
) -> Corpus:
    """Score candidates that theory labelled against targets of all shards.

    Parameters
    ----------
    files : sequence of paths
        Shards of :func:`~delssome.surrogate.build_corpus` with the same number of
        regions and the same scan.
    n_candidates : int, default=160
        Candidates of a shard that are in range, and as many that are not.
    n_targets : int, default=64
        The targets of the groups and then, as if they had been measured, single scans
        that were simulated with candidates of the shards.
    model : Model, default=None
        Whose candidates the shards hold. None: ``FIC()``.
    random_state : int, default=0

    Returns
    -------
    Corpus
        Costs as three simulations of a candidate are expected to have them.

    Examples
    --------
    ::

        manifest = build_corpus("corpus", corpus_groups("validation"))
        files = [Path("corpus", shard["file"]) for shard in manifest.shards]
        surrogate = PublishedSurrogate().fit(corpus_of_shards(files))
    """
    rng = np.random.default_rng(random_state)
    model = FIC() if model is None else model
    shards = [read_shard(file) for file in files]
    for file, shard in zip(files, shards, strict=True):
        missing = [name for name in model.searched if name not in shard]
        if missing:
            raise ValueError(
                f"{file} holds candidates of a model other than {model.name}, without "
                f"{', '.join(missing)}; give theirs as model."
            )
    fc, cdf = _targets(shards, n_targets, rng)
    params, sc_index, in_range, costs = [], [], [], []
    for k, shard in enumerate(shards):
        inside = shard.violation == 0
        chosen = np.concatenate(
            [
                rng.permutation(np.flatnonzero(which))[:n_candidates]
                for which in (inside, ~inside)
            ]
        )
        expected = expected_cost_terms(
            shard.fc[chosen, None].astype(np.float32),
            shard.cdf[chosen, None],
            shard.fc_noise[chosen, None] / N_REPEATS,
            fc,
            cdf,
        )
        picked = {name: shard[name][chosen] for name in model.searched}
        params.append(flatten_params(model, picked))
        sc_index.append(np.full(len(chosen), k))
        in_range.append(inside[chosen])
        costs.append(expected)
    return Corpus(
        np.stack([shard.sc for shard in shards]),
        fc,
        cdf,
        *map(np.concatenate, (params, sc_index, in_range, costs)),
    )


def _targets(
    shards: Sequence[Bunch], n_targets: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Give FC and FCD of the groups, then of single scans that stayed in range."""
    fc = [shard.target_fc for shard in shards]
    cdf = [shard.target_cdf for shard in shards]
    scans = [
        (k, *run)
        for k, shard in enumerate(shards)
        for run in np.argwhere(shard.runs_violation == 0)
    ]
    for k in rng.permutation(len(scans)):
        if len(fc) >= n_targets:
            break
        shard, candidate, run = scans[k]
        fc.append(shards[shard].runs_fc[candidate, run].astype(np.float32))
        cdf.append(shards[shard].runs_cdf[candidate, run])
    return np.stack(fc[:n_targets]), np.stack(cdf[:n_targets])
