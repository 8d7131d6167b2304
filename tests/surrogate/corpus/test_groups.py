import numpy as np
import pytest

from delssome import Acquisition
from delssome.connectome import group_average, matrix_to_edges
from delssome.datasets import make_cohort
from delssome.surrogate import synthetic_group, varied_group, window_groups

SCAN = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)


def test_varied_groups_have_fewer_tracts_and_harder_goals():
    given = {"seed": 0, "n_rois": 10, "n_subjects": 2, "acquisition": SCAN}
    plain, varied = synthetic_group(**given), varied_group(**given)
    assert varied.target.fc.std() >= plain.target.fc.std()
    assert np.corrcoef(varied.target.fc, plain.target.fc)[0, 1] > 0.95
    assert (varied.target.fcd_cdf <= plain.target.fcd_cdf + 1e-9).all()
    assert (varied.target.sc > 0).sum() <= (plain.target.sc > 0).sum()
    assert (varied.target.sc > 0).any(axis=1).all()
    assert varied.target.sc.max() == pytest.approx(0.02)


def test_windows_of_own_subjects_are_groups(tmp_path):
    cohort = make_cohort(5, 10, acquisition=SCAN, random_state=0)
    file = tmp_path / "study.npz"
    np.savez(file, X=cohort.X, maps=cohort.maps)
    groups = window_groups(file, 5, size=3, stride=2, acquisition=SCAN)
    assert [given["start"] for _, given in groups] == [0, 2]
    make, given = groups[1]
    group = make(**given)
    average = group_average(cohort.X[2:5])
    np.testing.assert_array_equal(group.target.fc, matrix_to_edges(average.fc))
    assert group.acquisition == SCAN
    with pytest.raises(ValueError, match="needs as many, got 2"):
        window_groups(file, 2)
    with pytest.raises(ValueError, match="no rows 4 to 9"):
        make(file, 4, 9)
