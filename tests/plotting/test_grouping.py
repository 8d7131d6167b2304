"""Of many regions groups are labelled, in the order of anatomy; nothing overlaps."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from delssome.plotting import FCDisplay, ReadoutDisplay, plot_effects
from delssome.plotting.grouping import groups_of, in_groups

NETWORKS = ("Vis", "SomMot", "DorsAttn", "SalVentAttn", "Limbic", "Cont", "Default")


def schaefer(n_rois):
    half = n_rois // 2
    return [
        f"7Networks_{side}_{NETWORKS[7 * k // half]}_{k + 1}"
        for side in ("LH", "RH")
        for k in range(half)
    ]


def effects_of(names, rng):
    index = [("mean", "mean"), *(("region", name) for name in names)]
    effect = rng.standard_normal(len(index))
    return pd.DataFrame(
        {"effect": effect, "low": effect - 1, "high": effect + 1},
        index=pd.MultiIndex.from_tuples(index),
    )


FIGURES = {
    "readout": lambda names, rng: (
        ReadoutDisplay(rng.standard_normal(len(names)), region_names=names).plot().ax_
    ),
    "effects": lambda names, rng: plot_effects(effects_of(names, rng)),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
@pytest.mark.parametrize("n_rois", [8, 68, 100, 200, 400])
def test_labels_of_regions_do_not_overlap_and_fit_a_page(draw, n_rois, rng):
    ax = draw(schaefer(n_rois), rng)
    assert ax.figure.get_figheight() <= 9.5
    ax.figure.canvas.draw()
    labels = ax.get_yticklabels()
    assert len(labels) == (n_rois if n_rois < 100 else 7)
    assert all(label.get_fontsize() >= 6 for label in labels)
    boxes = [label.get_window_extent() for label in labels]
    inside = ax.figure.bbox
    for box, above in pairwise(boxes):
        assert box.y1 <= above.y0 + 1
    assert min(box.x0 for box in boxes) >= inside.x0
    legend = ax.get_legend().get_window_extent()
    assert inside.x0 <= legend.x0
    assert legend.x1 <= inside.x1
    assert legend.y0 >= ax.get_window_extent().y1 - 1  # covers no data


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_groups_stand_in_the_atlas_s_order_from_above(draw, rng):
    labels = draw(schaefer(200), rng).get_yticklabels()
    assert [label.get_text() for label in labels][::-1] == list(NETWORKS)


def test_every_region_keeps_its_own_value(rng):
    names, values = schaefer(200), rng.standard_normal(200)
    display = ReadoutDisplay(values, interval=np.c_[values, values + 1])
    ends = ReadoutDisplay(
        values, interval=np.c_[values, values + 1], region_names=names
    )
    for one in (display, ends):
        ax = one.plot().ax_
        starts = [segment[0] for segment in ax.collections[0].get_segments()]
        assert_array_equal(np.array(starts), ax.lines[1].get_xydata())
        assert_array_equal(np.sort(ax.lines[1].get_xdata()), np.sort(values))


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (
            ["17Networks_LH_VisCent_1", "17Networks_RH_TempPar_2"],
            ["VisCent", "TempPar"],
        ),
        (["ctx-lh-insula", "ctx-rh-precentral"], ["insula", "frontal"]),
        (["L_V1_ROI", "R_V2_ROI"], ["left", "right"]),
        (["region_01", "region_02"], None),
    ],
)
def test_names_tell_groups(names, groups):
    assert groups_of(names) == groups


def test_lobes_stand_from_front_to_back():
    rows = in_groups(["occipital", "frontal", "other", "insula", "frontal"])
    assert rows.labels == ["frontal", "insula", "occipital", "other"]
    assert_array_equal(rows.order, [1, 4, 3, 0, 2])
    assert_array_equal(rows.places, [0.5, 2, 3, 4])


def test_fc_is_put_together_by_networks(rng):
    names, fc = schaefer(20), rng.standard_normal((20, 20))
    display = FCDisplay(fc + fc.T, fc + fc.T, region_names=names).plot()
    rows = in_groups(groups_of(names))
    shown = display.axes_[1].images[0].get_array().data
    assert_array_equal(shown, (fc + fc.T)[np.ix_(rows.order, rows.order)])
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == list(NETWORKS)
    with pytest.raises(ValueError, match="region_names must hold one entry"):
        FCDisplay(fc, fc, region_names=names[1:])


def test_of_very_many_edges_the_density_is_drawn(rng):
    fc = rng.standard_normal((110, 110))
    ax = FCDisplay(fc + fc.T, fc + fc.T).plot().axes_[2]
    counts = ax.collections[0].get_array()
    assert counts.sum() == 110 * 109 / 2
