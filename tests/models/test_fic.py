import numpy as np
import pytest
import torch

from delssome.models import FIC, fic, transfer
from delssome.models.fic import A_E, B_E, D_E, derivatives

# Steady state at 3 Hz for several w_EI: I_I* (nA), S_I*, S_E*/S_I*.
STEADY_STATE = np.array(
    [
        [0.5, 0.2472939232, 0.0322024452, 5.0084678571],
        [1.0, 0.2526738685, 0.0389188682, 4.1441315992],
        [1.5, 0.2576135672, 0.0460755379, 3.5004455496],
        [2.0, 0.2621777016, 0.0536077719, 3.0086106147],
        [2.5, 0.2664210350, 0.0614608068, 2.6241912503],
        [3.0, 0.2703893821, 0.0695888280, 2.3176839736],
        [3.5, 0.2741209013, 0.0779536773, 2.0689840064],
        [4.0, 0.2776473764, 0.0865235705, 1.8640575119],
        [5.0, 0.2841871122, 0.1041765714, 1.5481879405],
    ]
)
# First three regions of the published HCP solution 1: maps, and what follows.
MYELIN = np.array([1.3342565, 1.14471966, 1.29327652])
GRADIENT = np.array([0.469872081, -0.500129655, 2.0486862])


def solution_1():
    design = np.column_stack([np.ones(3), MYELIN, GRADIENT])
    w_EE = design @ [3.13916737, 0.24563252, -0.26126642]
    w_EI = design @ [2.41337585, 0.00361269, 0.30840929]
    return w_EE[None], w_EI[None], np.array([2.119975985670872])


def feedback_inhibition(w_EE, w_EI, G, sc):
    return FIC().solve({"w_EE": w_EE, "w_EI": w_EI, "G": G}, sc).params["w_IE"]


def test_fixed_point_matches_the_check_values():
    point = FIC().fixed_point(STEADY_STATE[:, 0])
    assert pytest.approx(0.1612849115155582, abs=1e-15) == point.S_E
    assert pytest.approx(0.3765333620, abs=1e-10) == point.I_E
    # The check values have ten digits.
    np.testing.assert_allclose(point.I_I, STEADY_STATE[:, 1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(point.S_I, STEADY_STATE[:, 2], rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        point.S_E / point.S_I, STEADY_STATE[:, 3], rtol=0, atol=1e-9
    )


def test_feedback_inhibition_matches_the_published_solution():
    w_EE, w_EI, G = solution_1()
    unconnected = feedback_inhibition(w_EE, w_EI, G, np.zeros((3, 3)))
    per_strength = feedback_inhibition(w_EE, w_EI, G, np.eye(3)) - unconnected
    # Six published digits.
    np.testing.assert_allclose(unconnected[0], [1.38254, 1.58347, 1.08144], atol=6e-6)
    np.testing.assert_allclose(per_strength[0], [0.82097, 0.88878, 0.72839], atol=6e-6)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(3.0, [2.58170, 2.79495, 2.29055]), (3.0631, [2.59695, 2.81354, 2.30176])],
)
def test_analytic_ei_ratio_matches_the_published_solution(rate, expected):
    _, w_EI, _ = solution_1()
    point = FIC(target_rate=rate).fixed_point(w_EI[0])
    np.testing.assert_allclose(point.S_E / point.S_I, expected, atol=6e-6)


@pytest.mark.parametrize("rate", [0.41, 3.0, 40.0])
def test_every_region_rests_at_the_target_rate(rate, rng):
    model = FIC(target_rate=rate)
    sc = rng.random((6, 6)) * 0.02
    params = {
        "w_EE": rng.uniform(1, 10, (20, 6)),
        "w_EI": rng.uniform(0, 5, (20, 6)),
        "G": rng.uniform(0, 3, 20),
    }
    solved, (S_E, S_I) = model.solve(params, sc)
    coupling = params["G"][:, None] * (S_E @ sc.T)
    inputs = [solved[name] for name in model.inputs]
    dS_E, dS_I, r_E = derivatives(S_E, S_I, coupling, *inputs, np.expm1)
    np.testing.assert_allclose(r_E, rate, rtol=1e-9)
    np.testing.assert_allclose(dS_E, 0, atol=1e-8)
    np.testing.assert_allclose(dS_I, 0, atol=1e-8)


def test_what_is_solved_keeps_what_was_searched(rng):
    params = {
        "w_EE": rng.uniform(1, 10, (2, 4)),
        "w_EI": rng.uniform(0, 5, (2, 4)),
        "G": rng.uniform(0, 3, 2),
        "sigma": np.full((2, 4), 0.005),
    }
    solved = FIC().solve(params, np.zeros((4, 4))).params
    assert set(solved) == {*params, "w_IE"}
    for name, values in params.items():
        np.testing.assert_array_equal(solved[name], values)


def test_the_readout_is_the_ratio_of_the_gatings():
    averages = {"S_E": np.array([0.2, 0.1]), "S_I": np.array([0.05, 0.1])}
    np.testing.assert_allclose(FIC().readout(averages), [4.0, 1.0])


def test_the_plausible_rates_lie_about_the_target():
    model = FIC(target_rate=4.0, rate_tolerance=0.25)
    assert model.rate_range == pytest.approx((3.0, 5.0))


def test_feedback_inhibition_takes_a_connectome_per_candidate(rng):
    w_EE, w_EI = rng.uniform(1, 5, (2, 4)), rng.uniform(1, 5, (2, 4))
    G, sc = np.array([1.0, 2.0]), rng.random((2, 4, 4))
    together = feedback_inhibition(w_EE, w_EI, G, sc)
    for k in range(2):
        alone = feedback_inhibition(w_EE[[k]], w_EI[[k]], G[[k]], sc[k])
        np.testing.assert_allclose(together[k], alone[0], rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_transfer_has_its_limit_where_it_is_zero_over_zero(dtype):
    currents = torch.tensor(B_E / A_E, dtype=dtype) + torch.tensor(
        [-1e-6, -6e-8, 0, 6e-8, 1e-6], dtype=dtype
    )
    rates = transfer(currents, A_E, B_E, D_E, torch.expm1)
    exact = 1 / D_E + (A_E * currents.double() - B_E) / 2
    # Rounding of a * I near b = 125 is 8e-6 in float32.
    torch.testing.assert_close(rates.double(), exact, rtol=0, atol=2e-5)


def test_numpy_and_torch_share_the_equations(rng):
    arguments = rng.random((6, 50))
    with_numpy = derivatives(*arguments, np.expm1)
    with_torch = derivatives(*torch.from_numpy(arguments), torch.expm1)
    for a, b in zip(with_numpy, with_torch, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target_rate": 0}, "target_rate"),
        ({"target_rate": -3.0}, "target_rate"),
        ({"rate_tolerance": 0.0}, "rate_tolerance"),
        ({"w_EE": (5.0, 1.0)}, "range of w_EE"),
        ({"w_EI": (-1.0, 3.0)}, "range of w_EI"),
        ({"sigma": (0.01, np.inf)}, "range of sigma"),
        ({"w_EE": 3.0}, "range of w_EE"),
        ({"G": (-1.0, 3.0)}, "range of G"),
        ({"map_signs": (1, 2)}, "map_signs"),
        ({"map_signs": 1}, "map_signs"),
        ({"min_w_EI_sd": -1}, "min_w_EI_sd"),
        ({"min_w_EI_sd": np.nan}, "min_w_EI_sd"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        FIC(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"target_rate": 0.009},
        {"target_rate": 1000.5},
        {"rate_tolerance": 0.9e-9},
        {"min_w_EI_sd": -1e-9},
        {"w_EE": (-1e-9, 1.0)},
        {"w_EI": (-1e-9, 1.0)},
        {"map_signs": (1, 0.5)},
        {"map_signs": "++"},
    ],
)
def test_settings_just_beyond_their_limits_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        FIC(**settings)


def test_settings_at_their_limits_are_taken():
    model = FIC(target_rate=0.01, rate_tolerance=1e-9, w_EE=(0.0, 1.0), w_EI=(0, 1))
    assert model.w_EI == (0.0, 1.0)
    assert FIC(target_rate=1000).target_rate == 1000.0
    assert FIC(rate_tolerance=np.inf).rate_range == (-np.inf, np.inf)
    signs = FIC(map_signs=[1.0, np.int64(-1), 0]).map_signs
    assert signs == (1, -1, 0)
    assert [type(sign) for sign in signs] == [int] * 3


def test_the_defaults_are_the_published_ones():
    model = FIC()
    assert (model.target_rate, model.rate_tolerance) == (3.0, 0.1)
    assert model.rate_range == pytest.approx((2.7, 3.3))
    assert model.map_signs is None
    assert model.min_w_EI_sd == 0.0


@pytest.mark.parametrize("w_EI", [0.0, 5.0, 5.001, 20.0, -0.1])
def test_a_fixed_point_is_one_on_and_off_the_table(w_EI):
    point = FIC().fixed_point(w_EI)
    u = 615.0 * point.I_I - 177.0
    rate = u / (1.0 - np.exp(-0.087 * u))
    np.testing.assert_allclose(point.S_I, 0.01 * rate, rtol=1e-9)
    drive = 0.7 * 0.382 + w_EI * 0.15 * point.S_E - point.S_I
    np.testing.assert_allclose(point.I_I, drive, rtol=1e-9)


def test_a_candidate_is_the_same_to_the_last_bit_in_any_company():
    w_EI = np.array([0.3, 2.0, 4.999, 6.0])
    together = FIC().fixed_point(w_EI).I_I
    alone = [FIC().fixed_point(x).I_I for x in w_EI]
    np.testing.assert_array_equal(together, alone)


def test_starts_from_the_table_are_near():
    w_EI = np.linspace(0.0, 5.0, 777)
    S_E = FIC().fixed_point(1.0).S_E
    found = FIC().fixed_point(w_EI).I_I
    np.testing.assert_allclose(fic._near(w_EI, S_E), found, atol=1e-8)


def test_a_spread_of_w_EI_is_enough_where_it_is_reached():
    maps = np.array([[0.0], [1.0], [3.0], [2.5]])
    w_EI = np.array([[1.0, 3.0, 1.0, 3.0], [1.0, 2.9, 1.0, 2.9]])  # 1 and 0.95
    params = {"w_EI": w_EI, "G": np.ones(2)}
    found = FIC(min_w_EI_sd=1.0).constrain(params, maps)
    assert found.tolist() == [True, False]


def test_w_EI_that_is_the_same_everywhere_has_no_wrong_sign():
    maps = np.array([[0.0], [1.0], [2.0]])
    params = {"w_EI": np.full((1, 3), 2.0), "G": np.ones(1)}
    for sign in (-1, 1):
        assert FIC(map_signs=(sign,)).constrain(params, maps).all()
