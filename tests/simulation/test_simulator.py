import pytest

from delssome.simulation import Simulator


def test_it_says_which_backend_runs():
    assert Simulator().uses == "fused"
    assert Simulator(dtype="float64").uses == "torch"
    assert Simulator(backend="torch").uses == "torch"


def test_what_cannot_run_is_made_but_says_so_when_used():
    """Settings can be made without the device, for instance for another machine."""
    with pytest.raises(ValueError, match="use backend='torch'"):
        Simulator(backend="fused", dtype="float64").uses  # noqa: B018
    with pytest.raises(ValueError, match="device='cuda:99' cannot be used"):
        Simulator(device="cuda:99").uses  # noqa: B018


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_repeats": 0}, ValueError, "n_repeats"),
        ({"n_repeats": 2.0}, TypeError, "n_repeats"),
        ({"n_search_repeats": 0}, ValueError, "n_search_repeats"),
        ({"backend": "numpy"}, ValueError, "backend must be 'auto', 'fused' or"),
        ({"dtype": "float16"}, ValueError, "dtype must be"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        Simulator(**settings)


def test_settings_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        Simulator(3)
