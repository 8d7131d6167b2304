"""A synthetic cohort as files of pipelines, read again."""

import numpy as np
import pytest

from delssome.datasets import make_cohort, read_derivatives, write_derivatives
from delssome.simulation import Acquisition

KEPT = tuple(k % 11 != 3 for k in range(60))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"band": (0.01, 0.1), "filter_order": 1, "global_signal": True},
        {"band": (0.01, None)},
        {"kept": KEPT},
    ],
)
def test_what_is_written_is_read_again(tmp_path, settings):
    scan = Acquisition(
        tr=1.5, n_frames=60, window=20, burn_in=10, warm_up=1, **settings
    )
    cohort = make_cohort(2, 8, acquisition=scan, n_fcd_bins=100, random_state=0)
    study = write_derivatives(tmp_path / "study", cohort)
    data = read_derivatives(study, window=20, n_fcd_bins=100, verbose=0)
    assert data.region_names == cohort.region_names
    assert data.subject_ids == ["sub-001", "sub-002"]
    np.testing.assert_allclose(data.participants["age"], cohort.age)
    np.testing.assert_array_equal(data.sc, cohort.sc)
    np.testing.assert_allclose(data.fc, cohort.fc, atol=1e-5)
    found = data.acquisition
    for name in ("tr", "n_frames", "band", "global_signal", "kept"):
        assert getattr(found, name) == getattr(scan, name), name
    if scan.band is not None:
        assert found.filter_order == scan.filter_order
