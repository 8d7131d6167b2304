import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from delssome import MeanFieldFitter
from delssome.simulation import Acquisition


def test_defaults_are_those_published_for_hcp_groups():
    scan = Acquisition()
    assert (scan.fcd_window, scan.n_windows) == (83, 1118)
    assert (scan.steps_per_frame, scan.burn_in_frames) == (120, 200)
    assert scan.warm_up_steps == 5000
    assert scan.step == pytest.approx(0.006)


@pytest.mark.parametrize("tr", [0.72, 0.8, 2.0, 2.62, 3.0])
@pytest.mark.parametrize("dt", [0.006, 0.005, 0.0005])
def test_the_step_divides_tr_and_is_not_longer_than_asked(tr, dt):
    scan = Acquisition(tr=tr, dt=dt)
    assert scan.step * scan.steps_per_frame == pytest.approx(tr, rel=1e-12)
    assert dt * 0.9 < scan.step <= dt * (1 + 1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tr": 0.0}, "tr must be"),
        ({"tr": np.nan}, "tr must be"),
        ({"dt": -0.1}, "dt must be"),
        ({"tr": 0.5, "dt": 0.6}, "longer than tr"),
        ({"n_frames": 2}, "n_frames"),
        ({"n_frames": 50}, r"window.*got 83 \(a minute\)"),
        ({"window": 1200}, "window must be"),
        ({"window": 1}, "window must be"),
        ({"burn_in": -1.0}, "burn_in"),
        ({"warm_up": np.inf}, "warm_up"),
        ({"tr": 720}, r"seconds.*did you mean 0\.72\?"),
        ({"tr": 2000.0}, r"did you mean 2\?"),
        ({"band": (0.01, 0.8)}, r"below 0\.6944 Hz"),
        ({"band": (0.1, 0.01)}, "lower frequency first"),
        ({"band": (0.01, 0.02)}, r"0\.6 cycles.*windows of 139 frames"),
        ({"band": (0.01, 0.1), "filter_order": 11}, "filter_order"),
        ({"kept": (True,) * 100}, "1200 frames"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Acquisition(**settings)


def test_kinds_are_named():
    for settings, message in (
        ({"band": "0.01-0.1"}, "pair"),
        ({"global_signal": "regressed"}, "global_signal"),
        ({"kept": (0, 1, 2)}, "isin"),
        ({"n_frames": 100.5}, "n_frames must be an integer"),
        ({"window": 10.9}, "window must be an integer"),
        ({"tr": "0.72"}, "tr must be a number"),
    ):
        with pytest.raises(TypeError, match=message):
            Acquisition(**settings)


def test_what_a_pipeline_did_is_said_in_words():
    kept = np.arange(300) % 10 > 0
    scan = Acquisition(
        tr=2.0, n_frames=300, band=[None, 0.1], global_signal=True, kept=kept
    )
    assert scan.processing == (
        "band 0 to 0.1 Hz (order 2)",
        "global signal regressed out",
        "270 of 300 frames kept by censoring",
    )
    assert scan.unprocessed() == Acquisition(tr=2.0, n_frames=300)
    np.testing.assert_array_equal(scan.mask, kept)
    assert Acquisition().processing == ()
    assert Acquisition().mask is None


def test_a_mask_that_keeps_all_is_none():
    assert Acquisition(kept=[True] * 1200) == Acquisition()
    with pytest.raises(ValueError, match="1200 frames"):
        Acquisition(kept=[True] * 1199)


def test_too_many_censored_frames_are_refused():
    kept = np.arange(300) < 20
    with pytest.raises(ValueError, match="20 of 300 frames, which leaves 6 windows"):
        Acquisition(tr=2.0, n_frames=300, kept=kept)


def test_a_processed_scan_is_cloned_pickled_hashed_and_set_by_name():
    kept = np.arange(300) % 7 > 0
    scan = Acquisition(tr=2.0, n_frames=300, band=[0.01, 0.1], kept=kept)
    assert scan.band == (0.01, 0.1)
    for other in (clone(scan), copy.deepcopy(scan), pickle.loads(pickle.dumps(scan))):
        assert other == scan
        assert hash(other) == hash(scan)
        assert joblib.hash(other) == joblib.hash(scan)
    fitter = MeanFieldFitter(acquisition=scan).set_params(acquisition__kept=kept[::-1])
    assert isinstance(fitter.acquisition.kept, tuple)
    assert clone(fitter).acquisition == fitter.acquisition
    assert scan.kept == tuple(kept.tolist())
    assert "kept=<257 of 300 frames>" in repr(scan)


def test_scans_without_a_pipeline_keep_their_names_and_hashes():
    # By these, shards, stores and checkpoints of earlier versions are found again.
    scan = Acquisition(tr=2.0, n_frames=150)
    said = "tr=2.0, n_frames=150, window=None, burn_in=144.0, warm_up=30.0, dt=0.006"
    assert repr(scan) == f"Acquisition({said})"
    assert list(scan.said()) == ["tr", "n_frames", "window", "burn_in", "warm_up", "dt"]
    assert scan.__getstate__() == scan.said()
    filtered = Acquisition(tr=2.0, n_frames=150, band=(0.01, 0.1))
    assert repr(filtered) == f"Acquisition({said}, band=(0.01, 0.1))"
    assert joblib.hash(filtered) != joblib.hash(scan)
