import numpy as np
import pytest

from delssome.fitting.covariates import Covariates


def test_numbers_are_taken_in_standard_deviations():
    age = np.array([10.0, 12.0, 17.0, 21.0])
    found = Covariates.of(age, None, 4)
    assert found.names == ("covariate_1",)
    assert found.values[:, 0] == pytest.approx((age - 15.0) / age.std())
    assert found.ends.tolist() == [[-1.0, 1.0]]
    assert found.distance == pytest.approx(2.0 * age.std())


def test_two_values_are_a_contrast():
    drug = np.array([0.0, 2.0, 0.0, 2.0, 2.0])
    found = Covariates.of(drug, None, 5)
    assert np.ptp(found.values) == pytest.approx(1.0)
    assert found.values.mean() == pytest.approx(0.0)
    assert found.ends[0] == pytest.approx([-0.6, 0.4])
    assert found.distance == pytest.approx([2.0])


def test_a_formula_takes_words_apart():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("formulaic")
    data = pd.DataFrame({"age": [10.0, 12.0, 17.0, 21.0], "site": [*"abab"]})
    found = Covariates.of(data, "age + site", 4)
    assert found.names == ("age", "site[T.b]")
    assert np.ptp(found.values[:, 1]) == pytest.approx(1.0)
    assert Covariates.of(data[["age"]], None, 4).names == ("age",)
    with pytest.raises(ValueError, match=r'got site: say how .* "site"'):
        Covariates.of(data, None, 4)
    with pytest.raises(ValueError, match="no column weight, there are age, site"):
        Covariates.of(data, "weight", 4)


def test_text_that_is_missing_is_no_first_level():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("formulaic")
    data = pd.DataFrame({"site": ["A", "B", None, "B"], "age": [1.0, 2.0, 3.0, np.nan]})
    with pytest.raises(ValueError, match="missing values of site: leave"):
        Covariates.of(data, "C(site)", 4)
    with pytest.raises(ValueError, match="missing values of age: leave"):
        Covariates.of(data, "age", 4)


def test_without_covariates_there_are_none():
    assert Covariates.of(None, None, 3).values.shape == (3, 0)


@pytest.mark.parametrize(
    ("given", "formula", "kind", "message"),
    [
        (None, "age", ValueError, "'age' needs covariates"),
        ([[1.0], [2.0]], "age", TypeError, "needs covariates as a pandas.DataFrame"),
        ([1.0, 2.0], None, ValueError, "each of the 3 scans of X, got 2"),
        ([1.0, np.nan, 2.0], None, ValueError, "missing values of covariate_1"),
        ([1.0, 1.0, 1.0], None, ValueError, "covariate_1 .* same in all scans"),
        ([[1, 2], [2, 4], [3, 6]], None, ValueError, "covariate_1 .* repeats"),
        (np.ones((3, 1, 1)), None, ValueError, r"got \(3, 1, 1\)"),
    ],
)
def test_covariates_that_tell_nothing_are_named(given, formula, kind, message):
    with pytest.raises(kind, match=message):
        Covariates.of(given, formula, 3)
