"""Tables of text: names at the edges, and numbers that are names or may be."""

import numpy as np
import pandas as pd
import pytest

from delssome.datasets import read_connectome, read_matrix, read_table

N = 6
CODES = [2001, 2002, 2101, 2102, 2111, 2201]


@pytest.fixture
def bold(rng):
    return rng.normal(size=(30, N))


@pytest.fixture
def counts(rng):
    upper = np.triu(rng.integers(0, 900, (N, N)), 1)
    return upper + upper.T


@pytest.fixture
def written(tmp_path):
    """Write a table by pandas and give the path."""

    def write(values, columns=True, index=False, name="x.csv", **kwargs):
        frame = pd.DataFrame(values)
        if columns is not True:
            frame.columns = columns
        if not isinstance(index, bool):
            frame.index = index
        path = tmp_path / name
        frame.to_csv(path, index=index is not False, **kwargs)
        return path

    return write


@pytest.mark.parametrize("columns", [range(1, N + 1), range(N), CODES])
def test_numbers_that_name_columns_are_no_frame(written, bold, columns):
    table = read_table(written(bold, columns))
    np.testing.assert_allclose(table.values, bold, rtol=1e-12)
    assert table.regions == tuple(map(str, columns))
    assert "its first row" in table.notes[0]


@pytest.mark.parametrize("columns", [range(1, N + 1), CODES])
@pytest.mark.parametrize("index", [True, False])
def test_numbers_that_name_regions_of_a_connectome_are_none_of_it(
    written, counts, columns, index
):
    path = written(counts, columns, list(columns) if index else False)
    np.testing.assert_array_equal(read_matrix(path), counts)


def test_numbers_of_whole_signals_that_count_are_names(written, rng):
    bold = rng.integers(9000, 11000, (30, N))
    np.testing.assert_array_equal(read_matrix(written(bold, range(1, N + 1))), bold)


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        # Codes above whole signals; distinct whole numbers that do not rise.
        ("2001,2002,2101,2102", "9003,9050,8990,9001\n9010,9002,9040,8998\n"),
        ("17,3,54,10", "0.1,0.2,0.3,0.4\n0.3,0.1,0.2,0.9\n"),
        # Labels at both edges, or a connectome whose first row rises.
        ("0,1,2,3,4", "1,0,7,8,9\n2,7,0,5,6\n3,8,5,0,1\n4,9,6,1,0\n"),
        ("1", "0.5\n0.7\n0.2\n"),
    ],
)
def test_a_first_row_that_may_be_either_is_asked_for(tmp_path, first, rest):
    path = tmp_path / "x.csv"
    path.write_text(f"{first}\n{rest}")
    with pytest.raises(ValueError, match=r"header=True or header=False \(--header"):
        read_matrix(path)
    n_rows = rest.count("\n")
    assert len(read_matrix(path, header=True)) == n_rows
    assert len(read_matrix(path, header=False)) == n_rows + 1


def test_a_first_row_like_the_others_is_data(tmp_path):
    matrix = np.arange(40).reshape(8, 5)
    np.savetxt(tmp_path / "x.csv", matrix, delimiter=",", fmt="%d")
    np.testing.assert_array_equal(read_matrix(tmp_path / "x.csv"), matrix)


@pytest.mark.parametrize("corner", ["", "label", "Node"])
def test_names_at_both_edges_are_kept(tmp_path, corner):
    text = f"{corner}\ta\tb\tc\na\t0\t1\t2\nb\t1\t0\t3\nc\t2\t3\t0\n"
    (tmp_path / "sc.tsv").write_text(text)
    table = read_table(tmp_path / "sc.tsv")
    assert table.rows == table.columns == table.regions == ("a", "b", "c")
    np.testing.assert_array_equal(table.values, [[0, 1, 2], [1, 0, 3], [2, 3, 0]])


def test_a_header_of_r_is_one_shorter(tmp_path):
    (tmp_path / "x.txt").write_text('"a" "b b"\n"r1" 1 2\n"r2" 3 4\n')
    table = read_table(tmp_path / "x.txt")
    assert table.columns == ("a", "b b")
    assert table.rows == ("r1", "r2")
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4]])


def test_a_column_that_counts_the_frames_is_no_region(tmp_path, bold):
    counted = np.column_stack([np.arange(len(bold)), bold])
    np.savetxt(tmp_path / "x.csv", counted, delimiter=",", fmt="%.17g")
    table = read_table(tmp_path / "x.csv")
    np.testing.assert_array_equal(table.values, bold)
    assert "counts the rows" in table.notes[0]
    assert table.rows is table.regions is None


def test_names_may_hold_the_marks_of_other_formats(written, bold):
    names = [f"area {k}, left; upper" for k in range(N)]
    for sep in (",", ";", "\t"):
        assert read_table(written(bold, names, sep=sep)).regions == tuple(names)


def test_decimal_commas_are_read_and_said(written, bold):
    table = read_table(written(bold, list("abcdef"), sep=";", decimal=","))
    np.testing.assert_allclose(table.values, bold, rtol=1e-12)
    assert "decimal points" in table.notes[0]


def test_rows_unlike_columns_are_reordered_with_a_word(written, counts):
    names, order = list("abcdef"), [3, 1, 5, 0, 2, 4]
    path = written(counts[:, order], [names[k] for k in order], names)
    table = read_connectome(path)
    expected = counts[np.ix_(order, order)]
    np.testing.assert_array_equal(table.values, expected)
    assert table.rows == table.columns == tuple(names[k] for k in order)
    assert "order of regions changed" in table.notes[0]


def test_rows_of_other_names_than_columns_are_an_error(written, counts):
    path = written(counts, list("abcdef"), list("abcdeg"))
    with pytest.raises(ValueError, match=r"x\.csv.* lacks 1 .*: f; it has 1 .*: g"):
        read_connectome(path)


@pytest.mark.parametrize(("part", "which"), [(np.triu, "upper"), (np.tril, "lower")])
def test_a_triangle_alone_is_mirrored_with_a_word(tmp_path, counts, part, which):
    np.savetxt(tmp_path / "sc.csv", part(counts), delimiter=",", fmt="%d")
    table = read_connectome(tmp_path / "sc.csv")
    np.testing.assert_array_equal(table.values, counts)
    assert f"{which} triangle alone" in table.notes[0]
    np.testing.assert_array_equal(read_matrix(tmp_path / "sc.csv"), part(counts))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"a,b,c\n1,2,3\n', r"x\.csv, line 1: a quote .* does not close.*remove it"),
        ('a,b,c\n1,2,3\n1,"2,3\n', r"x\.csv, line 3: a quote"),
        ("a,b,c\n1,2,3\n1,zwei,3\n", r"line 3, column 2 \(b\): 'zwei' is no number"),
        ("a,b,c\n1,2,3\n1,,3\n", r"line 3, column 2 \(b\): is empty; write n/a"),
        ("a,b,c\n1,2,3\n1,2\n1,2,3\n", "line 3 has 2 fields, line 4 has 3"),
        ("1,2\n1_0,3\n", "'1_0' is no number"),
    ],
)
def test_a_bad_line_is_named_in_one_line(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_matrix(tmp_path / "x.csv")
    assert "\n" not in str(error.value)


def test_a_key_of_a_text_is_refused(tmp_path):
    np.savetxt(tmp_path / "x.csv", np.eye(3), delimiter=",")
    with pytest.raises(ValueError, match="one array without a name; leave out key"):
        read_matrix(tmp_path / "x.csv", "sc")


def test_the_repetition_time_is_that_of_the_json_beside(tmp_path, bold, written):
    path = written(bold, list("abcdef"), name="x_timeseries.tsv", sep="\t")
    assert read_table(path).tr is None
    beside = tmp_path / "x_timeseries.json"
    for text, tr in [
        ('{"RepetitionTime": 0.8}', 0.8),
        ('{"SamplingFrequency": 0.5}', 2.0),
        ('{"SamplingFrequency": "TR"}', None),
    ]:
        beside.write_text(text)
        assert read_table(path).tr == tr
    beside.write_text('{"RepetitionTime": 800}')
    with pytest.raises(ValueError, match=r"in seconds, got 800; did you mean 0\.8"):
        read_table(path)
    beside.write_text("{")
    with pytest.raises(ValueError, match=r"x_timeseries\.json is damaged or no JSON"):
        read_table(path)


@pytest.mark.parametrize(
    "comments",
    [
        "#a\t#b b\t#c",  # C-PAC
        "# made by np.savetxt\n# a\tb b\tc",
        '# <1D>\n# ni_type = "3*float"\n# ColumnLabels = "a ; b b ; c"\n# >',  # AFNI
    ],
)
def test_names_may_stand_in_a_comment_above_the_numbers(tmp_path, comments):
    (tmp_path / "x.1D").write_text(f"{comments}\n0.5\t1.5\t2\n3\t4\t5.5\n# </1D>\n")
    table = read_table(tmp_path / "x.1D")
    assert table.columns == ("a", "b b", "c")
    np.testing.assert_array_equal(table.values, [[0.5, 1.5, 2], [3, 4, 5.5]])
    assert "begins #" in table.notes[0]


@pytest.mark.parametrize(
    "comment",
    [
        "# command_history: tck2connectome tracks.tck",
        "# a b",
        "# a a b",
        "# 1 2 3",
        "# a\n#",
        "",
    ],
)
def test_other_comments_are_no_names(tmp_path, comment):
    (tmp_path / "x.txt").write_text(f"{comment}\n0.5 1.5 2\n3 4 5.5\n# a b c\n")
    table = read_table(tmp_path / "x.txt")
    assert table.columns is None
    assert not table.notes
