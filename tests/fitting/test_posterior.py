import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from delssome import CMAES, FIC, MFM, Acquisition, MeanFieldPosterior, Simulator
from delssome.connectome import group_average, prepare_sc
from delssome.costs import COST_NAMES
from delssome.datasets import make_cohort
from delssome.exceptions import InfeasibleSpaceError, UnidentifiedWarning
from delssome.fitting import inferring, pilots
from delssome.inference import Tempering, prior
from delssome.models import Hopf
from delssome.simulation import SimulationEvaluator

N_ROIS, N_EDGES, N_BINS, N_DRAWS = 10, 45, 50, 80
SCAN = Acquisition(n_frames=200, window=20, burn_in=10, warm_up=1)
SAMPLER = Tempering(n_particles=40, n_moves=2, leap=10, n_draws=N_DRAWS)

# Scans as short as these are like none that the network has learned from, and leave
# most of what is asked open.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::delssome.exceptions.{name}")
    for name in ("SurrogateDomainWarning", "UnidentifiedWarning")
]


@pytest.fixture(scope="module", autouse=True)
def short():
    """Search for a pilot, and draw the prior, as briefly as the draws are few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inferring, "N_PILOTS", 1)
        patch.setattr(pilots, "N_GENERATIONS", 4)
        patch.setattr(prior, "N_CHAINS", 100)
        yield


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(2, N_ROIS, acquisition=SCAN, n_fcd_bins=N_BINS, random_state=0)


@pytest.fixture(scope="module")
def X(cohort):
    return cohort.X


@pytest.fixture(scope="module")
def make(cohort):
    """Make a posterior, with settings of its own or of its components changed."""

    def make(**changes):
        settings = {
            "maps": cohort.maps,
            "n_scans": 1,
            "model": FIC(map_signs=(-1, 1)),
            "acquisition": SCAN,
            "sampler": SAMPLER,
            "simulator": Simulator(n_repeats=2),
            "n_fcd_bins": N_BINS,
            "random_state": 0,
        }
        return MeanFieldPosterior(**{**settings, **changes})

    return make


@pytest.fixture(scope="module")
def fitted(make, X):
    return make().fit(X[:1])


@pytest.fixture(scope="module")
def alike(make, X):
    """Of a homogeneous model, whose fits are the fastest."""
    return make(maps=None, model=None).fit(X[:1])


def test_attributes_have_the_documented_shapes(fitted, X):
    n_params = 10
    assert fitted.draws_.shape == (N_DRAWS, n_params)
    assert len(fitted.param_names_) == n_params
    for name in ("params_", "params_sd_", "sign_probability_"):
        assert getattr(fitted, name).shape == (n_params,)
    assert fitted.params_interval_.shape == (n_params, 2)
    assert fitted.prior_draws_.shape == (SAMPLER.n_particles, n_params)
    assert fitted.prior_readout_draws_.shape == (SAMPLER.n_particles, N_ROIS)
    assert fitted.readout_draws_.shape == (N_DRAWS, N_ROIS)
    assert fitted.readout_.shape == fitted.readout_sd_.shape == (N_ROIS,)
    assert fitted.readout_interval_.shape == (N_ROIS, 2)
    assert fitted.mean_readout_interval_.shape == (2,)
    for name in (
        "mean_readout_flat_",
        "prior_mean_readout_",
        "n_scans_effective_",
        "model_error_",
        "departure_",
    ):
        assert getattr(fitted, name).shape == (3,)
    assert fitted.map_correlations_.shape == (2, 3)
    for name in (
        "mean_readout_",
        "mean_readout_sd_",
        "pattern_probability_",
        "log_evidence_",
        "share_in_range_",
        "cost_",
        "cost_sd_",
    ):
        assert isinstance(getattr(fitted, name), float), name
    assert isinstance(fitted.n_evaluations_, int)
    assert isinstance(fitted.in_range_, bool)
    assert set(fitted.costs_) == set(COST_NAMES)
    assert fitted.rates_.shape == (N_ROIS,)
    assert fitted.sc_.shape == fitted.fc_.shape == (N_ROIS, N_ROIS)
    assert fitted.fc_simulated_.shape == (N_ROIS, N_ROIS)
    assert fitted.fcd_cdf_.shape == fitted.fcd_cdf_simulated_.shape == (N_BINS,)
    assert fitted.n_rois_ == N_ROIS
    assert fitted.n_features_in_ == X.shape[1]
    for name in ("w_EE", "w_EI", "sigma", "w_IE"):
        assert fitted.regional_params_[name].shape == (N_ROIS,)
    assert isinstance(fitted.regional_params_["G"], float)


def test_all_that_is_said_is_finite(fitted):
    for name, value in vars(fitted).items():
        if isinstance(value, float | np.ndarray) and name.endswith("_"):
            assert np.isfinite(value).all(), name


def test_what_is_said_of_parameters_and_readout_is_that_of_the_draws(fitted):
    for name, draws in (
        ("params", fitted.draws_),
        ("readout", fitted.readout_draws_),
        ("mean_readout", fitted.readout_draws_.mean(axis=1)),
    ):
        mean, sd = draws.mean(axis=0), draws.std(axis=0)
        np.testing.assert_allclose(getattr(fitted, f"{name}_"), mean)
        np.testing.assert_allclose(getattr(fitted, f"{name}_sd_"), sd)
        ends = np.quantile(draws, (0.05, 0.95), axis=0)
        found = getattr(fitted, f"{name}_interval_")
        np.testing.assert_allclose(np.moveaxis(found, -1, 0), ends)
    positive = (fitted.draws_ > 0).mean(axis=0)
    np.testing.assert_array_equal(fitted.sign_probability_, positive)


def test_means_are_within_intervals(fitted):
    for name in ("params", "readout", "mean_readout"):
        low, high = np.moveaxis(getattr(fitted, f"{name}_interval_"), -1, 0)
        mean = getattr(fitted, f"{name}_")
        assert np.all((low <= mean) & (mean <= high)), name
    for name in ("n_scans_effective_", "departure_", "mean_readout_flat_"):
        mean, low, high = getattr(fitted, name)
        assert low <= mean <= high, name


def test_a_wider_interval_holds_a_narrower_one(make, X, alike):
    narrow = make(maps=None, model=None, interval=0.5).fit(X[:1])
    np.testing.assert_array_equal(narrow.draws_, alike.draws_)
    assert (narrow.params_interval_[:, 0] > alike.params_interval_[:, 0]).all()
    assert (narrow.params_interval_[:, 1] < alike.params_interval_[:, 1]).all()


def test_draws_are_feasible_and_hold_the_rates(fitted):
    assert fitted.space_.feasible(fitted.draws_).all()
    w_EI = fitted.space_.expand(fitted.draws_)["w_EI"]
    r = [[np.corrcoef(row, m)[0, 1] for m in fitted.space_.maps.T] for row in w_EI]
    assert (np.array(r) * [-1, 1] >= 0).all()
    # E/I falls where w_EI rises.
    assert fitted.map_correlations_[0, 0] > 0 > fitted.map_correlations_[1, 0]


def test_what_was_fitted_is_the_group_average(make, X):
    posterior = make(maps=None, model=None, n_scans=2).fit(X)
    average = group_average(X, N_BINS)
    np.testing.assert_allclose(posterior.sc_, prepare_sc(average.sc))
    np.testing.assert_allclose(posterior.fc_, average.fc)
    np.testing.assert_allclose(posterior.fcd_cdf_, average.fcd_cdf)


def test_ei_ratios_are_what_fic_reads_out(fitted):
    np.testing.assert_array_equal(fitted.ei_ratio_, fitted.readout_)
    np.testing.assert_array_equal(fitted.ei_ratio_sd_, fitted.readout_sd_)
    np.testing.assert_array_equal(fitted.ei_ratio_interval_, fitted.readout_interval_)


def test_scans_that_stand_behind_the_data_bound_the_noise(fitted):
    assert (fitted.n_scans_effective_ <= 1.0).all()
    assert (fitted.model_error_ >= 0.0).all()


def test_without_scans_the_model_error_is_not_told_apart(make, X):
    posterior = make(n_scans=None, maps=None, model=None).fit(X[:1])
    assert np.isnan(posterior.model_error_).all()
    assert np.isfinite(posterior.n_scans_effective_).all()


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", ["deep", "linear"])
def test_a_seed_determines_the_draws_whatever_n_jobs(make, X, surrogate):
    sampler = Tempering(n_particles=40, n_moves=1, n_leaps=1, leap=5, n_draws=40)
    settings = {
        "maps": None,
        "model": None,
        "surrogate": surrogate,
        "sampler": sampler,
    }
    one, two = (make(n_jobs=n, **settings).fit(X[:1]) for n in (1, 2))
    np.testing.assert_array_equal(one.draws_, two.draws_)
    assert one.log_evidence_ == two.log_evidence_
    assert one.cost_ == two.cost_
    assert one.n_evaluations_ == two.n_evaluations_


def test_another_seed_gives_other_draws(make, X, alike):
    other = make(maps=None, model=None, random_state=1).fit(X[:1])
    assert (other.draws_ != alike.draws_).all()


def test_without_maps_there_is_no_pattern(alike):
    assert alike.draws_.shape == (N_DRAWS, 4)
    assert alike.pattern_probability_ == 1.0
    assert alike.map_correlations_.shape == (0, 3)
    assert np.ptp(alike.readout_) < 1e-12


def test_a_pattern_that_is_open_is_reported(make, X):
    # A hundredth of a scan says next to nothing, and nobody gave signs.
    with pytest.warns(UnidentifiedWarning, match=r"leave open .*E/I ratio.*map_signs"):
        posterior = make(model=None, n_scans=0.01).fit(X[:1])
    assert 0.3 < posterior.pattern_probability_ < 0.95
    said = posterior.sign_probability_
    assert ((said > 0.05) & (said < 0.95)).any()


def test_a_hundredth_of_a_scan_leaves_what_was_thought_before(make, X, alike):
    little = make(maps=None, model=None, n_scans=0.01).fit(X[:1])
    # As wide as the prior, as far as forty particles tell.
    before = little.prior_draws_.std(axis=0)
    assert little.params_sd_ == pytest.approx(before, rel=0.35)
    assert (little.n_scans_effective_ < 0.02 * alike.n_scans_effective_).all()
    assert little.n_scans_effective_[2] <= 0.01


def test_theory_alone_serves_other_models(make, X):
    model = MFM(w=(0.3, 0.6), I=(0.29, 0.31), G=(1.5, 3.0))
    sampler = Tempering(n_particles=20, n_moves=1, n_leaps=1, leap=5, n_draws=20)
    settings = {"maps": None, "surrogate": "linear", "sampler": sampler}
    posterior = make(model=model, **settings).fit(X[:1])
    assert posterior.param_names_ == ["w_0", "I_0", "G", "sigma_0"]
    assert posterior.readout_draws_.shape == (20, N_ROIS)
    assert (posterior.readout_ > 0).all()
    assert posterior.rates_ is None
    for name in ("ei_ratio_", "ei_ratio_interval_", "ei_ratio_sd_"):
        with pytest.raises(AttributeError, match="MFM model reads out Firing rate"):
            getattr(posterior, name)
    assert posterior.predict(X).shape == (2, N_EDGES + N_BINS)
    assert np.isnan(posterior.record()["rates"]).all()


def test_theory_alone_serves_oscillators(make, X):
    """Their amplitude is nothing at rest; it is read out over the noise."""
    sampler = Tempering(n_particles=20, n_moves=1, n_leaps=1, leap=5, n_draws=20)
    settings = {"maps": None, "surrogate": "linear", "sampler": sampler}
    posterior = make(model=Hopf(), **settings).fit(X[:1])
    assert posterior.readout_draws_.shape == (20, N_ROIS)
    assert (posterior.readout_draws_ > 0).all()
    assert np.isfinite(posterior.params_interval_).all()
    assert np.isnan(posterior.relaxation_over_coupling_).all()
    assert np.isfinite(posterior.cost_)


def test_predict_reads_the_connectome_only(fitted, X):
    blind = X.copy()
    blind[:, N_EDGES:] = np.nan
    predicted = fitted.predict(blind)
    assert predicted.shape == (2, N_EDGES + N_BINS)
    np.testing.assert_array_equal(predicted, fitted.predict(X))
    assert (np.abs(predicted[:, :N_EDGES]) <= 1).all()
    assert (np.diff(predicted[:, N_EDGES:]) >= 0).all()
    assert not np.array_equal(predicted[0], predicted[1])


def test_predict_gives_deviations_if_asked_for(fitted, X):
    mean, std = fitted.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, fitted.predict(X))
    assert std.shape == mean.shape
    assert (std[:, :N_EDGES] > 0).all()


def test_score_is_minus_a_cost(fitted, X):
    score = fitted.score(X[:1])
    assert isinstance(score, float)
    assert -5 < score < 0
    assert score == fitted.score(X[:1])


def test_costs_are_those_of_the_mean(fitted):
    assert fitted.cost_ == pytest.approx(sum(fitted.costs_.values()))
    assert fitted.cost_sd_ > 0
    assert fitted.in_range_
    low, high = fitted.model_.rate_range
    assert ((fitted.rates_ > low) & (fitted.rates_ < high)).all()


def test_it_survives_cloning_and_pickling(fitted, X):
    again = clone(fitted)
    assert again.get_params()["sampler__n_particles"] == 40
    assert not hasattr(again, "draws_")
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.draws_, fitted.draws_)
    np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))
    assert copy.score(X) == fitted.score(X)


def test_settings_of_components_are_set_by_name(make):
    posterior = make(sampler=None, model=None)
    posterior.set_params(sampler__n_particles=50, model__G=(0.0, 2.0), n_scans=3)
    assert posterior.get_params()["sampler__n_particles"] == 50
    assert posterior.sampler == Tempering(n_particles=50)
    assert posterior.model == FIC(G=(0.0, 2.0))
    shared = make()
    shared.set_params(sampler__n_draws=7)
    assert shared.sampler.n_draws == 7
    assert SAMPLER.n_draws == N_DRAWS  # others keep what they had


def test_neither_settings_nor_data_are_changed(make, X):
    X = X[:1].copy()
    X.flags.writeable = False
    given = {"maps": None, "model": FIC(), "sampler": SAMPLER}
    posterior = make(**given).fit(X)
    for name, value in given.items():
        assert getattr(posterior, name) is value
    assert posterior.sampler_ == SAMPLER
    assert posterior.model_ == FIC()
    assert posterior.acquisition_ == SCAN


def test_a_population_can_keep_what_it_says(fitted):
    record = fitted.record()
    assert all(isinstance(value, np.ndarray) for value in record.values())
    assert record["param_names"].tolist() == fitted.param_names_
    np.testing.assert_array_equal(record["readout_interval"], fitted.readout_interval_)
    assert record["costs"].sum() == pytest.approx(fitted.cost_)
    np.testing.assert_array_equal(record["rates"], fitted.rates_)


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("broken", ["pose_inference", "simulate_typical"])
def test_a_refit_that_fails_changes_nothing(make, X, alike, monkeypatch, broken):
    posterior = pickle.loads(pickle.dumps(alike))
    before, predicted = vars(posterior).copy(), posterior.predict(X)

    def fails(*_):
        raise BrokenError

    with monkeypatch.context() as patch:
        patch.setattr(f"delssome.fitting.posterior.{broken}", fails)
        with pytest.raises(BrokenError):
            posterior.fit(X)
    assert vars(posterior).keys() == before.keys()
    for name, value in vars(posterior).items():
        assert value is before[name], name
    np.testing.assert_array_equal(posterior.predict(X), predicted)


def test_an_unfitted_posterior_says_so(make, X):
    for method in ("predict", "score"):
        with pytest.raises(NotFittedError):
            getattr(make(), method)(X)
    with pytest.raises(NotFittedError):
        make().record()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"surrogate": None}, ValueError, "surrogate=None simulates.*'deep' or 'lin"),
        (
            {"surrogate": SimulationEvaluator(FIC(), SCAN)},
            ValueError,
            "simulates, but a posterior needs the expected FC",
        ),
        ({"surrogate": "magic"}, TypeError, "surrogate must be"),
        ({"surrogate": 3}, TypeError, "surrogate must be"),
        ({"n_scans": 0}, ValueError, "n_scans must be a number of at least 0.001"),
        ({"n_scans": np.nan}, ValueError, "n_scans must be a number"),
        ({"n_scans": "many"}, TypeError, "n_scans must be a number.*got 'many'"),
        ({"interval": 1.0}, ValueError, "interval must be a number between 0.01 and"),
        ({"interval": 90}, ValueError, "interval must be a number.*got 90"),
        ({"interval": "90 %"}, TypeError, "interval must be a number"),
        ({"sampler": 400}, TypeError, "sampler must be a Tempering or None, got int"),
        ({"sampler": CMAES()}, TypeError, "sampler must be a Tempering or None"),
        ({"simulator": 3}, TypeError, "simulator must be a Simulator or None"),
        ({"model": "FIC"}, TypeError, "model must be a Model or None, got str"),
        ({"acquisition": 0.72}, TypeError, "acquisition must be an Acquisition"),
        ({"acquisition": Acquisition(dt=0.02)}, ValueError, "integration step"),
        ({"maps": np.ones((4, 1))}, ValueError, "10 regions"),
        ({"model": FIC(map_signs=(1,))}, ValueError, "map_signs must hold"),
        ({"n_fcd_bins": 49}, ValueError, "columns with n_fcd_bins=49"),
        ({"sc_transform": "sqrt"}, ValueError, "sc_transform"),
    ],
)
def test_bad_settings_are_named_before_work_starts(
    make, X, change, error, message, monkeypatch
):
    monkeypatch.setattr(inferring.Inference, "run", None)  # never reached
    with pytest.raises(error, match=message):
        make(**change).fit(X)


def test_bad_subjects_are_named_before_work_starts(make, X, monkeypatch):
    monkeypatch.setattr(inferring.Inference, "run", None)
    for column, value, message in (
        (0, np.nan, "NaN"),
        (0, -1.0, "SC in X must not be negative"),
        (N_EDGES, 1.5, "FC in X"),
        (-1, 0.5, "FCD CDF in X must end at 1"),
    ):
        broken = X.copy()
        broken[:, column] = value
        with pytest.raises(ValueError, match=message):
            make().fit(broken)


def test_a_model_that_is_never_in_range_is_named(make, X, monkeypatch):
    monkeypatch.setattr(prior, "MOST_DRAWS", 300)
    model = FIC(w_EE=(9.0, 10.0), w_EI=(0.5, 1.0))  # every region is unstable
    with pytest.raises(InfeasibleSpaceError, match="within the plausible range"):
        make(maps=None, model=model).fit(X)


def test_draws_can_be_given_to_arviz(fitted):
    pytest.importorskip("arviz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        tree = fitted.to_arviz()
    posterior = tree["posterior"]
    np.testing.assert_array_equal(posterior["G"].values[0], fitted.draws_[:, 6])
    ei_ratio = posterior["ei_ratio"]
    assert ei_ratio.dims[-1] == "region"
    np.testing.assert_array_equal(ei_ratio.values[0], fitted.readout_draws_)
    assert tree["prior"]["G"].shape == (1, SAMPLER.n_particles)
