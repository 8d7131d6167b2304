import numpy as np
import pytest

from delssome.surrogate import compiled

# Single precision, and sums over a few thousand edges.
RTOL = 2e-4
MIX, RATES = np.float32([-0.8, 1.5]), np.float32([0.4, 0.25])


@pytest.fixture(params=[(5, 11, True), (19, 20, False), (16, 33, True)])
def systems(request):
    """Circuits whose number does not fill lanes, nor their regions rows of four."""
    n, n_rois, shared = request.param
    rng = np.random.default_rng(n_rois)
    sc = rng.uniform(0, 1, (1 if shared else n, n_rois, n_rois)).astype(np.float32)
    sc = np.triu(sc, 1) + np.swapaxes(np.triu(sc, 1), 1, 2)
    reach = rng.uniform(0.3, 1.0, (n, n_rois)).astype(np.float32)
    coupling = sc * reach[:, :, None] * reach[:, None, :]
    decay = (rng.uniform(1.1, 2.0) * coupling.sum(axis=2) + 0.1).astype(np.float32)
    power = rng.uniform(0.01, 1.0, (n, n_rois)).astype(np.float32)
    return sc, reach, decay, power


def matrices(sc, reach, decay):
    system = -sc.astype(float) * reach[:, :, None] * reach[:, None, :]
    diagonal = np.arange(sc.shape[-1])
    system[:, diagonal, diagonal] = decay
    return system


def at_frequency_zero(sc, reach, decay, power):
    n, n_rois = decay.shape
    shapes = [(n, 1), (n, n_rois), (4, n, n_rois), (n, 2)]
    found = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    compiled.at_frequency_zero(sc, reach, decay, power, *found)
    return found


def describe(sc, reach, decay, slow, power):
    n, n_rois = decay.shape
    shapes = [(n, n_rois * (n_rois - 1) // 2), (n, n_rois), (n, n_rois), (n, 30)]
    found = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    compiled.describe(sc, reach, decay, slow, power, MIX, RATES, *found)
    return found


def test_response_at_frequency_zero_is_that_of_the_inverse(systems):
    sc, reach, decay, power = systems
    smallest, sums, regions, mode = at_frequency_zero(*systems)
    system = matrices(sc, reach, decay)
    inverse = np.linalg.inv(system)
    # Elimination meets the determinant's factors: none is above the largest decay.
    assert (smallest > 0).all()
    assert (smallest[:, 0] <= decay.max(axis=1)).all()
    np.testing.assert_allclose(sums, system.sum(axis=2), rtol=1e-3, atol=1e-5)
    together = inverse.sum(axis=2)
    slowest = (inverse @ together[..., None])[..., 0]
    slowest /= np.linalg.norm(slowest, axis=1, keepdims=True)
    carried = (inverse @ slowest[..., None])[..., 0]
    expected = [
        (inverse**2 @ power[..., None])[..., 0],
        np.diagonal(inverse, axis1=1, axis2=2),
        together,
        slowest**2,
    ]
    np.testing.assert_allclose(regions, expected, rtol=RTOL)
    expected = [(carried * slowest).sum(axis=1), np.linalg.norm(carried, axis=1)]
    np.testing.assert_allclose(mode.T, expected, rtol=RTOL)


def test_unstable_systems_have_a_pivot_that_is_not_positive(systems):
    sc, reach, decay, power = systems
    smallest = at_frequency_zero(sc, reach, 0.3 * decay, power)[0]
    stable = np.linalg.eigvalsh(matrices(sc, reach, 0.3 * decay))[:, 0] > 0
    assert not stable.any()
    assert not (smallest > 0).any()


def noise_of_windows(fc, view):
    """Numbers of `describe_noise` from the covariances of all pairs of edges."""
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


def test_description_is_that_of_the_matrices(systems):
    sc, reach, decay, power = systems
    n_rois = decay.shape[1]
    slow = 0.2 * decay[:, ::-1].copy()
    edges, sd, shares, numbers = describe(sc, reach, decay, slow, power)
    system = matrices(sc, reach, decay)
    rows, columns = np.triu_indices(n_rois, k=1)

    def inverse(diagonal):
        return np.linalg.inv(matrices(sc, reach, diagonal))

    def covariance(response):
        return response @ (power[:, :, None] * response)

    whole = inverse(decay + slow)
    second = whole @ (slow[:, :, None] * whole)
    covariances = [
        covariance(whole + MIX[0] * second) + MIX[1] ** 2 * covariance(second),
        covariance(inverse(decay + RATES[0] * slow)),
        covariance(inverse(decay + RATES[1])),
    ]
    deviations = np.sqrt(np.diagonal(covariances[0], axis1=1, axis2=2))
    np.testing.assert_allclose(sd, deviations, rtol=RTOL)
    views = [x / (deviations[:, :, None] * deviations[:, None, :]) for x in covariances]
    fc = views[0]
    np.testing.assert_allclose(edges, fc[:, rows, columns], atol=1e-5)
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
        np.testing.assert_allclose(shares[k], first**2, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(numbers[k], expected, rtol=2e-3, atol=1e-6)
