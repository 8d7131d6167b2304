import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("statsmodels")
pytest.importorskip("formulaic")

from scipy import stats  # noqa: E402

from delssome.study import map_effects  # noqa: E402

N, N_ROIS = 60, 4


def people(rng, n=N):
    """Subjects of two groups that differ in age alone, from three sites."""
    table = pd.DataFrame({"group": np.repeat(["control", "patient"], n // 2)})
    table["age"] = rng.uniform(20, 40, n) + 8.0 * (table["group"] == "patient")
    table["sex"] = rng.choice(["F", "M"], n)
    table["site"] = rng.choice(["A", "B", "C", "D", "E"], n)
    return table


def maps_of(table, rng, site_sd=0.0):
    by_site = dict(zip("ABCDE", site_sd * rng.standard_normal(5), strict=True))
    levels = 3.0 - 0.03 * table["age"] + table["site"].map(by_site)
    return levels.to_numpy()[:, None] + rng.normal(0, 0.2, (len(table), N_ROIS))


def test_groups_that_differ_in_age_alone_are_alike(rng):
    """As many false alarms as p says, where the contrast without age has many."""
    table = people(rng)
    level = 3.0 - 0.03 * table["age"].to_numpy()[:, None]
    maps = level + rng.normal(0, 0.2, (N, 300))  # regions are runs
    term = ("group[T.patient]", "region")
    found = map_effects(maps, table, "group + age + sex").loc[term, "p"] < 0.05
    without = map_effects(maps, table, "group").loc[term, "p"] < 0.05
    assert 0.02 < found.mean() < 0.08
    assert without.mean() > 0.8


def test_slopes_are_those_of_least_squares(rng):
    table = people(rng)
    maps, networks = maps_of(table, rng), ["b", "a", "a", "b"]
    found = map_effects(maps, table, "age", networks=networks).loc["age"]
    for name, values in (
        (("mean", "mean"), maps.mean(axis=1)),
        (("network", "a"), maps[:, [1, 2]].mean(axis=1)),
        (("region", "region_3"), maps[:, 2]),
    ):
        expected = stats.linregress(table["age"], values)
        row = found.loc[name]
        assert row["effect"] == pytest.approx(expected.slope)
        assert row["se"] == pytest.approx(expected.stderr)
        assert row["r"] == pytest.approx(expected.rvalue)
        assert row["p"] == pytest.approx(expected.pvalue)
        assert row["low"] < row["effect"] < row["high"]
    regions = found.loc["region"]
    np.testing.assert_allclose(
        regions["p_fdr"], stats.false_discovery_control(regions["p"])
    )


def test_columns_may_be_arrays(rng):
    table = people(rng)
    maps = maps_of(table, rng)
    columns = {name: table[name].to_numpy() for name in ("age", "sex")}
    found = map_effects(maps, columns, "age + sex")
    pd.testing.assert_frame_equal(found, map_effects(maps, table, "age + sex"))


def test_sites_that_stand_for_others_are_random(rng):
    """Intervals hold the slope as often as they say, and sites their share."""
    n_runs, held, shares = 30, 0, []
    for _ in range(n_runs):
        table = people(rng)
        maps = maps_of(table, rng, site_sd=0.4)
        row = map_effects(maps[:, :1], table, "age", random="site").loc["age"].iloc[0]
        held += row["low"] < -0.03 < row["high"]
        shares.append(row["share_random"])
        assert row["n_groups"] == table["site"].nunique()
    assert held >= 0.87 * n_runs
    assert np.median(shares) == pytest.approx(0.8, abs=0.12)


def visits(rng, n=24, per_person=3):
    """People who come several times, a year apart; half of them are patients."""
    table = pd.DataFrame({"who": np.repeat([f"sub-{k}" for k in range(n)], per_person)})
    table["year"] = np.tile(np.arange(float(per_person)), n)
    table["group"] = np.repeat(["control", "patient"], n // 2 * per_person)
    table["own"] = np.repeat(rng.normal(0, 0.3, n), per_person)
    return table


def test_visits_and_people_are_tested_by_their_own_numbers(rng):
    """What changes between visits by visits, what people are by people."""
    table = visits(rng)
    maps = 2.5 + table["own"].to_numpy()[:, None] + rng.normal(0, 0.1, (72, 1))
    found = map_effects(maps, table, "year * group", random="who")
    df = found["df"].xs("mean", level="name")
    assert df.loc["group[T.patient]", "mean"] == 24 - 2
    assert df.loc["year", "mean"] == df.loc["year:group[T.patient]", "mean"]
    assert df.loc["year", "mean"] == 72 - 24 - 2


def test_courses_that_differ_are_found(rng):
    table = visits(rng)
    slope = np.where(table["group"] == "patient", -0.1, 0.0) * table["year"]
    maps = (2.5 + table["own"] + slope).to_numpy()[:, None]
    maps = maps + rng.normal(0, 0.05, (72, 1))
    found = map_effects(maps, table, "year * group", random="who")
    course = found.loc[("year:group[T.patient]", "mean", "mean")]
    assert course["low"] < -0.1 < course["high"]
    assert course["p"] < 0.001
    assert found.loc[("group[T.patient]", "mean", "mean"), "p"] > 0.01


def test_few_people_give_no_more_false_alarms_than_p_says(rng):
    """Ten people twice: a Wald test by the normal density has 8 %."""
    n, n_runs = 10, 30
    table = pd.DataFrame({"who": np.tile(np.arange(n), 2)})
    table["drug"] = np.repeat(["no", "yes"], n)
    own = np.tile(rng.normal(size=(n, n_runs)), (2, 1))
    maps = own + rng.normal(size=(2 * n, n_runs))  # regions are runs
    found = map_effects(maps, table, "drug", random="who").loc["drug[T.yes]"]
    a, b = maps[n:], maps[:n]
    expected = stats.ttest_rel(a, b).pvalue
    np.testing.assert_allclose(found.loc["region", "p"], expected, atol=0.05)
    assert (found.loc["region", "p"] < 0.05).mean() <= 0.14


def test_too_few_groups_are_named(rng):
    table = people(rng)
    table["site"] = table["site"].replace({"D": "C", "E": "C"})
    maps = maps_of(table, rng)
    with pytest.raises(ValueError, match=r"nothing to test .*year"):
        map_effects(
            maps,
            table.assign(
                year=table["site"].map({"A": 1.0, "B": 2.0, "C": 4.0}),
                ward=table["site"].map({"A": 1.0, "B": 0.0, "C": 0.0}),
            ),
            "year + ward",
            random="site",
        )


def test_names_of_a_data_frame_are_used(rng):
    table = people(rng)
    who = [f"sub-{k}" for k in range(N)]
    names = [f"parcel_{k}" for k in range(N_ROIS)]
    maps = pd.DataFrame(maps_of(table, rng), index=who, columns=names)
    expected = map_effects(maps.to_numpy(), table, "age", region_names=names)
    mixed = table.set_axis(who).sample(frac=1.0, random_state=0)
    pd.testing.assert_frame_equal(map_effects(maps, mixed, "age"), expected)


def test_names_that_stand_twice_need_the_order_of_maps(rng):
    table = visits(rng).set_index("who")
    maps = pd.DataFrame(rng.normal(size=(72, 2)), index=table.index)
    assert len(map_effects(maps, table, "year")) == 3
    with pytest.raises(ValueError, match="more than once"):
        map_effects(maps, table[::-1], "year")


def test_rows_and_names(rng):
    table = people(rng)
    maps = maps_of(table, rng)
    maps[3] = np.nan  # a failed fit
    table.loc[3, "age"] = np.nan  # of which nothing needs to be known
    names = [f"parcel_{k}" for k in range(N_ROIS)]
    networks = ["Vis", "Vis", "Default", "Default"]
    found = map_effects(
        maps, table, "age + C(site)", region_names=names, networks=networks
    )
    assert found.index.names == ["term", "kind", "name"]
    assert set(found.index.unique("term")) > {"age", "C(site)[T.B]"}
    assert found.loc["age"].index.get_level_values("name").tolist() == [
        "mean", "Default", "Vis", *names,
    ]  # fmt: skip
    assert (found["n"] == N - 1).all()


def gap(table):
    return table.assign(age=table["age"].where(table.index != 5))


def text_gap(table):
    return table.assign(sex=table["sex"].where(table.index != 5))


@pytest.mark.parametrize(
    ("change", "formula", "random", "kind", "message"),
    [
        (
            None,
            "group + weight",
            None,
            ValueError,
            "weight, there are group, age, sex",
        ),
        (None, "age + age_2", None, ValueError, "does not fit subjects"),
        (None, "0 + age", None, ValueError, "leaves out the constant"),
        (None, "1", None, ValueError, "must name a column"),
        (None, "age + I(2 * age)", None, ValueError, "repeat each other"),
        (gap, "age", None, ValueError, r"gaps in age \(1\)"),
        (text_gap, "sex", None, ValueError, r"gaps in sex \(1\)"),
        (None, "age", "scanner", ValueError, "no column of subjects"),
        (None, "age", "sex", ValueError, r"2 groups.*C\(sex\)"),
        (None, "age", "age", ValueError, "a group for every row"),
        (lambda t: t.iloc[:5], "age", None, ValueError, "each of the 60 of maps"),
        (np.asarray, "age", None, TypeError, "must be a pandas.DataFrame"),
    ],
)
def test_bad_input_is_named(rng, change, formula, random, kind, message):
    table = people(rng)
    maps = maps_of(table, rng)
    table = table if change is None else change(table)
    with pytest.raises(kind, match=message):
        map_effects(maps, table, formula, random=random)
