"""Train the networks as published on a corpus of the published size, and test them.

The groups of the three splits share no subject. Candidates in training are labelled
by theory and scored against 64 targets of their split. In the test, candidates on
unseen connectomes are simulated: the noise floor is one evaluation of three
simulations against another. The shipped network predicts the same candidates.

    python benchmarks/published_form.py --corpus FOLDER --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    roc_auc_score,
)
from theory_vs_simulation import N_REPEATS, simulated_costs

import delssome
from delssome import FIC, Acquisition
from delssome.costs import COST_NAMES, Target
from delssome.surrogate import (
    CircuitSurrogate,
    CorpusSettings,
    CostPredictor,
    DeepSurrogate,
    WithinRangeClassifier,
    build_corpus,
    corpus_groups,
    corpus_of_shards,
    read_shard,
)

SPLITS = {
    "train": CorpusSettings(),
    "validation": CorpusSettings(n_simulated=48),
    "test": CorpusSettings(n_simulated=48, n_repeats=2 * N_REPEATS),
}
QUICK = {
    "popsize": 8,
    "n_generations": 4,
    "n_spread": 30,
    "n_edge": 10,
    "n_samples": 2,
    "n_simulated": 10,
}


def shards_of(split, args):
    """Make the shards of a split, where they are missing, and list the usual ones."""
    groups, settings = corpus_groups(split), SPLITS[split]
    if args.quick:
        groups = groups[:2]
        repeats = {"n_repeats": settings.n_repeats}
        settings = CorpusSettings(**QUICK, **repeats)
    # Training groups are those of the first round of `delssome train`.
    folder = args.corpus / ("round_0" if split == "train" else split)
    manifest = build_corpus(
        folder, groups, settings, n_jobs=args.n_jobs, verbose=args.verbose
    )
    usual = [
        folder / shard["file"]
        for shard, (_, given) in zip(manifest.shards, groups, strict=True)
        if set(given) == {"seed"}
    ]
    return usual, sum(shard["n_simulations"] for shard in manifest.shards)


def scores(predicted, true):
    """Give r, MSE and MAE of every cost and of the total."""
    rows = {}
    terms = [*np.moveaxis(np.stack([predicted, true]), -1, 0)]
    terms.append(np.stack([predicted.sum(axis=-1), true.sum(axis=-1)]))
    for name, (x, y) in zip([*COST_NAMES, "total"], terms, strict=True):
        rows[name] = {
            "r": float(np.corrcoef(x, y)[0, 1]),
            "mse": mean_squared_error(y, x),
            "mae": mean_absolute_error(y, x),
        }
    # Published for an early version, over the three terms together: 0.0248.
    rows["mse_of_terms"] = mean_squared_error(true, predicted)
    return rows


def range_scores(p_in_range, in_range):
    """Give what the classifier is worth."""
    return {
        "accuracy": accuracy_score(in_range, p_in_range > 0.5),
        "balanced_accuracy": balanced_accuracy_score(in_range, p_in_range > 0.5),
        "auroc": roc_auc_score(in_range, p_in_range),
    }


def test_simulated(files, evaluators):
    """Compare predictions with simulation on the connectomes of some shards."""
    model = FIC()
    first, second, kept = [], [], []
    predicted = {name: [] for name in evaluators}
    chances = {name: [] for name in evaluators}
    for file in files:
        shard = read_shard(file)
        target = Target(shard.sc, shard.target_fc, shard.target_cdf)
        params = {
            name: shard[name][shard.simulated].astype(float) for name in model.searched
        }
        runs = {
            "runs_fc": shard.runs_fc.astype(np.float32),
            "runs_fcd_cdf": shard.runs_cdf,
        }
        for into, costs in zip(
            (first, second), simulated_costs(target, runs), strict=True
        ):
            into.append(costs)
        kept.append(shard.runs_violation == 0)
        for name, evaluator in evaluators.items():
            evaluation, p = evaluator(params, target)
            predicted[name].append(evaluation.costs)
            chances[name].append(p)
    first, second, stays = map(np.concatenate, (first, second, kept))
    in_range = stays[:, :N_REPEATS].all(axis=1)
    # Costs are those of candidates in range in every simulation and by every network.
    inside = stays.all(axis=1)
    for name in evaluators:
        predicted[name] = np.concatenate(predicted[name])
        inside &= np.isfinite(predicted[name]).all(axis=1)
    rows = {"n_candidates": len(inside), "n_in_range": int(inside.sum())}
    rows["noise_floor"] = scores(first[inside], second[inside])
    for name in evaluators:
        rows[name] = scores(predicted[name][inside], first[inside])
        rows[name]["range"] = range_scores(np.concatenate(chances[name]), in_range)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of shards")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--verbose", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    report = {"delssome": delssome.__version__, "epochs": args.epochs}
    corpora, n_simulations, files = {}, {}, {}
    for split in SPLITS:
        files[split], n_simulations[split] = shards_of(split, args)
        corpora[split] = corpus_of_shards(files[split], *((5, 4) if args.quick else ()))
    report["n_simulations"] = n_simulations
    report["n_examples"] = {
        split: int(corpus.in_range.sum() * len(corpus.fc))
        for split, corpus in corpora.items()
    }
    print(report, flush=True)
    settings = {
        "max_epochs": 1 if args.quick else args.epochs,
        "batch_size": 64 * 64,
        "lr": 1e-3,
        "verbose": args.verbose,
    }
    started = time.perf_counter()
    networks = DeepSurrogate(
        WithinRangeClassifier(**settings | {"batch_size": 64}),
        CostPredictor(**settings),
        random_state=0,
    ).fit(corpora["train"])
    report["training_wall_seconds"] = time.perf_counter() - started

    for split in ("validation", "test"):
        X, costs, contexts = corpora[split].cost_examples()
        row = scores(networks.predictor_.predict(X, contexts=contexts), costs)
        X, in_range, contexts = corpora[split].range_examples()
        p = networks.classifier_.predict_proba(X, contexts=contexts)[:, 1]
        report[split] = row | {"range": range_scores(p, in_range)}

    circuit = CircuitSurrogate.load(acquisition=Acquisition())

    def published(params, target):
        p = networks.p_in_range(params, target)
        return networks.evaluate(params, target), p

    def shipped(params, target):
        p = circuit.statistics(params, target.sc).p_in_range
        return circuit.evaluate(params, target), p**circuit.n_repeats

    report["simulated_test"] = test_simulated(
        files["test"], {"published_form": published, "shipped": shipped}
    )
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
