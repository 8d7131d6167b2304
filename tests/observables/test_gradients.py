import numpy as np
import pytest

from delssome.observables import fc_gradients


@pytest.fixture
def place():
    return np.linspace(0, 1, 30)


@pytest.fixture
def row(place):
    """FC of regions in a row, the nearer the more alike."""
    return np.exp(-4 * np.abs(place[:, None] - place))


def test_first_gradient_orders_regions_along_the_axis(row, place, rng):
    shuffled = rng.permutation(30)
    found = fc_gradients(row[shuffled][:, shuffled], like=place[shuffled])
    assert found.shape == (30, 1)
    # The ends are blunt: regions there share all their neighbours.
    inner = (place[shuffled] > 0.2) & (place[shuffled] < 0.8)
    order = np.argsort(found[inner, 0])
    assert (np.diff(place[shuffled][inner][order]) > 0).all()
    assert np.corrcoef(found[:, 0], place[shuffled])[0, 1] > 0.95
    np.testing.assert_allclose([found.mean(), found.std()], [0, 1], atol=1e-12)


def test_second_gradient_is_another_axis(row, place):
    first, second = fc_gradients(row, 2).T
    assert abs(np.corrcoef(second, (place - 0.5) ** 2)[0, 1]) > 0.8
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


def test_the_positive_end_is_the_one_that_is_asked_for(row, place):
    along = fc_gradients(row, like=place)
    np.testing.assert_array_equal(fc_gradients(row, like=-place), -along)
    longer_tail = fc_gradients(row[:, :20][:20], 2) ** 3
    assert (longer_tail.sum(axis=0) > -1e-9).all()


def test_the_diagonal_does_not_matter(row):
    other = row.copy()
    np.fill_diagonal(other, 0.0)
    np.testing.assert_array_equal(fc_gradients(other), fc_gradients(row))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_gradients": 30}, "n_gradients"),
        ({"share": 1.5}, "share"),
        ({"like": np.ones(3)}, "like must hold one number for each of the 30"),
    ],
)
def test_wrong_settings_are_named(row, settings, message):
    with pytest.raises(ValueError, match=message):
        fc_gradients(row, **settings)


def test_parts_without_a_connection_have_no_gradient(row):
    blocks = np.kron(np.eye(3), np.ones((10, 10)))
    with pytest.raises(ValueError, match=r"3 parts .* larger share"):
        fc_gradients(blocks * row, share=0.2)
    fc_gradients(row[:6][:, :6])  # few regions, all of which are kept


def test_fc_is_checked(row):
    with pytest.raises(ValueError, match="average subjects first"):
        fc_gradients(row[None])
    with pytest.raises(ValueError, match="symmetric"):
        fc_gradients(np.triu(row))


def by_definition(fc, n_kept):
    """The first axis of the diffusion maps of Coifman and Lafon, alpha 0.5."""
    profiles = np.zeros_like(fc)
    for k, row in enumerate(fc):
        strongest = np.argsort(row)[::-1][:n_kept]
        profiles[k, strongest] = row[strongest].clip(min=0)
    unit = profiles / np.linalg.norm(profiles, axis=1)[:, None]
    affinity = unit @ unit.T
    degree = affinity.sum(axis=1)
    affinity = affinity / np.sqrt(np.outer(degree, degree))
    walk = affinity / affinity.sum(axis=1, keepdims=True)
    values, vectors = np.linalg.eig(walk)
    first = vectors[:, np.argsort(values.real)[::-1][1]].real
    return (first - first.mean()) / first.std()


@pytest.mark.parametrize(("n_rois", "share", "n_kept"), [(30, 0.3, 9), (12, 0.1, 5)])
def test_a_gradient_is_the_first_axis_of_diffusion_maps(rng, n_rois, share, n_kept):
    place = np.sort(rng.random(n_rois))
    x = np.cos(3 * np.abs(place[:, None] - place))  # far regions anticorrelate
    expected = by_definition(x, n_kept)
    found = fc_gradients(x, share=share, like=expected)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_by_default_there_is_one_and_it_keeps_three_tenths(row):
    assert fc_gradients(row).shape == (30, 1)
    np.testing.assert_array_equal(fc_gradients(row), fc_gradients(row, share=0.3))
    assert np.abs(fc_gradients(row) - fc_gradients(row, share=0.4)).max() > 1e-3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_gradients": 0}, "n_gradients"),
        ({"share": 0.0}, "share"),
        ({"share": 0.009}, "share"),
        ({"like": np.full(30, np.nan)}, "like"),
        ({"like": np.ones((30, 1))}, "like"),
    ],
)
def test_settings_beyond_their_limits_are_named(row, settings, message):
    with pytest.raises(ValueError, match=message):
        fc_gradients(row, **settings)


def test_limits_of_settings_are_allowed(row):
    assert fc_gradients(row, 29, share=1.0).shape == (30, 29)
    assert fc_gradients(row[:5][:, :5], share=0.01).shape == (5, 1)


def test_a_map_that_gradients_are_like_need_not_have_a_mean_of_zero(row, place):
    along = fc_gradients(row, like=place)
    np.testing.assert_array_equal(fc_gradients(row, like=place + 100.0), along)
    np.testing.assert_array_equal(fc_gradients(row, like=place - 100.0), along)


def test_the_longer_tail_is_positive(rng):
    place = rng.exponential(size=40)
    fc = np.exp(-np.abs(place[:, None] - place))
    assert (fc_gradients(fc, 3, share=0.6) ** 3).mean(axis=0).min() > -1e-9
