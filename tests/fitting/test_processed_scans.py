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
from delssome.fitting.posing import make_target
from delssome.models import FIC, MFM, Hopf, WilsonCowan
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate, PublishedSurrogate, simulate_corpus
from delssome.surrogate.corpus.groups import synthetic_group
from delssome.surrogate.corpus.labels import CorpusSettings, label_group
from delssome.theory import TheoryEvaluator

RAW = Acquisition(tr=2.0, n_frames=60, window=20, burn_in=20.0, warm_up=2.0)
SCAN = replace(RAW, band=(0.01, 0.1), global_signal=True)
CENSORED = replace(SCAN, kept=np.arange(60) != 7)
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


def test_the_shipped_network_gives_way_to_theory_where_it_has_not_learned():
    for model, scan, said in (
        (FIC(), CENSORED, "does not know censored scans"),
        (Hopf(), RAW, "cannot serve the Hopf model"),
        (WilsonCowan(), RAW, "not for the equations of the Wilson-Cowan model"),
    ):
        simulation = SimulationEvaluator(model, scan)
        with pytest.warns(SurrogateDomainWarning, match=said):
            first, second = choose_evaluators("deep", simulation)
        assert isinstance(first, TheoryEvaluator)
        assert second is simulation
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model, scan in ((FIC(), SCAN), (FIC(), RAW), (MFM(), SCAN)):
            known = choose_evaluators("deep", SimulationEvaluator(model, scan))
            assert isinstance(known[0], CircuitSurrogate)
        asked = choose_evaluators("linear", SimulationEvaluator(FIC(), CENSORED))
    assert isinstance(asked[0], TheoryEvaluator)


def test_networks_refuse_what_they_know_nothing_of():
    network = CircuitSurrogate.load(acquisition=CENSORED)
    with pytest.raises(ValueError, match="does not know censored scans"):
        network.check(FIC())
    # One that was made for another scan than the data's says so.
    raw = CircuitSurrogate.load(acquisition=RAW)
    assert raw.unlike(SCAN.processing) == list(SCAN.processing)
    assert PublishedSurrogate().unlike(SCAN.processing) == list(SCAN.processing)
    group = synthetic_group(0, n_rois=10, acquisition=CENSORED)
    with pytest.raises(ValueError, match="censored"):
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
def test_fits_of_processed_scans_simulate_the_pipeline(cohort):
    for surrogate in ("deep", "linear"):
        fitter = MeanFieldFitter(cohort.maps, surrogate, acquisition=SCAN, **SMALL)
        fitter.fit(cohort.X)
        assert fitter.acquisition_ == SCAN
        # What is simulated is processed: regions sum to nothing, so FC is low.
        assert abs(fitter.fc_simulated_[np.triu_indices(10, 1)].mean()) < 0.15


def test_departures_say_what_has_a_gradient(cohort):
    fitter = MeanFieldFitter(
        cohort.maps, "linear", departure=0.1, acquisition=SCAN, **SMALL
    )
    with pytest.raises(ValueError, match="without global signal regression"):
        fitter.fit(cohort.X)
    network = CircuitSurrogate.load(acquisition=SCAN)
    sc = make_target(cohort.X, cohort.fcd_cdf.shape[1], "log")
    assert network.slopes(FIC(), sc) is not None
    assert network.slopes(MFM(), sc) is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_posterior_of_processed_scans_is_one_of_that_scan(cohort, drawn_at_once):
    with drawn_at_once():
        posterior = MeanFieldPosterior(
            cohort.maps,
            acquisition=SCAN,
            simulator=Simulator(n_repeats=1),
            random_state=0,
        ).fit(cohort.X)
    assert posterior.acquisition_ == SCAN
