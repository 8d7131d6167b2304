"""Fits and posteriors of scans that a pipeline processed."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from delssome import (
    CMAES,
    Acquisition,
    MeanFieldFitter,
    MeanFieldPosterior,
    Simulator,
    Verification,
)
from delssome.datasets import make_cohort
from delssome.exceptions import SurrogateDomainWarning
from delssome.fitting.evaluators import choose_evaluators
from delssome.models import FIC
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate, PublishedSurrogate, simulate_corpus
from delssome.surrogate.corpus.groups import synthetic_group
from delssome.surrogate.corpus.labels import CorpusSettings, label_group
from delssome.theory import TheoryEvaluator

RAW = Acquisition(tr=2.0, n_frames=60, window=20, burn_in=20.0, warm_up=2.0)
SCAN = replace(RAW, band=(0.01, 0.1), global_signal=True)
SMALL = {
    "search": CMAES(popsize=8, max_iter=2),
    "simulator": Simulator(n_repeats=1),
    "verification": Verification(n_finalists=2, on_disagreement="warn"),
    "random_state": 0,
}


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(2, 10, acquisition=SCAN, random_state=0)


def test_a_cohort_is_what_the_pipeline_leaves(cohort):
    raw = make_cohort(2, 10, acquisition=RAW, random_state=0)
    np.testing.assert_array_equal(cohort.bold, SCAN.process(raw.bold))
    np.testing.assert_allclose(cohort.fc, fc_matrix(cohort.bold))
    np.testing.assert_allclose(cohort.fcd_cdf, fcd_cdf(cohort.bold, 20))
    np.testing.assert_array_equal(cohort.params["G"], raw.params["G"])


def test_the_shipped_network_gives_way_to_theory():
    simulation = SimulationEvaluator(FIC(), SCAN)
    with pytest.warns(SurrogateDomainWarning, match=r"not on band 0\.01 to 0\.1 Hz"):
        first, second = choose_evaluators("deep", simulation)
    assert isinstance(first, TheoryEvaluator)
    assert second is simulation
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = choose_evaluators("deep", SimulationEvaluator(FIC(), RAW))
        assert isinstance(raw[0], CircuitSurrogate)
        asked = choose_evaluators("linear", simulation)
    assert isinstance(asked[0], TheoryEvaluator)


def test_networks_refuse_what_they_know_nothing_of(cohort):
    network = CircuitSurrogate.load(acquisition=SCAN)
    with pytest.raises(ValueError, match="global signal regressed out"):
        network.check(FIC())
    assert network.unlike(SCAN.processing) == list(SCAN.processing)
    assert PublishedSurrogate().unlike(SCAN.processing) == list(SCAN.processing)
    group = synthetic_group(0, n_rois=10, acquisition=SCAN)
    with pytest.raises(ValueError, match="band"):
        label_group(group, CorpusSettings(), 0)
    with pytest.raises(ValueError, match="band"):
        simulate_corpus(SimulationEvaluator(FIC(), SCAN), {}, [], [], [])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_given_network_warns_of_the_scan(cohort):
    network = CircuitSurrogate.load(acquisition=RAW)
    fitter = MeanFieldFitter(cohort.maps, network, acquisition=SCAN, **SMALL)
    with pytest.warns(SurrogateDomainWarning, match="nothing like this: band"):
        fitter.fit(cohort.X)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_fit_of_processed_scans_is_one_by_theory(cohort):
    deep, linear = (
        MeanFieldFitter(cohort.maps, surrogate, acquisition=SCAN, **SMALL).fit(cohort.X)
        for surrogate in ("deep", "linear")
    )
    np.testing.assert_array_equal(deep.params_, linear.params_)
    assert deep.cost_ == linear.cost_
    assert deep.acquisition_ == SCAN
    # What is simulated is processed: regions sum to nothing, so FC is low.
    assert abs(deep.fc_simulated_[np.triu_indices(10, 1)].mean()) < 0.15


def test_departures_say_that_no_network_knows_the_scan(cohort):
    fitter = MeanFieldFitter(cohort.maps, departure=0.1, acquisition=SCAN, **SMALL)
    with (
        pytest.warns(SurrogateDomainWarning),
        pytest.raises(ValueError, match="scans that went through no pipeline"),
    ):
        fitter.fit(cohort.X)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_posterior_of_processed_scans_is_one_by_theory(cohort, drawn_at_once):
    with drawn_at_once():
        posterior = MeanFieldPosterior(
            cohort.maps,
            acquisition=SCAN,
            simulator=Simulator(n_repeats=1),
            random_state=0,
        ).fit(cohort.X)
    assert posterior.acquisition_ == SCAN
