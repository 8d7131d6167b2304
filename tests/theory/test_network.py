import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from delssome.models import Candidates
from delssome.theory.linearisation import Equations, regress
from delssome.theory.network import LinearNetwork

STEP, N_ROIS = 0.006, 8


@pytest.fixture
def slopes(candidates):
    equations = Equations(candidates)
    point = equations.fixed_point()
    return regress(equations, point, np.zeros((3, *point.shape)))[1]


@pytest.fixture
def network(candidates, slopes):
    equations = Equations(candidates)
    return LinearNetwork.from_slopes(slopes, equations.network, equations.sigma)


def test_spectrum_is_that_of_all_states_at_the_frequencies_of_bold(
    slopes, network, full_jacobian
):
    for k in range(5):
        A = full_jacobian(slopes, network.network, k)
        for hertz in (0.0, 0.01, 0.1, 0.25):
            s = 2j * np.pi * hertz
            transfer = np.linalg.inv(s * np.eye(len(A)) - A)[:N_ROIS]
            power = np.tile(network.sigma[k] ** 2, 2)
            exact = (transfer * power) @ transfer.conj().T
            modes = network.patterns[k] / (s + network.decay[k])
            theory = modes @ network.noise[k] @ modes.conj().T
            error = np.abs(theory - exact).max() / np.abs(exact).max()
            assert error < (1e-6 if hertz == 0 else 1e-3)


def test_slowest_mode_decays_as_the_slowest_of_all_states(
    slopes, network, full_jacobian
):
    for k in range(5):
        rates = -np.linalg.eigvals(full_jacobian(slopes, network.network, k)).real
        assert network.decay[k, 0] == pytest.approx(rates.min(), rel=0.01)
        assert network.fastest[k].max() == pytest.approx(rates.max(), rel=0.05)


def test_stability_is_lost_where_the_jacobian_becomes_singular(
    model, params, sc, full_jacobian
):
    params = {name: x[:1] for name, x in params.items()}

    def slowest(w_EE):
        candidate = params | {"w_EE": np.full((1, N_ROIS), w_EE)}
        equations = Equations(Candidates(model, candidate, sc))
        point = equations.fixed_point()
        slopes = regress(equations, point, np.zeros((3, *point.shape)))[1]
        part = LinearNetwork.from_slopes(slopes, equations.network, equations.sigma)
        exact = (-np.linalg.eigvals(full_jacobian(slopes, part.network, 0)).real).min()
        return part.decay[0, 0], exact

    signs = [np.sign(slowest(w_EE)) for w_EE in np.linspace(3.0, 9.0, 25)]
    assert all(ours == exact for ours, exact in signs)
    assert {-1.0, 1.0} == {ours for ours, _ in signs}


@pytest.mark.parametrize("step", [STEP, 0.0005])
def test_covariance_is_that_of_the_explicit_steps(slopes, network, step, full_jacobian):
    covariance = network.variable_covariance(step)
    for k in range(5):
        A = full_jacobian(slopes, network.network, k)
        noise = np.diag(np.tile(network.sigma[k] ** 2, 2)) * step
        exact = solve_discrete_lyapunov(np.eye(len(A)) + step * A, noise)
        coupling = np.hstack([network.network[k], np.zeros((N_ROIS, N_ROIS))])
        everything = np.vstack([np.eye(2 * N_ROIS), coupling])
        exact = everything @ exact @ everything.T
        exact = exact.reshape(3, N_ROIS, 3, N_ROIS)
        exact = np.einsum("iajb->ijab", exact).diagonal(axis1=2, axis2=3)
        scale = np.sqrt(np.einsum("iir->ir", exact))
        error = np.abs(covariance[:, :, k] - exact) / (scale[:, None] * scale[None])
        assert error.max() < 0.07


def test_long_steps_inflate_the_variance_of_fast_states(network):
    fast = network.variable_covariance(STEP)[1, 1]
    assert (fast > 1.5 * network.variable_covariance(0.0)[1, 1]).all()


def test_shift_solves_the_equations_of_all_states(slopes, network, full_jacobian):
    push = np.random.default_rng(0).standard_normal((2, 5, N_ROIS))
    answer = network.shift(push)
    for k in range(5):
        A = full_jacobian(slopes, network.network, k)
        exact = -np.linalg.solve(A, push[:, k].ravel())
        np.testing.assert_allclose(answer[:2, k].ravel(), exact, rtol=1e-6, atol=1e-9)
        coupling = network.network[k] @ exact[:N_ROIS]
        np.testing.assert_allclose(answer[2, k], coupling, rtol=1e-6, atol=1e-9)


def test_a_selection_is_what_its_candidates_are(network):
    part = network.select([3])
    np.testing.assert_array_equal(part.decay[0], network.decay[3])
    np.testing.assert_array_equal(part.noise[0], network.noise[3])
