import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("statsmodels")
pytest.importorskip("formulaic")

from delssome.study import age_slope, contrast, map_effects, paired_contrast  # noqa: E402

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
    n_runs, found, without = 200, 0, 0
    for _ in range(n_runs):
        table = people(rng)
        maps = maps_of(table, rng)
        effects = map_effects(maps[:, :1], table, "group + age + sex")
        found += effects.loc[("group[T.patient]", "mean", "mean"), "p"] < 0.05
        is_patient = table["group"] == "patient"
        plain = map_effects(maps[:, :1], table, "group")
        without += plain["p"].iloc[0] < 0.05
        assert is_patient.sum() == N // 2
    assert found <= 20
    assert without > 0.8 * n_runs


def test_without_more_it_is_the_slope_and_the_difference(rng):
    table = people(rng)
    maps = maps_of(table, rng)
    one = map_effects(maps, table, "age").loc["age"]
    other = age_slope(maps, table["age"])
    np.testing.assert_allclose(one["effect"], other["slope"])
    np.testing.assert_allclose(one[["low", "high"]], other[["low", "high"]])
    np.testing.assert_allclose(one["p_fdr"], other["p_fdr"])
    group = map_effects(maps, table, "group").loc["group[T.patient]"]
    a, b = maps[N // 2 :], maps[: N // 2]
    plain = contrast(a, b, n_permutations=99, random_state=0)
    np.testing.assert_allclose(group["effect"], plain["difference"])


def test_sites_that_stand_for_others_are_random(rng):
    """Intervals hold the slope as often as they say, and sites their share."""
    n_runs, held, shares = 60, 0, []
    for _ in range(n_runs):
        table = people(rng)
        maps = maps_of(table, rng, site_sd=0.4)
        row = map_effects(maps[:, :1], table, "age", random="site").loc["age"].iloc[0]
        held += row["low"] < -0.03 < row["high"]
        shares.append(row["share_random"])
        assert row["n_groups"] == table["site"].nunique()
    assert held >= 0.87 * n_runs
    assert np.median(shares) == pytest.approx(0.8, abs=0.12)


def test_visits_of_participants_are_paired(rng):
    """A random level a participant, two visits each, is the paired contrast."""
    n = 24
    own = rng.normal(2.5, 0.5, n)
    first, second = (
        (own + shift)[:, None] + rng.normal(0, 0.1, (n, N_ROIS)) for shift in (0, 0.08)
    )
    table = pd.DataFrame(
        {
            "participant": np.tile([f"sub-{k}" for k in range(n)], 2),
            "drug": np.repeat(["no", "yes"], n),
        }
    )
    maps = np.vstack([first, second])
    found = map_effects(maps, table, "drug", random="participant").loc["drug[T.yes]"]
    plain = paired_contrast(second, first, n_permutations=99, random_state=0)
    np.testing.assert_allclose(found["effect"], plain["difference"], rtol=1e-6)
    within = (second - first).mean(axis=1)
    assert found["se"].iloc[0] == pytest.approx(within.std(ddof=1) / n**0.5, rel=1e-3)


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
        (None, "group + weight", None, ValueError, "columns group, age, sex, site"),
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
