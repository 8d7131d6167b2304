import numpy as np
import pytest
from scipy.stats import multivariate_normal

from delssome import FIC, Acquisition
from delssome.connectome import prepare_sc
from delssome.evaluation import Evaluator, Statistics, Target
from delssome.fitting.correction import N_KEPT, Gap
from delssome.fitting.likelihood import (
    DEPARTURE,
    PER_CONNECTION,
    SCALE,
    LikelihoodOfFC,
)
from delssome.models import ParameterSpace
from delssome.theory import (
    Sensitivity,
    Spectra,
    TheoryEvaluator,
    choose_edges,
    fisher_z,
    noise_of_z,
)

N_ROIS, N_EDGES = 6, 15
SCAN = Acquisition(n_frames=300)


class Fake(Evaluator):
    """FC whose z is linear in coupling and excitation, and in range if G is low."""

    n_repeats = 1

    def __init__(self, level=0.3, by_G=0.1, by_w_EE=0.0):
        self.level, self.by_G, self.by_w_EE = level, by_G, by_w_EE

    def check(self, model):
        pass

    def z(self, candidates):
        edges = np.linspace(0.5, 1.5, N_EDGES)
        excitation = candidates.params["w_EE"].mean(axis=1)
        z = self.level + self.by_G * candidates.params["G"] + self.by_w_EE * excitation
        return z[:, None] * edges

    def statistics(self, candidates, rng=None):
        n, G = len(candidates), candidates.params["G"]
        violation = np.maximum(G - 2.5, 0.0)
        return Statistics(np.tanh(self.z(candidates)), np.ones((n, 2)), violation, {})


def connectome(n_rois):
    weights = np.triu(np.random.default_rng(2).gamma(3.0, size=(n_rois, n_rois)), 1)
    # Regions get as much input, however many they are.
    return 30.0 / n_rois * prepare_sc(weights + weights.T, transform=None)


def space_of(n_rois):
    maps = np.random.default_rng(0).standard_normal((n_rois, 1))
    return ParameterSpace(FIC(), maps)


@pytest.fixture(scope="module")
def sc():
    return connectome(N_ROIS)


@pytest.fixture(scope="module")
def space():
    return space_of(N_ROIS)


@pytest.fixture(scope="module")
def theory():
    return TheoryEvaluator(FIC(), SCAN, n_fcd_bins=2, n_samples=0)


@pytest.fixture(scope="module")
def pilot(space):
    x = np.zeros(space.n_dim)
    x[[0, 1, 2, 3, 4, 5, 6]] = 0.3, 0.1, 0.5, -0.1, 0.4, 0.6, 0.2
    return space.theta(x)


@pytest.fixture(scope="module")
def target(space, pilot, sc, theory):
    """FC of the pilot, and some noise."""
    fc = theory.statistics(space.candidates(pilot[None], sc)).fc[0]
    noise = 0.1 * np.random.default_rng(1).standard_normal(N_EDGES)
    return Target(sc, np.tanh(fisher_z(fc) + noise), np.ones(2))


@pytest.fixture
def make(space, theory, target, pilot):
    def make(evaluator=theory, n_scans=None, gap=None):
        given = space, evaluator, target, SCAN, pilot
        return LikelihoodOfFC(*given, n_scans=n_scans, gap=gap)

    return make


@pytest.fixture
def points(space, pilot, rng):
    """Some around the pilot, from all noise and error to next to none."""
    x = space.x(pilot) + 0.03 * rng.standard_normal((12, space.n_dim))
    return np.hstack([x, rng.random((12, 2))])


def exactly(points, space, evaluator, target, pilot, c, tau):
    """Log density by the definition."""
    edges, which = choose_edges(len(target.sc))
    candidate = space.candidates(pilot[None], target.sc)
    spectra = Spectra.of(candidate, SCAN)
    V, slope = noise_of_z(spectra, edges)
    moves = Sensitivity.at(spectra, candidate, edges).of_departures(1.0, PER_CONNECTION)
    K = (moves * slope).T @ (moves * slope)
    theta = space.theta(points[:, : space.n_dim])
    expected = fisher_z(evaluator.statistics(space.candidates(theta, target.sc)).fc)
    observed = fisher_z(target.fc[which])
    found = [
        multivariate_normal(mean, c_k * V + tau_k**2 * K).logpdf(observed)
        for mean, c_k, tau_k in zip(expected[:, which], c, tau, strict=True)
    ]
    return np.array(found)


@pytest.mark.parametrize("n_scans", [None, 2.0])
def test_it_is_the_normal_density_that_it_says(
    make, points, space, theory, target, pilot, n_scans
):
    likelihood = make(n_scans=n_scans)
    c = np.exp(np.log(SCALE[0]) + points[:, -2] * np.log(SCALE[1] / SCALE[0]))
    c += 0.0 if n_scans is None else 1.0 / n_scans
    tau = np.exp(
        np.log(DEPARTURE[0]) + points[:, -1] * np.log(DEPARTURE[1] / DEPARTURE[0])
    )
    np.testing.assert_allclose(likelihood.scale(points), c)
    np.testing.assert_allclose(likelihood.departure(points), tau)
    found = likelihood(points)
    expected = exactly(points, space, theory, target, pilot, c, tau)
    assert np.ptp(expected) > 100
    # The rotation is in single precision.
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)


def test_it_does_not_depend_on_company(make, points):
    likelihood = make()
    alone = [likelihood(point[None])[0] for point in points]
    np.testing.assert_allclose(alone, likelihood(points), rtol=1e-5, atol=1e-4)


def test_scans_bound_the_noise_from_below(make, points):
    none, few, many = (make(n_scans=n).scale(points) for n in (None, 0.5, 4))
    np.testing.assert_allclose(few - none, 2.0)
    np.testing.assert_allclose(many - none, 0.25)


def test_coordinates_are_those_of_the_search_and_two_more(make, space):
    likelihood = make()
    assert likelihood.n_dim == space.n_dim + 2
    assert likelihood.n_edges == N_EDGES


def test_outside_the_prior_there_is_none(make, points, space):
    likelihood = make(Fake())
    outside = np.repeat(points[:1], 7, axis=0)
    G = space.slices["G"].start
    outside[0, G] = 1.01  # out of the box
    outside[1, G] = 0.9  # in it, but not in range
    outside[2, -1] = 1.01
    outside[3, -1] = -0.01
    outside[4, -2] = 1.01
    outside[5, -2] = -0.01
    found = likelihood(outside)
    assert np.isneginf(found[:6]).all()
    assert np.isfinite(found[6])
    assert np.isneginf(likelihood(outside[:1])).all()


def test_fewer_edges_may_speak(theory, target, pilot, points, space):
    few = LikelihoodOfFC(space, theory, target, SCAN, pilot, most_edges=8)
    assert few.n_edges == 8
    assert np.isfinite(few(points)).all()


def test_signs_of_maps_are_obeyed(theory, target, pilot, points, space):
    w_EI = space.slices["w_EI"].start + 1  # falls with the map, as of the pilot
    signed = (ParameterSpace(FIC(map_signs=(sign,)), space.maps) for sign in (-1, 1))
    obeyed, broken = (
        LikelihoodOfFC(one, theory, target, SCAN, pilot)(points) for one in signed
    )
    falls = points[:, w_EI] < 0
    assert falls.any()
    np.testing.assert_array_equal(np.isfinite(obeyed), falls)
    np.testing.assert_array_equal(np.isfinite(broken), ~falls)


@pytest.fixture
def gap(space, pilot, sc, rng):
    """What a linear evaluator is off another."""
    gap = Gap(space, Fake(), Fake(level=0.4, by_G=0.15, by_w_EE=0.02), sc)
    gap.learn(space.x(pilot) + 0.05 * rng.standard_normal((60, space.n_dim)))
    return gap


def test_a_gap_is_added_to_what_the_evaluator_says(make, points, gap):
    corrected = make(Fake(), gap=gap)(points)
    expected = make(gap.evaluators[1])(points)
    assert np.isfinite(corrected).all()
    np.testing.assert_allclose(corrected, expected, rtol=1e-4, atol=1e-2)


def test_a_likelihood_is_corrected_with_what_it_knows(make, space, pilot, gap, rng):
    x = space.x(pilot) + 0.01 * rng.standard_normal((800, space.n_dim))
    points = np.hstack([x, rng.random((800, 2))])
    plain = make(Fake(), n_scans=1)
    before = plain(points)
    corrected = plain.corrected(gap)
    np.testing.assert_array_equal(plain(points), before)
    exact = make(gap.evaluators[1], n_scans=1)(points)
    np.testing.assert_allclose(corrected(points), exact, rtol=1e-4, atol=1e-2)
    emulated = plain.corrected(gap).emulate(exact)(points)
    assert np.std(emulated - exact) < 0.05 * np.std(exact)


def test_it_can_be_emulated_where_it_was_evaluated(make, points, space, pilot, rng):
    likelihood = make(n_scans=1)

    def near(n):
        x = space.x(pilot) + 0.01 * rng.standard_normal((n, space.n_dim))
        return np.hstack([x, rng.random((n, 2))])

    value = likelihood(near(800))
    emulated, new = likelihood.emulate(value), near(100)
    exact = likelihood(new)
    assert np.std(exact) > 1.0
    assert np.std(emulated(new) - exact) < 0.05 * np.std(exact)
    outside = new.copy()
    outside[:50, -1] = 1.1
    outside[50:, space.slices["G"]] = -0.1
    assert np.isneginf(emulated(outside)).all()


def test_of_a_few_evaluations_no_emulator_is_made(make, points):
    likelihood = make()
    assert likelihood.emulate(likelihood(points)) is None


def test_alike_departures_of_many_edges_share_one_number(pilot, theory):
    n_rois = 12
    sc, space = connectome(n_rois), space_of(n_rois)
    fc = theory.statistics(space.candidates(pilot[None], sc)).fc[0]
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(fc))
    target = Target(sc, np.tanh(fisher_z(fc) + noise), np.ones(2))
    likelihood = LikelihoodOfFC(space, theory, target, SCAN, pilot, n_scans=1)
    assert likelihood.n_edges == 66
    points = np.repeat([[*space.x(pilot), 0.5, 0.0]], 5, axis=0)
    points[:, -1] = np.linspace(0, 1, 5)
    c, tau = likelihood.scale(points), likelihood.departure(points)
    error = likelihood(points) - exactly(points, space, theory, target, pilot, c, tau)
    # Without departures, numbers do not matter; with them, they are about right.
    assert abs(error[0]) < 0.05
    assert np.abs(error).max() < 5.0


def off(gap, x):
    """Give what a gap says of points."""
    found = gap.on(np.arange(N_EDGES))
    return found.centre + found.amplitudes(x) @ found.components


def test_a_gap_is_learned_where_it_is_linear(space, pilot, sc, gap, rng):
    quick, slow = gap.evaluators
    new = space.x(pilot) + 0.1 * rng.standard_normal((20, space.n_dim))
    candidates = space.candidates(space.theta(new), sc)
    expected = slow.z(candidates) - quick.z(candidates)
    np.testing.assert_allclose(off(gap, new), expected, atol=1e-6)


def test_a_gap_that_is_bent_is_learned_from_more(space, pilot, sc, rng):
    class Bent(Fake):
        def z(self, candidates):
            return super().z(candidates) + 0.2 * candidates.params["G"][:, None] ** 2

    gap = Gap(space, Fake(), Bent(), sc)
    for _ in range(N_KEPT + 3):
        gap.learn(space.x(pilot) + 0.05 * rng.standard_normal((40, space.n_dim)))
    new = space.x(pilot) + 0.05 * rng.standard_normal((20, space.n_dim))
    G = space.expand(space.theta(new))["G"][:, None]
    expected = np.repeat(0.2 * G**2, N_EDGES, axis=1)
    np.testing.assert_allclose(off(gap, new), expected, atol=1e-3)


def test_what_was_elsewhere_is_forgotten(space, pilot, sc, rng):
    gap = Gap(space, Fake(), Fake(level=0.4), sc)
    x = space.x(pilot) + 0.05 * rng.standard_normal((40, space.n_dim))
    gap.learn(x)
    gap.evaluators = Fake(), Fake(level=0.5)
    for _ in range(N_KEPT):
        gap.learn(x)
    np.testing.assert_allclose(off(gap, x[:1])[0], 0.2 * np.linspace(0.5, 1.5, N_EDGES))


def test_candidates_of_which_one_evaluator_knows_nothing_teach_nothing(
    space, pilot, sc, rng
):
    class Gaps(Fake):
        def statistics(self, candidates, rng=None):
            found = super().statistics(candidates)
            fc = np.where(np.arange(len(candidates))[:, None] < 10, np.nan, found.fc)
            return found._replace(fc=fc)

    x = space.x(pilot) + 0.05 * rng.standard_normal((40, space.n_dim))
    some = Gap(space, Fake(), Gaps(level=0.4, by_G=0.15), sc)
    rest = Gap(space, Fake(), Fake(level=0.4, by_G=0.15), sc)
    some.learn(x)
    rest.learn(x[10:])
    np.testing.assert_allclose(off(some, x), off(rest, x), atol=1e-9)


def test_of_a_few_examples_no_gap_is_learned(space, pilot, sc, make, points):
    gap = Gap(space, Fake(), Fake(level=0.4), sc)
    gap.learn(points[:3, : space.n_dim])
    assert gap.on(np.arange(N_EDGES)) is None
    np.testing.assert_array_equal(make(Fake(), gap=gap)(points), make(Fake())(points))
