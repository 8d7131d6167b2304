"""A formula takes a table apart, and says what in it is not what it seems."""

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from delssome.formulas import by_formula  # noqa: E402

N = 12


@pytest.fixture
def people():
    return pd.DataFrame(
        {
            "age": np.linspace(20.0, 80.0, N),
            "mean fd": np.linspace(0.1, 0.3, N) ** 2,
            "sex": ["F", "M"] * (N // 2),
            "site": [1, 2, 3, 3] * (N // 4),
            "n_scans": [1, 2, 3, 3] * (N // 4),
        }
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (lambda age: [*age[1:].astype(str), "90+"], "others are not, such as '90\\+'"),
        (lambda age: age.astype(str).str.replace(".", ","), "12 of its 12 .* '20,0'"),
        (lambda age: age.astype(str), "would enter as 12 categories"),
        (lambda age: [f"2001-01-{k:02d}" for k in range(10, 10 + N)], "in every row"),
    ],
)
def test_text_that_holds_numbers_is_no_category(people, words, said):
    people["measure"] = words(people["age"])
    with pytest.raises(ValueError, match=said):
        by_formula("measure + sex", people, "subjects")
    if "every row" not in said:  # who asks for them has categories
        assert by_formula("C(measure)", people, "subjects")[0].shape == (N, N)


def test_codes_that_are_text_are_categories(people):
    design, _ = by_formula("site", people.assign(site=people["site"].astype(str)), "x")
    assert [*design.columns] == ["Intercept", "site[T.2]", "site[T.3]"]


def test_whole_numbers_of_groups_are_told_from_amounts(people):
    with pytest.warns(UserWarning, match=r"site of subjects has 3 .* C\(site\)"):
        by_formula("site", people, "subjects")
    # Silent: asked for, two of them, or amounts.
    by_formula("C(site)", people, "subjects")
    by_formula("site", people.assign(site=people["site"].clip(upper=2)), "subjects")
    by_formula("n_scans", people, "subjects")


def test_blanks_around_words_do_not_count(people):
    people.loc[3, "sex"] = " M "
    people.loc[5, "sex"] = "  "
    design, gaps = by_formula("sex", people, "subjects")
    assert [*design.columns] == ["Intercept", "sex[T.M]"]
    assert gaps == {"sex": 1}
    assert people.loc[3, "sex"] == " M "


def test_a_column_of_one_name_is_asked_for_once(people):
    twice = pd.concat([people, people[["age"]]], axis=1)
    with pytest.raises(ValueError, match="subjects has a column age more than once"):
        by_formula("sex", twice, "subjects")


def test_kinds_of_columns_are_kept(people):
    people["visit"] = pd.Categorical([1, 2, 3] * 4)
    people["done"] = [True, False] * 6
    design, _ = by_formula("visit + done + log(age)", people, "subjects")
    assert [*design.columns][1:] == [
        "visit[T.2]",
        "visit[T.3]",
        "done",
        "log(age)",
    ]


def test_words_that_differ_by_case_are_refused(people):
    people.loc[3, "sex"] = "m"
    with pytest.raises(ValueError, match="says 'M' and 'm', which differ by case"):
        by_formula("sex", people, "subjects")


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("Age", "no column Age, there are age, .*; is age meant\\?"),
        ("weight", "no column weight, there are age, mean fd, sex, site, n_scans\\."),
        ("mean fd", "stand in backticks: `mean fd`"),
        ("age + (1|site)", "asked for by `random`"),
        ("age +", "misplaced. age \\+; there are age"),
    ],
)
def test_a_formula_that_does_not_fit_says_why(people, formula, said):
    with pytest.raises(ValueError, match=said) as caught:
        by_formula(formula, people, "subjects")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("formula", ["`mean fd`", "Q('mean fd')", "log(`mean fd`)"])
def test_gaps_are_counted_however_a_column_is_named(people, formula):
    people.loc[2, "mean fd"] = np.nan
    assert by_formula(formula, people, "subjects")[1] == {"mean fd": 1}
