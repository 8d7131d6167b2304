import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from delssome.study import (
    age_groups,
    age_slope,
    centile_of,
    centile_scores,
    contrast,
    correlate_maps,
    fit_centiles,
    paired_contrast,
    retest,
    rotations,
)

MEAN = ("mean", "mean")


@pytest.fixture
def age(rng):
    return rng.uniform(8, 23, 40)


@pytest.fixture
def maps(rng, age):
    return 3.0 - 0.03 * age[:, None] + rng.normal(0, 0.1, (40, 6))


def test_age_groups_are_of_equal_size_and_in_order(rng):
    age = rng.uniform(8, 23, 885)
    labels = age_groups(age, 29)
    assert np.bincount(labels).tolist() == [31] * 15 + [30] * 14  # as published
    for younger in range(28):
        assert age[labels == younger].max() <= age[labels == younger + 1].min()


def test_slopes_are_those_of_least_squares(maps, age):
    networks = ["b", "a", "a", "b", "b", "a"]
    table = age_slope(maps, age, networks=networks, region_names=list("uvwxyz"))
    assert table.index.get_level_values("kind").tolist() == (
        ["mean"] + ["network"] * 2 + ["region"] * 6
    )
    for name, values in (
        (MEAN, maps.mean(axis=1)),
        (("network", "a"), maps[:, [1, 2, 5]].mean(axis=1)),
        (("region", "w"), maps[:, 2]),
    ):
        expected = stats.linregress(age, values)
        row = table.loc[name]
        assert row["slope"] == pytest.approx(expected.slope)
        assert row["r"] == pytest.approx(expected.rvalue)
        assert row["p"] == pytest.approx(expected.pvalue)
        assert row["low"] < row["slope"] < row["high"]
    regions = table.loc["region"]
    np.testing.assert_allclose(
        regions["p_fdr"], stats.false_discovery_control(regions["p"])
    )


def test_failed_fits_and_covariates(maps, age, rng):
    sex = rng.integers(0, 2, 40)
    maps = maps + 0.5 * sex[:, None]
    maps[3] = np.nan
    row = age_slope(maps, age, covariates=sex).loc[MEAN]
    assert row["n"] == 39
    kept = np.delete(np.arange(40), 3)
    design = np.column_stack([age, sex])[kept]
    model = LinearRegression().fit(design, maps[kept].mean(axis=1))
    assert row["slope"] == pytest.approx(model.coef_[0])
    with pytest.raises(ValueError, match="collinear"):
        age_slope(maps, age, covariates=2 * age)


def test_contrast_finds_what_differs_and_no_more(rng):
    a, b = rng.normal(2.5, 0.2, (25, 8)), rng.normal(2.5, 0.2, (30, 8))
    a[:, :2] += 0.3
    a[0] = np.nan
    table = contrast(a, b, n_permutations=999, random_state=0)
    regions = table.loc["region"]
    assert (regions["p_fdr"] < 0.05).tolist() == [True] * 2 + [False] * 6
    assert table["n_a"].unique() == [24]
    whole = a[1:, 0]
    pooled = np.sqrt(
        (23 * whole.var(ddof=1) + 29 * b[:, 0].var(ddof=1)) / (24 + 30 - 2)
    )
    first = regions.iloc[0]
    assert first["d"] == pytest.approx((whole.mean() - b[:, 0].mean()) / pooled)
    assert first["p"] == pytest.approx(1 / 1000, abs=1.1e-3)  # no smaller one
    again = contrast(a, b, n_permutations=999, random_state=0)
    assert again.equals(table)


def test_paired_contrast_uses_the_pairs(rng):
    base = rng.normal(2.5, 0.5, (20, 4))
    drug = base - 0.1 + rng.normal(0, 0.05, base.shape)
    assert contrast(base, drug, random_state=0).loc[MEAN, "p"] > 0.05
    table = paired_contrast(base, drug, random_state=0)
    assert (table["p"] < 0.001).all()
    difference = base[:, 1] - drug[:, 1]
    row = table.loc[("region", "region_2")]
    assert row["d"] == pytest.approx(difference.mean() / difference.std(ddof=1))
    drug[4, 0] = np.nan
    assert paired_contrast(base, drug, random_state=0)["n"].unique() == [19]
    with pytest.raises(ValueError, match="pairs"):
        paired_contrast(base, drug[:5])


@pytest.fixture
def centroids(rng):
    points = rng.normal(size=(60, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[:, 0] = np.abs(points[:, 0])
    return np.vstack([points * [-50, 60, 40] - [20, 0, 0], points * 50 + [20, 0, 0]])


def smooth(centroids, rng):
    distance = np.linalg.norm(centroids[:, None] - centroids, axis=-1)
    return np.exp(-((distance / 40) ** 2)) @ rng.normal(size=len(centroids))


def test_rotations_permute_within_hemispheres(centroids):
    order = rotations(centroids, 50, random_state=0)
    left = np.flatnonzero(centroids[:, 0] < 0)
    assert (np.sort(order, axis=1) == np.arange(120)).all()
    assert (np.sort(order[:, left], axis=1) == left).all()
    assert (order != np.arange(120)).mean() > 0.9


def test_rotated_maps_stay_smooth(centroids, rng):
    values = smooth(centroids, rng)
    near = np.argsort(np.linalg.norm(centroids[:, None] - centroids, axis=-1), axis=1)
    alike = lambda x: np.corrcoef(x, x[near[:, 1]])[0, 1]  # noqa: E731
    order = rotations(centroids, 20, random_state=0)
    rotated = np.median([alike(values[k]) for k in order])
    shuffled = np.median([alike(rng.permutation(values)) for _ in range(20)])
    assert rotated > 0.7
    assert abs(shuffled) < 0.2


def test_the_spatial_null_keeps_its_level(centroids):
    # Unrelated smooth maps: an ordinary test finds far too many.
    rng = np.random.default_rng(0)
    pairs = [(smooth(centroids, rng), smooth(centroids, rng)) for _ in range(60)]
    p = [
        correlate_maps(a, b, centroids, n_rotations=99, random_state=0).p
        for a, b in pairs
    ]
    ordinary = [stats.spearmanr(a, b).pvalue for a, b in pairs]
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert np.mean(np.array(ordinary) < 0.05) > 0.4


def test_equal_maps_correlate(centroids, rng):
    values = smooth(centroids, rng)
    found = correlate_maps(
        values, values**3, centroids, n_rotations=199, random_state=0
    )
    assert found.r == pytest.approx(1.0)
    assert found.p <= 2 / 200  # a small rotation may change nothing


def test_centiles_hold_their_share_of_subjects(rng):
    age = rng.uniform(8, 23, 2000)
    value = 3 - 0.03 * age + 0.01 * age * rng.normal(size=2000)
    fitted = fit_centiles(value, age)
    curves = centile_of(fitted, age)
    for centile in fitted.centiles:
        below = (value < curves[centile].to_numpy()).mean()
        assert below == pytest.approx(centile / 100, abs=0.01)
    spread = centile_of(fitted, [9.0, 22.0])
    wide = spread[97.5] - spread[2.5]
    assert wide.iloc[1] > 1.5 * wide.iloc[0]


def test_covariates_shift_centiles(rng):
    age, sex = rng.uniform(8, 23, 400), rng.integers(0, 2, 400)
    value = 3 - 0.03 * age + 0.5 * sex + rng.normal(0, 0.1, 400)
    fitted = fit_centiles(value, age, covariates=sex, centiles=[50])
    curves = centile_of(fitted, [15.0, 15.0], covariates=[0, 1])
    assert np.ptp(curves[50.0]) == pytest.approx(0.5, abs=0.05)


def test_scores_of_subjects_of_the_reference_are_uniform(rng):
    age = rng.uniform(8, 23, 200)
    value = 3 - 0.03 * age + rng.normal(0, 0.1, 200)
    new = 3 - 0.03 * age + rng.normal(0, 0.1, 200)
    new[0] = np.nan
    scores = centile_scores(new, age, value, age)
    assert np.isnan(scores[0])
    assert np.nanmedian(scores) == pytest.approx(50, abs=8)
    assert centile_scores([9.0], [15.0], value, age)[0] == 99


def test_retest_tells_subjects_apart(rng):
    subjects = rng.normal(2.5, 0.2, (10, 40)) + rng.normal(0, 0.2, (10, 1))
    first, second = (subjects + rng.normal(0, 0.1, (10, 40)) for _ in range(2))
    found = retest(first, second)
    assert found.similarity.shape == (10, 10)
    assert found.within.min() > found.between.max()
    assert found.identified == 1.0
    assert found.icc_mean > 0.9
    # ICC of values with known variances: 0.08 between subjects, 0.01 within.
    assert np.median(found.icc) == pytest.approx(0.08 / 0.09, abs=0.05)
    noise = retest(*rng.normal(size=(2, 10, 40)))
    assert abs(np.median(noise.icc)) < 0.25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: age_slope(x[:2], [1, 2]), "three subjects"),
        (lambda x: age_slope(x, np.arange(5)), "inconsistent numbers"),
        (lambda x: age_slope(x, np.arange(40), networks=["a"]), "networks must"),
        (lambda x: contrast(x, x[:, :3]), "same regions"),
        (lambda x: retest(x, x[:10]), "same subjects"),
        (lambda x: age_groups(x[:, 0], 41), "n_groups"),
        (lambda x: fit_centiles(x[:10, 0], np.arange(10)), "at least 20"),
        (lambda x: fit_centiles(x[:, 0], np.arange(40), centiles=[0]), "centiles"),
        (lambda x: correlate_maps(x[0], x[1], np.eye(3)), "values must hold"),
        (lambda x: rotations(x[:, :2], 3), r"\(n_rois, 3\)"),
    ],
)
def test_bad_input_is_named(maps, call, message):
    with pytest.raises(ValueError, match=message):
        call(maps)
