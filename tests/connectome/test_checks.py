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


def test_two_regions_are_too_few_and_three_are_enough():
    check_sc(1.0 - np.eye(3))
    with pytest.raises(ValueError, match="3 regions, got shape"):
        check_sc(1.0 - np.eye(2))


def test_each_connectome_must_have_a_connection():
    sc = np.stack([1.0 - np.eye(3), np.zeros((3, 3))])
    with pytest.raises(ValueError, match="at least one connection"):
        check_sc(sc)


def test_weights_are_copied_with_a_diagonal_of_zero(random_sc):
    sc = random_sc(5)
    given = sc + 3.0 * np.eye(5)
    np.testing.assert_array_equal(check_sc(given), sc)
    assert (np.diag(given) == 3.0).all()


@pytest.mark.parametrize(("gap", "passes"), [(0.5e-6, True), (2e-6, False)])
def test_asymmetry_beyond_rounding_is_named(random_sc, signals, gap, passes):
    sc, fc = random_sc(5), np.corrcoef(signals.T)
    wrong_sc, wrong_fc = sc.copy(), fc.copy()
    wrong_sc[0, 1] += gap * sc.max()
    wrong_fc[1, 0] -= gap
    for check, wrong in ((check_sc, wrong_sc), (check_fc, wrong_fc)):
        if passes:
            check(wrong)
        else:
            with pytest.raises(ValueError, match="must be symmetric"):
                check(wrong)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (0.9985, "Fisher"),  # the same everywhere
        (1.0015, "Fisher"),
        (2e-6, "Fisher"),
        (np.inf, "Fisher"),
        (np.linspace(0.5, 0.6, 12), "covariances"),
    ],
)
def test_a_diagonal_other_than_1_tells_what_it_is_of(signals, own, said):
    fc = np.corrcoef(signals.T)
    fc[np.arange(12), np.arange(12)] = own
    with pytest.raises(ValueError, match=f"diagonal of 1 .*{said}"):
        check_fc(fc)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_regions_of_one_signal_are_named(signals, sign):
    signals[:, 2] = sign * signals[:, 0]
    said = f"correlation of {sign:.0f} between regions 1 and 3 .* the same signal"
    with pytest.raises(ValueError, match=said):
        check_fc(np.corrcoef(signals.T))
    signals[:, 2] += 1e-3 * signals[:, 1]  # nearly the same
    check_fc(np.corrcoef(signals.T))


def test_more_than_rounding_beyond_1_is_no_correlation(signals):
    fc = np.corrcoef(signals.T)
    fc[0, 1] = fc[1, 0] = 1.0 + 2e-6
    with pytest.raises(ValueError, match=r"between -1 and 1, got 1\..*tanh"):
        check_fc(fc)
    fc[0, 1] = fc[1, 0] = -1.1
    with pytest.raises(ValueError, match=r"got -1\.1"):
        check_fc(fc)


@pytest.mark.parametrize(("spread", "passes"), [(0.5e-6, False), (2e-6, True)])
def test_edges_without_a_pattern_are_none(signals, spread, passes):
    fc = np.full((12, 12), 0.4) + 0.6 * np.eye(12)
    fc[0, 1] = fc[1, 0] = 0.4 + spread
    stack = np.stack([np.corrcoef(signals.T), fc])
    if passes:
        check_fc(stack)
    else:
        with pytest.raises(ValueError, match=r"all have 0\.4:"):
            check_fc(stack)


@pytest.mark.parametrize(("share", "passes"), [(0.009, True), (0.011, False)])
def test_correlations_may_be_a_little_indefinite(signals, share, passes):
    fc = np.full((12, 12), -1.0 / 11)
    np.fill_diagonal(fc, 1.0)  # eigenvalues 0, and eleven times 12 / 11
    fc = fc + share * (np.eye(12) - 1.0) / 11 * 12 / 11
    fc[0, 1] = fc[1, 0] = fc[0, 1] + 1e-5  # a pattern
    smallest, *_, largest = np.linalg.eigvalsh(fc)
    assert smallest / largest == pytest.approx(-share, rel=0.05)
    for given in (fc, np.stack([np.corrcoef(signals.T), fc])):
        if passes:
            check_fc(given)
        else:
            with pytest.raises(ValueError, match="cannot be correlations of any sign"):
                check_fc(given)


@pytest.mark.parametrize(
    ("cdf", "message"),
    [
        ([0.5, 1.0 + 2e-6], "must end at 1"),
        ([0.5, 1.0 - 2e-6], "must end at 1"),
        ([[0.5, 1.0], [0.5, 0.9]], "must end at 1, got 0.9"),
        ([-2e-6, 0.5, 1.0], "must never fall and not start below 0"),
        ([0.5, 0.5 - 2e-6, 1.0], "must never fall"),
        ([1.0, 1.0], "more than one bin"),
        ([[0.5, 1.0], [0.0, 1.0]], "more than one bin"),
        ([1.0], "at least 2 bins"),
        (1.0, "at least 2 bins"),
        ([1.0, 3.0], r"got 3, the pairs of 3 windows\. "),
        ([0.5, 2.0], r"got 2\. Divide"),
        ([0.5, 4.0], r"got 4\. Divide"),
        ([0.5, 0.0], r"got 0\. Divide"),
        ([0.0, -1.0], r"got -1\. Divide"),
    ],
)
def test_what_is_no_distribution_is_named(cdf, message):
    with pytest.raises(ValueError, match=message):
        check_fcd_cdf(cdf)


@pytest.mark.parametrize(
    "cdf",
    [
        *([0.5, 1.0], [0.5, 1.0 + 0.5e-6], [0.5, 1.0 - 0.5e-6], [0.0, 0.0, 2e-6, 1.0]),
        *([-0.5e-6, 0.5, 1.0], [0.5, 0.5 - 0.5e-6, 1.0]),
    ],
)
def test_rounding_keeps_a_distribution(cdf):
    assert check_fcd_cdf(cdf).tolist() == cdf


def test_the_least_definite_of_several_is_found(signals):
    near_independence = np.eye(12) + 0.01 * (np.eye(12, k=1) + np.eye(12, k=-1))
    fc = np.corrcoef(signals.T)
    cut = np.where(fc < 0.8, 0.0, fc)
    with pytest.raises(ValueError, match="cannot be correlations of any signals"):
        check_fc(np.stack([near_independence, cut]))
