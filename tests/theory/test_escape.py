import numpy as np

from delssome import Acquisition
from delssome.theory import start_holds
from delssome.theory.escape import probability_in_range

SCAN = Acquisition()


def test_calm_candidates_hold_and_unstable_ones_do_not(model, params, unstable, sc):
    assert start_holds(model, params, sc, SCAN).all()
    assert not start_holds(model, unstable, sc, SCAN).any()


def test_probability_falls_with_distance_fast_states_and_softening():
    rates = np.linspace(3.0, 3.6, 5)[:, None] * np.ones(8)
    p = probability_in_range(rates, np.full(5, 280.0), np.ones(5), 0.006, (2.7, 3.3))
    assert (np.diff(p) < 0).all()
    assert p[0] > 0.99
    assert p[-1] < 0.1
    p = probability_in_range(
        np.full((3, 8), 3.0),
        np.array([250.0, 325.0, 333.0]),
        np.ones(3),
        0.006,
        (2.7, 3.3),
    )
    assert (np.diff(p) < 0).all()
    p = probability_in_range(
        np.full((3, 8), 3.0),
        np.full(3, 280.0),
        np.array([0.95, 0.5, 0.2]),
        0.006,
        (2.7, 3.3),
    )
    np.testing.assert_allclose(p, [1.0, 0.5, 0.0], atol=0.02)
