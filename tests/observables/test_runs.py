import numpy as np
import pytest

from delssome.connectome import average_fc
from delssome.observables import average_runs, fc_matrix, fcd_cdf


def test_runs_of_different_length_are_averaged(bold):
    runs = [bold[0], bold[1][:30]]
    fc, cdf = average_runs(runs, 8, 50)
    off_diagonal = ~np.eye(6, dtype=bool)
    expected = average_fc([fc_matrix(run) for run in runs])
    np.testing.assert_array_equal(fc[off_diagonal], expected[off_diagonal])
    assert (np.diag(fc) == 1.0).all()
    # Every run counts the same, however many windows it has.
    np.testing.assert_allclose(cdf, np.mean([fcd_cdf(r, 8, 50) for r in runs], axis=0))


def test_a_bad_run_is_named(bold):
    with pytest.raises(ValueError, match=r"runs\[1\] must have more than 9 frames"):
        average_runs([bold[0], bold[1][:9]], 8)
    with pytest.raises(ValueError, match="runs must hold at least one"):
        average_runs([], 8)


def test_every_run_has_its_own_frames(bold):
    kept = np.ones(40, bool)
    kept[3:6] = False
    fc, cdf = average_runs(list(bold), 8, 50, [None, kept])
    expected = average_fc([fc_matrix(bold[0]), fc_matrix(bold[1], kept)])
    off_diagonal = ~np.eye(6, dtype=bool)
    np.testing.assert_array_equal(fc[off_diagonal], expected[off_diagonal])
    both = [fcd_cdf(bold[0], 8, 50), fcd_cdf(bold[1], 8, 50, kept)]
    np.testing.assert_allclose(cdf, np.mean(both, axis=0))
    for masks in ([kept], [None, kept, None]):
        with pytest.raises(ValueError, match="each of the 2 runs"):
            average_runs(list(bold), 8, 50, masks)


def test_a_run_has_as_many_bins_as_published(bold):
    assert average_runs([bold[0]], 8)[1].shape == (10_000,)
