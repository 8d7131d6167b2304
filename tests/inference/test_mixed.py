import numpy as np
import pytest
from scipy import stats

from delssome.inference import Evidence, MixedModel

N_PEOPLE, N_SCANS, N_VALUES, N_DIM = 12, 2, 30, 3


@pytest.fixture
def world(rng):
    """Measurements of people who differ in two of three coordinates; and a model."""
    slopes = rng.normal(size=(N_PEOPLE * N_SCANS, N_VALUES, N_DIM))
    person = np.repeat(np.arange(N_PEOPLE), N_SCANS)
    kind = np.array([0, 0, -1])
    x = rng.normal(size=len(person))
    design = np.zeros((len(person), N_DIM, N_DIM + 1))
    design[:, np.arange(N_DIM), np.arange(N_DIM)] = 1.0
    design[:, 0, N_DIM] = x
    effects = np.array([0.3, -0.2, 0.1, 0.5])
    own = np.where(kind < 0, 0.0, 0.2) * rng.normal(size=(N_PEOPLE, N_DIM))
    coordinates = design @ effects + own[person]
    noise = 0.5 * rng.normal(size=slopes.shape[:2])
    residual = np.einsum("nep,np->ne", slopes, coordinates) + noise
    evidence = Evidence(
        np.einsum("nep,neq->npq", slopes, slopes),
        np.einsum("nep,ne->np", slopes, residual),
        np.square(residual).sum(axis=1),
        N_VALUES,
    )
    precision, mean = np.diag(np.full(N_DIM + 1, 0.25)), np.full(N_DIM + 1, 0.1)
    model = MixedModel(evidence, design, person, kind, precision, mean, scale=0.5)
    return model, slopes, residual, effects, own


def whole(model, slopes, scatter, noise):
    """Design and covariance of all values at once."""
    n, n_values, _ = slopes.shape
    design = (slopes @ model.design).reshape(n * n_values, -1)
    t = np.where(model.kind < 0, 0.0, scatter)
    same = model.person[:, None] == model.person
    blocks = np.einsum("nep,p,mfp->nemf", slopes, t**2, slopes)
    blocks = blocks * same[:, None, :, None]
    size = n * n_values
    return design, blocks.reshape(size, size) + noise * np.eye(size)


def test_it_is_the_normal_density_of_all_values(world):
    """Against one large covariance, up to a constant."""
    model, slopes, residual, *_ = world
    y, spread = residual.ravel(), np.linalg.inv(model.precision)
    found, expected = [], []
    for scatter, noise in ((0.1, 0.2), (0.3, 0.25), (0.0, 0.4)):
        design, covariance = whole(model, slopes, scatter, noise)
        marginal = design @ spread @ design.T + covariance
        density = stats.multivariate_normal(design @ model.mean, marginal)
        value, information, score = model._given(np.array([scatter]), noise)
        # The terms of the prior that do not depend on scatter and noise are left out.
        expected.append(density.logpdf(y))
        found.append(value)
        inverse = np.linalg.inv(covariance)
        np.testing.assert_allclose(
            information, design.T @ inverse @ design + model.precision, rtol=1e-8
        )
        np.testing.assert_allclose(
            score, design.T @ inverse @ y + model.precision @ model.mean, rtol=1e-8
        )
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-8)


def test_draws_hold_the_truth(world, rng):
    model, *_, effects, own = world
    hyper = model.hyper(rng)
    draws = model.effects(hyper, rng)
    assert hyper.noise.mean() == pytest.approx(0.25, rel=0.15)
    assert hyper.scatter.mean() == pytest.approx(0.2, rel=0.6)
    assert (np.abs(draws.mean(axis=0) - effects) < 3.5 * draws.std(axis=0)).all()
    some = hyper._replace(scatter=hyper.scatter[::20], noise=hyper.noise[::20])
    people = model.people(some, draws[::20], rng)
    assert people.shape == (len(some.noise), N_PEOPLE, N_DIM)
    assert (people[:, :, 2] == 0).all()
    off = (people.mean(axis=0) - own)[:, :2] / people.std(axis=0)[:, :2]
    assert np.square(off).mean() < 2.0


def test_same_seed_same_draws(world):
    model = world[0]
    one, two = (model.hyper(np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(one.scatter, two.scatter)
    assert (one.noise == two.noise).all()
