"""Figures show what the fitter holds."""

import copy
import os
import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from delssome import (
    CMAES,
    MFM,
    Acquisition,
    MeanFieldFitter,
    MeanFieldPosterior,
    ModelComparison,
    PopulationFitter,
    Simulator,
    Verification,
    pack_subjects,
)
from delssome.connectome import matrix_to_edges
from delssome.costs import cost_terms
from delssome.observables import fc_matrix, fcd_cdf, fcd_matrix
from delssome.plotting import (
    ComparisonDisplay,
    FCDDisplay,
    FCDisplay,
    FCDMatrixDisplay,
    HistoryDisplay,
    IdentifiabilityDisplay,
    PopulationDisplay,
    PosteriorDisplay,
    ReadoutDisplay,
    VerificationDisplay,
    plot_report,
)

N_ROIS = 8
SCAN = Acquisition(n_frames=40, window=10, burn_in=3.6, warm_up=1.0)
ON_AXES = [
    FCDDisplay,
    HistoryDisplay,
    IdentifiabilityDisplay,
    VerificationDisplay,
    ReadoutDisplay,
]
PLOTS = [
    *(display.from_estimator for display in ON_AXES),
    FCDisplay.from_estimator,
    FCDMatrixDisplay.from_estimator,
    plot_report,
]
OF_POSTERIORS = [
    FCDDisplay.from_estimator,
    ReadoutDisplay.from_estimator,
    FCDisplay.from_estimator,
    FCDMatrixDisplay.from_estimator,
    PosteriorDisplay.from_estimator,
    plot_report,
]


@pytest.fixture(scope="module")
def subjects():
    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (2, N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((2, 60, N_ROIS)).cumsum(axis=1)
    return pack_subjects(
        upper + upper.swapaxes(1, 2),
        np.stack([fc_matrix(scan) for scan in bold]),
        np.stack([fcd_cdf(scan, 10) for scan in bold]),
    )


def fit_quickly(subjects, **settings):
    rng = np.random.default_rng(0)
    fitter = MeanFieldFitter(
        rng.standard_normal(N_ROIS),
        acquisition=SCAN,
        search=CMAES(popsize=8, max_iter=1, n_restarts=2),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
        random_state=0,
        **settings,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitter.fit(subjects[:1])


@pytest.fixture(scope="module")
def fitted(subjects):
    return fit_quickly(subjects)


@pytest.fixture(scope="module")
def unbounded(subjects):
    """A fit of a model that bounds no rate and reads out something else."""
    return fit_quickly(subjects, surrogate="linear", model=MFM())


@pytest.fixture(scope="module", params=["FIC", "MFM"])
def posterior(request, subjects, drawn_at_once):
    rng = np.random.default_rng(0)
    posterior = MeanFieldPosterior(
        rng.standard_normal(N_ROIS),
        "linear",
        model=MFM() if request.param == "MFM" else None,
        acquisition=SCAN,
        simulator=Simulator(n_repeats=1),
        interval=0.8,
        random_state=0,
    )
    with warnings.catch_warnings(), drawn_at_once():
        warnings.simplefilter("ignore")
        return posterior.fit(subjects[:1])


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


def by_label(ax):
    lines = [line for line in ax.lines if not line.get_label().startswith("_")]
    return {line.get_label(): line for line in lines}


@pytest.mark.parametrize("plot", PLOTS)
def test_plot_draws_and_leaves_settings_alone(plot, fitter):
    before = mpl.rcParams.copy()
    drawn = plot(fitter)
    assert mpl.rcParams == before
    figure = getattr(drawn, "figure_", drawn)
    figure.canvas.draw()
    assert figure.get_figwidth() in (3.4, 7.0)


@pytest.mark.parametrize("plot", PLOTS)
def test_plot_draws_a_model_without_a_range_of_rates(plot, unbounded):
    drawn = plot(unbounded)
    getattr(drawn, "figure_", drawn).canvas.draw()


@pytest.mark.parametrize("plot", OF_POSTERIORS)
def test_plot_draws_a_posterior(plot, posterior):
    drawn = plot(posterior)
    figure = getattr(drawn, "figure_", drawn)
    figure.canvas.draw()
    assert figure.get_figwidth() in (3.4, 7.0)


@pytest.mark.parametrize(
    ("plots", "kind"),
    [
        (PLOTS, MeanFieldFitter),
        (OF_POSTERIORS, MeanFieldPosterior),
        ([PopulationDisplay.from_estimator], PopulationFitter),
    ],
)
def test_plot_wants_a_fitted_estimator(plots, kind):
    for plot in plots:
        with pytest.raises(NotFittedError):
            plot(kind())
        with pytest.raises(TypeError, match=f"of a .*{kind.__name__}.*, got Pipeline"):
            plot(make_pipeline(kind()))
    assert not plt.get_fignums()


def test_search_and_verification_are_of_fits_alone(posterior):
    for display in (HistoryDisplay, IdentifiabilityDisplay, VerificationDisplay):
        with pytest.raises(TypeError, match="of a MeanFieldFitter, got MeanFieldPost"):
            display.from_estimator(posterior)


@pytest.mark.parametrize("display", ON_AXES)
def test_display_uses_the_given_axes(display, fitter):
    ax = plt.figure().subplots()
    drawn = display.from_estimator(fitter, ax=ax)
    assert drawn.ax_ is ax
    assert drawn.figure_ is ax.figure
    assert drawn.plot(ax) is drawn  # again, as its parameters say
    assert len(plt.get_fignums()) == 1


def test_fc_shows_both_matrices_with_one_symmetric_scale(fitter):
    axes = FCDisplay.from_estimator(fitter).axes_
    assert [ax.get_title() for ax in axes[:2]] == ["Empirical FC", "Simulated FC"]
    images = [ax.images[0] for ax in axes[:2]]
    for image, fc in zip(images, (fitter.fc_, fitter.fc_simulated_), strict=True):
        assert image.get_array().mask.diagonal().all()
        assert_array_equal(matrix_to_edges(image.get_array().data), matrix_to_edges(fc))
    assert images[0].get_clim() == images[1].get_clim()
    assert images[0].get_clim()[0] == -images[0].get_clim()[1]
    assert axes[3].get_ylabel() == "Correlation"


def test_fc_scatter_holds_edges_and_their_correlation(fitter):
    ax = FCDisplay.from_estimator(fitter).axes_[2]
    edges = np.column_stack(
        [matrix_to_edges(fitter.fc_), matrix_to_edges(fitter.fc_simulated_)]
    )
    assert_array_equal(ax.collections[0].get_offsets(), edges)
    r = np.corrcoef(edges.T)[0, 1]
    gap = np.subtract(*edges.mean(axis=0)[::-1])
    assert ax.get_title() == f"r = {r:.2f}, mean diff. {gap:+.2f}"


def test_fcd_marks_the_gap_that_the_cost_counts(fitter):
    ax = FCDDisplay.from_estimator(fitter).ax_
    gap = np.abs(fitter.fcd_cdf_simulated_ - fitter.fcd_cdf_).max()
    lines = by_label(ax)
    assert set(lines) == {"empirical", "simulated", f"KS = {gap:.2f}"}
    assert_array_equal(lines["empirical"].get_ydata(), fitter.fcd_cdf_)
    assert_array_equal(lines["simulated"].get_ydata(), fitter.fcd_cdf_simulated_)
    # The same difference of the same numbers, up to rounding of the subtraction.
    assert_allclose(np.ptp(lines[f"KS = {gap:.2f}"].get_ydata()), gap, rtol=1e-12)


def test_history_shows_search_verification_and_reported_cost(fitter):
    ax = HistoryDisplay.from_estimator(fitter).ax_
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


def test_history_speaks_of_a_range_only_where_a_model_has_one(unbounded):
    table, history = copy.deepcopy((unbounded.verification_, unbounded.history_))
    history.n_in_range = np.array([8, 8])
    display = HistoryDisplay(history, table, unbounded.cost_).plot()
    assert len(display.figure_.axes) == 1  # no share in range behind
    assert set(by_label(display.ax_)) == {
        "best, searched",
        "median, searched",
        "verified",
        f"reported {unbounded.cost_:.2f}",
    }
    history.n_in_range = np.array([4, 8])
    table.in_range = np.array([True, False])
    display = HistoryDisplay(history, table, 0.5).plot()
    behind = display.figure_.axes[1]
    assert behind.get_ylabel() == "Share stable (bars)"
    assert [bar.get_height() for bar in behind.patches] == [0.5, 1.0]
    assert "verified, diverged" in by_label(display.ax_)


def test_history_can_have_no_candidate_in_range(fitter):
    fitter.history_.best_total[:] = fitter.history_.median_total[:] = np.nan
    fitter.history_.n_in_range[:] = 0
    HistoryDisplay.from_estimator(fitter).figure_.canvas.draw()


def test_verification_tells_range_and_selection_apart(fitter):
    ax = VerificationDisplay.from_estimator(fitter).ax_
    lines = by_label(ax)
    assert_array_equal(lines["in range"].get_data(), [[0.5], [0.7]])
    assert_array_equal(lines["out of range"].get_data(), [[0.8], [0.75]])
    assert_array_equal(lines["selected"].get_data(), [[0.5], [0.7]])
    assert lines["in range"].get_marker() != lines["out of range"].get_marker()
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_title() == ""


def test_verification_counts_the_diverged(fitter):
    fitter.verification_.simulated_total[1] = np.nan
    ax = VerificationDisplay.from_estimator(fitter).ax_
    assert ax.get_title() == "1 of 2 diverged"
    assert "out of range" not in by_label(ax)
    fitter.verification_.simulated_total[0] = np.nan
    ax = VerificationDisplay.from_estimator(fitter).ax_
    assert ax.get_title() == "2 of 2 diverged"


def test_verification_speaks_of_a_range_only_where_a_model_has_one(unbounded):
    assert set(by_label(VerificationDisplay.from_estimator(unbounded).ax_)) == {
        "finalists",
        "selected",
        "equal",
    }


def test_identifiability_shows_what_is_left_of_the_prior(fitter):
    known = fitter.identifiability_
    display = IdentifiabilityDisplay.from_estimator(fitter)
    bars = {
        label.get_text(): bar.get_width()
        for label, bar in zip(
            display.ax_.get_yticklabels(), display.ax_.containers[1], strict=True
        )
    }
    assert bars == display.shares
    assert bars["mean E/I ratio (level)"] == (
        known.mean_readout_sd / known.mean_readout_prior_sd
    )
    k = known.names.index("G")
    assert bars["G"] == known.sd[k] / known.prior_sd[k]
    assert [*bars][4:] == known.names
    fewer = IdentifiabilityDisplay(known, ["G"], name="Firing rate (Hz)").shares
    assert "G" in fewer
    assert "w_EE_0" not in fewer
    assert "mean firing rate (Hz) (level)" in fewer


def test_identifiability_that_theory_does_not_know_is_refused(fitter, monkeypatch):
    monkeypatch.setattr(fitter, "_identifiability", None, raising=False)
    with pytest.raises(ValueError, match="Theory does not say"):
        IdentifiabilityDisplay.from_estimator(fitter)


def test_maps_alone_need_no_costs():
    readout = np.array([[3.0, 1.0], [np.nan, np.nan], [2.0, 4.0]])
    maps, bar = PopulationDisplay(readout, row="Person").plot().axes_
    assert maps.get_ylabel() == "Person"
    assert bar.get_ylabel() == "E/I ratio"
    assert_array_equal(maps.images[0].get_array().mask[:, 0], [False, True, False])


def test_readout_is_sorted_and_named(fitter):
    names = [f"area {k}" for k in range(N_ROIS)]
    ax = ReadoutDisplay.from_estimator(fitter, region_names=names).ax_
    assert_array_equal(ax.lines[1].get_xdata(), np.sort(fitter.ei_ratio_))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [names[k] for k in np.argsort(fitter.ei_ratio_)]
    assert ax.get_xlabel() == "E/I ratio"


def test_readout_has_the_name_that_the_model_gives_it(unbounded):
    ax = ReadoutDisplay.from_estimator(unbounded).ax_
    assert ax.get_xlabel() == "Firing rate (Hz)"
    assert_array_equal(ax.lines[-1].get_xdata(), np.sort(unbounded.readout_))
    truth = np.linspace(2, 3, N_ROIS)
    ax = ReadoutDisplay.from_estimator(unbounded, truth=truth).ax_
    assert ax.get_xlabel() == "True firing rate (Hz)"
    assert ax.get_ylabel() == "Recovered firing rate (Hz)"
    networks = list("abababab")
    ax = ReadoutDisplay.from_estimator(unbounded, networks=networks).ax_
    assert ax.get_xlabel() == "Firing rate (Hz) of regions"
    assert ReadoutDisplay(np.ones(3)).plot().ax_.get_xlabel() == "E/I ratio"


def test_readout_shows_by_how_much_restarts_differ():
    pattern = np.array([-0.2, 0.1, 0.1])
    readouts = np.array([2 + pattern, 3 + 2 * pattern])
    display = ReadoutDisplay(readouts.mean(axis=0), readouts)
    ax = display.plot().ax_
    bars = np.array(ax.collections[0].get_segments())[:, :, 0]
    assert_allclose(bars, np.sort(readouts, axis=0).T)
    assert ax.collections[0].get_label() == "range over 2 restarts"
    assert ax.lines[0].get_label() == "mean 2.50"


def test_readout_shows_what_fc_leaves_open(fitter, unbounded):
    for fit in (fitter, unbounded):
        ax = ReadoutDisplay.from_estimator(fit).ax_
        bars = ax.collections[0]
        assert bars.get_label() == "90 % of what FC leaves open"
        ends = np.array(bars.get_segments())[:, :, 0]
        order = np.argsort(fit.readout_)
        assert_allclose(ends.mean(axis=1), fit.readout_[order])
        sd = fit.identifiability_.readout_sd
        assert_allclose(np.ptp(ends, axis=1), 2 * 1.645 * sd[order])
    fitter._identifiability = None  # of what theory does not describe
    ax = ReadoutDisplay.from_estimator(fitter).ax_
    assert not any("FC" in bars.get_label() for bars in ax.collections)


def test_readout_of_a_posterior_has_its_intervals(posterior):
    ax = ReadoutDisplay.from_estimator(posterior).ax_
    (bars,) = ax.collections
    assert bars.get_label() == "80 % interval"
    ends = np.array(bars.get_segments())[:, :, 0]
    order = np.argsort(posterior.readout_)
    assert_array_equal(ends, posterior.readout_interval_[order])
    truth = np.linspace(2, 3, N_ROIS)
    ax = ReadoutDisplay.from_estimator(posterior, truth=truth).ax_
    ends = np.array(ax.collections[0].get_segments())
    assert_array_equal(ends[:, :, 1], posterior.readout_interval_)
    assert_array_equal(ends[:, 0, 0], truth)
    low, high = ax.get_ylim()
    assert low < posterior.readout_interval_.min()
    assert high > posterior.readout_interval_.max()


def test_posterior_is_shown_against_the_prior(posterior):
    display = PosteriorDisplay.from_estimator(posterior)
    mean, coefficients = display.axes_
    name = {"FIC": "Mean E/I ratio", "MFM": "Mean firing rate (Hz)"}
    assert mean.get_xlabel() == name[posterior.model_.name]
    before, after = mean.patches
    for patch, draws in (
        (before, posterior.prior_readout_draws_),
        (after, posterior.readout_draws_),
    ):
        edges = patch.get_data().edges
        assert_allclose(edges[[0, -1]], np.sort(draws.mean(axis=1))[[0, -1]])
    space = posterior.space_
    names = [label.get_text() for label in coefficients.get_yticklabels()]
    assert names == posterior.param_names_
    before, after = coefficients.collections
    for bars, draws in ((before, posterior.prior_draws_), (after, posterior.draws_)):
        ends = np.array(bars.get_segments())[:, :, 0]
        assert_allclose(ends, np.quantile(space.x(draws), (0.1, 0.9), axis=0).T)
    # Of slopes alone: intercepts, coupling and noise are positive.
    said = {text.xy[1]: text.get_text() for text in coefficients.texts[:-1]}
    x = space.x(posterior.draws_)
    places = coefficients.get_yticks()
    for k, one in enumerate(names):
        if one.endswith("_1"):
            assert said[places[k]] == f"{(x[:, k] > 0).mean():.2f}"
        else:
            assert places[k] not in said


def test_posterior_display_refuses_what_does_not_match():
    draws = np.zeros((5, 2))
    with pytest.raises(ValueError, match="a column for each of the 3 names"):
        PosteriorDisplay(draws[:, 0], draws[:, 0], draws, draws, list("abc"))


def test_readout_by_network_is_sorted_by_means():
    display = ReadoutDisplay([3.0, 2.0, 2.2, 3.2, 1.0], networks=list("abbac")).plot()
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["c (1)", "b (2)", "a (2)"]
    shown = [line.get_xdata().tolist() for line in display.ax_.lines]
    assert shown == [[1.0], [2.0, 2.2], [3.0, 3.2]]
    means = np.array(display.ax_.collections[0].get_segments())[:, 0, 0]
    assert_allclose(means, [1.0, 2.1, 3.1])


def test_readout_against_truth(fitter):
    truth = np.linspace(2, 3, N_ROIS)
    ax = ReadoutDisplay.from_estimator(fitter, truth=truth).ax_
    assert_array_equal(ax.lines[0].get_data(), [truth, fitter.ei_ratio_])
    r = np.corrcoef(truth, fitter.ei_ratio_)[0, 1]
    assert ax.get_title() == f"r = {r:.2f} over {N_ROIS} regions"
    assert ax.get_xlabel() == "True E/I ratio"
    assert ax.get_ylabel() == "Recovered E/I ratio"


def test_readout_refuses_lengths_that_do_not_match():
    for name in ("truth", "region_names", "networks"):
        with pytest.raises(ValueError, match=rf"{name} .* each of the 3 regions"):
            ReadoutDisplay(np.ones(3), **{name: ["a", "b"]})
    with pytest.raises(ValueError, match=r"interval must .* 3 regions, got .*\(3,\)"):
        ReadoutDisplay(np.ones(3), interval=np.ones(3))
    with pytest.raises(ValueError, match="give one of them"):
        ReadoutDisplay(np.ones(2), networks=["a", "b"], truth=[1.0, 2.0])


def test_other_subjects_are_simulated_as_score_does(fitter, subjects):
    fc = FCDisplay.from_estimator(fitter, subjects)
    fcd = FCDDisplay.from_estimator(fitter, subjects)
    edges = [matrix_to_edges(m)[None] for m in (fc.fc_simulated, fc.fc)]
    cdfs = [cdf[None] for cdf in (fcd.fcd_cdf_simulated, fcd.fcd_cdf)]
    total = cost_terms(edges[0], cdfs[0], edges[1], cdfs[1]).sum()
    assert_allclose(-total, fitter.score(subjects), rtol=1e-12)


def test_fcd_matrices_are_those_of_the_scan_and_of_a_simulation(fitter, rng):
    bold = rng.standard_normal((30, N_ROIS)).cumsum(axis=0)
    display = FCDMatrixDisplay.from_estimator(fitter, bold)
    assert list(display.fcds) == ["Empirical FCD", "Simulated FCD"]
    expected = fcd_matrix(bold, 10)
    assert_array_equal(display.fcds["Empirical FCD"], expected)
    images = [ax.images[0] for ax in display.axes_[:2]]
    assert_array_equal(images[0].get_array(), expected)
    assert images[0].get_extent()[1] == pytest.approx(21 * 0.72 / 60)
    assert images[0].get_clim() == images[1].get_clim()
    assert display.fcds["Simulated FCD"].shape == (31, 31)
    other = FCDMatrixDisplay.from_estimator(fitter, random_state=1)
    assert list(other.fcds) == ["Simulated FCD"]
    assert (other.fcds["Simulated FCD"] != display.fcds["Simulated FCD"]).any()
    with pytest.raises(ValueError, match="one column for each of the 8 regions"):
        FCDMatrixDisplay.from_estimator(fitter, bold[:, :5])


def test_population_shows_every_fit_and_what_failed():
    readout = np.array([[3.0, 1.0], [np.nan, np.nan], [2.0, 1.5]])
    cost, in_range = np.array([0.4, np.nan, 0.3]), np.array([True, False, False])
    maps, costs, bar = PopulationDisplay(readout, cost, in_range).plot().axes_
    shown = maps.images[0].get_array()
    assert_array_equal(shown.filled(np.nan), readout[:, ::-1])  # sorted by mean
    lines = by_label(costs)
    assert_array_equal(lines["in range: 1"].get_data(), [[1], [0.4]])
    assert_array_equal(lines["out of range: 1"].get_data(), [[0], [0.3]])
    assert costs.get_title() == "1 of 3 fits failed"
    assert bar.get_ylabel() == "E/I ratio"


def test_population_without_a_range_has_fits_alone():
    readout = np.array([[3.0, 1.0], [np.nan, np.nan], [2.0, 1.5]])
    cost = np.array([0.4, np.nan, 0.3])
    display = PopulationDisplay(readout, cost, None, name="Firing rate (Hz)").plot()
    _, costs, bar = display.axes_
    assert set(by_label(costs)) == {"fits: 2", "median 0.35"}
    assert_array_equal(by_label(costs)["fits: 2"].get_data(), [[0, 1], [0.3, 0.4]])
    assert bar.get_ylabel() == "Firing rate (Hz)"


def test_population_by_network():
    readout = np.array([[3.0, 1.0, 2.0]])
    display = PopulationDisplay(readout, [0.1], [True], networks=["b", "a", "b"])
    maps = display.plot().axes_[0]
    assert_array_equal(maps.images[0].get_array(), [[2.0, 3.0, 1.0]])
    labels = [label.get_text() for label in maps.get_xticklabels()]
    assert labels == ["b", "a"]  # as they come
    with pytest.raises(ValueError, match="each of the 3 regions"):
        PopulationDisplay(readout, [0.1], [True], networks=["b"])


@pytest.mark.parametrize(
    ("of", "name"), [("fitted", "E/I ratio"), ("unbounded", "Firing rate (Hz)")]
)
def test_population_of_an_estimator(of, name, subjects, request):
    population = PopulationFitter(request.getfixturevalue(of))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        population.fit(subjects)
    display = PopulationDisplay.from_estimator(population)
    assert_array_equal(display.readout, population.readout_)
    assert_array_equal(display.cost, population.cost_)
    assert display.axes_[2].get_ylabel() == display.name == name
    assert (display.in_range is None) == (of == "unbounded")


def test_compared_models_are_sorted_and_the_verdict_is_the_title():
    totals = np.array([[0.5, 0.6, np.nan], [0.3, 0.35, 0.32]])
    likelihood = np.array([[5.0, 4.0, 6.0, 5.5, 4.5, 5.0], [9.0, 8.5, 9.5, 9, 9, 8]])
    found = ModelComparison(
        names=("FIC", "Hopf"),
        criterion="likelihood",
        log_likelihood=likelihood,
        unexplained=np.array([[1.5] * 6, [1.1] * 6]),
        costs=np.repeat(totals[..., None] / 3, 3, axis=2),
        in_range=np.array([[True, False, False], [True, True, True]]),
        n_train=np.full(3, 4),
        n_test=np.full(3, 2),
        n_units=np.full(3, 2),
    )
    display = ComparisonDisplay(found).plot()
    held_out, beyond = display.axes_
    names = [label.get_text() for label in held_out.get_yticklabels()]
    assert names == ["Hopf", "FIC"]
    assert display.figure_.get_suptitle() == "Hopf explains held-out data best."
    assert "Hopf (nats" in beyond.get_xlabel()
    assert "cost" in held_out.get_xlabel()
    alone = replace(found, costs=np.full((2, 3, 3), np.nan))
    assert "Unexplained" in ComparisonDisplay(alone).plot().axes_[0].get_xlabel()
    with pytest.raises(TypeError, match="what compare_models gives"):
        ComparisonDisplay(totals)


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


def test_report_has_the_names_of_the_model(unbounded):
    figure = plot_report(unbounded)
    labels = {ax.get_xlabel() for ax in figure.axes}
    assert "Firing rate (Hz)" in labels
    assert not any("E/I" in label for label in labels)


def test_report_of_a_posterior_has_panels_of_its_own(posterior):
    figure = plot_report(posterior)
    labels = {ax.get_xlabel() for ax in figure.axes}
    assert {
        "Region",
        "FCD (correlation between windows)",
        posterior.model_.readout_name,
        "Coefficient, in ranges (slopes: in quarters)",
    } <= labels
    assert "Evaluations" not in labels


def test_matplotlib_is_loaded_when_something_is_drawn():
    code = (
        "import sys, delssome.plotting as p; assert 'matplotlib' not in sys.modules; "
        "p.ReadoutDisplay([1.0, 2.0]).plot(); assert 'matplotlib' in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "MPLBACKEND": "Agg"},
    )
