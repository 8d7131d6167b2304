"""Fits in threads share warnings, filters and torch with nobody."""

import threading
import warnings

import joblib
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from delssome import MeanFieldFitter, PopulationFitter
from delssome.saying import listening, warn
from delssome.surrogate import CircuitSurrogate
from delssome.surrogate.circuit import module
from delssome.utils import one_blas_thread

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::delssome.exceptions.{name}")
    for name in ("OutOfRangeWarning", "SurrogateDomainWarning")
]


class Together(MeanFieldFitter):
    """Says which row it fits, while the other thread is at it as well."""

    meeting = threading.Barrier(2, timeout=20)

    def fit(self, X, y=None):
        self.meeting.wait()
        warn(f"this is row {X[0, 0]:.0f}")
        self.meeting.wait()
        super().fit(X)
        self.meeting.wait()
        return self


def test_warnings_belong_to_their_rows_in_threads(make, X):
    X = X[:2].copy()
    X[:, 0] = 101, 202
    make().fit(X)  # libraries that are loaded bring filters of their own
    filters, show = list(warnings.filters), warnings.showwarning
    fitter = Together(**make().get_params(deep=False))
    with joblib.parallel_config(backend="threading"):
        population = PopulationFitter(fitter, n_jobs=2).fit(X)
    for row, said in ((0, "101"), (1, "202")):
        assert f"UserWarning: this is row {said}" in population.warnings_[row]
        assert population.warnings_[row].count("this is row") == 1
    assert warnings.filters == filters
    assert warnings.showwarning is show


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_results_and_warnings_do_not_depend_on_the_backend(make, X, backend):
    fitter = make(surrogate="deep", search__n_restarts=1)
    expected = PopulationFitter(fitter).fit(X)
    with joblib.parallel_config(backend=backend):
        found = PopulationFitter(fitter, n_jobs=2).fit(X)
    np.testing.assert_array_equal(found.params_, expected.params_)
    np.testing.assert_array_equal(found.cost_, expected.cost_)
    assert expected.warnings_
    assert found.warnings_ == expected.warnings_


def test_who_listens_hears_its_own_thread_alone():
    heard = {}

    def hear(name):
        with listening() as own:
            meeting.wait()
            warn(name)
            meeting.wait()
        heard[name] = [one.message for one in own]

    meeting = threading.Barrier(2, timeout=20)
    threads = [threading.Thread(target=hear, args=(name,)) for name in "ab"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert heard == {"a": ["a"], "b": ["b"]}
    with pytest.warns(UserWarning, match="again") as caught:
        warn("heard again")
    assert caught[0].filename == __file__


def test_networks_loaded_in_threads_leave_the_generator_of_torch(monkeypatch):
    before = torch.random.get_rng_state()
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    class Slow(module.CircuitNet):
        def __init__(self, *args):
            super().__init__(*args)
            if first_in.is_set():  # the second: ends after the first
                second_in.set()
                first_out.wait(2)
            else:
                first_in.set()
                second_in.wait(0.5)

    def load():
        Slow.of(CircuitSurrogate.load().network_.weights, 48)
        first_out.set()

    threads = [threading.Thread(target=load) for _ in range(2)]
    threads[0].start()
    first_in.wait(20)
    threads[1].start()
    for one in threads:
        one.join()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_blas_has_its_threads_back_when_the_last_is_done():
    def n_threads():
        found = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
        return {lib["num_threads"] for lib in found}

    with threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(True), one_blas_thread(True)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert n_threads() == {1}
        second.__exit__(None, None, None)
        assert n_threads() == {2}
