"""Values that are equal have one name, and others another."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator

from delssome import CMAES, FIC, Acquisition, Simulator
from delssome.identity import describe, fingerprint
from delssome.surrogate import CircuitSurrogate

MAPS = np.random.default_rng(0).normal(size=(12, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MAPS, np.asfortranarray(MAPS)),
        (MAPS, MAPS.tolist()),
        (MAPS, pd.DataFrame(MAPS)),
        (MAPS, MAPS.astype(np.float32)),
        (MAPS, MAPS.astype(">f8")),
        (MAPS, MAPS[::1, ::-1][:, ::-1]),
        (np.array([0.0, np.nan] * 9), np.array([-0.0, -np.nan] * 9)),
        (1, 1.0),
        (1, np.int64(1)),
        (0.2, np.float64(0.2)),
        (0.2, np.float32(0.2)),
        ((1, 2), [1.0, 2.0]),
        ("a", np.str_("a")),
        (Path("a"), "a"),
        (True, np.True_),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}),
        (FIC(map_signs=(-1, 1)), FIC(map_signs=[-1, 1])),
        (CMAES(popsize=8), CMAES(popsize=np.int32(8))),
        (Acquisition(), Acquisition(tr=np.float64(0.72))),
    ],
)
def test_equal_values_have_one_name_whatever_they_come_in(one, other):
    assert describe(one) == describe(other)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MAPS, MAPS.T),
        (MAPS, MAPS.reshape(2, 12)),
        (MAPS, MAPS + 1e-5),
        (1, True),
        (1, "1"),
        (None, "None"),
        (0.2, 0.2000001),
        (FIC(), FIC(target_rate=3.1)),
        (CMAES(), CMAES(popsize=8)),
        (CMAES(), Simulator()),
        ([1, [2]], [[1], 2]),
        (("a", "b"), ("ab",)),
    ],
)
def test_other_values_have_another_name(one, other):
    assert describe(one) != describe(other)
    assert fingerprint(one) != fingerprint(other)


def test_a_network_is_known_by_its_weights_alone():
    one, other = CircuitSurrogate.load(), CircuitSurrogate.load()
    assert describe(one) == describe(other) == describe(FrozenEstimator(one))
    with np.errstate(all="ignore"):
        weights = next(iter(other.net_.parameters()))
    weights.data = weights.data + 1.0
    assert describe(one) != describe(other)


def test_a_class_of_a_user_is_known_by_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for name, body in (("first", "1.0"), ("second", "2.0"), ("third", "1.0")):
        text = "from dataclasses import dataclass\n\n\n@dataclass\nclass Own:\n"
        text += f"    a: float = 0.5\n\n    def rate(self):\n        return {body}\n"
        (tmp_path / f"{name}_model.py").write_text(text)
        found.append(describe(__import__(f"{name}_model").Own()))
    assert found[0] == found[2] != found[1]


def test_what_is_set_is_named_in_words():
    @dataclass(frozen=True)
    class Own:
        a: float = 1.0
        b: tuple = (1, 2)

    assert describe(Own()).endswith("(a=1, b=[1, 2])")
    assert describe(replace(Own(), b=None)).endswith("(a=1, b=None)")
