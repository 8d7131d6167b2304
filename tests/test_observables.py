import numpy as np
import pytest

from delssome.connectome import matrix_to_edges
from delssome.fcd_torch import histograms
from delssome.observables import (
    check_bold,
    fc_edges,
    fc_matrix,
    fcd_cdf,
    fcd_histogram,
    fcd_matrix,
)


@pytest.fixture
def bold(rng):
    return rng.standard_normal((2, 40, 6)).cumsum(axis=1) + 100


def brute_force_fcd(bold, window):
    """FCD as its definition reads."""
    starts = range(len(bold) - window + 1)
    vectors = [
        np.corrcoef(bold[s : s + window].T)[np.triu_indices(bold.shape[1], 1)]
        for s in starts
    ]
    return np.corrcoef(vectors)


def test_fc_is_the_pearson_correlation(bold):
    expected = [matrix_to_edges(np.corrcoef(scan.T)) for scan in bold]
    np.testing.assert_allclose(fc_edges(bold), expected, atol=1e-12)
    np.testing.assert_allclose(fc_matrix(bold)[1], np.corrcoef(bold[1].T), atol=1e-12)


def test_fcd_is_the_correlation_between_windows(bold):
    np.testing.assert_allclose(
        fcd_matrix(bold[0], 8), brute_force_fcd(bold[0], 8), atol=1e-12
    )


@pytest.mark.parametrize("n_windows", [33, 300])  # in one block, and in several
def test_fcd_histogram_counts_every_pair_of_windows_once(rng, n_windows):
    window, n_bins = 8, 50
    scan = rng.standard_normal((n_windows + window - 1, 6)).cumsum(axis=0)
    values = matrix_to_edges(brute_force_fcd(scan, window))
    expected = np.histogram(values, bins=n_bins, range=(-1, 1))[0]
    counts = fcd_histogram(scan, window, n_bins)
    np.testing.assert_array_equal(counts, expected)
    assert counts.sum() == n_windows * (n_windows - 1) / 2


def test_fcd_cdf_is_the_normalised_cumulative_histogram(bold):
    counts = fcd_histogram(bold, 8, 50)
    cdf = fcd_cdf(bold, 8, 50)
    np.testing.assert_allclose(cdf, counts.cumsum(axis=1) / counts.sum(axis=1)[:, None])
    assert (cdf[:, -1] == 1).all()


def test_single_precision_moves_no_more_than_bin_edges(rng):
    scan = rng.standard_normal((300, 20)).cumsum(axis=0)
    double = fcd_cdf(scan, 30)
    single = fcd_cdf(scan.astype(np.float32), 30)
    # Values within 1e-6 of an edge of bins 2e-4 wide: one in a hundred of a bin.
    assert np.abs(double - single).max() < 1e-3


def test_observables_do_not_depend_on_scale_and_offset(bold):
    np.testing.assert_allclose(fcd_cdf(bold, 8, 50), fcd_cdf(bold * 7 - 3, 8, 50))


def test_a_diverged_simulation_gives_nan_for_itself_alone(bold):
    bold[0, 5, 2] = np.nan
    assert np.isnan(fcd_cdf(bold, 8, 50)[0]).all()
    assert np.isfinite(fcd_cdf(bold, 8, 50)[1]).all()
    assert np.isfinite(fc_edges(bold)[1]).all()


def test_integers_and_read_only_arrays_are_taken(bold):
    counts = (bold[0] * 10).astype(int)
    counts.flags.writeable = False
    assert np.isfinite(fc_edges(counts)).all()


def test_good_bold_passes_unchanged(bold):
    np.testing.assert_array_equal(check_bold(bold[0], 8), bold[0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda b: b[None], ValueError, "n_frames, n_rois"),
        (lambda b: b[:9], ValueError, "more than 9 frames"),
        (lambda b: b.T, ValueError, "transpose"),
        (lambda b: np.where(np.arange(6) == 2, np.nan, b), ValueError, "regions 2"),
        (lambda b: np.where(np.arange(6) == 4, 0.1, b), ValueError, "regions 4"),
        (lambda b: [["a", "b"]], TypeError, "numeric"),
    ],
)
def test_bad_bold_is_named(bold, change, error, message):
    with pytest.raises(error, match=message):
        check_bold(change(bold[0]), 8)


def test_a_signal_constant_during_one_window_is_refused(bold):
    scan = bold[0]
    scan[10:18, 3] = scan[10, 3]
    with pytest.raises(ValueError, match="whole window of 8 frames in regions 3"):
        check_bold(scan, 8)
    scan[17, 3] += 1e-3  # now the window varies
    check_bold(scan, 8)


def test_torch_counts_the_same_pairs(rng):
    scans = rng.standard_normal((70, 60, 5)).cumsum(
        axis=1
    )  # more than are held at once
    scans[3, 10, 2] = np.nan
    counts = histograms(scans, 12, 40, "cpu")
    expected = fcd_histogram(scans, 12, 40)
    np.testing.assert_array_equal(counts, expected)
    assert np.isnan(counts[3]).all()
