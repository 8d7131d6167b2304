"""Settings of components, and what else everything stands on."""

from dataclasses import FrozenInstanceError, dataclass
from numbers import Integral, Real

import numpy as np
import pytest
from sklearn.base import clone

from delssome import CMAES, FIC, MFM, Acquisition, Simulator, Verification
from delssome.search import (
    BayesianOptimisation,
    DifferentialEvolution,
    GradientDescent,
    GridSearch,
    RandomSearch,
)
from delssome.utils import (
    Component,
    check_number,
    instance_or_default,
    make_generator,
)

COMPONENTS = [
    FIC,
    MFM,
    Acquisition,
    Simulator,
    CMAES,
    RandomSearch,
    GridSearch,
    DifferentialEvolution,
    GradientDescent,
    BayesianOptimisation,
    Verification,
]


@dataclass(frozen=True)
class Interval(Component):
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"low={self.low!r} must be below high={self.high!r}.")


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_is_the_same_after_cloning(component):
    one = component()
    again = clone(one)
    assert again is not one
    assert again == one
    assert again.get_params() == one.get_params()


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_tells_all_of_its_settings(component):
    settings = component().get_params()
    assert component(**settings) == component()
    assert hash(component()) == hash(component(**settings))


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_is_frozen(component):
    one = component()
    name = next(iter(one.get_params()))
    with pytest.raises(FrozenInstanceError):
        setattr(one, name, 3)


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_unknown_setting_is_named_with_those_that_there_are(component):
    one = component()
    known = next(iter(one.get_params()))
    with pytest.raises(ValueError, match=rf"no setting 'colour'; it has .*{known}"):
        one.set_params(colour="red")
    with pytest.raises(TypeError, match="colour"):
        component(colour="red")


def test_what_is_changed_is_given_back():
    one = Interval()
    assert one.set_params(high=2.0) is one
    assert (one.low, one.high) == (0.0, 2.0)


def test_settings_are_checked_all_together():
    """From (0, 1) to (5, 6): neither would do alone, whatever comes first."""
    assert Interval().set_params(low=5.0, high=6.0) == Interval(5.0, 6.0)
    assert Interval(5.0, 6.0).set_params(high=1.0, low=0.0) == Interval()


def test_what_is_refused_changes_nothing():
    one = Interval(1.0, 2.0)
    with pytest.raises(ValueError, match=r"low=3\.0 must be below high=2\.5"):
        one.set_params(high=2.5, low=3.0)
    assert one == Interval(1.0, 2.0)
    with pytest.raises(ValueError, match="no setting 'middle'"):
        one.set_params(low=0.0, middle=1.5)
    assert one == Interval(1.0, 2.0)


@pytest.mark.parametrize(
    ("component", "changes", "error", "message"),
    [
        (FIC(), {"target_rate": 4.0, "w_EE": (5.0, 1.0)}, ValueError, "w_EE"),
        (MFM(), {"w": (0.0, 2.0), "G": (1.0,)}, ValueError, "range of G"),
        (Acquisition(), {"tr": 2.0, "n_frames": 20}, ValueError, "window must be"),
        (Simulator(), {"n_repeats": 5, "dtype": "float16"}, ValueError, "float16"),
        (CMAES(), {"sigma0": 0.1, "popsize": 2}, ValueError, "popsize"),
        (GridSearch(), {"popsize": 9, "budget": 1.5}, TypeError, "budget"),
        (Verification(), {"n_finalists": 3, "refine_budget": 0}, ValueError, "refine"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Component) else None,
)
def test_components_refuse_as_a_whole(component, changes, error, message):
    before = component.get_params()
    with pytest.raises(error, match=message):
        component.set_params(**changes)
    assert component.get_params() == before


def test_a_clone_can_be_changed_alone():
    one = CMAES(popsize=20)
    other = clone(one).set_params(popsize=40)
    assert (one.popsize, other.popsize) == (20, 40)


@pytest.mark.parametrize(
    "component", [CMAES(popsize=20), FIC(map_signs=(-1, 1)), Simulator()]
)
def test_what_is_printed_makes_the_same_component(component):
    assert eval(repr(component)) == component


@pytest.mark.parametrize(
    ("value", "kind", "error"),
    [
        (3.5, Integral, TypeError),
        (True, Integral, TypeError),
        ("3", Real, TypeError),
        (np.nan, Real, ValueError),
        (0, Integral, ValueError),
        (11, Integral, ValueError),
    ],
)
def test_numbers_are_checked_with_their_limits(value, kind, error):
    with pytest.raises(error, match=r"size must be .* between 1 and 10, got"):
        check_number("size", value, kind, 1, 10)


def test_none_is_the_default_of_a_kind():
    assert instance_or_default("search", None, CMAES) == CMAES()
    given = CMAES(popsize=20)
    assert instance_or_default("search", given, CMAES) is given
    with pytest.raises(TypeError, match="search must be a CMAES or None, got int"):
        instance_or_default("search", 3, CMAES)


def test_a_seed_gives_the_same_generator_again():
    a, b = (make_generator(3).random(4) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert (make_generator(None).random(4) != a).any()
