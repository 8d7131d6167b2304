"""What every model has without saying it, and what is said of one that lacks a part."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import pytest

from delssome.models import FIC, Model, check_model
from delssome.models.base import check_declaration, plain_tuple, transfer


@dataclass(frozen=True)
class Least(Model):
    """Says no more than it has to."""

    a: tuple = (1.0, 5.0)
    G: tuple = (0.0, 1.0)
    sigma: tuple = (0.1, 1.0)

    states: ClassVar = ("x", "y")
    inputs: ClassVar = ("a",)
    searched: ClassVar = ("a", "G", "sigma")
    regional: ClassVar = ("a", "sigma")
    initial_state: ClassVar = (0.2, 0.1)
    largest_step: ClassVar = 0.05

    @staticmethod
    def derivatives(x, y, coupling, a, expm1):
        return coupling + 1.0 - a * x, x - y


def test_the_first_state_couples_is_seen_and_is_read_out():
    model = Least()
    assert (model.name, model.couples, model.observed) == ("Least", ("x",), "x")
    assert (model.readout_name, model.readout_key) == ("x", "readout")
    assert model.haemodynamics
    assert not model.averages_alike
    averages = {"x": np.ones((2, 3)), "y": np.zeros((2, 3))}
    assert model.readout(averages) is averages["x"]


def test_by_default_everything_finite_is_allowed_and_nothing_is_solved():
    model = Least()
    assert model.rate is None
    assert model.rate_range == (-np.inf, np.inf)
    params = {"a": np.ones((4, 3)), "G": np.zeros(4), "sigma": np.ones((4, 3))}
    assert model.constrain(params, np.empty((3, 0))).tolist() == [True] * 4
    assert model.tilts(np.empty((3, 0))) == {}
    solved, states = model.solve(params, np.zeros((3, 3)))
    assert solved is params
    assert states is None
    x, y = model.steady_state(params, np.zeros((3, 3)))
    np.testing.assert_allclose(x, 1.0, rtol=1e-8)
    np.testing.assert_allclose(y, 1.0, rtol=1e-8)


def test_what_a_class_says_stays():
    class Other(Least):
        name: ClassVar = "Another"
        couples: ClassVar = ("x", "y")
        observed: ClassVar = "y"

        @staticmethod
        def derivatives(x, y, from_x, from_y, a, expm1):
            return from_x - a * x, from_y - y

    class Variant(Other):
        pass

    model = Other()
    assert (model.name, model.couples, model.observed) == ("Another", ("x", "y"), "y")
    assert Variant().name == "Variant"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"couples": ("z",)}, "Broken.couples names z, which is none of x, y"),
        ({"regional": ("a", "b")}, "Broken.regional names b, which is none of a, G"),
        ({"couples": ()}, "couples must name a state, got none"),
        ({"observed": "z"}, "observed must be one of .*got 'z'"),
        ({"rate": "x"}, "rate must be None or one of .*got 'x'"),
        ({"searched": ("a", "sigma")}, "must hold G"),
        ({"searched": ("a", "G"), "regional": ("a",)}, "sigma, the noise amplitude"),
        ({"regional": ("a", "G", "sigma")}, "G, the global coupling, not regional"),
        ({"readout_key": "two words"}, "readout_key must be a word"),
        ({"readout_key": "summary"}, "none of coefficients, cost"),
        ({"initial_state": (0.1,)}, "has 2 states .x, y.: .* as many numbers, got 1"),
        (
            {"initial_state": (0.1, 0.1, 0.1)},
            "has 2 states .x, y.: .* as many numbers, got 3",
        ),
        ({"outputs": ("z",)}, "give 3 values, .*, got 2"),
        ({"inputs": ("a", "b")}, "must take x, y, the coupling by x, a, b and expm1"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes, message):
    with pytest.raises(TypeError, match=message):
        type("Broken", (Least,), changes)()


@pytest.mark.parametrize(
    "lacks",
    [
        *("states", "inputs", "searched", "regional", "derivatives"),
        *("initial_state", "largest_step"),
    ],
)
def test_a_part_that_is_missing_is_named(lacks):
    parts = vars(Least).items()
    left = {k: v for k, v in parts if k != lacks and not k.startswith("__")}
    with pytest.raises(TypeError, match=f"The model Broken must have {lacks}"):
        check_declaration(type("Broken", (Model,), left))


def test_equations_that_cannot_be_tried_are_taken_as_they_are():
    """They may not bear the numbers that they are tried with."""

    class Dividing(Least):
        @staticmethod
        def derivatives(x, y, coupling, a, expm1):
            return 1 / (a - 1.0), x - y

    assert Dividing().name == "Dividing"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("a", x) for x in [(5.0, 1.0), (1.0, 1.0), (1.0,), (1.0, 2.0, 3.0), "ab"]),
        *(("a", x) for x in [(-np.inf, 1.0), (0.0, np.inf), (np.nan, 1.0)]),
        *(("a", x) for x in [(False, True), 2.0]),
        *((name, (-0.1, 1.0)) for name in ("G", "sigma")),
    ],
)
def test_a_range_that_cannot_be_is_named(name, given):
    with pytest.raises(ValueError, match=f"The range of {name} must be .low, high"):
        Least(**{name: given})


def test_ranges_may_be_negative_and_become_plain_tuples():
    assert Least(a=np.array([-2, -1])).a == (-2.0, -1.0)
    assert type(Least(a=[1, 2]).a[0]) is float
    assert Least(G=(0, 1)).G == (0.0, 1.0)


def test_a_tuple_of_plain_numbers_stays_the_same_object():
    given = (1.0, 2.0)
    assert plain_tuple(given, Real, float) is given
    for other in ([1.0, 2.0], (1, 2.0), np.array(given)):
        found = plain_tuple(other, Real, float)
        assert found == given
        assert [type(x) for x in found] == [float, float]
    for none in (3.0, (1.0, "a"), (1.0, True), (1.5, 2)):
        assert plain_tuple(none, Integral, int) is None


def test_only_models_are_models():
    check_model(FIC())
    for none in (FIC, "fic", None):
        with pytest.raises(TypeError, match=r"model must be a model such as FIC\(\)"):
            check_model(none)


@pytest.mark.parametrize("current", [0.1, 0.4, 0.6])
def test_a_transfer_function_is_the_published_one(current):
    u = 270.0 * current - 108.0
    limit = u == pytest.approx(0.0, abs=1e-9)
    expected = 1 / 0.154 if limit else u / (1.0 - np.exp(-0.154 * u))
    assert transfer(current, 270.0, 108.0, 0.154, np.expm1) == pytest.approx(expected)
