import numpy as np
import pytest
from scipy import stats

pd = pytest.importorskip("pandas")
pytest.importorskip("statsmodels")
pytest.importorskip("formulaic")

from delssome.study import contrast, map_effects  # noqa: E402

MEAN = ("mean", "mean")
SIDES = ("patient", "control")


@pytest.fixture
def people(rng):
    table = pd.DataFrame({"group": np.repeat(["control", "patient"], [30, 25])})
    table["age"] = rng.uniform(20, 40, 55) + 10.0 * (table["group"] == "patient")
    table["mean_fd"] = rng.gamma(2.0, 0.1, 55)
    table["site"] = rng.choice(list("ABCD"), 55)
    return table


@pytest.fixture
def maps(rng, people):
    maps = rng.normal(2.5, 0.2, (55, 8))
    maps[people["group"] == "patient", :2] += 0.3
    return maps


def test_without_covariates_it_is_the_t_test(maps, people):
    maps[0] = np.nan
    table = contrast(maps, people, "group", SIDES)
    a, b = maps[30:], maps[1:30]
    for name, x, y in (
        (MEAN, a.mean(axis=1), b.mean(axis=1)),
        (("region", "region_3"), a[:, 2], b[:, 2]),
    ):
        expected = stats.ttest_ind(x, y)
        row = table.loc[name]
        assert row["difference"] == pytest.approx(x.mean() - y.mean())
        assert row["p"] == pytest.approx(expected.pvalue)
        interval = expected.confidence_interval()
        assert tuple(row[["low", "high"]]) == pytest.approx(interval)
        pooled = (24 * x.var(ddof=1) + 28 * y.var(ddof=1)) / 52
        assert row["d"] == pytest.approx((x.mean() - y.mean()) / np.sqrt(pooled))
    assert (table["n_a"].unique(), table["n_b"].unique()) == ([25], [29])


def test_it_finds_what_differs_and_no_more(maps, people):
    table = contrast(maps, people, "group", SIDES, covariates="age + mean_fd")
    found = table.loc["region", "p_fdr"] < 0.05
    assert found.tolist() == [True] * 2 + [False] * 6


def test_it_is_what_map_effects_says(maps, people):
    more = "age + mean_fd + C(site)"
    table = contrast(maps, people, "group", SIDES, covariates=more)
    effects = map_effects(maps, people, f"group + {more}").loc["group[T.patient]"]
    np.testing.assert_allclose(table["difference"], effects["effect"])
    np.testing.assert_allclose(table["p_fdr"], effects["p_fdr"])


def test_groups_that_differ_in_age_alone_come_out_null(rng):
    group = np.repeat(["control", "patient"], 30)
    people = {"group": group, "sex": rng.choice(["F", "M"], 60)}
    people["age"] = rng.uniform(20, 40, 60) + 8.0 * (group == "patient")
    noise = rng.normal(0, 0.2, (60, 300))  # regions are runs
    asked = (3.0 - 0.03 * people["age"][:, None] + noise, people, "group", SIDES)
    found = contrast(*asked, covariates="age + sex").loc["region", "p"] < 0.05
    without = contrast(*asked).loc["region", "p"] < 0.05
    assert 0.02 < found.mean() < 0.08
    assert without.mean() > 0.8


def test_the_other_way_round_it_changes_its_sign(maps, people):
    one = contrast(maps, people, "group", SIDES, covariates="age")
    other = contrast(maps, people, "group", SIDES[::-1], covariates="age")
    np.testing.assert_allclose(one["difference"], -other["difference"])
    np.testing.assert_allclose(one["low"], -other["high"])
    np.testing.assert_allclose(one["p"], other["p"])


def test_pairs_are_the_paired_t_test(rng):
    n = 12
    own = rng.normal(2.5, 0.5, (n, 4))
    placebo, drug = (own + x + rng.normal(0, 0.05, own.shape) for x in (0, -0.1))
    visits = {"drug": np.repeat(["no", "yes"], n), "who": np.tile(np.arange(n), 2)}
    asked = (np.vstack([placebo, drug]), visits, "drug", ("yes", "no"))
    table = contrast(*asked, random="who")
    expected = stats.ttest_rel(drug[:, 1], placebo[:, 1])
    row = table.loc[("region", "region_2")]
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-3)
    assert row["df"] == n - 1
    interval = expected.confidence_interval()
    assert tuple(row[["low", "high"]]) == pytest.approx(interval, rel=1e-3)
    assert contrast(*asked).loc[MEAN, "p"] > 0.05


def test_a_visit_without_its_partner_is_used(rng):
    n = 12
    own = rng.normal(2.5, 0.5, n)
    visits = pd.DataFrame({"drug": np.repeat(["no", "yes"], n)})
    visits["who"], visits["scan"] = np.tile(np.arange(n), 2), np.arange(2 * n)
    maps = np.tile(own, 2) - 0.1 * (visits["drug"] == "yes") + rng.normal(0, 0.05, 24)
    maps = maps.to_numpy(copy=True)[:, None]
    maps[3] = np.nan
    table = contrast(maps, visits, "drug", ("yes", "no"), random="who")
    assert tuple(table.loc[MEAN, ["n_a", "n_b"]]) == (12, 11)
    assert table.loc[MEAN, "p"] < 0.01


def test_rows_of_other_levels_are_left_out(maps, people):
    people.loc[:4, "group"] = "sibling"
    table = contrast(maps, people, "group", SIDES)
    kept = contrast(maps[5:], people[5:], "group", SIDES)
    pd.testing.assert_frame_equal(table, kept)


def test_names_of_data_frames_are_used(maps, people):
    who = [f"sub-{k:02d}" for k in range(55)]
    regions = [f"parcel {k}" for k in "abcdefgh"]
    named = pd.DataFrame(maps, index=who, columns=regions)
    table = contrast(named, people.set_axis(who), "group", SIDES)
    assert table.loc["region"].index.tolist() == regions


def test_subjects_are_found_by_name(maps, people):
    who = [f"sub-{k:02d}" for k in range(55)]
    expected = contrast(maps, people, "group", SIDES, covariates="age")
    named = pd.DataFrame(maps, index=who)
    for table in (people.set_axis(who), people.assign(participant_id=who)):
        mixed = table.sample(frac=1.0, random_state=0)
        found = contrast(named, mixed, "group", SIDES, covariates="age")
        np.testing.assert_allclose(found, expected)
    with pytest.raises(ValueError, match=r"lacks 1 of the 55 .* sub-07"):
        contrast(named, people.set_axis(who).drop("sub-07"), "group", SIDES)


@pytest.mark.parametrize(
    ("column", "levels", "message"),
    [
        ("diagnosis", SIDES, "no column of subjects: there are group, age"),
        ("group", ("patient", "healthy"), "'healthy' of group .* control, patient"),
        ("group", ("patient", "patient"), "two that differ"),
        ("group", "patient", "two that differ"),
        ("gap", SIDES, "1 gaps"),
    ],
)
def test_bad_input_is_named(maps, people, column, levels, message):
    people["gap"] = people["group"].where(people.index != 3)
    with pytest.raises(ValueError, match=message):
        contrast(maps, people, column, levels)


def test_blanks_and_case_make_no_levels_of_their_own(maps, people):
    expected = contrast(maps, people, "group", SIDES)
    people.loc[40, "group"] = "patient "
    pd.testing.assert_frame_equal(contrast(maps, people, "group", SIDES), expected)
    people.loc[40, "group"] = "Patient"
    with pytest.raises(ValueError, match="'patient' and 'Patient', which differ by"):
        contrast(maps, people, "group", SIDES)
