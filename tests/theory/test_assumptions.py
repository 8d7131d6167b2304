"""Models that the theory refuses, each with its reason."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from delssome import FIC, MFM, Acquisition
from delssome.models import Candidates, Model
from delssome.theory import TheoryEvaluator, check_assumptions

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


def test_models_that_it_describes_are_not_refused():
    for model in (FIC(), MFM(), Pair()):
        check_assumptions(model)


def test_two_coupled_states_are_refused():
    class Both(Pair):
        couples: ClassVar = ("x", "y")

        @staticmethod
        def derivatives(x, y, coupling, other, rate_of_y, expm1):
            return 0.5 - 4.0 * x - y + coupling, rate_of_y * (x - y) + other

    with pytest.raises(ValueError, match=r"2 states couple regions \(x, y\)"):
        check_assumptions(Both())


def test_a_coupled_state_that_is_not_the_first_is_refused():
    class Second(Pair):
        couples: ClassVar = ("y",)
        observed: ClassVar = "y"

    with pytest.raises(ValueError, match="couples regions, y, is not its first"):
        check_assumptions(Second())


def test_another_state_that_is_seen_is_refused():
    class OtherSeen(Pair):
        observed: ClassVar = "y"

    with pytest.raises(ValueError, match="y is seen, but x is what couples regions"):
        check_assumptions(OtherSeen())


def test_a_state_seen_without_haemodynamics_is_refused():
    class Bare(Pair):
        haemodynamics: ClassVar = False

    with pytest.raises(ValueError, match="x is seen itself, not through the haemo"):
        check_assumptions(Bare())


def test_a_second_state_that_is_slow_is_refused_with_its_rate():
    """Where a corner of the box is slow, too."""
    with pytest.raises(ValueError, match=r"y should follow x at 20 per second") as all_:
        check_assumptions(Pair(rate_of_y=(2.0, 3.0)))
    assert "(64 of 64 candidates)" in str(all_.value)
    with pytest.raises(ValueError, match="of 64 candidates") as some:
        check_assumptions(Pair(rate_of_y=(5.0, 100.0)))
    assert "64 of 64" not in str(some.value)


def test_a_model_that_never_rests_is_refused():
    class Restless(Pair):
        @staticmethod
        def derivatives(x, y, coupling, rate_of_y, expm1):
            return 0.5 + x * x, rate_of_y * (x - y)

    with pytest.raises(ValueError, match="none of its candidates comes to rest"):
        check_assumptions(Restless())


def test_a_refusal_names_the_model_and_the_remedy():
    class Bare(Pair):
        name: ClassVar = "bare"
        haemodynamics: ClassVar = False

    with pytest.raises(ValueError, match=r"describe the bare model: .*surrogate=None"):
        check_assumptions(Bare())


def test_an_evaluator_is_not_made_for_what_it_refuses():
    class Bare(Pair):
        haemodynamics: ClassVar = False

    with pytest.raises(ValueError, match="cannot describe"):
        TheoryEvaluator(Bare(), SCAN)
    theory = TheoryEvaluator(MFM(), SCAN)
    with pytest.raises(ValueError, match="cannot describe"):
        theory.check(Bare())
    with pytest.raises(ValueError, match="integration step"):
        TheoryEvaluator(FIC(), Acquisition(dt=0.01))


def test_a_connectome_that_is_not_symmetric_is_refused(rng):
    sc = 0.02 * rng.random((4, 4)) * (1 - np.eye(4))
    given = {"w": [0.3], "I": [0.3], "G": [1.0], "sigma": [0.01]}
    theory = TheoryEvaluator(MFM(), SCAN)
    with pytest.raises(ValueError, match=r"symmetric.*average it with its transpose"):
        theory.statistics(Candidates(MFM(), given, sc), rng)
    theory.statistics(Candidates(MFM(), given, (sc + sc.T) / 2), rng)
