"""scikit-learn's own checks, and what users do with estimators."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_score,
    permutation_test_score,
)
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from delssome import (
    CMAES,
    MFM,
    Acquisition,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.connectome import pack_rows
from delssome.datasets import make_cohort
from delssome.search import RandomSearch
from delssome.surrogate import (
    CircuitSurrogate,
    CostPredictor,
    PublishedSurrogate,
    WithinRangeClassifier,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::delssome.exceptions.SurrogateDomainWarning"),
    pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning"),
]

SCAN = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
SMALL = {
    "surrogate": None,
    "acquisition": SCAN,
    "search": CMAES(popsize=4, max_iter=1),
    "simulator": Simulator(n_repeats=1),
    "verification": Verification(n_finalists=1),
    "n_fcd_bins": 10,
    "random_state": 0,
}


def as_subjects(X):
    """Turn any finite numbers into packed subjects of four regions."""
    weights = np.random.default_rng(0).normal(size=(X.shape[1], 12))
    waves = np.sin(X @ weights + np.arange(12))  # not flat where X is zero
    cdf = np.tile(np.linspace(0.1, 1, 10), (len(X), 1))
    edges = np.triu_indices(4, 1)
    sc = np.zeros((len(X), 4, 4))
    sc[:, edges[0], edges[1]] = sc[:, edges[1], edges[0]] = 200 + 100 * waves[:, :6]
    return pack_rows(sc, 0.4 + 0.15 * waves[:, 6:], cdf)


class OfAnything:
    """An estimator behind a reader of any data: the checks know no subjects."""

    def fit(self, X, y=None):
        X = validate_data(self, X, dtype=np.float64)
        names = getattr(self, "feature_names_in_", None)
        super().fit(as_subjects(X))
        self.n_features_in_ = X.shape[1]
        if names is not None:
            self.feature_names_in_ = names
        return self

    def _call(self, method, X):
        check_is_fitted(self)
        X = as_subjects(validate_data(self, X, dtype=np.float64, reset=False))
        real = type(self).__mro__[2]
        other = real(**self.get_params(deep=False))
        other.__dict__.update(vars(self))
        other.n_features_in_ = X.shape[1]
        other.__dict__.pop("feature_names_in_", None)
        return getattr(other, method)(X)


class FitterOfAnything(OfAnything, MeanFieldFitter):
    def predict(self, X):
        return self._call("predict", X)

    def score(self, X, y=None):
        return self._call("score", X)


class PopulationOfAnything(OfAnything, PopulationFitter):
    def transform(self, X):
        return self._call("transform", X)


# What is not as scikit-learn expects, and why.
EXPECTED = {
    "FitterOfAnything": {},
    "PopulationOfAnything": {},
}


@parametrize_with_checks(
    [
        FitterOfAnything(**SMALL),
        PopulationOfAnything(MeanFieldFitter(**SMALL)),
    ],
    expected_failed_checks=lambda estimator: EXPECTED[type(estimator).__name__],
)
def test_scikit_learn_checks(estimator, check):
    # Some checks draw from the global state themselves.
    state = np.random.get_state()  # noqa: NPY002
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


# Surrogates are fitted to a corpus, not to X and y: what can be asked of them without.
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
    ],
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize(
    "surrogate",
    [CircuitSurrogate, CostPredictor, PublishedSurrogate, WithinRangeClassifier],
)
def test_checks_of_surrogates(surrogate, check):
    check(surrogate.__name__, surrogate())


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(6, 8, acquisition=SCAN, n_fcd_bins=50, random_state=0)


@pytest.fixture
def fitter(cohort):
    return MeanFieldFitter(cohort.maps, **{**SMALL, "n_fcd_bins": 50})


@pytest.fixture
def population(fitter, tmp_path):
    return PopulationFitter(fitter, store=tmp_path / "store")


class ScaleSC(TransformerMixin, BaseEstimator):
    """A step before the fitter: other units of SC."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        X = X.copy()
        X[:, :28] *= self.factor
        return X


@pytest.mark.parametrize(
    ("cv", "groups"), [(KFold(3), None), (GroupKFold(3), [0, 0, 1, 1, 2, 2])]
)
def test_cross_validation_of_the_fitter(cohort, fitter, cv, groups):
    scores = cross_val_score(fitter, cohort.X, cv=cv, groups=groups)
    assert np.isfinite(scores).all()
    assert (scores < 0).all()


def test_grid_search_over_settings_of_the_search(cohort, fitter):
    grid = {"search__popsize": [4, 6], "search__sigma0": [0.1, 0.3]}
    search = GridSearchCV(fitter, grid, cv=2, n_jobs=2).fit(cohort.X)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ == pytest.approx(
        search.cv_results_["mean_test_score"].max()
    )
    assert search.best_estimator_.ei_ratio_.shape == (8,)


def test_grid_search_over_components(cohort, fitter):
    """A component is a setting like any other, and so are those within it."""
    grid = [
        {"search": [RandomSearch(popsize=4, max_iter=1), CMAES(popsize=4, max_iter=1)]},
        {"model": [MFM()], "model__G": [(1.0, 3.0), (3.0, 9.0)]},
    ]
    search = GridSearchCV(fitter, grid, cv=2).fit(cohort.X)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_halving_grid_search(cohort, fitter):
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    search = HalvingGridSearchCV(
        fitter,
        {"search__popsize": [4, 6]},
        resource="search__max_iter",
        min_resources=1,
        max_resources=2,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(cohort.X)
    assert search.n_resources_ == [1, 2]


def test_a_step_before_the_fitter(cohort, fitter):
    model = make_pipeline(ScaleSC(), fitter)
    search = GridSearchCV(model, {"scalesc__factor": [1.0, 3.0]}, cv=2).fit(cohort.X)
    assert np.isfinite(search.best_score_)


def test_steps_after_a_population(cohort, population):
    age = np.linspace(8, 20, 6)
    both = FeatureUnion(
        [("ei", population), ("fc", ScaleSC())]
    )  # E/I maps beside the data
    model = make_pipeline(both, Ridge())
    scores = cross_val_score(model, cohort.X, age, cv=3)
    assert np.isfinite(scores).all()
    union = both.fit(cohort.X, age).transform(cohort.X)
    assert union.shape == (6, 8 + cohort.X.shape[1])


def test_permutations_fit_no_subject_twice(cohort, population, monkeypatch):
    age = np.linspace(8, 20, 6)
    population.fit(cohort.X)
    monkeypatch.setattr(MeanFieldFitter, "fit", None)
    model = make_pipeline(population, Ridge())
    score, permuted, p = permutation_test_score(
        model,
        cohort.X,
        age,
        cv=3,
        n_permutations=5,
        random_state=0,
        scoring="neg_mean_absolute_error",
    )
    assert np.isfinite([score, *permuted]).all()
    assert 0 < p <= 1


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_output_as_a_data_frame(cohort, population, library):
    frames = pytest.importorskip(library)
    maps = population.set_output(transform=library).fit_transform(cohort.X)
    assert isinstance(maps, frames.DataFrame)
    assert list(maps.columns) == [f"ei_ratio_{k}" for k in range(8)]


def test_groups_are_routed_to_the_step_that_asks_for_them(cohort, population):
    groups = np.array([0, 0, 1, 1, 2, 2])
    expected = clone(population).fit(cohort.X, groups=groups).readout_
    with config_context(enable_metadata_routing=True):
        asks = clone(population).set_fit_request(groups=True)
        model = make_pipeline(ScaleSC(), asks).fit(cohort.X, groups=groups)
    assert model[-1].groups_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(model[-1].readout_, expected)


def test_read_only_memory_maps(cohort, fitter, tmp_path):
    np.save(tmp_path / "X.npy", cohort.X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = clone(fitter).fit(cohort.X)
    np.testing.assert_array_equal(fitter.fit(mapped).params_, expected.params_)
    maps = PopulationFitter(fitter).fit(mapped).ei_ratio_
    np.testing.assert_array_equal(
        maps, PopulationFitter(fitter).fit(cohort.X).ei_ratio_
    )


def test_settings_travel_through_clones(fitter):
    population = PopulationFitter(fitter)
    population.set_params(fitter__search__popsize=7, n_jobs=2)
    again = clone(population)
    assert again.fitter is not fitter
    assert again.fitter.search.popsize == 7
    assert again.get_params()["fitter__search__popsize"] == 7
