from pathlib import Path

import numpy as np
import pytest

from delssome.connectome import matrix_to_edges
from delssome.observables import fc_edges, fcd, fcd_cdf, fcd_histogram, fcd_matrix
from delssome.observables.fcd import frames_in_windows
from delssome.simd.cache import cache_folder, is_kept


def brute_force_fcd(bold, window):
    """FCD as its definition reads."""
    starts = range(len(bold) - window + 1)
    vectors = [
        np.corrcoef(bold[s : s + window].T)[np.triu_indices(bold.shape[1], 1)]
        for s in starts
    ]
    return np.corrcoef(vectors)


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


@pytest.mark.parametrize("stride", [3, 7])
def test_a_stride_takes_every_so_many_windows(bold, stride):
    values = matrix_to_edges(fcd_matrix(bold[0], 8)[::stride, ::stride])
    expected = np.histogram(values, bins=50, range=(-1, 1))[0]
    counts = fcd_histogram(bold[0], 8, 50, stride=stride)
    np.testing.assert_array_equal(counts, expected)
    with pytest.raises(ValueError, match="stride must be an integer of at least 1"):
        fcd_histogram(bold[0], 8, 50, stride=0)


def test_compiled_code_is_kept_in_the_cache_and_not_beside_the_package(bold):
    fcd_histogram(bold, 8)
    for compiled in (fcd._slide, fcd._count):
        assert is_kept(compiled)
        assert cache_folder() in Path(compiled.stats.cache_path).parents
    assert not list(Path(fcd.__file__).parent.rglob("*.nb?"))


def test_windows_that_agree_fully_are_counted_in_the_last_bin():
    scan = np.tile(np.random.default_rng(0).standard_normal((4, 5)), (8, 1))
    counts = fcd_histogram(scan, 4, 10)  # a period of the window: all windows alike
    n_windows = len(scan) - 4 + 1
    assert counts.tolist() == [0] * 9 + [n_windows * (n_windows - 1) / 2]


def test_a_window_may_be_as_long_as_the_scan_and_as_short_as_two_frames(bold):
    assert fcd_matrix(bold[0], 40).shape == (1, 1)
    assert fcd_histogram(bold[0], 40, 5).tolist() == [0] * 5
    assert fcd_matrix(bold[0], 2).shape == (39, 39)
    for window in (1, 41):
        with pytest.raises(ValueError, match="window must be"):
            fcd_matrix(bold[0], window)


@pytest.mark.parametrize("n_bins", [0, 10_000_000_000])
def test_a_number_of_bins_that_cannot_be_is_named(bold, n_bins):
    with pytest.raises(ValueError, match="n_bins must be an integer between 1"):
        fcd_histogram(bold, 8, n_bins)
    assert fcd_histogram(bold, 8, 1).shape == (2, 1)


def test_a_scan_has_as_many_bins_as_published(bold):
    assert fcd_histogram(bold[0], 8).shape == fcd_cdf(bold[0], 8).shape == (10_000,)


def test_windows_of_half_of_their_frames_are_looked_at_still():
    kept = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1], dtype=bool)
    assert frames_in_windows(kept, 12, 4).tolist() == [2, 2, 2, 3, 3, 2, 0, 0, 2]
    assert frames_in_windows(kept, 12, 2).tolist() == [2, *[0] * 3, 2, 2, *[0] * 4, 2]
    assert frames_in_windows(kept, 12, 3).tolist() == [2, 0, 0, 2, 3, 2, 0, 0, 0, 2]
    assert frames_in_windows(None, 12, 5).tolist() == [5] * 8


def test_half_precision_and_integers_are_computed_in_double(bold):
    counts = np.round(bold[0]).astype(np.int64)
    expected = fcd_matrix(counts.astype(np.float64), 8)
    np.testing.assert_array_equal(fcd_matrix(counts, 8), expected)
    half = bold[0].astype(np.float16)
    expected = fcd_matrix(half.astype(np.float64), 8)
    np.testing.assert_array_equal(fcd_matrix(half, 8), expected)


def test_one_frame_of_one_region_that_diverged_makes_a_scan_nan(bold):
    bold[0, 20, 5] = np.nan  # neither in the first pair nor in the first window
    assert np.isnan(fcd_histogram(bold[0], 8, 5)).all()


def test_a_signal_constant_within_a_window_makes_its_fcd_nan(rng):
    for scan in rng.standard_normal((20, 60, 6)).cumsum(axis=1) + 100:
        scan[20:28, 5] = 3.0
        found = fcd_matrix(scan, 8)
        constant = np.arange(53) == 20
        assert np.isnan(found[constant]).all()
        assert np.isfinite(found[~constant][:, ~constant]).all()
