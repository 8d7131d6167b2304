"""Subjects of a folder brought together: by name, by length, by coverage."""

import json

import numpy as np
import pandas as pd
import pytest

from delssome.datasets import read_subjects
from delssome.datasets.derivatives.participants import read_participants

N = 6
NAMES = [f"Roi_{k}" for k in range(N)]
OPTIONS = {"window": 12, "n_fcd_bins": 40}


@pytest.fixture
def people(tmp_path, rng, random_sc, smooth):
    """Two subjects with names; give what writes a table anew, and the folder."""

    def write(subject, kind, values, names, **kwargs):
        rows = names if kind in ("sc", "fc") else None
        frame = pd.DataFrame(values, rows, names)
        path = tmp_path / f"{subject}_{kind}.tsv"
        frame.to_csv(path, sep="\t", index=rows is not None, na_rep="n/a")
        return frame

    write.folder = tmp_path
    for subject in ("a", "b"):
        write(subject, "sc", random_sc(N, 1.0), NAMES)
        write(subject, "bold", smooth(60, N), NAMES)
    return write


def table_of(folder, name):
    return pd.read_csv(folder / name, sep="\t")


def test_subjects_in_another_order_are_brought_into_one(people):
    expected = read_subjects(people.folder, tr=2.0, **OPTIONS)
    bold = table_of(people.folder, "b_bold.tsv")
    people("b", "bold", bold[NAMES[::-1]].to_numpy(), NAMES[::-1])
    data = read_subjects(people.folder, tr=2.0, **OPTIONS)
    np.testing.assert_allclose(data.X, expected.X, atol=1e-12)
    assert data.region_names == NAMES
    assert data.notes == [
        f"{people.folder}/b_bold.tsv: order of regions changed to that of "
        f"{people.folder}/a_sc.tsv."
    ]


def test_regions_that_only_sc_has_are_left_out_and_listed(people, smooth):
    for subject in ("a", "b"):
        people(subject, "bold", smooth(60, N - 1), NAMES[1:])
    data = read_subjects(people.folder, tr=2.0, **OPTIONS)
    assert data.region_names == NAMES[1:]
    assert data.dropped_regions == ["Roi_0"]
    assert data.notes == ["sc: left out, since other arrays lack them: Roi_0."]


def test_another_atlas_in_one_subject_is_an_error(people, smooth):
    people("b", "bold", smooth(60, N), [f"Area_{k}" for k in range(N)])
    with pytest.raises(ValueError, match=r"b_bold\.tsv.*lacks 6 of the 6.*Area_0"):
        read_subjects(people.folder, tr=2.0, **OPTIONS)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_a_region_without_signal_is_left_out_of_all_or_with_its_subject(people, value):
    bold = table_of(people.folder, "b_bold.tsv").assign(Roi_3=value)
    people("b", "bold", bold.to_numpy(), NAMES)
    with pytest.raises(ValueError, match=r"no signal in region 4 \(Roi_3\) of b "):
        read_subjects(people.folder, tr=2.0, **OPTIONS)
    data = read_subjects(people.folder, tr=2.0, **OPTIONS, drop="regions")
    assert data.sc.shape == (2, N - 1, N - 1)
    assert data.dropped_regions == ["Roi_3"]
    data = read_subjects(people.folder, tr=2.0, **OPTIONS, drop="subjects")
    assert data.subject_ids == ["a"]
    assert "subjects left out: b" in data.notes[0]
    with pytest.raises(ValueError, match="drop must be 'regions'"):
        read_subjects(people.folder, tr=2.0, **OPTIONS, drop="uncovered")


def test_scans_of_unequal_length_are_cut_to_the_shortest_with_a_word(people, smooth):
    long = smooth(90, N)
    people("a", "bold", long, NAMES)
    data = read_subjects(people.folder, tr=2.0, **OPTIONS)
    assert data.acquisition.n_frames == 60
    assert data.n_frames == [[90], [60]]
    assert "runs have 60 to 90 frames" in data.notes[0]
    people("a", "bold", long[:60], NAMES)
    cut = read_subjects(people.folder, tr=2.0, **OPTIONS)
    np.testing.assert_allclose(data.fcd_cdf, cut.fcd_cdf, atol=1e-12)
    assert np.abs(data.fc[0] - cut.fc[0]).max() > 1e-3  # FC is over all frames
    people("a", "bold", long, NAMES)
    with pytest.raises(ValueError, match="all runs must have as many frames"):
        read_subjects(people.folder, tr=2.0, **OPTIONS, on_unequal="raise")


def test_the_repetition_time_is_that_of_the_files(people):
    for subject, tr in (("a", 0.8), ("b", 0.8)):
        path = people.folder / f"{subject}_bold.json"
        path.write_text(json.dumps({"RepetitionTime": tr}))
    assert read_subjects(people.folder, **OPTIONS).acquisition.tr == 0.8
    with pytest.raises(ValueError, match=r"got 2 s \(given\) and 0\.8 s"):
        read_subjects(people.folder, tr=2.0, **OPTIONS)
    path.write_text(json.dumps({"RepetitionTime": 1.0}))
    with pytest.raises(ValueError, match=r"got 0\.8 s .* and 1 s"):
        read_subjects(people.folder, **OPTIONS)


def test_names_beside_the_arrays_of_one_file_are_used(tmp_path, random_sc, smooth):
    bold = smooth(60, N)
    for subject in ("a", "b"):
        np.savez(
            tmp_path / f"{subject}.npz",
            sc=random_sc(N, 1.0),
            bold=np.stack([bold, bold[::-1]]),
            region_labels=np.array(NAMES, dtype=object),
        )
    data = read_subjects(tmp_path, tr=2.0, **OPTIONS)
    assert data.region_names == NAMES
    assert data.n_frames == [[60, 60], [60, 60]]


ROWS = [["participant_id", "age", "site"], ["sub-a", "31.5", "Zürich"], ["b", "7", "x"]]


def write(path, rows, sep="\t", encoding="utf-8"):
    text = "\r\n".join(map(sep.join, rows)) + "\r\n"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "how", "head"),
    [
        ("x.tsv", {}, "participant_id"),
        ("x.csv", {"sep": ","}, '"Participant_ID"'),
        ("x.csv", {"sep": ";"}, "participant_id "),  # numbers with decimal commas
        ("x.tsv", {"sep": ","}, "participant_id"),
        ("x.txt", {"encoding": "utf-16"}, "participant_id"),
        ("x.csv", {"encoding": "utf-8-sig"}, "PARTICIPANT_ID"),
    ],
)
def test_participants_come_as_spreadsheets_write_them(tmp_path, name, how, head):
    rows = [[head, *ROWS[0][1:]], *ROWS[1:]]
    if how.get("sep") == ";":
        rows[1] = [rows[1][0], "31,5", rows[1][2]]
    path = write(tmp_path / name, rows, **how)
    table, _ = read_participants(path, [], ["sub-b", "sub-a"])
    assert table["age"].tolist() == [7.0, 31.5]
    assert table["site"].tolist() == ["x", "Zürich"]


@pytest.mark.parametrize(
    ("rows", "how", "said"),
    [
        (ROWS, {"encoding": "latin-1"}, "save it as text in UTF-8"),
        ([["id", "age", "site"], *ROWS[1:]], {}, "participant_id, got id, age, site"),
        ([["participant_id", "age", "age"], *ROWS[1:]], {}, "age more than once"),
        ([ROWS[0], [*ROWS[1], "9"], ROWS[2]], {}, "more fields than its header"),
    ],
)
def test_a_table_of_participants_that_cannot_be_is_named(tmp_path, rows, how, said):
    path = write(tmp_path / "x.tsv", rows, **how)
    with pytest.raises(ValueError, match=f"x.tsv .*{said}"):
        read_participants(path, [], ["sub-a"])


def test_participants_have_gaps_where_the_table_says_so(tmp_path):
    rows = ["participant_id\tage\tdiagnosis", "sub-a\tn/a\tNone", "sub-b\t31.5\tn/a"]
    (tmp_path / "participants.tsv").write_text("\n".join(rows))
    table, _ = read_participants(None, [tmp_path], ["sub-a", "sub-b"])
    assert table["age"].isna().tolist() == [True, False]
    assert table["age"].dtype.kind == "f"
    # A label, not a gap.
    assert table["diagnosis"].tolist()[0] == "None"
    assert table["diagnosis"].isna().tolist() == [False, True]
