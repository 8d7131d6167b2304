import warnings

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import norm

from delssome.study import Norms, _shash, centile_scores, fit_centiles

N = 4000


def people(rng, n=N, n_sites=5):
    """People of whom centiles are known: skewed, by age, sex and site."""
    site = rng.integers(n_sites, size=n)
    age, sex = rng.uniform(6.0, 80.0, n), rng.integers(2, size=n)
    by_site = np.linspace(-0.1, 0.1, n_sites)[site]
    middle = 2.6 - 0.2 * np.log(age / 6.0) + 0.03 * sex + by_site
    spread = 0.12 * (1.0 + 0.4 * ((age - 40.0) / 40.0) ** 2) * np.exp(by_site)
    z = rng.standard_normal(n)
    value = middle + spread * np.sinh((np.arcsinh(z) + 0.3) / 0.9)
    return (
        value,
        age,
        np.where(sex, "M", "F"),
        np.array([f"site {k}" for k in site]),
        100.0 * norm.cdf(z),
    )


def test_centiles_of_new_people_are_right(rng):
    *given, _ = people(rng)
    norms = Norms().fit(*given)
    *new, truth = people(rng, 2000)
    found = norms.centiles(*new)
    assert np.abs(found - truth).mean() < 2.0
    for share in (5.0, 50.0, 95.0):
        below = 100 * (truth < share).mean()
        assert 100 * (found < share).mean() == pytest.approx(below, abs=2.0)


def test_a_left_out_site_is_learned_from_few(rng):
    value, age, sex, site, truth = people(rng, 6000)
    there = site == "site 4"
    norms = Norms().fit(*(x[~there] for x in (value, age, sex, site)))
    (new,) = np.nonzero(there)
    some, rest = new[:60], new[60:]
    with pytest.warns(UserWarning, match="site 4 is not known to these norms"):
        before = norms.centiles(value[rest], age[rest], sex[rest], site[rest])
    adapted = norms.adapt(value[some], age[some], sex[some], site="site 4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after = adapted.centiles(value[rest], age[rest], sex[rest], site[rest])
    off = [np.abs(x - truth[rest]).mean() for x in (before, after)]
    assert off[0] > 8.0
    assert off[1] < 4.0
    # The norms themselves have not changed.
    with pytest.raises(ValueError, match="known already"):
        adapted.adapt(value[some], age[some], sex[some], site="site 4")
    norms.adapt(value[some], age[some], sex[some], site="site 4")


def test_values_and_centiles_are_inverse(rng):
    *given, _ = people(rng)
    norms = Norms((3, 0)).fit(*given)
    assert norms.knots_ == (3, 0)
    age, sex, site = [10.0, 70.0], ["F", "M"], ["site 0", "site 3"]
    curves = norms.values([5.0, 50.0, 95.0], age, sex, site)
    assert (np.diff(curves, axis=1) > 0).all()
    for k, centile in enumerate((5.0, 50.0, 95.0)):
        found = norms.centiles(curves[:, k], age, sex, site)
        np.testing.assert_allclose(found, centile, atol=1e-8)


def test_they_are_kept_in_a_file(rng, tmp_path):
    *given, _ = people(rng)
    norms = Norms().fit(*given)
    value, age, sex, _ = (x[:50] for x in given)
    adapted = norms.adapt(value, age, sex, site="elsewhere")
    adapted.save(tmp_path / "norms.json")
    again = Norms.load(tmp_path / "norms.json")
    for site in (given[3][:50], ["elsewhere"] * 50):
        np.testing.assert_array_equal(
            again.centiles(value, age, sex, site),
            adapted.centiles(value, age, sex, site),
        )
    assert (again.n_, again.sites_, again.bic_) == (N, norms.sites_, norms.bic_)
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(ValueError, match="no file of norms"):
        Norms.load(tmp_path / "other.json")


def test_bic_asks_for_no_more_than_there_is(rng):
    age = rng.uniform(8, 23, 500)
    line = 2.0 - 0.02 * age + rng.normal(0, 0.1, 500)
    assert Norms().fit(line, age).knots_ == (0, 0)
    wave = 2.0 + 0.3 * np.sin(age / 2.0) + rng.normal(0, 0.1, 500)
    assert Norms().fit(wave, age).knots_[0] >= 2


def test_the_unit_does_not_matter(rng):
    *given, _ = people(rng, 800)
    one = Norms((2, 2)).fit(*given)
    other = Norms((2, 2)).fit(1000.0 * given[0] + 5.0, *given[1:])
    np.testing.assert_allclose(
        one.centiles(*given), other.centiles(1000 * given[0] + 5, *given[1:]), atol=1e-3
    )


def test_failed_fits_are_left_out(rng):
    value, age, sex, site, _ = people(rng, 800)
    value[:3] = np.nan
    norms = Norms((2, 0)).fit(value, age, sex, site)
    assert norms.n_ == 797
    found = norms.centiles(value, age, sex, site)
    assert np.isnan(found[:3]).all()
    assert np.isfinite(found[3:]).all()


def test_slopes_of_the_likelihood_are_exact(rng, monkeypatch):
    seen = {}

    def spy(misfit, start, **options):
        seen.update(misfit=misfit, start=start)
        raise StopIteration

    monkeypatch.setattr(_shash, "minimize", spy)
    middle = np.column_stack([np.ones(60), rng.normal(size=60)])
    with pytest.raises(StopIteration):
        _shash.most_likely(rng.normal(size=60), middle, middle[:, :1])
    x = seen["start"] + 0.3 * rng.normal(size=len(seen["start"]))
    off = check_grad(lambda x: seen["misfit"](x)[0], lambda x: seen["misfit"](x)[1], x)
    assert off < 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": np.full(800, 2.0)}, "value is the same"),
        ({"value": np.full(800, np.nan)}, "50 people with a value at least, got 0"),
        ({"age": np.full(800, 20.0)}, "age is the same"),
        ({"age": np.full(700, 20.0)}, "inconsistent numbers"),
        ({"sex": ["F", "M", "x", None] * 200}, "sex has 200 gaps"),
        ({"sex": ["F", "M", "x", "y"] * 200}, "two labels at most, got F, M, x, y"),
        ({"site": ["A"] * 795 + ["B"] * 5}, "site B has fewer than 10 people"),
    ],
)
def test_bad_people_are_named(rng, change, message):
    given = dict(zip(("value", "age", "sex", "site"), people(rng, 800), strict=False))
    with pytest.raises(ValueError, match=message):
        Norms((2, 0)).fit(**(given | change))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"age": [3.0], "sex": ["F"]},
            r"between 6\S* and 7\S*, of which the norms are, got 3",
        ),
        ({"age": [20.0]}, "sex is needed"),
        ({"age": [20.0], "sex": ["other"]}, "sex must be of F, M, got other"),
    ],
)
def test_people_beyond_the_norms_are_named(rng, given, message):
    norms = Norms((2, 0)).fit(*people(rng, 800)[:4])
    with pytest.raises(ValueError, match=message):
        norms.centiles([2.5], **given)
    with pytest.raises(ValueError, match="between 0 and 100"):
        norms.values([100.0], [20.0], ["F"])


def test_bad_knots_are_named(rng):
    given = people(rng, 100)[:2]
    with pytest.raises(TypeError, match="two numbers"):
        Norms(3).fit(*given)
    with pytest.raises(ValueError, match="knots must be"):
        Norms((3, -1)).fit(*given)


def test_labels_are_read_as_they_are_meant(rng):
    age, value = rng.uniform(20, 80, 100), rng.standard_normal(100)
    site = np.array(["A", "B "] * 50, dtype=object)
    plain = Norms().fit(value, age, site=np.array(["A", "B"] * 50))
    found = Norms().fit(value, age, site=site)
    given = value[:4], age[:4], None
    np.testing.assert_array_equal(
        found.centiles(*given, site[:4]), plain.centiles(*given, ["A", "B", "A", "B"])
    )
    site[3] = "b"
    with pytest.raises(ValueError, match="site of people says 'B' and 'b'"):
        Norms().fit(value, age, site=site)
    with pytest.raises(ValueError, match=r"age must be a number .*'90\+'"):
        Norms().fit(value, [*age[1:].astype(str), "90+"])


def test_columns_of_other_rows_are_refused(rng):
    pd = pytest.importorskip("pandas")
    names = [f"sub-{k}" for k in range(100)]
    value = pd.Series(rng.standard_normal(100), names)
    age = pd.Series(rng.uniform(20, 80, 100), names)
    norms = Norms().fit(value, age)
    np.testing.assert_array_equal(
        norms.centiles(value, age), norms.centiles(value.to_numpy(), age.to_numpy())
    )
    for ask in (norms.fit, norms.centiles, fit_centiles):
        with pytest.raises(ValueError, match=r"take both .* age.loc\[value.index\]"):
            ask(value, age[::-1])
    with pytest.raises(ValueError, match="value and age name different rows"):
        centile_scores(value[:5], age[1:6], value.to_numpy(), age.to_numpy())
