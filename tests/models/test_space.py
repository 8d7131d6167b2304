from dataclasses import dataclass

import numpy as np
import pytest

from delssome.models import FIC, MFM, ParameterSpace, check_maps
from delssome.models.space import within_ranges


@pytest.fixture
def maps(rng):
    return rng.standard_normal((30, 2)) * [0.13, 1.2] + [1.3, 0.2]


def test_names_follow_the_published_order(maps):
    assert ParameterSpace(FIC(), maps).names == [
        *("w_EE_0", "w_EE_1", "w_EE_2", "w_EI_0", "w_EI_1", "w_EI_2"),
        *("G", "sigma_0", "sigma_1", "sigma_2"),
    ]


def test_expand_is_linear_in_the_raw_maps(maps):
    theta = np.arange(1.0, 11.0)
    params = ParameterSpace(FIC(), maps).expand(theta)
    expected = 4 + 5 * maps[:, 0] + 6 * maps[:, 1]
    np.testing.assert_allclose(params["w_EI"][0], expected)
    assert params["G"][0] == 7


def test_search_coordinates_and_coefficients_are_inverse(maps, rng):
    space = ParameterSpace(FIC(), maps)
    x = rng.standard_normal((5, space.n_dim))
    np.testing.assert_allclose(space.x(space.theta(x)), x, atol=1e-12)


def test_search_does_not_depend_on_the_unit_of_a_map(maps):
    x = np.random.default_rng(1).uniform(0, 1, (20, 10))
    metres, kilometres = (ParameterSpace(FIC(), maps * k) for k in (1.0, 1e-3))
    a = metres.expand(metres.theta(x))["w_EE"]
    b = kilometres.expand(kilometres.theta(x))["w_EE"]
    np.testing.assert_allclose(a, b, rtol=1e-9)


def test_feasible_means_every_region_inside_the_box(maps):
    space = ParameterSpace(FIC(), maps)
    x = np.full((1, space.n_dim), 0.0)
    x[:, [0, 3, 6, 7]] = 0.5
    assert space.feasible(space.theta(x)).all()
    for k in (0, 3, 6, 7):
        for value in (-0.01, 1.01):
            outside = x.copy()
            outside[0, k] = value
            assert not space.feasible(space.theta(outside)).any()
    steep = x.copy()
    steep[0, 1] = 3.0  # one region leaves the range of w_EE
    assert not space.feasible(space.theta(steep)).any()


def test_map_signs_constrain_the_correlation_with_w_EI(maps):
    free = ParameterSpace(FIC(), maps)
    signed = ParameterSpace(FIC(map_signs=(-1, 1)), maps)
    x = np.random.default_rng(0).normal(0, 0.2, (500, 10))
    x[:, [0, 3, 6, 7]] += 0.5
    theta = free.theta(x)
    w_EI = free.expand(theta)["w_EI"]
    r = [[np.corrcoef(row, m)[0, 1] for m in maps.T] for row in w_EI]
    expected = free.feasible(theta) & (np.array(r) * [-1, 1] >= 0).all(axis=1)
    assert 0 < expected.sum() < free.feasible(theta).sum()
    np.testing.assert_array_equal(signed.feasible(theta), expected)


def test_spread_of_w_EI_can_be_required(maps):
    space = ParameterSpace(FIC(min_w_EI_sd=0.3), maps)
    x = np.zeros((2, 10))
    x[:, [0, 3, 6, 7]] = 0.5
    x[1, 4] = 0.4  # a standard deviation of 0.4 * 5 / 4 = 0.5
    np.testing.assert_array_equal(space.feasible(space.theta(x)), [False, True])


def test_without_maps_regions_share_their_values():
    space = ParameterSpace(FIC(), check_maps(None, 7))
    assert space.names == ["w_EE_0", "w_EI_0", "G", "sigma_0"]
    assert space.expand([2.0, 3.0, 1.0, 0.005])["w_EE"].tolist() == [[2.0] * 7]


def test_start_is_near_the_middle_of_the_regional_ranges(maps, rng):
    space = ParameterSpace(FIC(), maps)
    starts = np.array([space.start(rng) for _ in range(200)])
    np.testing.assert_allclose(starts[:, [0, 3, 6, 7]].mean(axis=0), 0.5, atol=0.06)
    assert starts[:, 6].std() > 0.25  # G is drawn over its whole range


@pytest.mark.parametrize(
    ("maps", "error", "message"),
    [
        (np.ones((5, 1)), ValueError, "vary"),
        (np.column_stack([[1, 3, 2, 5, 4], [2.0] * 5]), ValueError, "column 2 is 2 "),
        (
            np.outer([1.0, 3.0, 2.0, 5.0, 4.0], [1, -1]) + np.array([0, 3]),
            ValueError,
            "lin",
        ),
        (np.empty((0, 2)), ValueError, "shape"),
        (3.0 + np.arange(5.0)[:, None], ValueError, "regions, from 3 to 7"),
        (np.outer([0.1, 3.0, 2.0, 5.0, 4.0], [1, 2]), ValueError, "lin"),
        (np.arange(5.0), ValueError, "column 1 of maps counts the regions"),
        (np.full((5, 1), np.nan), ValueError, "finite"),
        (np.zeros((5, 2, 2)), ValueError, "shape"),
        (np.arange(4.0), ValueError, "5 regions"),
        ([["a"]] * 5, TypeError, "numeric"),
    ],
)
def test_bad_maps_are_named(maps, error, message):
    with pytest.raises(error, match=message):
        check_maps(maps, 5)


@pytest.mark.parametrize("signs", [(1,), (1, -1, 1)])
def test_signs_for_other_maps_are_named(maps, signs):
    with pytest.raises(ValueError, match=r"map_signs must hold .* each of the 2 maps"):
        ParameterSpace(FIC(map_signs=signs), maps)


def test_a_sign_of_zero_leaves_a_map_free(maps):
    free, zeros = (
        ParameterSpace(FIC(map_signs=signs), maps) for signs in (None, (0, 0))
    )
    x = np.random.default_rng(0).normal(0, 0.2, (200, 10))
    x[:, [0, 3, 6, 7]] += 0.5
    theta = free.theta(x)
    np.testing.assert_array_equal(free.feasible(theta), zeros.feasible(theta))


def test_spread_without_maps_is_refused():
    with pytest.raises(ValueError, match="give maps"):
        ParameterSpace(FIC(min_w_EI_sd=0.3), check_maps(None, 5))


def test_a_space_knows_no_constraint_of_models():
    """Constraints belong to the model: the space takes nothing but maps."""
    with pytest.raises(TypeError, match="map_signs"):
        ParameterSpace(FIC(), check_maps(None, 5), map_signs=())


def test_another_model_has_a_space_of_its_own(maps):
    space = ParameterSpace(MFM(), maps[:, :1])
    assert space.names == ["w_0", "w_1", "I_0", "I_1", "G", "sigma_0", "sigma_1"]
    x = np.array([0.5, 0.0, 0.5, 0.0, 0.5, 0.5, 0.0])
    params = space.expand(space.theta(x))
    np.testing.assert_allclose(params["I"], 0.25)
    np.testing.assert_allclose(params["G"], 5.5)


def test_what_is_feasible_is_the_model_s_to_say(maps):
    """A model that demands something has it kept, whatever it is."""

    @dataclass(frozen=True)
    class Picky(MFM):
        def constrain(self, params, maps):
            return params["G"] > 5.0

    space = ParameterSpace(Picky(), maps)
    x = np.zeros((2, space.n_dim))
    x[:, [space.slices[name].start for name in ("w", "I", "sigma")]] = 0.5
    x[:, space.slices["G"].start] = [0.3, 0.7]
    np.testing.assert_array_equal(space.feasible(space.theta(x)), [False, True])


def test_candidates_of_a_space_are_what_it_expands_to(maps):
    space = ParameterSpace(FIC(), maps)
    theta = space.theta(np.full((3, space.n_dim), 0.1))
    sc = np.zeros((30, 30))
    candidates = space.candidates(theta, sc)
    assert len(candidates) == 3
    assert candidates.model is space.model
    for name, values in space.expand(theta).items():
        np.testing.assert_array_equal(candidates.params[name], values)


def test_coefficients_of_another_space_are_named(maps):
    with pytest.raises(ValueError, match=r"theta must have 10 columns \(w_EE_0, "):
        ParameterSpace(FIC(), maps).expand(np.ones((2, 7)))


def test_maps_are_rounded_alike_whatever_their_layout():
    maps = np.random.default_rng(0).standard_normal((20, 3))
    for columns in (slice(0, 2), [0, 1]):  # a view, and a copy in Fortran's order
        assert check_maps(maps[:, columns]).flags["C_CONTIGUOUS"]


@pytest.fixture
def departing(maps):
    return ParameterSpace(FIC(), maps, departs=True)


def test_regions_may_depart_from_the_maps(maps, departing, rng):
    following = departing.following
    assert following.names == ParameterSpace(FIC(), maps).names
    assert departing.n_dim == following.n_dim + 3 * 30
    assert departing.names[2:5] == ["w_EE_2", "w_EE_at_0", "w_EE_at_1"]
    theta = np.zeros((1, departing.n_dim))
    theta[0, departing.names.index("w_EI_0")] = 2.0
    theta[0, departing.names.index("w_EI_at_7")] = 0.5
    expected = np.full(30, 2.0)
    expected[7] = 2.5
    np.testing.assert_allclose(departing.expand(theta)["w_EI"][0], expected)
    x = rng.standard_normal((4, departing.n_dim))
    np.testing.assert_allclose(departing.x(departing.theta(x)), x, atol=1e-12)


def test_one_unit_of_a_departure_is_the_whole_range(departing):
    x = np.zeros((1, departing.n_dim))
    x[0, departing.names.index("w_EE_at_3")] = 1.0
    moved = departing.expand(departing.theta(x))["w_EE"][0]
    assert moved[3] - moved[0] == pytest.approx(9.0)


def test_a_search_starts_where_regions_follow_the_maps(departing):
    start, again = (
        space.start(np.random.default_rng(0))
        for space in (departing, departing.following)
    )
    own = np.array(["_at_" in name for name in departing.names])
    np.testing.assert_allclose(start[own], 0.0, atol=1e-12)
    np.testing.assert_allclose(start[~own], again)


def test_any_parameters_are_maps_and_departures(departing, maps, rng):
    params = {
        "w_EE": rng.uniform(1, 10, (3, 30)),
        "w_EI": 2.0 + 0.1 * maps[:, :1].T.repeat(3, axis=0),
        "G": rng.uniform(0, 3, 3),
        "sigma": rng.uniform(0.001, 0.01, (3, 30)),
    }
    theta = departing.departing(params)
    found = departing.expand(theta)
    for name, values in params.items():
        np.testing.assert_allclose(found[name], values, atol=1e-12)
    w_EI = theta[:, departing.slices["w_EI"]]
    np.testing.assert_allclose(w_EI[0, :3], [2.0, 0.1, 0.0], atol=1e-9)
    np.testing.assert_allclose(w_EI[:, 3:], 0.0, atol=1e-9)
    # Maps explain what they can.
    own = theta[:, departing.slices["w_EE"]][:, 3:]
    np.testing.assert_allclose(own @ maps, 0.0, atol=1e-8)
    np.testing.assert_allclose(own.sum(axis=1), 0.0, atol=1e-8)


def test_shares_of_the_ranges_and_parameters_are_inverse(departing, rng):
    shares = rng.random((4, 91))
    params = departing.at_shares(shares)
    assert params["G"].shape == (4,)
    assert params["sigma"].shape == (4, 30)
    np.testing.assert_allclose(params["G"], 3.0 * shares[:, 60])
    np.testing.assert_allclose(departing.shares(params), shares, atol=1e-12)


def test_tilts_say_what_signs_of_maps_demand(maps, rng):
    model = FIC(map_signs=(-1, 0))
    assert not FIC().tilts(maps).get("w_EI", np.empty(0)).size
    (vector,) = model.tilts(maps)["w_EI"]
    assert vector.sum() == pytest.approx(0.0, abs=1e-12)
    w_EI = rng.uniform(0, 5, (50, 30))
    obeyed = model.constrain({"w_EI": w_EI, "G": np.ones(50)}, maps)
    np.testing.assert_array_equal(obeyed, w_EI @ vector >= 0)
    assert MFM().tilts(maps) == {}


def test_a_region_alone_has_no_maps_that_vary():
    with pytest.raises(ValueError, match="maps must vary over regions, but column 1"):
        check_maps([[3.0]])
    assert check_maps(None, 1).shape == check_maps(np.empty((1, 0))).shape == (1, 0)
    with pytest.raises(TypeError, match="maps must be an array, got None"):
        check_maps(None)


def test_maps_of_any_unit_are_taken(maps):
    for unit in (1e-170, 1e150):
        np.testing.assert_array_equal(check_maps(unit * maps), unit * maps)


def test_one_map_needs_no_second_axis(maps):
    np.testing.assert_array_equal(check_maps(maps[:, 0]), maps[:, :1])


def test_bounds_are_within_the_box(maps):
    model = FIC()
    params = {name: np.full((1, 30), 2.0) for name in ("w_EE", "w_EI")}
    params |= {"G": np.array([1.0]), "sigma": np.full((1, 30), 0.005)}
    for name in params:
        for end, inside in zip(getattr(model, name), (-1e-9, 1e-9), strict=True):
            at = params | {name: np.full_like(params[name], end)}
            assert within_ranges(model, at).all()
            beyond = params | {name: np.full_like(params[name], end)}
            beyond[name].flat[-1] += inside
            assert not within_ranges(model, beyond).any()


def test_a_slope_of_one_unit_is_a_quarter_of_the_range_a_standard_deviation(maps):
    space = ParameterSpace(FIC(), maps)
    x = np.zeros(10)
    x[4] = 1.0  # w_EI, of range 5, along the first map
    w_EI = space.expand(space.theta(x))["w_EI"][0]
    z = (maps[:, 0] - maps[:, 0].mean()) / maps[:, 0].std()
    np.testing.assert_allclose(w_EI, 1.25 * z, atol=1e-12)
