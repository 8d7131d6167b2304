import numpy as np

from delssome.observables import fcd_histogram
from delssome.simulation.torch_fcd import histograms


def test_torch_counts_the_same_pairs(rng):
    scans = rng.standard_normal((70, 60, 5)).cumsum(
        axis=1
    )  # more than are held at once
    scans[3, 10, 2] = np.nan
    counts = histograms(scans, 12, 40, "cpu")
    expected = fcd_histogram(scans, 12, 40)
    np.testing.assert_array_equal(counts, expected)
    assert np.isnan(counts[3]).all()


def test_torch_censors_the_same_frames(rng):
    scans, kept = rng.standard_normal((3, 60, 5)).cumsum(axis=1), rng.random(60) > 0.3
    counts = histograms(scans, 12, 40, "cpu", kept)
    np.testing.assert_array_equal(counts, fcd_histogram(scans, 12, 40, kept=kept))
