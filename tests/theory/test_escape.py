import numpy as np

from delssome import MFM, Acquisition
from delssome.models import Candidates
from delssome.theory import range_violation, start_holds
from delssome.theory.escape import probability_in_range

SCAN = Acquisition()


def test_calm_candidates_hold_and_unstable_ones_do_not(model, candidates, unstable, sc):
    assert start_holds(candidates, SCAN).all()
    assert not start_holds(Candidates(model, unstable, sc), SCAN).any()


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


def test_without_a_bounded_rate_softening_alone_counts():
    softening, fastest = np.array([0.95, 0.5, 0.2]), np.array([10.0, 300.0, 333.0])
    p = probability_in_range(None, fastest, softening, 0.006, (-np.inf, np.inf))
    np.testing.assert_allclose(p, [1.0, 0.5, 0.0], atol=0.02)


def test_without_a_bounded_rate_a_start_holds_unless_it_diverges(sc):
    given = {"w": [0.4, 0.9], "I": [0.3, 0.4], "G": [1.0, 5.0], "sigma": [0.01] * 2}
    candidates = Candidates(MFM(), given, sc)
    assert start_holds(candidates, SCAN).all()

    class Runaway(MFM):
        @staticmethod
        def derivatives(S, coupling, w, I, expm1):  # noqa: E741
            return 100.0 * (w + S * S), S + coupling

    assert not start_holds(Candidates(Runaway(), given, sc), SCAN).any()


def test_all_repeats_have_to_stay():
    p = np.array([1.0, 0.9, 0.7, 0.0])
    np.testing.assert_allclose(range_violation(p, 1), [0, 0, 0, 1])
    np.testing.assert_allclose(range_violation(p, 3), [0, 0, 1 - 0.7**3, 1])


def test_an_infinite_range_of_rates_bounds_none():
    rates = np.array([[3.0] * 8, [30.0] * 8])
    fastest, softening = np.full(2, 280.0), np.array([1.0, 0.5])
    p = probability_in_range(rates, fastest, softening, 0.006, (-np.inf, np.inf))
    np.testing.assert_allclose(p, [1.0, 0.5], atol=0.01)
