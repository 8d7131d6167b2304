"""Numbers among settings: of their kind, bounded, and the same in any dress."""

from dataclasses import fields
from numbers import Real

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    Hopf,
    Linear,
    MeanFieldFitter,
    PooledPosterior,
    PopulationFitter,
    Simulator,
    Verification,
    WilsonCowan,
)
from delssome.fitting import MeanFieldPosterior
from delssome.inference import Tempering
from delssome.search import BASELINES

MODELS = [FIC, MFM, Hopf, Linear, WilsonCowan]
COMPONENTS = [
    *MODELS,
    Acquisition,
    Simulator,
    CMAES,
    *BASELINES.values(),
    Tempering,
    Verification,
]
# What None stands for, and values that go with the other defaults.
GIVEN = {"n_search_repeats": 2, "n_restarts": 3, "max_seconds": 60.0, "window": 83}
# Limits that are others, or none: tolerance inf accepts any rate, time has no end.
UNBOUNDED = {"rate_tolerance", "min_w_EI_sd", "max_seconds"}


def numbers():
    """All numbers among the settings: component, name, a value that is good."""
    for component in COMPONENTS:
        for field in fields(component):
            value = GIVEN.get(field.name, field.default)
            if isinstance(value, Real) and not isinstance(value, bool):
                yield component, field.name, value


NUMBERS = [pytest.param(*one, id=f"{one[0].__name__}-{one[1]}") for one in numbers()]


@pytest.mark.parametrize(("component", "name", "good"), NUMBERS)
@pytest.mark.parametrize(
    "bad", ["3", b"3", True, [3], 3 + 0j, np.nan, -1, -np.inf, object()], ids=repr
)
def test_what_is_no_number_of_its_kind_is_refused_by_name(component, name, good, bad):
    with pytest.raises((TypeError, ValueError), match=name):
        component(**{name: bad})


@pytest.mark.parametrize(("component", "name", "good"), NUMBERS)
def test_what_is_beyond_reason_is_refused_by_name(component, name, good):
    if name in UNBOUNDED:
        pytest.skip("has no limit")
    with pytest.raises((TypeError, ValueError), match=name):
        component(**{name: 10**12})
    if isinstance(good, int):
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            component(**{name: good + 0.5})
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            component(**{name: float(good)})


def dresses(value):
    if isinstance(value, int):
        return [np.int64(value), np.int32(value), np.uint16(value)]
    return [np.float64(value), *([int(value)] if value == int(value) else [])]


def same(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    assert joblib.hash(one) == joblib.hash(other)
    assert clone(one) == one


@pytest.mark.parametrize(("component", "name", "good"), NUMBERS)
def test_equal_numbers_are_equal_settings(component, name, good):
    plain = component(**{name: good})
    for dressed in dresses(good):
        same(component(**{name: dressed}), plain)
        same(component().set_params(**{name: dressed}), plain)


@pytest.mark.parametrize("model", MODELS)
def test_equal_ranges_are_equal_settings(model):
    for name in model.searched:
        low, high = 1, 4
        plain = model(**{name: (1.0, 4.0)})
        for given in ((low, high), [1.0, 4.0], np.array([1, 4]), (np.float64(1), 4)):
            same(model(**{name: given}), plain)
        for bad in (("1", "4"), (True, 4), (1.0, 4.0, 5.0), 3.0, "14", (4.0, 1.0)):
            with pytest.raises(ValueError, match=f"range of {name}"):
                model(**{name: bad})


def test_equal_signs_are_equal_settings():
    plain = FIC(map_signs=(-1, 1))
    for given in ([-1, 1], np.array([-1, 1]), (-1.0, 1.0), (np.int8(-1), 1)):
        same(FIC(map_signs=given), plain)
    for bad in ((2,), ("1",), 1, (True,), (0.5,), "1", np.eye(2)):
        with pytest.raises(ValueError, match="map_signs"):
            FIC(map_signs=bad)


def test_a_flag_in_another_dress():
    same(Acquisition(global_signal=np.True_), Acquisition(global_signal=True))


# What estimators take beside components, and what the error names.
SETTINGS = [
    *[("n_fcd_bins", bad) for bad in (1, 10.0, "10", 10**9, True)],
    *[("n_jobs", bad) for bad in (0, 1.5, "all", True, 10**9)],
    *[("verbose", bad) for bad in (-1, 0.5, "yes", None)],
]


@pytest.mark.parametrize(("name", "bad"), SETTINGS)
@pytest.mark.parametrize("estimator", [MeanFieldFitter, MeanFieldPosterior])
def test_settings_of_estimators_are_refused_by_name(
    estimator, name, bad, make_subjects
):
    X = make_subjects(2, 5, 50)
    one = estimator(n_fcd_bins=50, random_state=0).set_params(**{name: bad})
    with pytest.raises((TypeError, ValueError), match=name):
        one.fit(X)


@pytest.mark.parametrize(("name", "bad"), SETTINGS[5:])
def test_settings_of_populations_are_refused_by_name(name, bad, make_subjects):
    X = make_subjects(3, 5, 50)
    with pytest.raises((TypeError, ValueError), match=name):
        PopulationFitter(MeanFieldFitter(n_fcd_bins=50), **{name: bad}).fit(X)
    with pytest.raises((TypeError, ValueError), match=name):
        PooledPosterior(n_fcd_bins=50, **{name: bad}).fit(X, [1.0, 2.0, 3.0])


def test_a_checkpoint_that_is_no_path_is_refused(make_subjects):
    X = make_subjects(1, 5, 50)
    with pytest.raises(TypeError, match="checkpoint must be a path"):
        MeanFieldFitter(n_fcd_bins=50, checkpoint=5, random_state=0).fit(X)
