import numpy as np
import pytest

from delssome.plotting import (
    plot_age,
    plot_centiles,
    plot_effects,
    plot_map_correlation,
    plot_retest,
)
from delssome.study import (
    Norms,
    contrast,
    correlate_maps,
    fit_centiles,
    map_effects,
    retest,
)


@pytest.fixture
def age(rng):
    return rng.uniform(8, 23, 40)


@pytest.fixture
def maps(rng, age):
    maps = 3.0 + rng.normal(0, 0.1, (40, 6))
    maps[:, :2] -= 0.05 * age[:, None]
    return maps


@pytest.fixture
def slopes(maps, age):
    return map_effects(maps, {"age": age}, "age").loc["age"]


def test_effects_are_sorted_and_filled_where_found(slopes):
    table = slopes
    ax = plot_effects(table)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert set(names[:2]) == {"region_1", "region_2"}  # the steepest
    filled = next(line for line in ax.lines if "FDR" in line.get_label())
    found = table.loc["region"].query("p_fdr < 0.05")["effect"]
    assert sorted(filled.get_xdata()) == sorted(found)
    assert f"{len(found)} of 6" in filled.get_label()


def test_effects_of_a_posterior_are_filled_where_the_interval_is_clear():
    pd = pytest.importorskip("pandas")
    index = pd.MultiIndex.from_tuples(
        [("mean", "mean"), ("region", "a"), ("region", "b")], names=["kind", "name"]
    )
    table = pd.DataFrame(
        {"effect": [-2.0, -3.0, -1.0], "low": [-3.0, -4, -3], "high": [-1.0, -2, 1]},
        index=index,
    )
    ax = plot_effects(table, "effect")
    filled = next(line for line in ax.lines if "interval" in str(line.get_label()))
    assert filled.get_xdata().tolist() == [-3.0]
    assert "1 of 2" in filled.get_label()


def test_effects_of_contrasts_and_networks(maps):
    people = {"group": np.repeat(["a", "b"], 20)}
    table = contrast(maps, people, "group", ("a", "b"), networks=list("aabbcc"))
    ax = plot_effects(table, "d", kind="network")
    assert {label.get_text() for label in ax.get_yticklabels()} == set("abc")
    assert ax.get_xlabel() == "Cohen's d of E/I ratio"


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("effect", "Change of firing rate (Hz) by one unit"),
        ("r", "Partial correlation of firing rate (Hz)"),
    ],
)
def test_effects_are_of_what_was_read_out(slopes, column, label):
    ax = plot_effects(slopes, column, name="Firing rate (Hz)")
    assert ax.get_xlabel() == label


def test_age_and_centiles_are_of_what_was_read_out(maps, age):
    value = maps[:, 0]
    assert plot_age(value, age).get_ylabel() == "Mean E/I ratio"
    fitted = fit_centiles(value, age, centiles=[50])
    for ax in (
        plot_age(value, age, name="Firing rate (Hz)"),
        plot_centiles(fitted, value, age, name="Firing rate (Hz)"),
    ):
        assert ax.get_ylabel() == "Mean firing rate (Hz)"


def test_age_shows_the_slope_that_the_table_has(maps, age, slopes):
    ax = plot_age(maps.mean(axis=1), age, truth=np.full(40, 3.0))
    slope = slopes.loc[("mean", "mean"), "effect"]
    assert any(f"{slope:+.3f} per year" in line.get_label() for line in ax.lines)
    assert "true" in [line.get_label() for line in ax.lines]


def test_failed_fits_are_left_out_of_age(maps, age):
    value = maps.mean(axis=1)
    value[3] = np.nan
    points = plot_age(value, age).lines[0]
    assert len(points.get_xdata()) == 39


def test_a_curve_for_every_centile(maps, age):
    fitted = fit_centiles(maps[:, 0], age, centiles=[25, 50, 75])
    ax = plot_centiles(fitted, maps[:, 0], age)
    assert len(ax.lines) == 4  # and the subjects
    assert [text.get_text() for text in ax.texts] == ["25", "50", "75"]


@pytest.mark.filterwarnings("ignore::delssome.exceptions.CircularWarning")
@pytest.mark.parametrize("circular", [False, True])
def test_map_correlation_shows_null_and_value(rng, circular):
    centroids = rng.normal(size=(30, 3)) * 50
    values, reference = rng.normal(size=(2, 30))
    given = {"inputs": reference if circular else None, "n_rotations": 50}
    found = correlate_maps(values, reference, centroids, random_state=0, **given)
    scatter, null = plot_map_correlation(found, values, reference).axes
    assert scatter.get_title() == f"Spearman r = {found.r:.2f}"
    assert null.lines[0].get_xdata()[0] == found.r
    assert null.get_title().startswith("circular" if circular else "p = ")


def test_retest_shows_pairs_within_and_between(rng):
    found = retest(*rng.normal(size=(2, 5, 20)))
    figure = plot_retest(found)
    points = figure.axes[1].lines
    assert [len(line.get_ydata()) for line in points] == [5, 20]
    assert f"{found.identified:.0%}" in figure.axes[1].get_title()


def test_centiles_are_not_drawn_where_there_are_no_subjects(rng):
    age = np.append(rng.uniform(8, 30, 100), [70.0, 75.0, 80.0])
    value = 3.0 + rng.normal(0, 0.1, 103)
    ax = plot_centiles(fit_centiles(value, age, centiles=[5, 50]), value, age)
    for curve in ax.lines[1:]:
        drawn = curve.get_xdata()[np.isfinite(curve.get_ydata())]
        assert drawn.min() == pytest.approx(age.min(), abs=1)
        # Five people are within 7.2 years of the last point.
        assert 30 <= drawn.max() < 38
    assert ax.texts[0].xy[0] == drawn.max()


def test_a_small_slope_has_digits(rng):
    age = rng.uniform(8, 80, 60)
    ax = plot_age(2.5 - 0.00037 * age, age)
    assert "-0.00037 per year" in ax.get_legend().get_texts()[-1].get_text()


@pytest.mark.parametrize(
    ("term", "label"),
    [
        ("age", "Change of E/I ratio by one unit of age"),
        ("sex[T.M]", "Difference in E/I ratio, sex[T.M]"),
    ],
)
def test_the_axis_of_effects_says_of_what(slopes, term, label):
    assert plot_effects(slopes, term=term).get_xlabel() == label


def test_norms_are_drawn_as_the_mean_of_all_kinds_of_people(rng):
    age, sex = rng.uniform(8, 80, 80), np.array(["F", "F", "F", "M"] * 20)
    value = 3.0 - 0.01 * age + 0.4 * (sex == "M") + rng.normal(0, 0.1, 80)
    norms = Norms().fit(value, age, sex)
    ax = plot_centiles(norms, value, age, sex=sex, over="Age at scan (years)")
    assert ax.get_xlabel() == "Age at scan (years)"
    assert [text.get_text() for text in ax.texts][3] == "50"
    grid, middle = ax.lines[4].get_data()
    of = [norms.values([50.0], grid, np.repeat(one, 100))[:, 0] for one in "FM"]
    there = np.isfinite(middle)
    np.testing.assert_allclose(middle[there], (0.75 * of[0] + 0.25 * of[1])[there])
