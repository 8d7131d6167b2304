"""Regions that depart from the maps: fits by descent, posteriors by Laplace."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    MeanFieldPosterior,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.connectome import (
    average_fc,
    average_fcd_cdf,
    pack_subjects,
    prepare_sc,
)
from delssome.datasets import make_cohort
from delssome.exceptions import UnidentifiedWarning
from delssome.fitting import departing, inferring, pilots
from delssome.inference import Tempering, prior
from delssome.models import Candidates, ParameterSpace
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import simulate
from delssome.theory import effective_regions, identifiability

N_ROIS, N_BINS, N_SCANS = 12, 100, 4
SCAN = Acquisition(n_frames=400, burn_in=20, warm_up=6)
ONE_DESCENT = CMAES(popsize=20, max_iter=3, n_restarts=1)

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::delssome.exceptions.{name}")
    for name in ("SurrogateDomainWarning", "UnidentifiedWarning", "OutOfRangeWarning")
]


@pytest.fixture(scope="module", autouse=True)
def short():
    with pytest.MonkeyPatch.context() as patch:
        stages = (20.0, 15), (50.0, 15), (100.0, 15), (300.0, 15), (1000.0, 15)
        patch.setattr(departing, "STAGES", stages)
        patch.setattr(inferring, "N_PILOTS", 1)
        patch.setattr(pilots, "N_GENERATIONS", 8)
        patch.setattr(prior, "N_CHAINS", 200)
        yield


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(3, N_ROIS, acquisition=SCAN, n_fcd_bins=N_BINS, random_state=0)


@pytest.fixture(scope="module")
def make(cohort):
    def make(**changes):
        settings = {
            "maps": cohort.maps,
            "departure": 0.1,
            "acquisition": SCAN,
            "search": CMAES(popsize=20, max_iter=3, n_restarts=2),
            "simulator": Simulator(n_repeats=1),
            "n_fcd_bins": N_BINS,
            "random_state": 0,
        }
        return MeanFieldFitter(**(settings | changes))

    return make


@pytest.fixture(scope="module")
def fitted(make, cohort):
    return make().fit(cohort.X)


def test_a_fit_gives_departures_and_all_that_other_fits_give(fitted, make, cohort):
    assert fitted.departure_ == 0.1
    assert set(fitted.departures_) == {"w_EE", "w_EI", "sigma"}
    for name, departures in fitted.departures_.items():
        assert departures.shape == (N_ROIS,)
        assert np.abs(departures).max() > 1e-3
        # What maps explain is no departure.
        np.testing.assert_allclose(departures @ cohort.maps, 0.0, atol=1e-8)
        low, high = getattr(fitted.model_, name)
        values = fitted.regional_params_[name]
        assert ((values > low) & (values < high)).all()
    assert len(fitted.params_) == len(fitted.param_names_) == 10 + 3 * N_ROIS
    assert fitted.relative_noise_.shape == (N_ROIS,)
    assert np.log(fitted.relative_noise_).mean() == pytest.approx(0.0, abs=1e-9)
    assert fitted.predict(cohort.X[:1]).shape[1] == N_ROIS * (N_ROIS - 1) / 2 + N_BINS
    assert np.isfinite(fitted.score(cohort.X))
    # Two descents, with the ends of three stages each.
    assert len(fitted.verification_.restart) == 6
    assert set(fitted.verification_.generation) == {5, 6, 7}
    assert (np.diff(fitted.history_.n_evaluations) > 0).all()


def test_it_fits_better_than_maps_do(fitted, make, cohort):
    maps = make(departure=0, search=CMAES(popsize=20, max_iter=30)).fit(cohort.X)
    best = np.nanmin(fitted.verification_.predicted_total)
    assert best < np.nanmin(maps.verification_.predicted_total)
    assert maps.departure_ == 0.0
    assert maps.departures_ == {}


@pytest.mark.parametrize("model", [MFM(), FIC()])
def test_theory_lets_regions_depart_too(make, cohort, model):
    by_theory = make(model=model, surrogate="linear", search=ONE_DESCENT)
    free, maps = (
        clone(by_theory).set_params(departure=departure).fit(cohort.X)
        for departure in (0.1, 0)
    )
    assert set(free.departures_) == set(model.regional)
    best = np.nanmin(free.verification_.predicted_total)
    assert best < np.nanmin(maps.verification_.predicted_total) - 0.1
    assert free.in_range_
    assert free.cost_ < maps.cost_
    again = clone(free).fit(cohort.X).verification_
    np.testing.assert_array_equal(
        again.predicted_total, free.verification_.predicted_total
    )


def test_small_departures_stay_small(make, cohort, fitted):
    stiff = make(departure=1e-3, search=ONE_DESCENT).fit(cohort.X)
    for name, departures in stiff.departures_.items():
        assert departures.std() < 0.2 * fitted.departures_[name].std()


@pytest.mark.slow
def test_same_seed_same_answer(fitted, make, cohort):
    again = clone(make(n_jobs=2)).fit(cohort.X)
    np.testing.assert_array_equal(again.params_, fitted.params_)
    assert again.cost_ == fitted.cost_
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(cohort.X), fitted.predict(cohort.X))


@pytest.mark.slow
def test_held_out_subjects_choose_among_departures(make, cohort):
    how = Verification(validation_fraction=0.4)
    fitter = make(departure=(0.01, 0.3), verification=how, search=ONE_DESCENT)
    fitter.fit(cohort.X)
    assert fitter.departure_ in (0.01, 0.3)
    assert set(fitter.verification_.departure) == {0.01, 0.3}
    winner = fitter.verification_.selected
    assert fitter.verification_.departure[winner] == fitter.departure_


def test_signs_of_maps_are_kept(make, cohort):
    fitter = make(model=FIC(map_signs=(-1, 1)), search=ONE_DESCENT).fit(cohort.X)
    assert fitter.space_.feasible(fitter.params_[None])[0]


def test_what_data_know_of_every_region(group, cohort):
    candidates = group[1]
    space = ParameterSpace(candidates.model, cohort.maps, departs=True)
    theta = space.departing(candidates.params)[0]
    few, many = (
        identifiability(space, theta, candidates.sc, SCAN, n_scans=n, departure=0.1)
        for n in (1, 100)
    )
    for name in ("readout", "relaxation", "noise"):
        before = getattr(few, f"{name}_prior_sd")
        one, hundred = (getattr(known, f"{name}_sd") for known in (few, many))
        assert one.shape == hundred.shape == before.shape == (N_ROIS,)
        if name != "readout":
            assert np.median(hundred) < np.median(one) < 1.2 * np.median(before)
    # Of noise FC tells all regions apart, of E/I few.
    assert np.median(many.noise_sd / many.noise_prior_sd) < 0.5
    assert np.median(many.readout_sd / many.readout_prior_sd) > 0.5
    with pytest.raises(ValueError, match="departure must be positive"):
        identifiability(space, theta, candidates.sc, SCAN)


def test_a_fit_says_what_its_data_know(fitted):
    known = fitted.identifiability_
    assert known is None or known.noise_sd.shape == (N_ROIS,)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"departure": "free"}, TypeError, "departure must be a number"),
        ({"departure": -0.1}, ValueError, "departure"),
        ({"departure": np.nan}, ValueError, "departure"),
        ({"departure": (0.1, 0.2)}, ValueError, "held out"),
        ({"surrogate": None}, ValueError, "gradient"),
        ({"model": MFM(), "surrogate": None}, ValueError, "gradient"),
        ({"search": CMAES(n_closing=2)}, ValueError, "n_closing"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    make, cohort, changes, error, message
):
    with pytest.raises(error, match=message):
        make(**changes).fit(cohort.X)


@pytest.fixture(scope="module")
def group(cohort):
    """Scans of one truth, half of whose regions depart from the maps."""
    rng = np.random.default_rng(3)
    params = ParameterSpace(FIC(), cohort.maps).expand(cohort.group_theta[None])
    params["sigma"] = params["sigma"] * np.tile([1.5, 1.0], N_ROIS // 2)
    sc = prepare_sc(cohort.sc.mean(axis=0))
    candidates = Candidates(FIC(), params, sc)
    bold = simulate(candidates, SCAN, rng.integers(2**63, size=(1, N_SCANS))).bold[0]
    X = pack_subjects(
        cohort.sc.mean(axis=0),
        average_fc(fc_matrix(bold)),
        average_fcd_cdf(fcd_cdf(bold, SCAN.fcd_window, N_BINS)),
    )
    return X, candidates


@pytest.fixture(scope="module")
def infer(cohort):
    def infer(X, **changes):
        settings = {
            "maps": cohort.maps,
            "departure": 0.1,
            "n_scans": N_SCANS,
            "acquisition": SCAN,
            "sampler": Tempering(n_particles=100, n_draws=300),
            "simulator": Simulator(n_repeats=1),
            "n_fcd_bins": N_BINS,
            "random_state": 0,
        }
        return MeanFieldPosterior(**(settings | changes)).fit(X)

    return infer


@pytest.fixture(scope="module")
def inferred(infer, group):
    return infer(group[0])


def test_a_posterior_knows_two_numbers_of_a_region(inferred, group):
    relaxation, noise, coupling = (x[0] for x in effective_regions(group[1]))
    for name, truth in (
        ("relaxation_over_coupling", relaxation / coupling),
        ("relative_noise", noise),
    ):
        found = getattr(inferred, f"{name}_")
        low, high = getattr(inferred, f"{name}_interval_").T
        assert ((low < found) & (found < high)).all()
        assert ((low <= truth) & (truth <= high)).mean() >= 0.5
    r = np.corrcoef(np.log(inferred.relative_noise_), np.log(noise))[0, 1]
    assert r > 0.5  # two draws of twelve correlate by 0.5 in one of twenty


def test_a_posterior_of_departures_is_one_of_all_kinds(inferred, infer, group, cohort):
    assert inferred.draws_.shape == (300, 10 + 3 * N_ROIS)
    assert inferred.readout_interval_.shape == (N_ROIS, 2)
    assert inferred.n_scans_effective_[0] <= N_SCANS + 1e-6
    for name in ("w_EE", "w_EI", "sigma"):
        params = inferred.space_.expand(inferred.draws_)[name]
        low, high = getattr(inferred.model_, name)
        assert ((params >= low) & (params <= high)).all()
    assert np.isfinite(inferred.log_evidence_)
    again = infer(group[0], n_jobs=2)
    np.testing.assert_array_equal(again.draws_, inferred.draws_)
    mean, std = inferred.predict(group[0], return_std=True)
    assert mean.shape == std.shape == (1, N_ROIS * (N_ROIS - 1) // 2 + N_BINS)


@pytest.mark.slow
def test_theory_alone_serves_other_models(infer, group, cohort):
    posterior = infer(group[0], surrogate="linear", departure=0.05)
    assert posterior.readout_.shape == (N_ROIS,)


def test_without_scans_noise_is_what_is_left(infer, group):
    posterior = infer(group[0], n_scans=None)
    assert np.isnan(posterior.model_error_).all()
    assert posterior.n_scans_effective_[0] > 0


def test_model_error_beyond_noise_is_said(infer, group):
    with pytest.warns(UnidentifiedWarning, match="error of the model"):
        infer(group[0], n_scans=1e4)


@pytest.mark.slow
def test_a_population_keeps_regional_results(make, infer, cohort):
    posterior = MeanFieldPosterior(
        cohort.maps,
        departure=0.1,
        n_scans=1,
        acquisition=SCAN,
        sampler=Tempering(n_particles=40, n_draws=60),
        simulator=Simulator(n_repeats=1),
        n_fcd_bins=N_BINS,
        random_state=0,
    )
    population = PopulationFitter(posterior).fit(cohort.X[:2])
    assert population.relative_noise_.shape == (2, N_ROIS)
    assert population.relaxation_over_coupling_interval_.shape == (2, N_ROIS, 2)
    fits = PopulationFitter(make(search=ONE_DESCENT)).fit(cohort.X[:2])
    assert fits.relative_noise_.shape == (2, N_ROIS)
