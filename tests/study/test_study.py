import numpy as np
import pytest

from delssome.study import age_groups, centile_of, centile_scores, fit_centiles


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: age_groups(x[:, 0], 41), "n_groups"),
        (lambda x: fit_centiles(x[:10, 0], np.arange(10)), "at least 20"),
        (lambda x: fit_centiles(x[:, 0], np.arange(40), centiles=[0]), "centiles"),
    ],
)
def test_bad_input_is_named(maps, call, message):
    with pytest.raises(ValueError, match=message):
        call(maps)
