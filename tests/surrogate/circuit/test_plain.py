"""The algebra in torch against matrices, and against all pairs of edges."""

import numpy as np
import pytest
import torch

from delssome.surrogate.circuit import plain
from delssome.theory.processing import global_weights, regress

MIX, RATES = torch.tensor([-0.8, 1.5], dtype=torch.float64), (0.4, 0.25)
# Double precision; inverses lose some digits.
RTOL = 1e-8


@pytest.fixture
def given(small_systems):
    """System, what is added to decay, and power, in double precision."""
    sc, reach, decay, power = (x.double() for x in small_systems)
    return sc, reach, decay, 0.2 * decay.flip(-1), power


def inverses(sc, reach, decay):
    system = -sc.numpy() * reach.numpy()[:, :, None] * reach.numpy()[:, None, :]
    diagonal = np.arange(sc.shape[-1])
    system[:, diagonal, diagonal] = decay
    return system, np.linalg.inv(system)


def test_response_at_frequency_zero_is_that_of_the_inverse(given):
    sc, reach, decay, _, power = given
    found = plain.at_frequency_zero(sc, reach, decay, power)
    system, inverse = inverses(sc, reach, decay)
    # Elimination meets the determinant's factors: none is above the largest decay.
    assert (found.smallest > 0).all()
    assert (found.smallest <= decay.amax(dim=1)).all()
    np.testing.assert_allclose(found.sums, system.sum(axis=2), rtol=RTOL, atol=1e-12)
    np.testing.assert_allclose(
        found.variance, (inverse**2 @ power.numpy()[..., None])[..., 0], rtol=RTOL
    )
    np.testing.assert_allclose(
        found.own, np.diagonal(inverse, axis1=1, axis2=2), rtol=RTOL
    )
    together = inverse.sum(axis=2)
    np.testing.assert_allclose(found.together, together, rtol=RTOL)
    slowest = (inverse @ together[..., None])[..., 0]
    slowest /= np.linalg.norm(slowest, axis=1, keepdims=True)
    np.testing.assert_allclose(found.share, slowest**2, rtol=RTOL)
    carried = (inverse @ slowest[..., None])[..., 0]
    times = [(carried * slowest).sum(axis=1), np.linalg.norm(carried, axis=1)]
    np.testing.assert_allclose(found.mode.T, times, rtol=RTOL)


def test_systems_are_stable_where_no_eigenvalue_is_negative(given):
    sc, reach, decay, _, power = given
    shares = torch.linspace(0.3, 1.0, len(decay), dtype=decay.dtype)[:, None]
    smallest = plain.at_frequency_zero(sc, reach, shares * decay, power).smallest
    system = plain.system(sc, reach, shares * decay)
    stable = torch.linalg.eigvalsh(system)[:, 0] > 0
    np.testing.assert_array_equal(smallest > 0, stable)
    assert 0 < stable.sum() < len(decay)


def noise_of_windows(fc, view):
    """The same numbers from the covariances of all pairs of edges."""
    n_rois = len(fc)
    rows, columns = np.triu_indices(n_rois, k=1)
    r = fc[rows, columns]
    # Linear map from changes of covariance (all pairs of regions) to those of edges.
    change = np.zeros((len(r), n_rois, n_rois))
    edge = np.arange(len(r))
    change[edge, rows, columns] += 0.5
    change[edge, columns, rows] += 0.5
    change[edge, rows, rows] -= r / 2
    change[edge, columns, columns] -= r / 2
    moved = view @ change @ view
    noise = 2 * np.einsum("aij,bij->ab", change, moved)
    pattern = r - r.mean()
    powers = [np.trace(np.linalg.matrix_power(view, k)) for k in (1, 2, 3, 4)]
    # Along the pattern: pairs ij and ji both count there, and covariances once.
    along = 2 * pattern @ noise @ pattern
    return [noise.trace() / len(r), along, *powers, noise.mean()]


@pytest.mark.parametrize("regressed", [False, True])
def test_description_is_that_of_the_matrices(given, regressed):
    sc, reach, decay, slow, power = given
    edges, sd, share, numbers = plain.describe(*given, MIX, RATES, regressed)
    weight, mix = power.numpy()[:, :, None], MIX.numpy()
    system, _ = inverses(sc, reach, decay)
    n_rois = system.shape[-1]
    rows, columns = np.triu_indices(n_rois, k=1)

    def covariance(response):
        return response @ (weight * response)

    whole = inverses(sc, reach, decay + slow)[1]
    second = whole @ (slow.numpy()[:, :, None] * whole)
    covariances = [
        covariance(whole + mix[0] * second) + mix[1] ** 2 * covariance(second),
        covariance(inverses(sc, reach, decay + RATES[0] * slow)[1]),
        covariance(inverses(sc, reach, decay + RATES[1])[1]),
    ]
    if regressed:
        slopes = global_weights(covariances[0])
        covariances = [regress(covariance, slopes) for covariance in covariances]
    deviations = np.sqrt(np.diagonal(covariances[0], axis1=1, axis2=2))
    np.testing.assert_allclose(sd, deviations, rtol=RTOL)
    views = [x / (deviations[:, :, None] * deviations[:, None, :]) for x in covariances]
    fc = views[0]
    np.testing.assert_allclose(edges, fc[:, rows, columns], rtol=RTOL)
    for k in range(len(decay)):
        strength = fc[k].sum(axis=1)
        first = fc[k] @ fc[k] @ strength
        first /= np.linalg.norm(first)
        moving = first * deviations[k] / np.linalg.norm(first * deviations[k])
        r = fc[k][rows, columns]
        centred = r - r.mean()
        expected = [
            r.mean(),
            *((centred**power).mean() for power in (2, 3, 4)),
            strength @ strength / n_rois,
            first @ fc[k] @ first,
            moving @ system[k] @ moving,
            np.trace(system[k] @ fc[k]),
            np.trace(system[k] @ fc[k] @ fc[k]),
        ]
        for view in views:
            expected += noise_of_windows(fc[k], view[k])
        np.testing.assert_allclose(share[k], first**2, rtol=RTOL, atol=1e-12)
        np.testing.assert_allclose(numbers[k], expected, rtol=1e-6, atol=1e-12)


def test_the_derivative_of_the_inverse_is_right():
    matrix = torch.eye(5, dtype=torch.float64) * 2 + 0.1
    matrix = matrix.repeat(2, 1, 1).requires_grad_()
    scaled = lambda x: plain.inverse((x + x.transpose(1, 2)) / 2)  # noqa: E731
    assert torch.autograd.gradcheck(scaled, matrix)


def test_fc_is_differentiable_where_training_needs_it(given):
    sc, reach, decay, slow, power = (x[:2, ..., :6] for x in given)
    sc = sc[:, :6]
    learned = [x.clone().requires_grad_() for x in (slow, power, MIX)]

    def fc(slow, power, mix):
        return plain.fc_and_deviations(sc, reach, decay, slow, power, mix, True).fc

    assert torch.autograd.gradcheck(fc, learned)
