"""Names of regions: aligned, missing, twice, and none."""

import numpy as np
import pytest

from delssome.connectome import align_names, check_names
from delssome.connectome.names import are_counts, in_order, some


def test_an_order_is_changed_and_said():
    alignment = align_names(["b", " c", "a"], ["a", "b", "c"], "bold", "sc")
    np.testing.assert_array_equal(alignment.order, [2, 0, 1])
    assert alignment.notes == ("bold: order of regions changed to that of sc.",)


def test_the_right_order_needs_no_word():
    assert align_names(["a", "b"], ["a", "b"]).notes == ()


def test_regions_that_the_reference_lacks_are_left_out_and_listed():
    alignment = align_names(["a", "x", "b"], ["a", "b"], "bold", "sc")
    np.testing.assert_array_equal(alignment.order, [0, 2])
    assert alignment.dropped == ("x",)
    assert alignment.notes == ("bold: left out, not in sc: x.",)


def test_missing_names_are_an_error_that_names_both_sides():
    with pytest.raises(
        ValueError, match=r"bold lacks 1 of the 2 of sc: b; it has 2"
    ) as e:
        align_names(["a", "x", "y"], ["a", "b"], "bold", "sc")
    assert "x, y" in str(e.value)


@pytest.mark.parametrize(("ours", "theirs"), [(3, list("abc")), (list("abc"), 3)])
def test_without_names_the_order_is_assumed_and_said(ours, theirs):
    alignment = align_names(ours, theirs, "bold", "sc")
    np.testing.assert_array_equal(alignment.order, range(3))
    assert "no names of regions, order assumed" in alignment.notes[0]


def test_without_names_other_numbers_of_regions_are_an_error():
    with pytest.raises(ValueError, match="must have the 3 regions of sc, got 2"):
        align_names(2, list("abc"), "bold", "sc")


def test_counts_beside_words_name_nothing():
    notes = align_names(["1", "2", "3"], list("abc"), "bold", "sc").notes
    assert notes == ("bold: no names of regions, order assumed to be the same.",)


def test_counts_beside_numbers_in_another_order_are_names():
    alignment = align_names(["3", "1", "2"], ["1", "2", "3"])
    np.testing.assert_array_equal(alignment.order, [1, 2, 0])


def test_counts_from_zero_are_those_from_one():
    alignment = align_names(["0", "1", "2"], ["1", "2", "3"])
    np.testing.assert_array_equal(alignment.order, range(3))


def test_names_of_other_letters_are_other_names():
    with pytest.raises(ValueError, match="must name the same regions"):
        align_names(["Left", "right"], ["left", "right"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "a"], r"a stands more than once \(a: 1, 3\)"),
        (["a", " "], "number 2 of 2 has none"),
    ],
)
def test_names_stand_once_and_are_there(names, message):
    with pytest.raises(ValueError, match=message):
        check_names(names, "sc")


def test_what_is_given_by_name_is_brought_into_order():
    pd = pytest.importorskip("pandas")
    names = ["b", "a"]
    assert in_order({"a": 1, "b": 2, "c": 3}, names, "networks") == [2, 1]
    assert in_order(pd.Series([1, 2], ["a", "b"]), names, "networks") == [2, 1]
    assert in_order(pd.Series([1, 2]), names, "networks") == [1, 2]
    assert in_order([1, 2], names, "networks") == [1, 2]
    with pytest.raises(ValueError, match="networks lacks 1 of the 2 regions: b"):
        in_order({"a": 1}, names, "networks")
    with pytest.raises(ValueError, match="give region_names, too"):
        in_order({"a": 1}, None, "networks")


def test_few_names_are_all_said_and_of_more_the_first():
    assert some(list("abcde")) == "a, b, c, d, e"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert some(list("abc"), most=1) == "a and 2 more"


@pytest.mark.parametrize(
    ("names", "only_count"),
    [
        (["0", "1", "2"], True),
        (["1", "2", "3"], True),
        (["2", "3", "4"], False),
        (["-1", "0", "1"], False),
        (["2", "1", "3"], False),
        (["a", "b", "c"], False),
    ],
)
def test_names_that_count_do_so_from_0_or_1(names, only_count):
    assert are_counts(names) == only_count


@pytest.mark.parametrize("counts_first", [True, False])
def test_counts_beside_codes_of_an_atlas_are_codes(counts_first):
    counts, codes = ["1", "2", "3"], ["3", "1", "2"]
    ours, theirs = (counts, codes) if counts_first else (codes, counts)
    alignment = align_names(ours, theirs)
    assert [ours[k] for k in alignment.order] == theirs
    with pytest.raises(ValueError, match="lacks 3 of the 3"):
        align_names(["10", "20", "30"], counts)


@pytest.mark.parametrize("words_first", [True, False])
def test_who_has_no_names_is_said(words_first):
    sides = (list("abc"), ["1", "2", "3"]) if words_first else (["0", "1", "2"], 3)
    (note,) = align_names(*sides, "bold", "sc").notes
    assert note.startswith("sc: no names")
    assert align_names(3, 3, "bold", "sc").notes[0].startswith("bold and sc: no names")


def test_many_that_are_left_out_are_listed():
    names = [f"x{k:02d}" for k in range(23)] + ["a"]
    (_, note) = align_names([*names[::-1], "b"], ["b", "a"], "bold", "sc").notes
    assert note.endswith("x03 and 3 more.")


def test_a_series_without_names_to_go_by_stays_as_it_is():
    pd = pytest.importorskip("pandas")
    series = pd.Series([1, 2], ["a", "b"])
    assert in_order(series, None, "networks") is series


def test_names_that_are_no_text_are_taken_as_text():
    assert in_order({10: "x", 20: "y"}, [20, 10], "networks") == ["y", "x"]


def test_a_dict_that_counts_is_in_order_already():
    assert in_order({0: "x", 1: "y"}, ["b", "a"], "networks") == ["x", "y"]


def test_names_twice_are_all_named():
    with pytest.raises(ValueError, match=r"a, b stand more than once \(a: 1, 2\)"):
        check_names(["a", "a", "b", "b", "c"], "sc")


def test_missing_names_beside_no_others_are_said():
    with pytest.raises(ValueError, match="lacks 1 of the 2 of sc: b; it has no others"):
        align_names(["a"], ["a", "b"], "bold", "sc")


def test_neighbours_that_changed_places_are_brought_into_order():
    alignment = align_names(["b", "a"], ["a", "b"], "bold", "sc")
    assert alignment.order.tolist() == [1, 0]
    assert alignment.notes == ("bold: order of regions changed to that of sc.",)
