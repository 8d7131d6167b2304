import numpy as np
import pytest

from delssome.observables import check_bold, fc_matrix


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
