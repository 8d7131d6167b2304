"""Models against their published equations, constants and boxes."""

import math

import numpy as np
import pytest

from delssome.models import FIC, Hopf, Linear, WilsonCowan, fic, hopf, linear
from delssome.models import wilson_cowan as wc


@pytest.mark.parametrize("S_E, S_I", [(0.16, 0.05), (0.4, 0.2)])  # noqa: PT006
def test_equations_of_fic(S_E, S_I):
    """Zeng et al. 2026; the network's input is G * sum_j C_ij S_j."""
    w_EE, w_EI, w_IE, coupling = 2.1, 1.7, 1.3, 0.3
    I_E = 0.382 + w_EE * 0.15 * S_E + 0.15 * coupling - w_IE * S_I
    I_I = 0.7 * 0.382 + w_EI * 0.15 * S_E - S_I
    u_E, u_I = 310.0 * I_E - 125.0, 615.0 * I_I - 177.0
    r_E = u_E / (1.0 - math.exp(-0.16 * u_E))
    r_I = u_I / (1.0 - math.exp(-0.087 * u_I))
    expected = (-S_E / 0.1 + (1 - S_E) * 0.641 * r_E, -S_I / 0.01 + r_I, r_E)
    found = fic.derivatives(S_E, S_I, coupling, w_EE, w_EI, w_IE, np.expm1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_equations_of_hopf():
    """Deco et al. 2017: regions are drawn to each other's states, x_j - x_i."""
    rng = np.random.default_rng(0)
    a, omega, (x, y), G = -0.2, 0.3, rng.standard_normal((2, 4)), 0.7
    sc = rng.random((4, 4))
    power = x**2 + y**2
    drawn_x = G * (sc * (x[None] - x[:, None])).sum(axis=1)
    drawn_y = G * (sc * (y[None] - y[:, None])).sum(axis=1)
    expected = (
        (a - power) * x - omega * y + drawn_x,
        (a - power) * y + omega * x + drawn_y,
        power,
    )
    strength = Hopf().solve({"G": np.array([G])}, sc).params["strength"][0]
    given = x, y, G * sc @ x, G * sc @ y, a, omega, strength
    np.testing.assert_allclose(hopf.derivatives(*given, np.expm1), expected, rtol=1e-12)


def test_equations_of_the_linear_model():
    assert linear.derivatives(0.3, 0.5, 2.0, np.expm1) == (0.5 - 0.6, 0.3**2)


@pytest.mark.parametrize("E, I", [(0.1, 0.1), (0.4, 0.2)])  # noqa: PT006
def test_equations_of_wilson_and_cowan(E, I):  # noqa: E741
    """Wilson and Cowan 1972, Fig. 11; gains are 0 without input."""

    def gain(u, slope, threshold):
        silent = 1.0 / (1.0 + math.exp(slope * threshold))
        return 1.0 / (1.0 + math.exp(-slope * (u - threshold))) - silent

    active_E = gain(14.0 * E - 12.0 * I + 0.7 + 1.1, 1.3, 4.0)
    active_I = gain(15.0 * E - 3.0 * I, 2.0, 3.7)
    expected = ((1 - E) * active_E - E) / 0.02, ((1 - I) * active_I - I) / 0.01
    found = wc.derivatives(E, I, 0.7, 14.0, 1.1, np.expm1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "box", "start", "step"),
    [
        (
            FIC(),
            [(1.0, 10.0), (0.0, 5.0), (0.0, 3.0), (0.0005, 0.01)],
            (0.1612849115, 0.1433408985),
            0.006,
        ),
        (
            Hopf(),
            [(-1.0, 0.0), (0.0, 12.56), (0.0, 3.0), (0.0005, 0.01)],
            (0.0, 0.0),
            0.001,
        ),
        (Linear(), [(0.5, 10.0), (0.0, 20.0), (0.0005, 0.01)], (0.0,), 0.006),
        (
            WilsonCowan(),
            [(10.0, 16.0), (0.0, 2.0), (0.0, 20.0), (0.001, 0.1)],
            (0.1, 0.1),
            0.001,
        ),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_boxes_starts_and_steps_are_the_documented_ones(model, box, start, step):
    assert [getattr(model, name) for name in model.searched] == box
    assert model.initial_state == pytest.approx(start, abs=1e-10)
    assert model.largest_step == step


@pytest.mark.parametrize("model", [Hopf(), Linear()], ids=lambda x: x.name)
def test_what_rests_at_0_is_read_out_as_a_root_of_the_mean_square(model):
    power = np.array([[0.04, 0.09]])
    np.testing.assert_allclose(model.readout({"power": power}), [[0.2, 0.3]])
    params = {"G": np.array([1.0, 2.0])}
    for state in model.solve(params, np.ones((3, 3))).states:
        np.testing.assert_array_equal(state, np.zeros((2, 3)))


def test_only_hopf_is_seen_without_haemodynamics():
    assert not Hopf().haemodynamics
    for model in (FIC(), Linear(), WilsonCowan()):
        assert model.haemodynamics


def test_maps_of_searches_are_averaged_for_fic_alone():
    assert FIC().averages_alike
    for model in (Hopf(), Linear(), WilsonCowan()):
        assert not model.averages_alike
