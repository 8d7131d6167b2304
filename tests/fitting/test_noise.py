"""Noise that chose a winner is never met again, and every row has its own."""

import numpy as np
import pytest

from delssome import MeanFieldPosterior
from delssome.fitting import inferring, pilots
from delssome.inference import Tempering, prior
from delssome.simulation import evaluator
from delssome.utils import make_generator

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::delssome.exceptions.{name}")
    for name in ("OutOfRangeWarning", "SurrogateDomainWarning", "UnidentifiedWarning")
]


@pytest.fixture
def seeds(monkeypatch):
    """Seeds that reach the simulator, a list for each call."""
    seen, simulate = [], evaluator.simulate

    def simulate_and_note(candidates, acquisition, seeds, **settings):
        seen.append(np.unique(seeds).tolist())
        return simulate(candidates, acquisition, seeds, **settings)

    monkeypatch.setattr(evaluator, "simulate", simulate_and_note)
    return seen


@pytest.fixture
def posterior(scan, maps, monkeypatch):
    monkeypatch.setattr(inferring, "N_PILOTS", 1)
    monkeypatch.setattr(pilots, "N_GENERATIONS", 4)
    monkeypatch.setattr(prior, "N_CHAINS", 100)
    sampler = Tempering(n_particles=20, n_moves=1, n_leaps=1, leap=5, n_draws=20)
    return MeanFieldPosterior(
        surrogate="linear",
        n_scans=1,
        acquisition=scan,
        sampler=sampler,
        n_fcd_bins=50,
        random_state=0,
    )


@pytest.mark.parametrize("held_out", [0.0, 0.34])
@pytest.mark.parametrize("method", ["score", "predict"])
def test_a_fit_is_judged_by_noise_that_took_no_part_in_it(
    make, X, seeds, method, held_out
):
    verification = {"n_finalists": 4, "validation_fraction": held_out}
    changes = {f"verification__{name}": value for name, value in verification.items()}
    fitter = make(search__n_restarts=2, **changes).fit(X)
    chose = {seed for call in seeds for seed in call}
    seeds.clear()
    getattr(fitter, method)(X)
    judged = {seed for call in seeds for seed in call}
    assert chose
    assert judged
    assert not chose & judged


def test_search_and_verification_and_confirmation_share_no_noise(make, X, seeds):
    make(search__n_restarts=2, verification__n_finalists=4).fit(X)
    used = [seed for call in seeds for seed in call]
    assert len(seeds) > 4
    assert len(set(used)) == len(used)


def test_a_posterior_is_judged_by_noise_that_took_no_part_in_it(posterior, X, seeds):
    posterior.fit(X[:1])
    shown = {seed for call in seeds for seed in call}
    for method in ("score", "predict"):
        seeds.clear()
        getattr(posterior, method)(X)
        judged = {seed for call in seeds for seed in call}
        assert shown
        assert judged
        assert not shown & judged


def test_a_prediction_depends_neither_on_order_nor_on_company(make, X, posterior):
    for estimator in (make().fit(X), posterior.fit(X[:1])):
        together = estimator.predict(X)
        np.testing.assert_array_equal(estimator.predict(X[::-1])[::-1], together)
        np.testing.assert_array_equal(estimator.predict(X[1:2]), together[1:2])


def test_rows_do_not_share_their_noise(make, X, seeds):
    make().fit(X).predict(X)
    assert len({tuple(call) for call in seeds}) == len(seeds)
    assert len(seeds[-1]) == 3 * 2  # rows, repeats


def test_streams_of_a_random_state_share_nothing():
    streams = [make_generator(0, name) for name in ("", "fresh", "score")]
    streams += [child for one in streams for child in one.spawn(5)]
    numbers = np.concatenate([one.integers(2**63, size=100) for one in streams])
    assert len(np.unique(numbers)) == len(numbers)
    again = make_generator(0, "fresh").integers(2**63, size=100)
    assert set(again) <= set(numbers)
