"""Mistakes in a model of one's own are said when it is made, with what to write."""

import math
from dataclasses import dataclass

import pytest

from delssome.models import Model


def derivatives(v, w, coupling, a, expm1):
    gain = 1.0 / (2.0 + expm1(1.5 - 6.0 * (a * v + coupling - w)))
    return (gain - v) / 0.1, (0.5 * v - w) / 0.02, gain


@dataclass(frozen=True)
class Sound(Model):
    a: tuple = (0.0, 0.6)
    G: tuple = (0.0, 5.0)
    sigma: tuple = (0.005, 0.05)

    states = ("v", "w")
    inputs = ("a",)
    outputs = ("gain",)
    searched = ("a", "G", "sigma")
    regional = ("a", "sigma")
    initial_state = (0.1, 0.1)
    largest_step = 0.005
    derivatives = staticmethod(derivatives)

    def readout(self, averages):
        return averages["gain"]


def branching(v, w, coupling, a, expm1):
    return derivatives(v, w, coupling if v > 0.2 else 0.0, a, expm1)


def scalar(v, w, coupling, a, expm1):
    return (math.exp(v), w, a)


def misspelt(self, averages):
    return averages["gian"]


def averaged(self, averages):
    return averages["gain"].mean()


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"outputs": ()}, TypeError, r"give 2 values, the derivatives of v, w, got 3"),
        ({"initial_state": (0.1,)}, TypeError, r"2 states \(v, w\): .* got 1"),
        ({"derivatives": branching}, TypeError, "arrays.*ambiguous.*without branches"),
        ({"derivatives": scalar}, TypeError, "arrays.* no functions of math"),
        ({"derivatives": lambda v, w, c, a, expm1: v}, TypeError, "a tuple.*ndarray"),
        ({"inputs": ("a", "sigma")}, TypeError, "must take .* a, sigma and expm1"),
        ({"inputs": "a"}, TypeError, r"inputs must be a tuple.*\(\"a\",\)"),
        ({"couples": "v"}, TypeError, "couples must be a tuple of names"),
        ({"readout": misspelt}, TypeError, "readout.* of v, w, gain.*'gian'"),
        ({"readout": averaged}, TypeError, r"readout .* shape .* got \(\)"),
        ({"searched": ("a", "b", "G", "sigma")}, ValueError, "field b: tuple = "),
    ],
)
def test_a_mistake_is_said_when_a_model_is_made(said, error, message):
    Sound()
    if "derivatives" in said:
        said = {"derivatives": staticmethod(said["derivatives"])}
    with pytest.raises(error, match=message):
        type("Wrong", (Sound,), said)()


def test_equations_that_would_be_given_self_are_told_of_staticmethod():
    with pytest.raises(TypeError, match=r"write derivatives = staticmethod\("):
        type("Wrong", (Sound,), {"derivatives": derivatives})()
