"""Surrogates: networks that stand in for simulation, and their training corpus."""

from delssome.surrogate.corpus import Corpus, corpus_of_shards, simulate_corpus
from delssome.surrogate.deep import CircuitStatistics, CircuitSurrogate
from delssome.surrogate.estimators import (
    CostPredictor,
    DeepSurrogate,
    WithinRangeClassifier,
)
from delssome.surrogate.recipe import corpus_groups, train, window_groups
from delssome.surrogate.shards import (
    CorpusSettings,
    Group,
    build_corpus,
    read_shard,
    synthetic_group,
    varied_group,
    window_group,
)

__all__ = [
    "CircuitStatistics",
    "CircuitSurrogate",
    "Corpus",
    "CorpusSettings",
    "CostPredictor",
    "DeepSurrogate",
    "Group",
    "WithinRangeClassifier",
    "build_corpus",
    "corpus_groups",
    "corpus_of_shards",
    "read_shard",
    "simulate_corpus",
    "synthetic_group",
    "train",
    "varied_group",
    "window_group",
    "window_groups",
]
