from dataclasses import replace

import joblib
import numpy as np
import pytest
from scipy import stats

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    ModelComparison,
    Simulator,
    Verification,
    compare_models,
)
from delssome.datasets import make_cohort
from delssome.fitting import likeliest, pilots

SCAN = Acquisition(n_frames=60, window=10, burn_in=10, warm_up=1)
MODELS = {"FIC": FIC(), "MFM": MFM(w=(0.3, 0.6), I=(0.29, 0.31), G=(1.5, 3.0))}


@pytest.fixture(scope="module", autouse=True)
def short():
    """Look for where to start only briefly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeliest, "N_STARTS", 1)
        patch.setattr(pilots, "N_GENERATIONS", 4)
        yield


@pytest.fixture(scope="module")
def X():
    return make_cohort(4, 8, acquisition=SCAN, n_fcd_bins=50, random_state=0).X


@pytest.fixture(scope="module")
def fitter():
    return MeanFieldFitter(
        surrogate=None,
        acquisition=SCAN,
        n_fcd_bins=50,
        search=CMAES(popsize=8, max_iter=2),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
    )


@pytest.fixture(scope="module")
def compared(X, fitter):
    return compare_models(MODELS, X, fitter=fitter, cv=2, random_state=0)


def made(totals, n_train=8, n_test=2, **given):
    """A comparison by given total costs, in terms of equal size."""
    totals = np.asarray(totals, dtype=float)
    n_models, n_folds = totals.shape
    return ModelComparison(
        names=tuple("ABCDE"[:n_models]),
        criterion="cost",
        log_likelihood=np.full((n_models, n_folds * n_test), np.nan),
        unexplained=np.full((n_models, n_folds * n_test), np.nan),
        costs=np.repeat(totals[..., None] / 3, 3, axis=2),
        in_range=np.ones(totals.shape, dtype=bool),
        n_train=np.full(n_folds, n_train),
        n_test=np.full(n_folds, n_test),
        n_units=np.full(n_folds, n_test),
        **given,
    )


def test_held_out_subjects_are_scored(compared):
    found = compared
    assert found.names == ("FIC", "MFM")
    assert found.costs.shape == (2, 2, 3)
    assert found.in_range.shape == (2, 2)
    assert found.n_train.tolist() == found.n_test.tolist() == [2, 2]
    assert found.log_likelihood.shape == found.unexplained.shape == (2, 4)
    frame = found.to_frame()
    assert frame.index[0] == found.lowest
    expected = np.sort(found.log_likelihood.mean(axis=1))[::-1]
    assert frame["log_likelihood"].to_numpy() == pytest.approx(expected)
    assert frame["cost"].to_numpy() == pytest.approx(
        found.totals.mean(axis=1)[found.order]
    )
    assert frame["beyond"].iloc[0] == 0
    by_cost = replace(found, criterion="cost").to_frame()
    assert by_cost["cost"].is_monotonic_increasing


@pytest.mark.slow
def test_likelihood_alone_tells_which_model_made_data(monkeypatch):
    monkeypatch.setattr(likeliest, "N_STARTS", 2)
    monkeypatch.setattr(pilots, "N_GENERATIONS", 10)
    scan = Acquisition(n_frames=1000, window=80)
    data = make_cohort(
        6, 12, acquisition=scan, subject_sd=0.0, n_fcd_bins=50, random_state=0
    )
    fitter = MeanFieldFitter(data.maps, acquisition=scan, n_fcd_bins=50)
    models = [MFM(), FIC(map_signs=(-1, 1))]
    found = compare_models(
        models, data.X, fitter=fitter, cv=2, simulate=False, random_state=0
    )
    assert found.lowest == "FIC"
    assert np.isnan(found.costs).all()
    # Of the model that made them nothing but noise is left.
    left = found.unexplained.mean(axis=1)
    assert left[1] == pytest.approx(1.0, abs=0.25)
    assert left[0] > left[1]
    assert "leaves" in str(found)


@pytest.mark.slow
def test_answers_do_not_depend_on_workers(compared, X, fitter):
    # Threads: processes would look for where to start at length.
    with joblib.parallel_config(backend="threading"):
        two = compare_models(MODELS, X, fitter=fitter, cv=2, n_jobs=2, random_state=0)
    assert (compared.costs == two.costs).all()
    assert (compared.log_likelihood == two.log_likelihood).all()


def test_a_fitter_brings_settings_of_its_own(X, fitter):
    maps = np.linspace(-1, 1, 8)[:, None]
    models = {"flat": FIC(), "with a map": fitter.set_params(maps=maps)}
    flat = fitter.set_params(maps=None)
    found = compare_models(models, X, fitter=flat, cv=2, random_state=0)
    assert found.names == ("flat", "with a map")


def test_families_are_held_out_together(X, fitter):
    seen = compare_models(
        MODELS,
        X,
        fitter=fitter,
        cv=2,
        groups=[0, 0, 0, 1],
        simulate=False,
        random_state=0,
    )
    assert sorted(seen.n_test) == [1, 3]
    assert seen.n_train.tolist() == (4 - seen.n_test).tolist()
    assert seen.n_units.tolist() == [1, 1]  # a family is one
    assert seen.log_likelihood.shape == (2, 2)


def test_the_better_model_is_named():
    found = made([[0.30, 0.32, 0.35, 0.31, 0.33], [0.41, 0.44, 0.46, 0.42, 0.45]])
    assert found.best == found.lowest == "A"
    assert found.alike == ["A"]
    assert found.says() == "A explains held-out data best."


def test_models_within_the_noise_are_not_told_apart():
    costs = [0.30, 0.32, 0.35, 0.31], [0.36, 0.25, 0.40, 0.30], [0.9, 0.93, 0.95, 0.91]
    found = made(costs)
    assert found.best is None
    assert found.lowest == "A"
    assert found.alike == ["A", "B"]
    assert "cannot tell A from B" in str(found)


def test_intervals_count_that_folds_share_subjects():
    a, b = np.array([0.30, 0.32, 0.35]), np.array([0.41, 0.46, 0.44])
    _, low, high = made([a, b]).differences()
    error = (b - a).std(ddof=1) * np.sqrt(1 / 3 + 2 / 8)
    expected = (b - a).mean() + np.array([-1, 1]) * stats.t.ppf(0.975, 2) * error
    assert [low[1], high[1]] == pytest.approx(expected)
    wider = made([a, b, b + 1]).differences()
    assert wider[1][1] < low[1]


def test_subjects_are_compared_in_pairs_where_likelihood_decides():
    rng = np.random.default_rng(0)
    easy = rng.normal(0.0, 100.0, 10)  # how hard a subject is does not count
    likelihood = np.array([easy, easy + rng.normal(-3.0, 1.0, 10)])
    found = replace(
        made(np.ones((2, 5))), criterion="likelihood", log_likelihood=likelihood
    )
    assert found.best == "A"
    _, low, high = found.differences()
    worse = likelihood[0] - likelihood[1]
    error = worse.std(ddof=1) * np.sqrt((1 / 5 + 2 / 8) / 2)
    expected = worse.mean() + np.array([-1, 1]) * stats.t.ppf(0.975, 9) * error
    assert [low[1], high[1]] == pytest.approx(expected)
    likelihood[1, ::2] += 8.0  # better in half of them
    assert "cannot tell" in replace(found, log_likelihood=likelihood).says()


def test_one_fold_decides_nothing():
    found = made([[0.3], [0.9]])
    assert found.best is None
    assert np.isinf(found.differences()[1][1])


def test_a_model_that_diverged_is_last():
    found = made([[np.nan, 0.1, 0.1], [0.3, 0.35, 0.32]])
    assert found.lowest == found.best == "B"
    assert found.differences()[0][0] == np.inf
    nothing = made([[np.nan, 0.1], [np.nan, 0.2]])
    assert nothing.best is None
    assert nothing.says() == "No model could be judged in all folds: none was stable."


@pytest.mark.parametrize(
    ("models", "match"),
    [
        ([FIC()], "two or more to compare, got 1"),
        ([FIC(), FIC(target_rate=4)], "differ in name, got FIC, FIC"),
        ([FIC(), "MFM"], r"sequence of models.* got 'MFM'"),
        ({"a": FIC(), "b": "MFM"}, r"models\['b'\] must be a Model"),
        ({"a": FIC(), "b": MeanFieldFitter(checkpoint="x")}, "checkpoint"),
        ({"a": FIC(), "b": MeanFieldFitter(n_fcd_bins=20)}, r"same X.*\[20, 50\]"),
    ],
)
def test_models_are_checked(X, fitter, models, match):
    with pytest.raises((TypeError, ValueError), match=match):
        compare_models(models, X, fitter=fitter)


def test_bad_input_is_refused_before_any_fit(X, fitter):
    with pytest.raises(ValueError, match="two subjects or more"):
        compare_models(MODELS, X[:1], fitter=fitter)
    with pytest.raises(ValueError, match="n_splits=5 greater"):
        compare_models(MODELS, X, fitter=fitter)
    with pytest.raises(TypeError, match="fitter must be a MeanFieldFitter"):
        compare_models(MODELS, X, fitter=MODELS["FIC"])
    with pytest.raises(ValueError, match="level must be"):
        compare_models(MODELS, X, fitter=fitter, level=95)
    with pytest.raises(ValueError, match="one of likelihood, cost, got 'aic'"):
        compare_models(MODELS, X, fitter=fitter, cv=2, criterion="aic")
    with pytest.raises(ValueError, match="needs simulated costs"):
        compare_models(MODELS, X, fitter=fitter, criterion="cost", simulate=False)
    own = {"a": FIC(), "b": MeanFieldFitter(departure=0.1, n_fcd_bins=50)}
    with pytest.raises(ValueError, match=r"depart from the maps.*criterion='cost'"):
        compare_models(own, X, fitter=fitter, cv=2)
    broken = X.copy()
    broken[:, 40] = 7.0  # an FC
    with pytest.raises(ValueError, match=r"4 of 4 subjects cannot be used.*FC"):
        compare_models(MODELS, broken, fitter=fitter, cv=2)
    own = {"a": FIC(), "b": MeanFieldFitter(np.eye(3), n_fcd_bins=50)}
    with pytest.raises(ValueError, match="maps") as error:
        compare_models(own, X, fitter=fitter, cv=2)
    assert "said of 'b'" in error.value.__notes__[0]
