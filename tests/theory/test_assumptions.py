"""Which form of theory describes a model, and models that none does."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from delssome import FIC, MFM, Acquisition
from delssome.models import Candidates, Hopf, Linear, Model, WilsonCowan
from delssome.theory import (
    TheoryEvaluator,
    check_assumptions,
    effective_parameters,
    reason_against_reduction,
)
from delssome.theory.assumptions import is_reduced

SCAN = Acquisition(n_frames=100, window=20, dt=0.005)


@dataclass(frozen=True)
class Pair(Model):
    """A state that couples, and one that follows it: described as it is."""

    rate_of_y: tuple[float, float] = (50.0, 100.0)
    G: tuple[float, float] = (0.0, 2.0)
    sigma: tuple[float, float] = (0.01, 0.1)

    states: ClassVar = ("x", "y")
    inputs: ClassVar = ("rate_of_y",)
    searched: ClassVar = ("rate_of_y", "G", "sigma")
    regional: ClassVar = ("rate_of_y", "sigma")
    initial_state: ClassVar = (0.2, 0.2)
    largest_step: ClassVar = 0.01

    @staticmethod
    def derivatives(x, y, coupling, rate_of_y, expm1):
        return 0.5 - 4.0 * x - y + coupling, rate_of_y * (x - y)


def test_models_that_rest_are_not_refused():
    for model in (FIC(), MFM(), Pair(), Hopf(), Linear(), WilsonCowan()):
        check_assumptions(model)


def test_regions_of_these_reduce_to_the_state_that_couples_them():
    for model in (FIC(), MFM(), Linear(), Pair()):
        assert reason_against_reduction(model) == ""


def test_two_coupled_states_do_not_reduce():
    class Both(Pair):
        couples: ClassVar = ("x", "y")

        @staticmethod
        def derivatives(x, y, coupling, other, rate_of_y, expm1):
            return 0.5 - 4.0 * x - y + coupling, rate_of_y * (x - y) + other

    assert reason_against_reduction(Both()) == "2 states couple regions (x, y)"
    check_assumptions(Both())


def test_a_coupled_state_that_is_not_the_first_does_not_reduce():
    class Second(Pair):
        couples: ClassVar = ("y",)
        observed: ClassVar = "y"

    reason = reason_against_reduction(Second())
    assert "couples regions, y, is not its first" in reason


def test_another_state_that_is_seen_does_not_reduce():
    class OtherSeen(Pair):
        observed: ClassVar = "y"

    reason = reason_against_reduction(OtherSeen())
    assert reason == "y is seen, but x is what couples regions"


def test_a_state_seen_without_haemodynamics_does_not_reduce():
    class Bare(Pair):
        haemodynamics: ClassVar = False

    reason = reason_against_reduction(Bare())
    assert reason == "x is seen itself, not through the haemodynamics"


def test_a_second_state_that_is_slow_does_not_reduce():
    """Where a corner of the box is slow, too."""
    reason = reason_against_reduction(Pair(rate_of_y=(3.99, 4.0)))
    assert "swing on their way to rest (64 of 64 candidates)" in reason
    reason = reason_against_reduction(Pair(rate_of_y=(11.0, 19.0)))
    assert "y should follow x at 20 per second" in reason
    assert "(64 of 64 candidates)" in reason
    reason = reason_against_reduction(Pair(rate_of_y=(11.0, 100.0)))
    assert "of 64 candidates" in reason
    assert "64 of 64" not in reason


def test_regions_that_swing_do_not_reduce():
    assert "swing on their way to rest" in reason_against_reduction(WilsonCowan())


def test_ranges_may_be_lists():
    assert reason_against_reduction(Pair(rate_of_y=[50.0, 100.0])) == ""


def test_a_directed_connectome_takes_the_general_form(rng):
    sc = 0.02 * rng.random((4, 4)) * (1 - np.eye(4))
    given = {"w": [0.3], "I": [0.3], "G": [1.0], "sigma": [0.01]}
    assert not is_reduced(Candidates(MFM(), given, sc))
    assert is_reduced(Candidates(MFM(), given, (sc + sc.T) / 2))


class Restless(Pair):
    """It never comes to rest."""

    name: ClassVar = "restless"

    @staticmethod
    def derivatives(x, y, coupling, rate_of_y, expm1):
        return 0.5 + x * x, rate_of_y * (x - y)


def test_a_model_that_never_rests_is_refused_with_the_remedy():
    with pytest.raises(
        ValueError,
        match=r"describe the restless model: none of its candidates comes to rest.*"
        r"surrogate=None",
    ):
        check_assumptions(Restless())


def test_an_evaluator_is_not_made_for_what_it_refuses():
    with pytest.raises(ValueError, match="cannot describe"):
        TheoryEvaluator(Restless(), SCAN)
    theory = TheoryEvaluator(MFM(), SCAN)
    with pytest.raises(ValueError, match="cannot describe"):
        theory.check(Restless())
    with pytest.raises(ValueError, match="integration step"):
        TheoryEvaluator(FIC(), Acquisition(dt=0.01))


def test_what_needs_the_reduction_refuses_with_reason_and_remedy():
    given = {"a": [-0.5], "omega": [1.0], "G": [1.0], "sigma": [0.01]}
    candidates = Candidates(Hopf(), given, 0.02 * (1 - np.eye(3)))
    with pytest.raises(
        ValueError,
        match=r"Relaxation over coupling needs .*the Hopf model does not: 2 states "
        r"couple regions \(x, y\)\. MeanFieldFitter fits it",
    ):
        effective_parameters(candidates)
