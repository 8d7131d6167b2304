"""Surrogates: networks that stand in for simulation, and their training corpus."""

from delssome.surrogate.corpus import Corpus, simulate_corpus
from delssome.surrogate.deep import CircuitStatistics, CircuitSurrogate
from delssome.surrogate.estimators import (
    CostPredictor,
    DeepSurrogate,
    WithinRangeClassifier,
)
from delssome.surrogate.recipe import corpus_groups, train
from delssome.surrogate.shards import (
    CorpusSettings,
    Group,
    build_corpus,
    read_shard,
    synthetic_group,
    varied_group,
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
    "read_shard",
    "simulate_corpus",
    "synthetic_group",
    "train",
    "varied_group",
]
