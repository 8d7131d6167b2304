"""Fits that are killed, interrupted, or out of time."""

import time

import numpy as np
import pytest

from delssome.exceptions import SearchInterruptedWarning
from delssome.simulation import SimulationEvaluator

# Few candidates on short scans: whether any stays within range is not the point.
pytestmark = pytest.mark.filterwarnings(
    "ignore::delssome.exceptions.OutOfRangeWarning",
)


class KilledError(Exception):
    pass


def test_a_killed_fit_goes_on_with_the_same_answer(make, X, tmp_path, monkeypatch):
    changes = {"search__max_iter": 4, "checkpoint": tmp_path / "fit.npz"}
    whole = make(**{**changes, "checkpoint": None}).fit(X)
    evaluate, calls = SimulationEvaluator.evaluate, []

    def counting(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KilledError
        return evaluate(*args)

    monkeypatch.setattr(SimulationEvaluator, "evaluate", counting)
    with pytest.raises(KilledError):
        make(**changes).fit(X)
    again = make(**changes).fit(X)
    assert len(calls) == 3 + 2  # of four generations, two were kept
    np.testing.assert_array_equal(again.params_, whole.params_)
    np.testing.assert_array_equal(again.history_.best_total, whole.history_.best_total)
    assert again.cost_ == whole.cost_
    with pytest.raises(ValueError, match="other data or other settings"):
        make(**changes, search__sigma0=0.3).fit(X)
    (tmp_path / "fit.npz").write_bytes(b"PK not one")
    with pytest.raises(ValueError, match="no journal of a fit"):
        make(**changes).fit(X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint": "no/such/folder/fit.npz"}, "does not exist"),
        ({"checkpoint": "fit.npz", "random_state": None}, "an int as random_state"),
        ({"search__max_seconds": -1.0}, "max_seconds must be"),
    ],
)
def test_a_checkpoint_or_limit_that_cannot_be_is_reported(make, X, change, message):
    with pytest.raises(ValueError, match=message):
        make(**change).fit(X)


def test_ctrl_c_ends_the_search_and_verifies_the_best(make, X, monkeypatch):
    evaluate, calls = SimulationEvaluator.evaluate, []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(*args)

    monkeypatch.setattr(SimulationEvaluator, "evaluate", interrupted)
    fitter = make(search__max_iter=5)
    with pytest.warns(SearchInterruptedWarning, match="after 2 generations"):
        fitter.fit(X)
    assert len(fitter.history_.generation) == 2
    assert np.isfinite(fitter.cost_)


def test_without_time_one_generation_is_searched(make, X):
    fitter = make(search__max_seconds=0, search__n_restarts=3).fit(X)
    assert len(fitter.history_.generation) == 1


def test_a_search_ends_when_its_time_is_over(make, X):
    fitter = make(search__max_iter=10_000, search__max_seconds=2.0)
    started = time.monotonic()
    fitter.fit(X)
    assert 1 < len(fitter.history_.generation) < 10_000
    assert time.monotonic() - started < 30
