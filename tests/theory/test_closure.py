from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from delssome.models import Candidates, Hopf, Model
from delssome.simulation import Acquisition, simulate
from delssome.theory import close, expected_readout

STEP = 0.006


@dataclass(frozen=True)
class Relay(Model):
    """One state that decays and sums its input: another model, with known answers."""

    leak: tuple[float, float] = (1.0, 5.0)
    G: tuple[float, float] = (0.0, 2.0)
    sigma: tuple[float, float] = (0.01, 0.2)

    states: ClassVar[tuple] = ("x",)
    inputs: ClassVar[tuple] = ("leak",)
    outputs: ClassVar[tuple] = ("double",)
    searched: ClassVar[tuple] = ("leak", "G", "sigma")
    regional: ClassVar[tuple] = ("leak", "sigma")
    initial_state: ClassVar[tuple] = (0.1,)
    largest_step: ClassVar[float] = 0.1

    @staticmethod
    def derivatives(x, coupling, leak, expm1):
        return coupling - leak * x, 2.0 * x


def test_another_model_with_one_state_is_exact(sc):
    n = len(sc)
    params = {
        "leak": np.full((1, n), 3.0),
        "sigma": np.full((1, n), 0.1),
        "G": np.array([1.0]),
    }
    closure = close(Candidates(Relay(), params, sc), 0.0)
    A = sc - 3.0 * np.eye(n)
    np.testing.assert_allclose(
        closure.network.decay[0], np.sort(-np.linalg.eigvalsh(A)), rtol=1e-6
    )
    exact = -0.5 * 0.01 * np.linalg.inv(A)  # A X + X A + Q = 0, A symmetric
    np.testing.assert_allclose(closure.covariance[0, 0, 0], np.diag(exact), rtol=1e-5)
    np.testing.assert_allclose(closure.outputs, 0.0, atol=1e-9)


@dataclass(frozen=True)
class Bent(Relay):
    """A relay that noise moves: its leak grows with its state."""

    @staticmethod
    def derivatives(x, coupling, leak, expm1):
        return 0.5 + coupling - leak * x - x * x * x, 2.0 * x


@pytest.mark.parametrize("n_iterations", [1, 2, 4])
def test_outputs_move_with_the_states_that_they_are_read_at(sc, n_iterations):
    params = {"leak": [1.0, 3.0], "sigma": [0.2, 0.2], "G": [0.5, 1.0]}
    closure = close(Candidates(Bent(), params, sc), 0.0, n_iterations)
    at_rest = close(Candidates(Bent(), params, sc), 0.0, 0)
    assert (np.abs(closure.mean[0] - at_rest.mean[0]) > 1e-4).all()
    np.testing.assert_allclose(closure.outputs[0], 2.0 * closure.mean[0], rtol=1e-8)


def test_softening_is_how_much_noise_slows_the_slowest_mode(candidates):
    closure, linear = close(candidates, STEP), close(candidates, STEP, 0)
    slowest = closure.network.decay[:, 0]
    assert (slowest == closure.network.decay.min(axis=1)).all()
    np.testing.assert_allclose(
        closure.softening, slowest / linear.network.decay[:, 0], rtol=1e-12
    )
    np.testing.assert_array_equal(linear.softening, 1.0)


def test_without_noise_nothing_moves(model, params, sc):
    quiet = params | {"sigma": np.full_like(params["sigma"], 1e-7)}
    quiet = Candidates(model, quiet, sc)
    closure = close(quiet, STEP)
    np.testing.assert_allclose(closure.outputs[0], 3.0, rtol=1e-5)
    linear = close(quiet, STEP, 0)
    np.testing.assert_allclose(closure.network.decay, linear.network.decay, rtol=1e-4)


def test_noise_raises_rates_and_slows_the_network(candidates):
    closure, linear = close(candidates, STEP), close(candidates, STEP, 0)
    assert (closure.settled == 5).all()
    assert (closure.outputs > linear.outputs).all()
    assert closure.network.decay[4, 0] < 0.97 * linear.network.decay[4, 0]


def test_unstable_candidates_do_not_settle_and_leave_the_others_alone(
    model, params, candidates, unstable, sc
):
    mixed = {name: np.concatenate([unstable[name], x]) for name, x in params.items()}
    closure = close(Candidates(model, mixed, sc), STEP)
    alone = close(candidates, STEP)
    np.testing.assert_array_equal(closure.settled, [0] * 5 + [5] * 5)
    np.testing.assert_allclose(closure.outputs[:, 5:], alone.outputs, rtol=1e-12)


def test_none_settles(model, unstable, sc):
    closure = close(Candidates(model, unstable, sc), STEP)
    np.testing.assert_array_equal(closure.settled, 0)


def test_each_candidate_may_have_its_own_connectome(model, params, sc):
    stack = sc * np.linspace(0.5, 1.0, 5)[:, None, None]
    closure = close(Candidates(model, params, stack), STEP)
    for k in range(5):
        part = {name: x[k : k + 1] for name, x in params.items()}
        alone = close(Candidates(model, part, stack[k]), STEP).outputs[0, 0]
        np.testing.assert_allclose(closure.outputs[0, k], alone, rtol=1e-10)


def test_steps_that_the_fast_states_do_not_bear_are_unstable(model, params, sc):
    fast = params | {"w_EI": np.full_like(params["w_EI"], 5.0)}
    fast = Candidates(model, fast, sc)
    assert (close(fast, 0.006).settled == 0).all()
    assert (close(fast, 0.004).settled == 5).all()


@pytest.mark.parametrize("dt", [0.006, 0.002])
def test_mean_rates_and_gating_are_those_of_simulation(candidates, dt):
    scan = Acquisition(n_frames=300, window=50, dt=dt)
    seeds = np.arange(5 * 16).reshape(5, 16)
    averages = simulate(candidates, scan, seeds).averages
    closure = close(candidates, scan.step)
    for theory, name in ((closure.outputs[0], "r_E"), (closure.mean[1], "S_I")):
        runs = averages[name]
        error = runs.std(axis=1, ddof=1) / 4.0
        z = (theory - runs.mean(axis=1)) / error
        # Of 40 averages; the shift by noise is many times larger.
        assert np.abs(theory / runs.mean(axis=1) - 1).max() < 0.002
        assert np.sqrt((z**2).mean()) < 2.5


def test_what_is_read_out_is_that_of_rest(candidates):
    S_E, S_I = candidates.states
    np.testing.assert_allclose(expected_readout(candidates, STEP), S_E / S_I)


def test_amplitudes_are_read_out_over_the_noise(sc):
    """Of oscillations, and of more candidates than are handled at once."""
    n = 20
    params = {
        "a": np.linspace(-0.9, -0.5, n),
        "omega": [2.0] * n,
        "G": [0.0] * n,
        "sigma": np.linspace(0.001, 0.003, n),
    }
    found = expected_readout(Candidates(Hopf(), params, sc), 0.0)
    assert found.shape == (n, len(sc))
    # Each of two states has a variance of sigma^2 / 2 |a|, so weak is the noise.
    expected = params["sigma"] / np.sqrt(np.abs(params["a"]))
    np.testing.assert_allclose(found, expected[:, None].repeat(len(sc), 1), rtol=1e-3)
