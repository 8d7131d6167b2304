"""Figures show what the fitter holds."""

import copy
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from delssome import Acquisition, MeanFieldFitter, pack_subjects
from delssome.connectome import matrix_to_edges
from delssome.observables import fc_matrix, fcd_cdf
from delssome.plotting import (
    plot_ei_ratio,
    plot_fc,
    plot_fcd_cdf,
    plot_history,
    plot_report,
    plot_verification,
)

N_ROIS = 8
SCAN = Acquisition(n_frames=40, window=10, burn_in=3.6, warm_up=1.0)
PLOTS = [
    plot_fc,
    plot_fcd_cdf,
    plot_history,
    plot_verification,
    plot_ei_ratio,
    plot_report,
]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((60, N_ROIS)).cumsum(axis=0)
    fitter = MeanFieldFitter(
        rng.standard_normal(N_ROIS),
        acquisition=SCAN,
        popsize=8,
        max_iter=1,
        n_restarts=2,
        n_repeats=1,
        n_finalists=2,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitter.fit(
            pack_subjects(upper + upper.T, fc_matrix(bold), fcd_cdf(bold, 10))
        )


@pytest.fixture
def fitter(fitted):
    """A copy with known numbers where the tests want them."""
    fitter = copy.deepcopy(fitted)
    table = fitter.verification_
    table.predicted_total = np.array([0.5, 0.8])
    table.simulated_total = np.array([0.7, 0.75])
    table.in_range = np.array([True, False])
    table.selected = np.array([True, False])
    table.restart, table.generation = np.array([1, 0]), np.array([0, 0])
    fitter.history_.best_total = np.array([0.9, 0.5])
    fitter.history_.median_total = np.array([1.2, 1.1])
    fitter.history_.n_in_range = np.array([2, 8])
    return fitter


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def by_label(ax):
    lines = [line for line in ax.lines if not line.get_label().startswith("_")]
    return {line.get_label(): line for line in lines}


@pytest.mark.parametrize("plot", PLOTS)
def test_plot_draws_and_leaves_settings_alone(plot, fitter):
    before = mpl.rcParams.copy()
    drawn = plot(fitter)
    assert mpl.rcParams == before
    figure = getattr(drawn, "figure", drawn)
    figure.canvas.draw()
    assert figure.get_figwidth() in (3.4, 7.0)


@pytest.mark.parametrize("plot", PLOTS)
def test_plot_wants_a_fitted_fitter(plot):
    with pytest.raises(NotFittedError):
        plot(MeanFieldFitter())
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    "plot", [plot_fcd_cdf, plot_history, plot_verification, plot_ei_ratio]
)
def test_plot_uses_the_given_axes(plot, fitter):
    ax = plt.figure().subplots()
    assert plot(fitter, ax) is ax
    assert len(plt.get_fignums()) == 1


def test_fc_shows_both_matrices_with_one_symmetric_scale(fitter):
    axes = plot_fc(fitter).axes
    assert [ax.get_title() for ax in axes[:2]] == ["Empirical FC", "Simulated FC"]
    images = [ax.images[0] for ax in axes[:2]]
    for image, fc in zip(images, (fitter.fc_, fitter.fc_simulated_), strict=True):
        assert image.get_array().mask.diagonal().all()
        assert_array_equal(matrix_to_edges(image.get_array().data), matrix_to_edges(fc))
    assert images[0].get_clim() == images[1].get_clim()
    assert images[0].get_clim()[0] == -images[0].get_clim()[1]
    assert axes[3].get_ylabel() == "Correlation"


def test_fc_scatter_holds_edges_and_their_correlation(fitter):
    ax = plot_fc(fitter).axes[2]
    edges = np.column_stack(
        [matrix_to_edges(fitter.fc_), matrix_to_edges(fitter.fc_simulated_)]
    )
    assert_array_equal(ax.collections[0].get_offsets(), edges)
    r = np.corrcoef(edges.T)[0, 1]
    gap = np.subtract(*edges.mean(axis=0)[::-1])
    assert ax.get_title() == f"r = {r:.2f}, mean diff. {gap:+.2f}"


def test_fcd_marks_the_gap_that_the_cost_counts(fitter):
    ax = plot_fcd_cdf(fitter)
    gap = np.abs(fitter.fcd_cdf_simulated_ - fitter.fcd_cdf_).max()
    lines = by_label(ax)
    assert set(lines) == {"empirical", "simulated", f"KS = {gap:.2f}"}
    assert_array_equal(lines["empirical"].get_ydata(), fitter.fcd_cdf_)
    assert_array_equal(lines["simulated"].get_ydata(), fitter.fcd_cdf_simulated_)
    # The same difference of the same numbers, up to rounding of the subtraction.
    assert_allclose(np.ptp(lines[f"KS = {gap:.2f}"].get_ydata()), gap, rtol=1e-12)


def test_history_shows_search_verification_and_reported_cost(fitter):
    ax = plot_history(fitter)
    lines = by_label(ax)
    assert set(lines) == {
        "best, searched",
        "median, searched",
        "verified",
        "verified, out of range",
        f"reported {fitter.cost_:.2f}",
    }
    assert_array_equal(lines["best, searched"].get_data(), [[8], [0.9]])
    assert_array_equal(lines["verified"].get_data(), [[16], [0.7]])
    assert_array_equal(lines["verified, out of range"].get_data(), [[8], [0.75]])
    bars = ax.figure.axes[1].patches
    assert [bar.get_height() for bar in bars] == [0.25, 1.0]


def test_history_can_have_no_candidate_in_range(fitter):
    fitter.history_.best_total[:] = fitter.history_.median_total[:] = np.nan
    fitter.history_.n_in_range[:] = 0
    plot_history(fitter).figure.canvas.draw()


def test_verification_tells_range_and_selection_apart(fitter):
    ax = plot_verification(fitter)
    lines = by_label(ax)
    assert_array_equal(lines["in range"].get_data(), [[0.5], [0.7]])
    assert_array_equal(lines["out of range"].get_data(), [[0.8], [0.75]])
    assert_array_equal(lines["selected"].get_data(), [[0.5], [0.7]])
    assert lines["in range"].get_marker() != lines["out of range"].get_marker()
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_title() == ""


def test_verification_counts_the_diverged(fitter):
    fitter.verification_.simulated_total[1] = np.nan
    ax = plot_verification(fitter)
    assert ax.get_title() == "1 of 2 diverged"
    assert "out of range" not in by_label(ax)
    fitter.verification_.simulated_total[0] = np.nan
    assert plot_verification(fitter).get_title() == "2 of 2 diverged"


def test_ei_ratio_is_sorted_and_named(fitter):
    names = [f"area {k}" for k in range(N_ROIS)]
    ax = plot_ei_ratio(fitter, region_names=names)
    assert_array_equal(ax.lines[1].get_xdata(), np.sort(fitter.ei_ratio_))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [names[k] for k in np.argsort(fitter.ei_ratio_)]


def test_ei_ratio_against_truth(fitter):
    truth = np.linspace(2, 3, N_ROIS)
    ax = plot_ei_ratio(fitter, truth=truth)
    assert_array_equal(ax.lines[0].get_data(), [truth, fitter.ei_ratio_])
    r = np.corrcoef(truth, fitter.ei_ratio_)[0, 1]
    assert ax.get_title() == f"r = {r:.2f} over {N_ROIS} regions"


def test_ei_ratio_refuses_lengths_that_do_not_match(fitter):
    with pytest.raises(ValueError, match="each of the 8 regions"):
        plot_ei_ratio(fitter, truth=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"region_names .* got 1"):
        plot_ei_ratio(fitter, region_names=["a"])


def test_report_has_all_panels(fitter):
    figure = plot_report(fitter, truth=np.linspace(2, 3, N_ROIS))
    labels = {ax.get_xlabel() for ax in figure.axes}
    assert {
        "Region",
        "Empirical FC",
        "FCD (correlation between windows)",
        "Evaluations",
        "Total cost in the search",
        "True E/I ratio",
    } <= labels
