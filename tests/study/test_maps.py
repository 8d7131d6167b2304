import warnings

import numpy as np
import pytest
from scipy import stats

from delssome.exceptions import CircularWarning
from delssome.study import correlate_maps, rotations


@pytest.fixture
def centroids(rng):
    points = rng.normal(size=(60, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[:, 0] = np.abs(points[:, 0])
    return np.vstack([points * [-50, 60, 40] - [20, 0, 0], points * 50 + [20, 0, 0]])


def smooth(centroids, rng):
    distance = np.linalg.norm(centroids[:, None] - centroids, axis=-1)
    return np.exp(-((distance / 40) ** 2)) @ rng.normal(size=len(centroids))


def test_with_doubles_each_region_gets_the_nearest(centroids):
    order = rotations(centroids, 20, doubles=True, random_state=0)
    left = centroids[:, 0] < 0
    assert left[order[:, left]].all()
    assert not left[order[:, ~left]].any()
    n_different = [len(np.unique(one)) for one in order]
    assert 40 < np.mean(n_different) < 110  # of 120


def test_rotations_permute_within_hemispheres(centroids):
    order = rotations(centroids, 50, random_state=0)
    left = np.flatnonzero(centroids[:, 0] < 0)
    assert (np.sort(order, axis=1) == np.arange(120)).all()
    assert (np.sort(order[:, left], axis=1) == left).all()
    assert (order != np.arange(120)).mean() > 0.9


@pytest.mark.parametrize("doubles", [False, True])
def test_rotated_maps_stay_smooth(centroids, rng, doubles):
    values = smooth(centroids, rng)
    near = np.argsort(np.linalg.norm(centroids[:, None] - centroids, axis=-1), axis=1)
    alike = lambda x: np.corrcoef(x, x[near[:, 1]])[0, 1]  # noqa: E731
    order = rotations(centroids, 20, doubles=doubles, random_state=0)
    rotated = np.median([alike(values[k]) for k in order])
    shuffled = np.median([alike(rng.permutation(values)) for _ in range(20)])
    assert rotated > 0.7
    assert abs(shuffled) < 0.2


def test_the_spatial_null_keeps_its_level(centroids):
    # Unrelated smooth maps: an ordinary test finds far too many.
    rng = np.random.default_rng(0)
    pairs = [(smooth(centroids, rng), smooth(centroids, rng)) for _ in range(60)]
    given = {"inputs": None, "n_rotations": 99, "random_state": 0}
    p = [correlate_maps(a, b, centroids, **given).p for a, b in pairs]
    ordinary = [stats.spearmanr(a, b).pvalue for a, b in pairs]
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert np.mean(np.array(ordinary) < 0.05) > 0.4


def test_equal_maps_correlate(centroids, rng):
    values = smooth(centroids, rng)
    found = correlate_maps(
        values, values**3, centroids, inputs=None, n_rotations=199, random_state=0
    )
    assert found.r == pytest.approx(1.0)
    assert found.p <= 2 / 200  # a small rotation may change nothing
    assert not found.circular


@pytest.fixture
def inputs(centroids, rng):
    return np.column_stack([smooth(centroids, rng) for _ in range(2)])


@pytest.fixture
def fitted(inputs, rng):
    """What a model may read out of parameters along two maps."""
    along = inputs @ [0.5, -0.5]
    return 1.0 / (3.0 + (along - along.mean()) / along.std())


def quick(*maps, **more):
    return correlate_maps(*maps, n_rotations=20, random_state=0, **more)


def test_a_correlation_with_an_input_is_circular(fitted, centroids, inputs):
    with pytest.warns(CircularWarning, match=r"reference is the input map 2 \(r 1.00"):
        found = quick(fitted, inputs[:, 1], centroids, inputs=inputs)
    assert found.circular
    assert np.isnan(found.p)
    assert found.r == pytest.approx(stats.spearmanr(fitted, inputs[:, 1])[0])


def test_an_input_on_another_scale_is_the_same(fitted, centroids, inputs):
    with pytest.warns(CircularWarning, match="map 1"):
        assert quick(
            fitted, np.exp(3.0 * inputs[:, 0]), centroids, inputs=inputs
        ).circular


def test_what_is_made_of_inputs_is_circular(fitted, centroids, inputs, rng):
    mixed = inputs @ [1.0, 1.0] / np.ptp(inputs) + rng.normal(0, 0.02, len(inputs))
    with pytest.warns(CircularWarning, match="made of the inputs map 1, map 2"):
        found = quick(fitted, mixed, centroids, inputs=inputs)
    assert found.circular
    assert 0.9 < found.r_inputs < 1.0


def test_of_one_map_all_correlations_are_those_of_the_map(centroids, inputs, rng):
    follows = np.exp(-inputs[:, 0])
    with pytest.warns(CircularWarning, match="values are the input map 1 all over"):
        found = quick(follows, smooth(centroids, rng), centroids, inputs=inputs[:, 0])
    assert np.isnan(found.p)


def test_another_map_is_no_input(fitted, centroids, inputs, rng):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = quick(fitted, rng.normal(size=120), centroids, inputs=inputs)
        alone = quick(fitted, rng.normal(size=120), centroids, inputs=None)
    assert 0 < found.p <= 1
    assert found.r_inputs < 0.5
    assert np.isnan(alone.r_inputs)


def test_a_data_frame_names_the_input(fitted, centroids, inputs):
    pd = pytest.importorskip("pandas")
    named = pd.DataFrame(inputs, columns=["T1w/T2w", "FC gradient"])
    with pytest.warns(CircularWarning, match="the input T1w/T2w"):
        quick(fitted, inputs[:, 0], centroids, inputs=named)


@pytest.mark.filterwarnings("ignore::delssome.exceptions.CircularWarning")
def test_regions_are_found_by_name(fitted, centroids, inputs, rng):
    pd = pytest.importorskip("pandas")
    names = [f"region {k}" for k in range(120)]
    other = rng.permutation(names)
    reference = smooth(centroids, rng)
    expected = quick(fitted, reference, centroids, inputs=inputs)
    found = quick(
        pd.Series(fitted, index=names),
        pd.Series(reference, index=names)[other],
        pd.DataFrame(centroids, index=names).loc[other],
        inputs=pd.DataFrame(inputs, index=names).loc[other],
    )
    for name in ("r", "p", "r_inputs"):
        assert found[name] == pytest.approx(expected[name])
    np.testing.assert_array_equal(found.null, expected.null)
    with pytest.raises(ValueError, match="reference lacks 1 of the 120"):
        quick(
            pd.Series(fitted, index=names),
            pd.Series(reference, index=names)[1:],
            centroids,
            inputs=None,
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: quick(x[0], x[1], np.eye(3), inputs=None), "values must hold"),
        (lambda x: quick(x[0], 0 * x[0], x[:6, :3], inputs=None), "is constant"),
        (lambda x: quick(x[0], x[1], x[:6, :3], inputs=x[:5, :1]), "each of the 6"),
        (lambda x: rotations(x[:, :2], 3), r"\(n_rois, 3\)"),
    ],
)
def test_bad_input_is_named(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng.normal(size=(40, 6)))
