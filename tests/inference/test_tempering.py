"""Draws from densities whose moments and evidence are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from delssome.inference import Tempering

N_RUNS = 8
LONG = Tempering(n_particles=400, n_moves=8, n_draws=1600)
SHORT = Tempering(n_particles=40, n_moves=2, n_draws=50)


def in_box(log_density, low, high):
    """Make it that of a uniform prior in a box."""

    def log_likelihood(x):
        inside = ((x >= low) & (x <= high)).all(axis=1)
        return np.where(inside, log_density(x), -np.inf)

    return log_likelihood


def sample(log_density, n_dim, low=0.0, high=1.0, seed=0, sampler=LONG, refine=None):
    rng = np.random.default_rng(seed)
    prior = rng.uniform(low, high, (sampler.n_particles, n_dim))
    return sampler.sample(in_box(log_density, low, high), prior, rng, refine=refine)


def sample_often(*args, **settings):
    return [sample(*args, seed=seed, **settings) for seed in range(N_RUNS)]


def check(runs, statistic, truth, scatter):
    """Means over runs are right, and no run scatters more than it should."""
    found = np.array([statistic(run.points) for run in runs])
    np.testing.assert_allclose(
        found.mean(axis=0), truth, rtol=0, atol=4 * scatter / np.sqrt(N_RUNS)
    )
    np.testing.assert_allclose(found - truth, 0.0, atol=5 * scatter)


def check_evidence(runs, truth, scatter):
    found = np.array([run.log_evidence for run in runs])
    assert abs(found.mean() - truth) < 4 * scatter / np.sqrt(N_RUNS)
    assert np.abs(found - truth).max() < 5 * scatter


def normal(mean, sd):
    return lambda x: -0.5 * (((x - mean) / sd) ** 2).sum(axis=1)


def test_a_normal_density_in_a_wide_box():
    mean, sd = np.array([0.4, 0.6]), np.array([0.05, 0.02])
    runs = sample_often(normal(mean, sd), 2)
    check(runs, lambda x: (x.mean(axis=0) - mean) / sd, 0.0, 0.04)
    check(runs, lambda x: x.std(axis=0) / sd, 1.0, 0.02)
    check_evidence(runs, np.log(2 * np.pi * sd.prod()), 0.12)


def test_a_narrow_ridge_in_five_dimensions():
    covariance = np.full((5, 5), 0.95) + 0.05 * np.eye(5)
    precision = np.linalg.inv(covariance)

    def ridge(x):
        return -0.5 * np.einsum("ij,jk,ik->i", x, precision, x)

    runs = sample_often(ridge, 5, low=-6.0, high=6.0)
    check(runs, lambda x: x.mean(axis=0), 0.0, 0.05)
    check(runs, lambda x: x.std(axis=0), 1.0, 0.03)
    check(runs, lambda x: (x[:, 0] - x[:, 1]).std() / np.sqrt(0.1), 1.0, 0.03)
    volume = 2.5 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] / 2
    check_evidence(runs, volume - 5 * np.log(12.0), 0.35)


def test_two_modes_keep_their_weights():
    def modes(x):
        one, other = normal(0.2, 0.02)(x), normal(0.8, 0.02)(x)
        return np.logaddexp(np.log(0.3) + one, np.log(0.7) + other)

    runs = sample_often(modes, 2)
    check(runs, lambda x: (x[:, 0] < 0.5).mean(), 0.3, 0.035)
    check_evidence(runs, np.log(2 * np.pi * 0.02**2), 0.18)


def test_a_density_that_is_cut_off_near_its_top():
    runs = sample_often(normal(-0.1, 0.1), 1)
    truth = stats.truncnorm(1, 11, loc=-0.1, scale=0.1)
    check(runs, np.mean, truth.mean(), 0.0025)
    points = np.concatenate([run.points[:, 0] for run in runs])
    assert points.min() >= 0.0
    assert stats.kstest(points, truth.cdf).statistic < 0.03
    volume = np.sqrt(2 * np.pi) * 0.1 * stats.norm.sf(1)
    check_evidence(runs, np.log(volume), 0.11)


def test_a_thin_and_bent_density():
    def banana(x):
        return -0.5 * (x[:, 0] ** 2 + ((x[:, 1] - x[:, 0] ** 2) / 0.1) ** 2)

    runs = sample_often(banana, 2, low=-8.0, high=8.0)
    check(runs, lambda x: x[:, 0].mean(), 0.0, 0.08)
    check(runs, lambda x: x[:, 0].std(), 1.0, 0.06)
    check(runs, lambda x: x[:, 1].mean(), 1.0, 0.12)
    check(runs, lambda x: (x[:, 1] - x[:, 0] ** 2).std(), 0.1, 0.004)
    check_evidence(runs, np.log(2 * np.pi * 0.1 / 16.0**2), 0.18)


def test_a_flat_likelihood_gives_the_prior_back():
    runs = sample_often(lambda x: np.full(len(x), -3.0), 2)
    for run in runs:
        assert run.temperatures.tolist() == [1.0]
        assert run.log_evidence == pytest.approx(-3.0)
    check(runs, lambda x: x.mean(axis=0), 0.5, 0.02)
    check(runs, lambda x: x.std(axis=0), np.sqrt(1 / 12), 0.01)


def test_a_likelihood_that_rules_most_of_the_prior_out():
    def corner(x):
        return np.where((x < 0.4).all(axis=1), 0.0, -np.inf)

    runs = sample_often(corner, 2)
    check_evidence(runs, np.log(0.16), 0.13)
    check(runs, lambda x: x.mean(axis=0), 0.2, 0.006)


@pytest.mark.parametrize("off", [0.05, 0.3])
def test_what_refines_takes_over(off):
    """Draws and evidence are those of the likelihood that is right, near or far."""
    mean, sd = 0.5, 0.03

    def refine(points, value, power):
        assert points.shape == (400, 2)
        np.testing.assert_allclose(value, normal(mean + off, sd)(points))
        if power < 0.1:
            return None
        np.testing.assert_allclose(points.mean(axis=0), mean + off, atol=0.06)
        return in_box(lambda x: 2.0 + normal(mean, sd)(x), 0.0, 1.0)

    runs = [
        sample(normal(mean + off, sd), 2, seed=seed, refine=once(refine))
        for seed in range(N_RUNS)
    ]
    check(runs, lambda x: (x.mean(axis=0) - mean) / sd, 0.0, 0.06)
    check(runs, lambda x: x.std(axis=0) / sd, 1.0, 0.03)
    if off < 2 * sd:  # or few particles tell what lies between
        check_evidence(runs, 2.0 + np.log(2 * np.pi * sd**2), 0.16)


def test_where_what_refines_says_otherwise_power_falls():
    """So that many particles go on, rather than a few and their copies."""
    mean, sd, off = 0.5, 0.03, 0.3

    def refine(points, value, power):
        return in_box(normal(mean, sd), 0.0, 1.0)

    def after(power):
        found = sample(
            normal(mean + off, sd),
            2,
            refine=once(lambda *told: refine(*told) if told[2] >= power else None),
        )
        return found.temperatures

    assert (np.diff(after(0.0)) > 0).all()
    assert (np.diff(after(0.5)) < 0).any()
    assert after(0.5)[-1] == 1.0


def test_what_refines_does_so_where_one_step_is_enough():
    found = sample(
        lambda x: np.zeros(len(x)),
        1,
        refine=once(lambda *_: in_box(lambda x: np.full(len(x), 1.0), 0.0, 1.0)),
    )
    assert found.log_evidence == pytest.approx(1.0)
    np.testing.assert_array_equal(found.log_likelihood, 1.0)


def once(refine):
    """Let something refine until it has."""
    found = []

    def refine_once(*told):
        if not found and (finer := refine(*told)):
            found.append(finer)
            return finer
        return None

    return refine_once


class Emulated:
    """A likelihood that comes with a cheap stand-in, which may be wrong."""

    def __init__(self, log_density, stand_in):
        self.exact, self.stand_in = in_box(log_density, 0.0, 1.0), stand_in
        self.n_evaluations = 0

    def __call__(self, x):
        self.n_evaluations += len(x)
        return self.exact(x)

    def emulate(self, value):
        assert np.isfinite(value).all()
        return self.stand_in


@pytest.mark.parametrize(
    ("off", "wide"), [(0.0, 1.0), (0.02, 1.3)], ids=["right", "wrong"]
)
def test_leaps_are_exact_whatever_the_emulator(off, wide):
    mean, sd = 0.5, 0.05
    stand_in = in_box(normal(mean + off, wide * sd), 0.0, 1.0)
    sampler = Tempering(n_particles=400, n_moves=1, n_leaps=2, leap=20, n_draws=1600)
    runs = []
    for seed in range(N_RUNS):
        rng = np.random.default_rng(seed)
        likelihood = Emulated(normal(mean, sd), stand_in)
        runs.append(sampler.sample(likelihood, rng.random((400, 2)), rng))
    check(runs, lambda x: (x.mean(axis=0) - mean) / sd, 0.0, 0.06)
    check(runs, lambda x: x.std(axis=0) / sd, 1.0, 0.04)
    check_evidence(runs, np.log(2 * np.pi * sd**2), 0.12)
    if off == 0.0:  # then the likelihood accepts all that they propose
        assert runs[0].acceptance[-1] == 1.0


def test_a_leap_costs_one_evaluation_a_particle():
    few, many = (
        Emulated(normal(0.5, 0.1), in_box(normal(0.5, 0.1), 0.0, 1.0)) for _ in range(2)
    )
    for likelihood, leap in ((few, 1), (many, 50)):
        rng = np.random.default_rng(0)
        sampler = replace(SHORT, leap=leap)
        found = sampler.sample(likelihood, rng.random((40, 2)), rng)
        n_kept = len(found.points) // 40
        n_moves = (2 + 2) * len(found.temperatures) + 2 * n_kept
        assert likelihood.n_evaluations == 40 * (1 + n_moves)


def test_without_an_emulator_yet_particles_move():
    plain = sample(normal(0.5, 0.1), 2, sampler=SHORT)
    rng = np.random.default_rng(0)
    likelihood = Emulated(normal(0.5, 0.1), None)
    found = SHORT.sample(likelihood, rng.random((40, 2)), rng)
    np.testing.assert_array_equal(found.points, plain.points)


@pytest.mark.parametrize(("n_draws", "expected"), [(1, 40), (40, 40), (41, 80)])
def test_there_are_as_many_draws_as_asked_for_or_a_few_more(n_draws, expected):
    sampler = Tempering(n_particles=40, n_moves=1, n_draws=n_draws)
    found = sample(normal(0.5, 0.1), 3, sampler=sampler)
    assert found.points.shape == (expected, 3)
    assert found.log_likelihood.shape == (expected,)


def test_draws_come_with_their_likelihood_and_the_path_to_them():
    density = normal(0.5, 0.1)
    found = sample(density, 3, sampler=SHORT)
    np.testing.assert_array_equal(found.log_likelihood, density(found.points))
    assert (np.diff(found.temperatures) > 0).all()
    assert found.temperatures[-1] == 1.0
    assert found.acceptance.shape == found.temperatures.shape
    assert ((found.acceptance >= 0) & (found.acceptance <= 1)).all()
    assert found.acceptance.max() > 0


def test_a_step_in_temperature_leaves_the_share_that_was_asked_for():
    few, many = (
        len(
            sample(
                normal(0.5, 0.01), 2, sampler=replace(LONG, share=share)
            ).temperatures
        )
        for share in (0.2, 0.8)
    )
    assert many > 2 * few


def test_a_seed_determines_the_draws():
    one, two, other = (
        sample(normal(0.5, 0.1), 2, seed=seed, sampler=SHORT) for seed in (0, 0, 1)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one.points != other.points).any()


def test_what_it_is_given_stays_as_it_is():
    prior = np.random.default_rng(0).random((40, 2))
    given = prior.copy()
    SHORT.sample(normal(0.5, 0.1), prior, np.random.default_rng(0))
    np.testing.assert_array_equal(prior, given)


def test_progress_is_shown_if_asked_for(capsys):
    prior = np.random.default_rng(0).random((40, 2))
    for verbose, shown in ((0, False), (1, True)):
        SHORT.sample(
            normal(0.5, 0.01), prior, np.random.default_rng(0), verbose=verbose
        )
        assert ("posterior" in capsys.readouterr().err) == shown


def test_a_prior_without_any_likelihood_is_named():
    with pytest.raises(ValueError, match="-inf at every draw of the prior"):
        sample(lambda x: np.full(len(x), -np.inf), 2, sampler=SHORT)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"n_particles": 19},
            ValueError,
            "n_particles must be .* 20 and .*, got 19",
        ),
        ({"n_particles": 40.0}, TypeError, "n_particles must be an integer"),
        ({"n_moves": 0}, ValueError, "n_moves must be an integer between 1 and"),
        ({"n_leaps": -1}, ValueError, "n_leaps must be an integer between 0 and"),
        ({"leap": 0}, ValueError, "leap must be an integer between 1 and"),
        ({"n_draws": 0}, ValueError, "n_draws must be an integer between 1 and"),
        ({"n_draws": "many"}, TypeError, "n_draws must be an integer"),
        ({"share": 1.0}, ValueError, "share must be a number between 0.01 and 0.99"),
        ({"share": np.nan}, ValueError, "share must be a number"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        Tempering(**settings)
    with pytest.raises(error, match=message):
        Tempering().set_params(**settings)


def test_settings_can_be_cloned_and_do_not_change():
    sampler = Tempering(n_particles=50, share=0.3)
    assert clone(sampler) == sampler
    with pytest.raises(AttributeError):
        sampler.share = 0.4
