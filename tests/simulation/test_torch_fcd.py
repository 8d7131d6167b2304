import numpy as np
import pytest

from delssome.observables import fc_edges, fcd_histogram
from delssome.simulation.torch_fcd import connectivity


@pytest.fixture
def scans(rng):
    # More than are held at once.
    scans = rng.standard_normal((70, 60, 5)).cumsum(axis=1)
    scans[3, 10, 2] = np.nan
    return scans


def test_torch_gives_the_same_fc_and_counts_the_same_pairs(scans):
    fc, counts = connectivity(scans, 12, 40, "cpu")
    # Sums in double precision, in another order.
    np.testing.assert_allclose(fc, fc_edges(scans), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(counts, fcd_histogram(scans, 12, 40))
    assert np.isnan(counts[3]).all()


def test_torch_knows_a_signal_that_is_constant_within_a_window(rng):
    scans = rng.standard_normal((20, 60, 6)).cumsum(axis=1) + 100
    scans[:, 20:32, 5] = 3.0
    counts = connectivity(scans, 12, 40, "cpu")[1]
    np.testing.assert_array_equal(counts, fcd_histogram(scans, 12, 40))


def test_torch_keeps_the_dimensions_in_front(scans):
    fc, counts = connectivity(scans.reshape(7, 10, 60, 5), 12, 40, "cpu")
    assert fc.shape == (7, 10, 10)
    assert counts.shape == (7, 10, 40)


def test_torch_censors_the_same_frames(scans, rng):
    kept = rng.random(60) > 0.3
    fc, counts = connectivity(scans[:3], 12, 40, "cpu", kept)
    np.testing.assert_allclose(fc, fc_edges(scans[:3], kept), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(counts, fcd_histogram(scans[:3], 12, 40, kept=kept))


@pytest.mark.gpu
def test_cuda_gives_the_same_fc_and_counts_the_same_pairs(scans):
    fc, counts = connectivity(scans, 12, 40, "cuda")
    np.testing.assert_allclose(fc, fc_edges(scans), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(counts, fcd_histogram(scans, 12, 40))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cuda_knows_a_signal_that_is_constant_within_a_window(rng, dtype):
    scans = rng.standard_normal((20, 60, 6)).cumsum(axis=1) + 100
    scans[:10, 20:32, 5] = 3.0
    counts = connectivity(scans.astype(dtype), 12, 40, "cuda")[1]
    assert np.isnan(counts[:10]).all()
    assert (counts[10:].sum(axis=1) == 49 * 48 / 2).all()


@pytest.mark.gpu
@pytest.mark.parametrize("n_rois", [5, 68])
@pytest.mark.parametrize("censored", [False, True])
def test_cuda_counts_nearly_all_pairs_alike_in_float32(rng, n_rois, censored):
    scans = rng.standard_normal((3, 300, n_rois), dtype=np.float32).cumsum(axis=1)
    scans[1, 5, 2] = np.nan
    kept = rng.random(300) > 0.3 if censored else None
    fc, counts = connectivity(scans, 12, 1000, "cuda", kept)
    np.testing.assert_allclose(fc, fc_edges(scans, kept), rtol=0, atol=1e-14)
    expected = fcd_histogram(scans, 12, 1000, kept=kept)
    np.testing.assert_array_equal(counts.sum(axis=1), expected.sum(axis=1))
    # Rounding takes some pairs over the edge of a bin.
    moved = np.nansum(np.abs(counts - expected))
    assert moved < 2e-3 * np.nansum(expected)
