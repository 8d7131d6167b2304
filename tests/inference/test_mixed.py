import numpy as np
import pytest
from scipy import stats

from delssome.inference import MixedModel

N_PEOPLE, N_SCANS, N_VALUES, N_DIM, N_OWN = 12, 2, 30, 3, 2
SPREAD, EFFECT_SD = np.array([0.5, 2.0]), 0.8


@pytest.fixture
def world(rng):
    """Measurements of people who differ in two of three coordinates; and a model."""
    slopes = rng.normal(size=(N_PEOPLE * N_SCANS, N_VALUES, N_DIM))
    person = np.repeat(np.arange(N_PEOPLE), N_SCANS)
    design = np.zeros((len(person), N_DIM, 1))
    design[:, 2, 0] = rng.normal(size=len(person))
    own = np.array([0.2, 0.2, 0.0]) * rng.normal(size=(N_PEOPLE, N_DIM))
    coordinates = design @ np.array([0.5]) + own[person]
    noise = 0.5 * rng.normal(size=slopes.shape[:2])
    residual = np.einsum("nep,np->ne", slopes, coordinates) + noise
    kind = np.array([0, 0, -1])
    return design, person, kind, slopes, residual, own


def mixed(design, person, kind, error):
    n_values = len(design) * N_VALUES
    return MixedModel(design, person, kind, EFFECT_SD, SPREAD, error, n_values)


def whole(world, columns, spread, scatter, noise):
    """Density of all values at once, from one large covariance."""
    _, person, kind, slopes, residual, _ = world
    t = np.where(kind < 0, 0.0, scatter)
    same = (person[:, None] == person)[:, None, :, None]
    blocks = np.einsum("nep,p,mfp->nemf", slopes, t**2, slopes) * same
    size = residual.size
    flat = (slopes @ columns).reshape(size, -1)
    covariance = blocks.reshape(size, size) + noise * np.eye(size)
    covariance += flat @ spread @ flat.T
    return stats.multivariate_normal(np.zeros(size), covariance), flat, covariance


@pytest.mark.parametrize("error", [0.0, 0.05])
def test_it_is_the_normal_density_of_all_values(world, error):
    """Against one large covariance, up to a constant."""
    design, person, kind, slopes, residual, _ = world
    model, n = mixed(design, person, kind, error), len(person)
    columns, spread = design, np.array([[EFFECT_SD**2]])
    if error:
        columns = np.concatenate([design, np.repeat(np.eye(3)[None], n, axis=0)], 2)
        information = np.einsum("nep,neq->pq", slopes, slopes) / n
        spread = np.block(
            [
                [spread, np.zeros((1, 3))],
                [np.zeros((3, 1)), error * np.linalg.inv(information)],
            ]
        )
    scatter, noise = np.array([[0.1], [0.3], [0.01]]), np.array([0.2, 0.25, 0.4])
    found = model.marginal(
        *(np.repeat(x[None], 3, axis=0) for x in (slopes, residual)),
        0.0,
        scatter,
        noise,
    )
    densities = [
        whole(world, columns, spread, s[0], v)
        for s, v in zip(scatter, noise, strict=True)
    ]
    expected = [d.logpdf(residual.ravel()) for d, *_ in densities]
    np.testing.assert_allclose(np.diff(found.log_density), np.diff(expected), rtol=1e-6)
    # The way to the best own coordinates, held by their prior.
    _, _, covariance = densities[1]
    own = (slopes @ np.eye(3)[:, :N_OWN]).reshape(residual.size, -1)
    inverse = np.linalg.inv(covariance)
    information = own.T @ inverse @ own + np.diag(SPREAD**-2.0)
    step = np.linalg.solve(information, own.T @ inverse @ residual.ravel())
    np.testing.assert_allclose(found.step[1], step, rtol=1e-6)
    np.testing.assert_allclose(
        found.covariance[1], np.linalg.inv(information), rtol=1e-6
    )


def test_modes_and_draws_hold_the_truth(world, rng):
    design, person, kind, slopes, residual, own = world
    model, n = mixed(design, person, kind, 0.0), 400
    many = slopes[None], residual[None]
    given = np.array([[0.2]]), np.array([0.25])
    modes = model.marginal(*many, 0.0, *given)
    assert modes.people.shape == (1, N_PEOPLE, N_DIM)
    assert np.corrcoef(modes.people[0, :, 0], own[:, 0])[0, 1] > 0.9
    many = [np.repeat(x, n, axis=0) for x in many]
    given = [np.repeat(x, n, axis=0) for x in given]
    draws = model.marginal(*many, 0.0, *given, rng)
    assert abs(draws.effects.mean() - 0.5) < 3.5 * draws.effects.std()
    assert draws.effects.mean() == pytest.approx(modes.effects[0, 0], abs=0.01)
    off = (own[:, :2] - draws.people[:, :, :2].mean(axis=0)) / draws.people[
        :, :, :2
    ].std(axis=0)
    assert 0.5 < np.sqrt((off**2).mean()) < 1.6
    np.testing.assert_array_equal(draws.people[:, :, 2], 0.0)


def test_what_no_coordinate_moves_counts_as_noise(world):
    design, person, kind, slopes, residual, _ = world
    model = mixed(design, person, kind, 0.0)
    given = slopes[None], residual[None]
    scatter, noise = np.array([[0.2]]), np.array([0.25])
    without = model.marginal(*given, 0.0, scatter, noise)
    much = model.marginal(*given, 50.0, scatter, noise)
    assert without.log_density[0] - much.log_density[0] == pytest.approx(100.0)
