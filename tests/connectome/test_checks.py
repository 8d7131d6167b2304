import numpy as np
import pytest

from delssome.connectome import (
    average_fc,
    check_fc,
    check_fcd_cdf,
    check_sc,
    edges_to_matrix,
)


def test_the_diagonal_of_a_connectome_is_ignored():
    sc = edges_to_matrix([1.0, 2.0, 3.0], diagonal=np.nan)
    assert np.diag(check_sc(sc)).tolist() == [0, 0, 0]


@pytest.fixture
def signals(rng):
    """Give signals of 12 regions that share some of what they do."""
    return rng.normal(size=(60, 12)) + 2.0 * rng.normal(size=(60, 1))


@pytest.mark.parametrize("own", [1.0, 0.0, np.nan, 0.9999])
def test_the_diagonal_of_fc_may_be_left_out(signals, own):
    fc = np.corrcoef(signals.T)
    given = fc.copy()
    np.fill_diagonal(given, own)
    np.testing.assert_allclose(check_fc(given), fc)


@pytest.mark.parametrize(
    ("unlike", "reason"),
    [
        (lambda x: np.cov(0.3 * x.T), "covariances"),
        (lambda x: np.cov(20 * x.T), "covariances"),
        (lambda x: np.arctanh(np.corrcoef(x.T).clip(-1, 0.99999)), "Fisher's z"),
        (lambda x: np.arctanh(np.corrcoef(x.T) * (1 - np.eye(12)) * 1.1), "tanh"),
        (lambda x: np.zeros((12, 12)), "all have 0"),
        (lambda x: np.full((12, 12), 0.4) + 0.6 * np.eye(12), "all have 0.4"),
        (
            lambda x: np.where(np.corrcoef(x.T) < 0.8, 0, np.corrcoef(x.T)),
            "any signals",
        ),
        (lambda x: np.corrcoef(x.T) + 0j, "complex"),
    ],
    ids=["small", "large", "z", "z without", "zeros", "constant", "cut", "complex"],
)
def test_what_cannot_be_fc_is_named(signals, unlike, reason):
    with (
        np.errstate(divide="ignore"),
        pytest.raises((ValueError, TypeError), match=reason),
    ):
        check_fc(unlike(signals))


def test_rounding_and_averages_of_short_scans_are_correlations_still(rng):
    shared = rng.normal(size=(100, 6))
    runs = []
    for _ in range(3):
        x = rng.normal(size=(40, 6)) @ shared.T + 2.0 * rng.normal(size=(40, 100))
        runs.append(np.corrcoef(x.T))
    check_fc(np.round(runs, 2))
    check_fc(average_fc(np.array(runs)))


def test_what_is_masked_is_missing(signals):
    fc = np.ma.masked_array(np.corrcoef(signals.T), mask=np.eye(12, k=3) > 0)
    with pytest.raises(ValueError, match="NaN or infinity in 9 of 144"):
        check_fc(fc)
    np.fill_diagonal(sc := np.ones((4, 4)), 0)
    with pytest.raises(ValueError, match="sc must be finite"):
        check_sc(np.ma.masked_less(sc + np.eye(4, k=1) + np.eye(4, k=-1), 1.5))


def test_counts_of_pairs_of_windows_are_recognised():
    counts = np.linspace(0, 1118 * 1117 / 2, 50)
    with pytest.raises(ValueError, match="the pairs of 1118 windows"):
        check_fcd_cdf(counts)


def test_windows_that_are_all_alike_are_no_distribution():
    cdf = np.zeros(50)
    cdf[30:] = 1.0
    with pytest.raises(ValueError, match="more than one bin"):
        check_fcd_cdf(cdf)


def test_a_subject_of_large_weights_hides_no_asymmetry_of_another(random_sc):
    sc = random_sc(5)
    wrong = sc.copy()
    wrong[0, 1] += 1.0
    for given in (wrong, [wrong, 1e9 * sc]):
        with pytest.raises(ValueError, match=r"sc must be symmetric.*up to 1;"):
            check_sc(given)
