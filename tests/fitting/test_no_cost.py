"""A cost that is no number is a failure with a reason, never a result."""

import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning

from delssome import PopulationFitter
from delssome.exceptions import OutOfRangeWarning
from delssome.fitting.verification import CONFIRMED
from delssome.simulation import SimulationEvaluator


@pytest.fixture
def diverge(monkeypatch):
    """Let some of the evaluations that confirm a winner diverge."""
    statistics = SimulationEvaluator.statistics

    def make(n_diverged, where=lambda candidates: True):
        def diverging(self, candidates, rng=None, **settings):
            found = statistics(self, candidates, rng, **settings)
            if len(candidates) == CONFIRMED and where(candidates):
                found.fc[:n_diverged] = np.nan
                found.violation[:n_diverged] = np.inf
            return found

        monkeypatch.setattr(SimulationEvaluator, "statistics", diverging)

    return make


@pytest.mark.parametrize("n_diverged", [CONFIRMED - 1, CONFIRMED])
def test_a_fit_whose_winner_diverges_fails_with_the_reason(
    make, X, diverge, n_diverged
):
    diverge(n_diverged)
    fitter = make()
    with pytest.raises(
        ValueError, match=f"{n_diverged} of {CONFIRMED} evaluations.*diverged"
    ):
        fitter.fit(X)
    assert not hasattr(fitter, "cost_")


@pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning")
def test_it_fails_its_row_alone_in_a_population(make, X, diverge):
    sc = make().fit(X[1:2]).sc_
    diverge(CONFIRMED, lambda candidates: np.array_equal(candidates.sc, sc))
    with pytest.warns(FitFailedWarning, match=r"1 of 3 fits .* 1: ValueError: 5 of 5"):
        population = PopulationFitter(make()).fit(X)
    assert list(population.failures_) == [1]
    assert np.isnan(population.cost_).tolist() == [False, True, False]


def test_what_did_not_diverge_tells_the_cost(make, X, diverge):
    diverge(3)
    with pytest.warns(OutOfRangeWarning):
        fitter = make().fit(X)
    assert not fitter.in_range_
    reported = (fitter.cost_, fitter.cost_sd_, fitter.validation_cost_)
    assert np.isfinite(reported).all()
    assert np.isfinite(fitter.fc_simulated_).all()
    assert np.isfinite(fitter.readout_).all()
