import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    Simulator,
    Verification,
)
from delssome.connectome import group_average, matrix_to_edges, prepare_sc
from delssome.costs import cost_terms
from delssome.datasets import make_cohort
from delssome.exceptions import OutOfRangeWarning
from delssome.surrogate import PublishedSurrogate

N_ROIS, N_BINS = 5, 50
N_EDGES = 10


class Restless(MFM):
    """A model of which the theory knows nothing: it comes to no rest."""

    name = "restless"

    @staticmethod
    def derivatives(S, coupling, w, I, expm1):  # noqa: E741
        return 1.0 + w * S + coupling + I, S


# Few candidates on short scans: whether any stays within range is not the point.
pytestmark = pytest.mark.filterwarnings(
    "ignore::delssome.exceptions.OutOfRangeWarning",
)


@pytest.fixture
def fitted(make, X):
    return make().fit(X)


def test_fitted_attributes_have_the_documented_shapes(fitted):
    assert fitted.params_.shape == (10,)
    assert len(fitted.param_names_) == 10
    for name in ("w_EE", "w_EI", "sigma", "w_IE"):
        assert fitted.regional_params_[name].shape == (N_ROIS,)
    assert isinstance(fitted.regional_params_["G"], float)
    assert fitted.ei_ratio_.shape == fitted.rates_.shape == (N_ROIS,)
    assert fitted.readout_.shape == fitted.relaxation_over_coupling_.shape == (N_ROIS,)
    assert fitted.readouts_.shape == (1, N_ROIS)
    assert isinstance(fitted.spectral_radius_, float)
    assert fitted.fc_simulated_.shape == fitted.fc_.shape == (N_ROIS, N_ROIS)
    assert fitted.fcd_cdf_simulated_.shape == fitted.fcd_cdf_.shape == (N_BINS,)
    assert fitted.verification_.theta.shape == (2, 10)
    assert fitted.verification_.selected.sum() == 1
    assert len(fitted.history_.generation) == 2
    assert fitted.n_rois_ == N_ROIS
    assert fitted.n_features_in_ == 2 * N_EDGES + N_BINS


def test_the_winner_is_the_selected_finalist(fitted):
    table = fitted.verification_
    np.testing.assert_array_equal(fitted.params_, table.theta[table.selected][0])


def test_the_map_is_an_average_over_restarts_that_end_alike(make, X):
    fitter = make(search__n_restarts=3, verification__n_finalists=6).fit(X)
    assert fitter.verification_.readout.shape == (6, N_ROIS)
    assert 1 <= len(fitter.readouts_) <= 3
    np.testing.assert_allclose(fitter.readouts_.mean(axis=0), fitter.readout_)
    np.testing.assert_array_equal(fitter.ei_ratio_, fitter.readout_)
    np.testing.assert_array_equal(fitter.ei_ratios_, fitter.readouts_)


def test_regional_parameters_follow_from_coefficients_and_maps(fitted, maps):
    c = dict(zip(fitted.param_names_, fitted.params_, strict=True))
    w_EI = c["w_EI_0"] + maps @ [c["w_EI_1"], c["w_EI_2"]]
    np.testing.assert_allclose(fitted.regional_params_["w_EI"], w_EI)


def test_reported_costs_are_those_of_simulations_like_the_one_shown(fitted):
    terms = cost_terms(
        matrix_to_edges(fitted.fc_simulated_),
        fitted.fcd_cdf_simulated_,
        matrix_to_edges(fitted.fc_),
        fitted.fcd_cdf_,
    )
    assert fitted.cost_ == pytest.approx(sum(fitted.costs_.values()))
    assert fitted.cost_sd_ > 0
    # The one shown is as typical as one of eight can be.
    assert abs(terms.sum() - fitted.cost_) < fitted.cost_sd_


def test_the_target_is_the_group_average(fitted, X):
    average = group_average(X, N_BINS)
    np.testing.assert_allclose(fitted.sc_, prepare_sc(average.sc))
    np.testing.assert_allclose(fitted.fc_, average.fc)
    np.testing.assert_allclose(fitted.fcd_cdf_, average.fcd_cdf)


def test_a_seed_determines_the_fit_whatever_n_jobs(fitted, make, X):
    again = make(n_jobs=2).fit(X)
    np.testing.assert_array_equal(again.params_, fitted.params_)
    assert again.cost_ == fitted.cost_


def test_held_out_subjects_choose_the_winner(make, X):
    fitter = make(verification__validation_fraction=0.34).fit(X)
    averages = [group_average(np.delete(X, k, axis=0), N_BINS) for k in range(3)]
    assert any(np.allclose(fitter.fc_, average.fc) for average in averages)
    assert fitter.validation_cost_ != fitter.cost_


@pytest.mark.parametrize("held_out", [0.0, 0.34])
def test_a_fit_does_not_depend_on_the_order_of_its_subjects(make, X, held_out):
    changes = {"verification__validation_fraction": held_out}
    one, other = make(**changes).fit(X), make(**changes).fit(X[[2, 0, 1]])
    np.testing.assert_array_equal(other.params_, one.params_)
    assert other.cost_ == one.cost_
    assert other.validation_cost_ == one.validation_cost_
    assert other.score(X[::-1]) == one.score(X)


def test_predict_reads_the_connectome_only(fitted, X):
    blind = X.copy()
    blind[:, N_EDGES:] = np.nan
    predicted = fitted.predict(blind)
    assert predicted.shape == (3, N_EDGES + N_BINS)
    np.testing.assert_array_equal(predicted, fitted.predict(X))
    assert not np.array_equal(predicted[0], predicted[1])


def test_score_is_minus_the_simulated_cost(fitted, X):
    one = X[:1]
    predicted = fitted.predict(one)[0]
    fc, cdf = predicted[:N_EDGES], predicted[N_EDGES:]
    terms = cost_terms(fc, cdf, one[0, N_EDGES : 2 * N_EDGES], one[0, 2 * N_EDGES :])
    assert fitted.score(one) == pytest.approx(-terms.sum())


def test_without_maps_the_fit_is_homogeneous(make, X):
    fitter = make(maps=None).fit(X[:1])
    assert fitter.params_.shape == (4,)
    assert np.ptp(fitter.regional_params_["w_EE"]) == 0


def test_rates_out_of_range_are_reported(make, X):
    # A box in which every region is unstable.
    model = FIC(w_EE=(9.0, 10.0), w_EI=(0.5, 1.0))
    with pytest.warns(OutOfRangeWarning, match="2.70 to 3.30"):
        fitter = make(model=model).fit(X)
    assert not fitter.in_range_


@pytest.mark.parametrize(
    "made",
    [
        lambda fitter: fitter,
        lambda fitter: make_pipeline(fitter),
        lambda fitter: GridSearchCV(fitter, {"verbose": [0]}, cv=2),
    ],
    ids=["alone", "pipeline", "grid search"],
)
def test_warnings_name_the_line_that_fits(make, make_subjects, made):
    X = make_subjects(4, 5, 50)
    X[3, 40:] = np.nan
    one_left_out = made(make())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one_left_out.fit(X)
    own = [w for w in caught if w.category.__module__.startswith("delssome")]
    assert {"UnusableSubjectWarning"} <= {w.category.__name__ for w in own}
    assert {w.filename for w in own} == {__file__}


def test_it_survives_cloning_and_pickling(fitted, X):
    assert clone(fitted).get_params()["search__popsize"] == 6
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(X[:1]), fitted.predict(X[:1]))


def test_it_takes_read_only_input(make, X):
    X.flags.writeable = False
    make().fit(X)


@pytest.mark.slow
def test_it_works_in_cross_validation_and_grid_search(make, X):
    scores = cross_val_score(make(), X, cv=KFold(3))
    assert np.isfinite(scores).all()
    grid = GridSearchCV(make(), {"search__popsize": [5, 6]}, cv=2, n_jobs=2)
    assert grid.fit(X).best_params_["search__popsize"] in (5, 6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"search__popsize": 1},
            ValueError,
            "popsize must be an integer between 4 and 100000",
        ),
        ({"search__popsize": 20.5}, TypeError, "popsize must be an integer"),
        ({"search__max_iter": 0}, ValueError, "max_iter"),
        ({"search__sigma0": -0.1}, ValueError, "sigma0"),
        (
            {"verification__on_disagreement": "ask"},
            ValueError,
            "on_disagreement must be",
        ),
        ({"verification__refine_budget": 0}, ValueError, "refine_budget"),
        ({"search__n_restarts": "two"}, TypeError, "n_restarts"),
        ({"simulator__n_repeats": 0}, ValueError, "n_repeats"),
        ({"simulator__n_search_repeats": 0}, ValueError, "n_search_repeats"),
        (
            {"verification__validation_fraction": 1.0},
            ValueError,
            "validation_fraction",
        ),
        ({"n_fcd_bins": 49}, ValueError, "columns with n_fcd_bins=49"),
        ({"maps": np.ones((4, 1))}, ValueError, "5 regions"),
        ({"maps": np.full((5, 1), np.nan)}, ValueError, "maps must be finite"),
        ({"model__map_signs": (1,)}, ValueError, "map_signs must hold"),
        ({"maps": None, "model__min_w_EI_sd": 0.3}, ValueError, "give maps"),
        ({"simulator__device": "quantum"}, ValueError, "device='quantum'"),
        ({"simulator__dtype": "float16"}, ValueError, "dtype"),
        (
            {"simulator": Simulator(backend="fused", dtype="float64")},
            ValueError,
            "use backend='torch'",
        ),
        ({"acquisition": 0.72}, TypeError, "acquisition must be an Acquisition"),
        ({"acquisition": Acquisition(dt=0.02)}, ValueError, "integration step"),
        ({"model": "FIC"}, TypeError, "model must be a Model or None, got str"),
        ({"search": "CMAES"}, TypeError, "search must be a Search or None, got str"),
        ({"simulator": 3}, TypeError, "simulator must be a Simulator or None"),
        ({"verification": 20}, TypeError, "verification must be a Verification or"),
        (
            {"search__n_closing": 2},
            ValueError,
            "n_closing=2 .* surrogate='deep', got surrogate=None; leave it at 0",
        ),
        (
            {"surrogate": "linear", "search__n_closing": 2},
            ValueError,
            "n_closing=2 .* got surrogate='linear'",
        ),
        ({"sc_transform": "sqrt"}, ValueError, "sc_transform"),
        ({"surrogate": "magic"}, TypeError, "surrogate must be None"),
        ({"surrogate": PublishedSurrogate()}, NotFittedError, "not fitted"),
        ({"surrogate": 3}, TypeError, "surrogate must be None"),
        (
            {"model": Restless(), "surrogate": "linear"},
            ValueError,
            r"cannot describe the restless model: none .*rest.*\(surrogate=None\)",
        ),
    ],
)
def test_bad_settings_are_named_before_work_starts(
    make, X, change, error, message, monkeypatch
):
    monkeypatch.setattr(
        "delssome.fitting.fitter.search_and_verify", None
    )  # never reached
    with pytest.raises(error, match=message):
        make(**change).fit(X)


def test_bad_subjects_are_named_before_work_starts(make, X, monkeypatch):
    monkeypatch.setattr("delssome.fitting.fitter.search_and_verify", None)
    fitter = make()
    for column, value, message in (
        (0, np.nan, "NaN"),
        (0, -1.0, "SC in X must not be negative"),
        (N_EDGES, 1.5, "FC in X"),
        (-1, 0.5, "FCD CDF in X must end at 1"),
    ):
        broken = X.copy()
        broken[:, column] = value
        with pytest.raises(ValueError, match=message):
            fitter.fit(broken)
    with pytest.raises(ValueError, match="columns with n_fcd_bins=50"):
        fitter.fit(X[:, :-1])


def test_an_unfitted_fitter_says_so(make, X):
    with pytest.raises(NotFittedError):
        make().predict(X)
    with pytest.raises(NotFittedError):
        make().score(X)


def test_search_by_theory_is_verified_by_simulation(make, X):
    changes = {
        "surrogate": "linear",
        "search": CMAES(popsize=12, max_iter=6),
        "acquisition": Acquisition(n_frames=300, window=50, burn_in=36.0, warm_up=6.0),
    }
    one, two = (make(**changes, n_jobs=n).fit(X) for n in (1, 2))
    np.testing.assert_array_equal(one.params_, two.params_)
    assert one.cost_ == two.cost_
    table = one.verification_
    in_range = table.predicted_in_range & table.in_range
    assert in_range.any()
    gap = table.predicted_total - table.simulated_total
    assert np.abs(gap[in_range]).max() < 0.3
    assert clone(one).get_params()["surrogate"] == "linear"


def test_search_by_the_shipped_network_is_verified_by_simulation():
    scan = Acquisition(n_frames=400, window=50, burn_in=36.0, warm_up=6.0)
    cohort = make_cohort(2, 32, acquisition=scan, random_state=3)
    fits = [
        MeanFieldFitter(
            cohort.maps,
            "deep",
            acquisition=scan,
            search=CMAES(popsize=24, max_iter=15),
            verification=Verification(n_finalists=6),
            random_state=0,
        ).fit(cohort.X)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(fits[0].params_, fits[1].params_)
    assert set(fits[0].history_.restart) == set(range(5))  # they cost next to nothing
    table = fits[0].verification_
    in_range = table.predicted_in_range & table.in_range
    assert in_range.mean() > 0.5
    gap = table.predicted_total - table.simulated_total
    assert np.median(np.abs(gap[in_range])) < 0.25
