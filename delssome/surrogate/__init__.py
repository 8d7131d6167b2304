"""The DELSSOME surrogate: two networks that stand in for simulation."""

from delssome.surrogate.corpus import Corpus, simulate_corpus
from delssome.surrogate.estimators import (
    CostPredictor,
    DeepSurrogate,
    WithinRangeClassifier,
)

__all__ = [
    "Corpus",
    "CostPredictor",
    "DeepSurrogate",
    "WithinRangeClassifier",
    "simulate_corpus",
]
