import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

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
    compare_models,
)
from delssome.datasets import make_cohort
from delssome.exceptions import UnusableSubjectWarning
from delssome.fitting.usable import check_data, usable_of

N_ROIS, N_EDGES, N_BINS = 8, 28, 20
BAD = 2
SCAN = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)

pytestmark = [
    pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning"),
]


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(6, N_ROIS, acquisition=SCAN, n_fcd_bins=N_BINS, random_state=0)


@pytest.fixture
def fitter(cohort):
    return MeanFieldFitter(
        cohort.maps,
        surrogate=None,
        acquisition=SCAN,
        n_fcd_bins=N_BINS,
        search=CMAES(popsize=4, max_iter=1),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=1),
        random_state=0,
    )


# What one subject may have: columns, their value, what is said.
FAULTS = {
    "no connection": (slice(0, N_EDGES), 0.0, "SC in X.*zeros only"),
    "SC of NaN": (slice(0, N_EDGES), np.nan, "SC in X must be finite"),
    "a constant region": (slice(N_EDGES, N_EDGES + 7), np.nan, "constant signal"),
    "flat FC": (slice(N_EDGES, 2 * N_EDGES), 0.3, "FC in X must differ"),
    "no FCD": (slice(2 * N_EDGES, None), np.nan, "FCD CDF in X must be finite"),
}


@pytest.fixture(params=FAULTS)
def broken(request, cohort):
    columns, value, says = FAULTS[request.param]
    X = cohort.X.copy()
    X[BAD, columns] = value
    return X, says


@pytest.fixture
def one_bad(cohort):
    X = cohort.X.copy()
    X[BAD, :N_EDGES] = 0.0
    return X


def test_a_group_goes_on_without_a_bad_subject(fitter, broken, cohort):
    X, says = broken
    with pytest.warns(UnusableSubjectWarning, match=f"1 of 6 .* row {BAD}: .*{says}"):
        fitter.fit(X)
    found = fitter.params_
    others = np.delete(cohort.X, BAD, axis=0)
    np.testing.assert_array_equal(fitter.fit(others).params_, found)


def test_a_score_goes_on_without_a_bad_subject(fitter, one_bad, cohort):
    fitter.fit(cohort.X)
    with pytest.warns(UnusableSubjectWarning):
        score = fitter.score(one_bad)
    assert score == fitter.score(np.delete(one_bad, BAD, axis=0))


def test_cross_validation_survives(fitter, one_bad):
    with pytest.warns(UnusableSubjectWarning):
        assert np.isfinite(cross_val_score(fitter, one_bad, cv=3)).all()


@pytest.mark.filterwarnings("ignore::delssome.exceptions.UnusableSubjectWarning")
def test_left_out_alone_a_bad_subject_costs_its_fold(fitter, one_bad):
    with pytest.warns(UserWarning, match="Scoring failed"):
        scores = cross_val_score(fitter, one_bad, cv=KFold(6))
    assert np.flatnonzero(np.isnan(scores)).tolist() == [BAD]


def test_a_grid_search_survives(fitter, one_bad):
    with pytest.warns(UnusableSubjectWarning):
        found = GridSearchCV(fitter, {"search__popsize": [4, 6]}, cv=2).fit(one_bad)
    assert np.isfinite(found.best_score_)


def test_a_pipeline_of_maps_survives(fitter, one_bad):
    pipe = make_pipeline(PopulationFitter(fitter), SimpleImputer(), RidgeCV())
    with pytest.warns(FitFailedWarning):
        scores = cross_val_score(pipe, one_bad, np.arange(6.0), cv=3)
    assert np.isfinite(scores).all()


def test_a_group_of_a_population_survives(fitter, one_bad):
    population = PopulationFitter(fitter).fit(one_bad, groups=list("aaabbb"))
    assert not population.failures_
    assert "row 2" in population.warnings_["a"]


def test_a_comparison_of_models_survives(fitter, broken):
    X, says = broken
    with pytest.warns(UnusableSubjectWarning, match=says):
        found = compare_models(
            [FIC(), MFM()], X, fitter=fitter, cv=3, criterion="cost", random_state=0
        )
    assert sorted(found.n_test) == [1, 2, 2]
    assert sorted(found.n_train) == [3, 3, 4]


def test_a_posterior_names_what_it_leaves_out(cohort, broken, monkeypatch):
    X, says = broken
    monkeypatch.setattr("delssome.fitting.posterior.pose_inference", lambda _, X: 1 / 0)
    with (
        pytest.warns(UnusableSubjectWarning, match=says),
        pytest.raises(ZeroDivisionError),
    ):
        MeanFieldPosterior(cohort.maps, n_fcd_bins=N_BINS).fit(X)


def test_one_bad_subject_alone_is_refused(fitter, broken):
    X, says = broken
    with pytest.raises(ValueError, match=f"^The .*{says}"):
        fitter.fit(X[[BAD]])


def test_most_subjects_are_no_accident(fitter, cohort):
    X = cohort.X.copy()
    X[:4, :N_EDGES] = 0.0
    with pytest.raises(ValueError, match=r"4 of 6 .* row 0: .* And 1 more"):
        fitter.fit(X)


def test_a_data_frame_names_subjects(one_bad):
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(one_bad, index=[f"sub-{k}" for k in "abcdef"])
    with pytest.warns(UnusableSubjectWarning, match="sub-c: The"):
        assert len(usable_of(table, N_BINS)) == 5


def test_a_data_frame_names_fits(fitter, one_bad):
    pd = pytest.importorskip("pandas")
    names = [f"sub-{k}" for k in "fedcba"]
    with pytest.warns(FitFailedWarning, match="sub-d: ValueError"):
        population = PopulationFitter(fitter).fit(pd.DataFrame(one_bad, index=names))
    assert population.groups_.tolist() == names
    assert list(population.failures_) == ["sub-d"]


def test_what_needs_all_subjects_names_the_bad_one(broken):
    X, says = broken
    with pytest.raises(ValueError, match=f"row {BAD}: .*{says}"):
        check_data(X, N_BINS)
