"""Surrogates: networks that stand in for simulation, and their training corpus."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING

from delssome._lazy import attach

if TYPE_CHECKING:
    from delssome.surrogate.circuit.surrogate import CircuitSurrogate
    from delssome.surrogate.corpus.groups import (
        Group,
        synthetic_group,
        varied_group,
        window_group,
    )
    from delssome.surrogate.corpus.recipe import corpus_groups, train, window_groups
    from delssome.surrogate.corpus.shards import CorpusSettings, build_corpus
    from delssome.surrogate.corpus.tuning import fine_tune, model_groups
    from delssome.surrogate.published.corpus import (
        Corpus,
        corpus_of_shards,
        simulate_corpus,
    )
    from delssome.surrogate.published.estimators import (
        CostPredictor,
        WithinRangeClassifier,
    )
    from delssome.surrogate.published.surrogate import PublishedSurrogate
    from delssome.surrogate.shard import read_shard

__all__ = [
    "CircuitSurrogate",
    "Corpus",
    "CorpusSettings",
    "CostPredictor",
    "Group",
    "PublishedSurrogate",
    "WithinRangeClassifier",
    "build_corpus",
    "corpus_groups",
    "corpus_of_shards",
    "fine_tune",
    "model_groups",
    "read_shard",
    "simulate_corpus",
    "synthetic_group",
    "train",
    "varied_group",
    "window_group",
    "window_groups",
]

# Loaded when they are asked for: torch, to train, takes seconds, and skorch some more.
_HOMES = {
    "CircuitSurrogate": "circuit.surrogate",
    "Corpus": "published.corpus",
    "CorpusSettings": "corpus.shards",
    "CostPredictor": "published.estimators",
    "Group": "corpus.groups",
    "PublishedSurrogate": "published.surrogate",
    "WithinRangeClassifier": "published.estimators",
    "build_corpus": "corpus.shards",
    "corpus_groups": "corpus.recipe",
    "corpus_of_shards": "published.corpus",
    "fine_tune": "corpus.tuning",
    "model_groups": "corpus.tuning",
    "read_shard": "shard",
    "simulate_corpus": "published.corpus",
    "synthetic_group": "corpus.groups",
    "train": "corpus.recipe",
    "varied_group": "corpus.groups",
    "window_group": "corpus.groups",
    "window_groups": "corpus.recipe",
}

__getattr__, __dir__ = attach(__name__, _HOMES)
