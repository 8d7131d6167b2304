import numpy as np

from delssome import Acquisition
from delssome.theory import start_holds
from delssome.theory.escape import probability_in_range

SCAN = Acquisition()


def test_calm_candidates_hold_and_unstable_ones_do_not(model, params, unstable, sc):
    assert start_holds(model, params, sc, SCAN).all()
    assert not start_holds(model, unstable, sc, SCAN).any()


def test_probability_falls_with_distance_of_the_rates_and_with_fast_states():
    rates = np.linspace(3.0, 3.6, 5)[:, None] * np.ones(8)
    p = probability_in_range(rates, np.full(5, 280.0), 0.006, (2.7, 3.3))
    assert (np.diff(p) < 0).all()
    assert p[0] > 0.99
    assert p[-1] < 0.1
    p = probability_in_range(
        np.full((3, 8), 3.0), np.array([250.0, 325.0, 333.0]), 0.006, (2.7, 3.3)
    )
    assert (np.diff(p) < 0).all()
