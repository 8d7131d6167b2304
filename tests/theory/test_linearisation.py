import numpy as np
import pytest

from delssome.simulation import haemodynamics
from delssome.theory.linearisation import (
    Equations,
    averages_at_rest,
    haemodynamic_response,
    regress,
)


def test_without_noise_slopes_are_the_jacobian(model, candidates):
    equations = Equations(candidates)
    point = equations.fixed_point()
    values, slopes = regress(equations, point, np.zeros((3, *point.shape)))
    np.testing.assert_allclose(values[:2], 0.0, atol=1e-7)
    np.testing.assert_allclose(values[2], model.target_rate, rtol=1e-7)
    for k in range(3):
        shifted = point.astype(complex)
        shifted[k] += 1e-30j
        exact = equations(shifted).imag / 1e-30
        np.testing.assert_allclose(slopes[:, k], exact, rtol=1e-6, atol=1e-6)


def test_quadratic_functions_have_their_exact_mean_and_slopes():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((3, 3))
    covariance, mean = root @ root.T, rng.standard_normal(3)
    quadratic = rng.standard_normal((3, 3))
    quadratic += quadratic.T
    linear = rng.standard_normal(3)

    def functions(x):
        x = x[..., 0]
        return np.array([x @ quadratic @ x + linear @ x])[:, None]

    values, slopes = regress(functions, mean[:, None], covariance[:, :, None])
    expected = mean @ quadratic @ mean + np.trace(quadratic @ covariance)
    np.testing.assert_allclose(values[0, 0], expected + linear @ mean)
    np.testing.assert_allclose(slopes[0, :, 0], 2 * quadratic @ mean + linear)


def test_slopes_of_an_exponential_grow_with_the_noise():
    sd = 0.3
    values, slopes = regress(np.exp, np.zeros((1, 1)), np.full((1, 1, 1), sd**2))
    exact = np.exp(sd**2 / 2)
    np.testing.assert_allclose(values, exact, rtol=1e-3)
    np.testing.assert_allclose(slopes[0], exact, rtol=0.04)


def test_variables_without_noise_or_fully_correlated_are_no_obstacle():
    covariance = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    weights = np.array([[2.0, -1.0, 3.0]])
    values, slopes = regress(
        lambda x: weights @ x, np.ones((3, 1)), covariance[..., None]
    )
    np.testing.assert_allclose(values, 4.0)
    np.testing.assert_allclose(slopes[0, :, 0], weights[0], rtol=1e-5)


def test_response_to_a_constant_is_the_shift_of_the_haemodynamic_state():
    def steady(x):
        f = 1 + x / haemodynamics.GAMMA_H
        v = f**haemodynamics.ALPHA
        q = v * (1 - np.exp(haemodynamics.LOG_1_RHO / f)) / haemodynamics.RHO
        slopes = haemodynamics.derivatives(x, 0.0, f, v, q, np.exp, np.log)
        np.testing.assert_allclose(slopes, 0.0, atol=1e-12)
        return haemodynamics.bold_signal(v, q)

    response = haemodynamic_response([0.0], 0.16)[0]
    slope = (steady(0.1601) - steady(0.1599)) / 2e-4
    assert response.real == pytest.approx(slope, rel=1e-6)
    assert response.imag == pytest.approx(0.0, abs=1e-12)


def test_response_to_a_slow_wave_is_that_of_the_integrated_equations():
    omega, amplitude, step = 2 * np.pi * 0.05, 1e-4, 0.001
    x, f = 0.16, 1 + 0.16 / haemodynamics.GAMMA_H
    v = f**haemodynamics.ALPHA
    q = v * (1 - np.exp(haemodynamics.LOG_1_RHO / f)) / haemodynamics.RHO
    state, bold = np.array([0.0, f, v, q]), []
    times = np.arange(0, 80, step)
    for t in times:
        wave = x + amplitude * np.cos(omega * t)
        rates = haemodynamics.derivatives(wave, *state, np.exp, np.log)
        state = state + step * np.array(rates)
        bold.append(haemodynamics.bold_signal(*state[2:]))
    late = times >= 40
    wave = np.exp(-1j * omega * times[late])
    measured = 2 * np.mean((np.array(bold)[late] - np.mean(bold)) * wave) / amplitude
    expected = haemodynamic_response([omega], x)[0]
    assert abs(measured - expected) < 0.01 * abs(expected)


def test_at_rest_feedback_inhibition_holds_every_region(model, candidates):
    found = averages_at_rest(candidates)
    assert set(found) == {"S_E", "S_I", "r_E"}
    point = model.fixed_point(candidates.params["w_EI"])
    np.testing.assert_allclose(found["S_E"], point.S_E * np.ones((5, 8)))
    np.testing.assert_allclose(found["S_I"], point.S_I)
    np.testing.assert_allclose(found["r_E"], model.target_rate, rtol=1e-7)
    np.testing.assert_allclose(model.readout(found), point.S_E / point.S_I)
