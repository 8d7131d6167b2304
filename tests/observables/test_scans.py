import numpy as np
import pytest

from delssome.observables import check_bold, fc_matrix
from delssome.observables.scans import check_kept, check_scans, standardise


def test_good_bold_passes_unchanged(bold):
    np.testing.assert_array_equal(check_bold(bold[0], 8), bold[0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda b: b[None], ValueError, "n_frames, n_rois"),
        (lambda b: b[:9], ValueError, "more than 9 frames"),
        (lambda b: b.T, ValueError, "transpose"),
        (lambda b: np.where(np.arange(6) == 2, np.nan, b), ValueError, "regions 3 "),
        (lambda b: np.where(np.arange(6) == 4, 0.1, b), ValueError, "regions 5 "),
        (lambda b: np.where(np.arange(len(b))[:, None] == 6, 0, b), ValueError, "s 7 "),
        (
            lambda b: np.where(np.arange(len(b))[:, None] == 6, np.nan, b),
            ValueError,
            "all regions of frames 7: censored",
        ),
        (lambda b: b + 0j, TypeError, "complex"),
        (lambda b: [["a", "b"]], TypeError, "numeric"),
    ],
)
def test_bad_bold_is_named(bold, change, error, message):
    with pytest.raises(error, match=message):
        check_bold(change(bold[0]), 8)


def test_a_signal_constant_during_one_window_is_refused(bold):
    scan = bold[0]
    scan[10:18, 3] = scan[10, 3]
    with pytest.raises(ValueError, match="whole window of 8 frames in regions 4 "):
        check_bold(scan, 8)
    scan[17, 3] += 1e-3  # now the window varies
    check_bold(scan, 8)


def test_what_is_masked_is_missing(bold):
    masked = np.ma.masked_array(bold[0], mask=np.zeros_like(bold[0], dtype=bool))
    masked[3, 2] = np.ma.masked
    fc = fc_matrix(masked)
    assert np.isnan(fc[2]).sum() == len(fc) - 1  # all but the diagonal
    with pytest.raises(ValueError, match="regions 3 "):
        check_bold(masked, 8)


def test_complex_signals_are_refused(bold):
    with pytest.raises(TypeError, match="real numbers"):
        fc_matrix(bold[0] + 1j)


def test_a_scan_is_two_frames_longer_than_a_window_at_least(bold):
    check_bold(bold[0][:10], 8)
    for n_frames in (8, 9):
        with pytest.raises(ValueError, match="more than 9 frames"):
            check_bold(bold[0][:n_frames], 8)
    check_bold(bold[0], 2)
    with pytest.raises(ValueError, match="window must be an integer of at least 2"):
        check_bold(bold[0], 1)


def test_three_frames_have_to_be_kept(bold):
    kept = np.zeros(40, bool)
    kept[[3, 20]] = True
    with pytest.raises(ValueError, match="keep three frames at least, got 2"):
        check_kept(kept, 40)
    kept[30] = True
    np.testing.assert_array_equal(check_kept(kept, 40), kept)
    assert check_kept(np.ones(40, bool), 40) is None
    assert check_kept(None, 40) is None
    with pytest.raises(ValueError, match="40 frames of the scan"):
        check_kept(kept[:, None], 40)


def test_regions_that_are_missing_are_named_before_frames(bold):
    scan = bold[0]
    scan[5] = np.nan
    scan[:, 2] = np.nan
    with pytest.raises(ValueError, match=r"in regions 1, 2, 3, 4, 5 and 1 more "):
        check_bold(scan, 8)
    scan = bold[1]
    scan[4, 1] = np.inf  # neither a whole region nor a whole frame
    with pytest.raises(ValueError, match=r"in regions 2 \(counted from 1"):
        check_bold(scan, 8)
    scan[4] = np.nan
    scan[7] = np.nan
    with pytest.raises(ValueError, match="in all regions of frames 5, 8: censored"):
        check_bold(scan, 8)


def test_frames_that_censoring_took_may_be_missing_or_blank(bold):
    kept = np.ones(40, bool)
    kept[[0, 10, 11, 39]] = False
    for value in (np.nan, 0.0):
        scan = bold[0].copy()
        scan[~kept] = value
        np.testing.assert_array_equal(check_bold(scan, 8, kept=kept), scan)
        with pytest.raises(ValueError, match="frames 1, 11, 12, 40"):
            check_bold(scan, 8)


def test_a_window_of_which_censoring_leaves_one_frame_is_constant(bold):
    kept = np.ones(40, bool)
    kept[11:18] = False
    with pytest.raises(ValueError, match="constant during a whole window of 8 frames"):
        check_bold(bold[0], 8, kept=kept)
    kept[17] = True
    check_bold(bold[0], 8, kept=kept)


@pytest.mark.parametrize("start", [0, 32])
def test_the_first_and_the_last_window_must_vary_too(bold, start):
    scan = bold[0]
    scan[start : start + 8, 0] = 7.0
    with pytest.raises(ValueError, match="in regions 1 "):
        check_bold(scan, 8)


def test_a_scan_of_nothing_but_zeros_is_constant_not_padded(bold):
    with pytest.raises(ValueError, match="is constant"):
        check_bold(0.0 * bold[0], 8)


def test_a_region_that_is_0_for_a_while_is_no_blank_frame(bold):
    scan = bold[0]
    scan[4, :5] = 0.0
    check_bold(scan, 8)


@pytest.mark.parametrize("shape", [(40,), (1, 6), (40, 1), (2, 1, 6), (2, 40, 1)])
def test_two_frames_and_two_regions_are_the_least(shape):
    with pytest.raises(ValueError, match="two frames and two regions at least"):
        check_scans(np.ones(shape))
    assert check_scans(np.ones((2, 2))).shape == (2, 2)


def test_signals_of_text_are_refused():
    with pytest.raises(TypeError, match="real numbers"):
        check_scans([["a", "b"], ["c", "d"]])


def test_standardised_signals_have_mean_0_and_length_1(bold):
    x = standardise(bold.astype(np.float32))
    assert x.dtype == np.float64
    np.testing.assert_allclose(x.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose((x**2).sum(axis=1), 1.0)
