import numpy as np
import pytest

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
        ({"n_frames": 100.5}, "n_frames"),
        ({"n_frames": 50}, r"window.*got 83 \(a minute\)"),
        ({"window": 1200}, "window must be"),
        ({"window": 1}, "window must be"),
        ({"burn_in": -1.0}, "burn_in"),
        ({"warm_up": np.inf}, "warm_up"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Acquisition(**settings)
