"""Fitters are made of components, of which None is the default."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.fitting import components

DEFAULTS = {
    "model": FIC(),
    "acquisition": Acquisition(),
    "search": CMAES(),
    "simulator": Simulator(),
    "verification": Verification(),
}


@pytest.mark.parametrize("estimator", [MeanFieldFitter, PopulationFitter])
def test_a_constructor_has_at_most_fifteen_parameters(estimator):
    assert len(inspect.signature(estimator).parameters) <= 15


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_component_that_is_none_is_set_by_name(name):
    """On its default, which the constructor does not have to spell out."""
    setting, value = {
        "model": ("G", (0.5, 2.0)),
        "acquisition": ("window", 40),
        "search": ("popsize", 50),
        "simulator": ("n_repeats", 5),
        "verification": ("n_finalists", 3),
    }[name]
    fitter = MeanFieldFitter()
    assert getattr(fitter, name) is None
    assert fitter.set_params(**{f"{name}__{setting}": value}) is fitter
    expected = clone(DEFAULTS[name]).set_params(**{setting: value})
    assert getattr(fitter, name) == expected
    assert clone(fitter).get_params()[f"{name}__{setting}"] == value
    for other in set(DEFAULTS) - {name}:
        assert getattr(fitter, other) is None


def test_settings_of_one_component_are_set_together():
    fitter = MeanFieldFitter().set_params(
        acquisition__tr=2.0, acquisition__n_frames=100, acquisition__window=20
    )
    assert fitter.acquisition == Acquisition(tr=2.0, n_frames=100, window=20)


def test_a_component_and_its_settings_can_be_set_in_one_call():
    fitter = MeanFieldFitter().set_params(model=MFM(), model__G=(1.0, 2.0))
    assert fitter.model == MFM(G=(1.0, 2.0))


def test_a_component_set_back_to_none_is_the_default_again():
    fitter = MeanFieldFitter(search=CMAES(popsize=20))
    fitter.set_params(search=None, search__max_iter=7)
    assert fitter.search == CMAES(max_iter=7)


def test_a_component_can_be_set_through_a_population():
    population = PopulationFitter().set_params(fitter__search__popsize=50)
    assert population.fitter.search == CMAES(popsize=50)
    assert population.fitter.model is None


def test_a_given_component_is_not_changed_through_a_clone():
    search = CMAES(popsize=20)
    fitter = clone(MeanFieldFitter(search=search)).set_params(search__popsize=30)
    assert search.popsize == 20
    assert fitter.search.popsize == 30


def test_what_a_component_lacks_is_named():
    fitter = MeanFieldFitter()
    with pytest.raises(ValueError, match=r"CMAES has no setting 'colour'|colour"):
        fitter.set_params(search__colour="red")
    with pytest.raises(
        ValueError, match="popsize must be an integer between 4 and 100000"
    ):
        fitter.set_params(search__popsize=2)


def test_a_setting_that_a_model_lacks_is_an_error():
    """Signs of maps and the spread of w_EI are FIC's."""
    with pytest.raises(TypeError, match="map_signs"):
        MFM(map_signs=(-1, 1))
    with pytest.raises(TypeError, match="min_w_EI_sd"):
        MFM(min_w_EI_sd=0.3)
    with pytest.raises(TypeError, match="map_signs"):
        MeanFieldFitter(map_signs=(-1, 1))
    with pytest.raises(ValueError, match="map_signs"):
        MeanFieldFitter(model=MFM()).set_params(model__map_signs=(-1, 1))
    assert MeanFieldFitter().set_params(model__map_signs=(-1,)).model.map_signs == (-1,)


@pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning")
def test_a_grid_goes_through_components_that_are_none(make_subjects):
    """Model and acquisition are those of the Human Connectome Project, nearly."""
    fitter = MeanFieldFitter(
        surrogate=None,
        search=None,
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=1),
        n_fcd_bins=50,
        random_state=0,
    ).set_params(search__max_iter=1)
    fitter.search = None  # a hundred generations, but that time is over at once
    grid = {
        "search__popsize": [4, 5],
        "search__max_seconds": [0.0],
        "model__G": [(0.0, 1.0), (0.5, 2.0)],
        "acquisition__window": [40],
        "acquisition__n_frames": [60],
        "acquisition__burn_in": [7.2],
    }
    found = GridSearchCV(fitter, grid, cv=2).fit(make_subjects(2, 4))
    assert len(found.cv_results_["params"]) == 4
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    best = found.best_estimator_
    assert best.model_ == FIC(G=found.best_params_["model__G"])
    assert best.acquisition_ == Acquisition(window=40, n_frames=60, burn_in=7.2)
    assert best.search_.popsize == found.best_params_["search__popsize"]
    # What was given is as it was.
    assert fitter.model is fitter.acquisition is fitter.search is None


def test_estimators_of_no_components_set_what_is_theirs():
    class Plain(components.ComposedEstimator):
        def __init__(self, a=1):
            self.a = a

    assert Plain().set_params(a=2).a == 2
    with pytest.raises(ValueError, match="Invalid parameter 'b'"):
        Plain().set_params(b=2)


def test_setting_a_component_leaves_those_who_share_it_alone():
    scan = Acquisition(n_frames=300)
    one, other = MeanFieldFitter(acquisition=scan), MeanFieldFitter(acquisition=scan)
    one.set_params(acquisition__window=50)
    assert one.acquisition.window == 50
    assert scan.window is None
    assert other.acquisition is scan
