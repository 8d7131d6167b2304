"""Files that people of the field have: each gives what is right, or says why not."""

import numpy as np
import pytest

from delssome.datasets import read_connectome, read_matrix, read_subject
from delssome.observables import fc_matrix

OPTIONS = {"tr": 2.0, "window": 20, "n_fcd_bins": 50}


@pytest.fixture
def right(field):
    return read_subject(field / "plain_sc.csv", field / "plain_bold.csv", **OPTIONS)


@pytest.mark.parametrize(
    ("sc", "bold"),
    [
        ("plain_sc.csv", "numbered_bold.csv"),
        ("plain_sc.csv", "codes_bold.csv"),
        ("numbered_sc.csv", "numbered_bold.csv"),
        ("numbered_sc.csv", "plain_bold.csv"),
        ("upper_sc.csv", "plain_bold.csv"),
        ("names_sc.csv", "other_order_bold.csv"),
        ("names_sc.csv", "numbered_bold.csv"),
        ("labels_sc.npz", "other_order_bold.csv"),
    ],
)
def test_every_dress_gives_the_same_subject(field, right, sc, bold):
    data = read_subject(field / sc, field / bold, **OPTIONS)
    np.testing.assert_allclose(data.X, right.X, atol=1e-9)
    assert data.notes


@pytest.mark.parametrize("name", ["numbered_bold.csv", "codes_bold.csv"])
def test_a_header_of_numbers_is_no_frame(field, name):
    plain = read_matrix(field / "plain_bold.csv")
    np.testing.assert_allclose(read_matrix(field / name), plain, rtol=1e-12)


def test_names_of_the_files_are_those_of_the_regions(field, right):
    data = read_subject(
        field / "names_sc.csv", field / "other_order_bold.csv", **OPTIONS
    )
    assert data.region_names == [f"Roi_{k}" for k in range(12)]
    assert any("order of regions changed" in note for note in data.notes)
    assert right.region_names is None


def test_rows_unlike_columns_are_brought_together(field, right):
    sc = field / "rows_unlike_columns_sc.csv"
    data = read_subject(sc, field / "other_order_bold.csv", **OPTIONS)
    order = [int(name.partition("_")[2]) for name in data.region_names]
    np.testing.assert_array_equal(data.sc[0], right.sc[0][np.ix_(order, order)])
    np.testing.assert_allclose(data.fc[0], right.fc[0][np.ix_(order, order)])


def test_another_atlas_is_an_error_that_names_both(field):
    with pytest.raises(ValueError, match=r"other_atlas_bold\.csv.*Roi_0.*Area_0"):
        read_subject(field / "names_sc.csv", field / "other_atlas_bold.csv", **OPTIONS)


def test_a_triangle_is_mirrored_with_a_word(field):
    table = read_connectome(field / "upper_sc.csv")
    np.testing.assert_array_equal(table.values, read_matrix(field / "plain_sc.csv"))
    assert "upper triangle alone" in table.notes[0]


def test_a_stray_quote_is_one_line_with_file_and_line(field):
    with pytest.raises(ValueError, match=r"stray_quote_bold\.csv, line 1: a quote"):
        read_matrix(field / "stray_quote_bold.csv")


def test_censored_frames_are_left_out_of_fc_and_kept_in_mind(field):
    sc, bold = field / "labels_sc.npz", field / "censored_bold.tsv"
    data = read_subject(sc, bold, **OPTIONS)
    frames = np.r_[:50, 60:120]
    expected = fc_matrix(read_matrix(field / "plain_bold.csv")[frames])
    np.testing.assert_allclose(data.fc[0], expected, atol=1e-9)
    ((kept,),) = data.kept
    np.testing.assert_array_equal(np.flatnonzero(~kept), range(50, 60))
    assert data.acquisition.n_frames == 120
    np.testing.assert_array_equal(data.acquisition.mask, kept)  # simulated alike
    assert any("10 of 120 frames are censored" in note for note in data.notes)


@pytest.mark.parametrize(("n_lost", "n_kept"), [((4, 8, 20), 112), ((0, 4, 20), 120)])
def test_runs_censored_unlike_are_simulated_as_the_median_one(
    field, tmp_path, n_lost, n_kept
):
    bold, runs = read_matrix(field / "plain_bold.csv"), []
    for k, n in enumerate(n_lost):
        run = bold.copy()
        run[10 * k : 10 * k + n] = np.nan
        runs.append(tmp_path / f"run-{k}.npy")
        np.save(runs[-1], run)
    data = read_subject(field / "plain_sc.csv", runs, **OPTIONS)
    assert sum(data.acquisition.kept or [True] * 120) == n_kept
    said = "as one run is" if n_kept < 120 else "is whole"
    assert any(said in note for note in data.notes)


def test_a_region_without_coverage_is_named_or_left_out(field):
    sc, bold = field / "labels_sc.npz", field / "uncovered_bold.tsv"
    with pytest.raises(ValueError, match=r"no signal in region 4 \(Roi_3\)") as error:
        read_subject(sc, bold, **OPTIONS)
    assert "uncovered_bold.tsv" in str(error.value)
    assert "drop='regions'" in str(error.value)
    data = read_subject(sc, bold, **OPTIONS, drop="regions")
    assert data.dropped_regions == ["Roi_3"]
    assert len(data.region_names) == 11
    assert "Roi_3" not in data.region_names
    assert data.sc.shape == (1, 11, 11)


def test_runs_of_unequal_length_are_cut_with_a_word_or_refused(field):
    sc = field / "plain_sc.csv"
    runs = [field / "plain_bold.csv", field / "short_bold.csv"]
    data = read_subject(sc, runs, **OPTIONS)
    short = read_subject(sc, runs[1], **OPTIONS)
    assert data.acquisition.n_frames == 45
    assert data.n_frames == [[120, 45]]
    # Both begin with the same frames, so that the FCD of both is that of the short one.
    np.testing.assert_allclose(data.fcd_cdf, short.fcd_cdf)
    assert any("runs have 45 to 120 frames" in note for note in data.notes)
    with pytest.raises(ValueError, match=r"45 \(.*short_bold\.csv\) to 120"):
        read_subject(sc, runs, **OPTIONS, on_unequal="raise")


def test_runs_are_weighted_by_their_frames(field):
    sc = field / "plain_sc.csv"
    runs = [field / "plain_bold.csv", field / "short_bold.csv"]
    fc = read_subject(sc, runs, **OPTIONS).fc[0]
    z = [np.arctanh(np.triu(fc_matrix(read_matrix(run)), 1)) for run in runs]
    expected = np.tanh((120 * z[0] + 45 * z[1]) / 165)
    np.testing.assert_allclose(np.triu(fc, 1), expected, atol=1e-9)


def test_more_frames_than_were_scanned_are_refused(field):
    sc, bold = field / "plain_sc.csv", field / "plain_bold.csv"
    with pytest.raises(ValueError, match="n_frames=500 is more than the 120 frames"):
        read_subject(sc, bold, **OPTIONS, n_frames=500)
    assert read_subject(sc, bold, **OPTIONS, n_frames=80).acquisition.n_frames == 80


@pytest.mark.parametrize(("tr", "meant"), [(720, "0.72"), (2000, "2")])
def test_a_repetition_time_in_milliseconds_is_asked_about(field, tr, meant):
    sc, bold = field / "plain_sc.csv", field / "plain_bold.csv"
    options = {**OPTIONS, "tr": tr}
    with pytest.raises(ValueError, match=f"in seconds, got {tr}; did you mean {meant}"):
        read_subject(sc, bold, **options)


def test_edges_that_the_logarithm_drops_are_counted(field, tmp_path):
    sc = 0.002 * read_matrix(field / "plain_sc.csv")
    np.savetxt(tmp_path / "weights.csv", sc, delimiter=",")
    data = read_subject(tmp_path / "weights.csv", field / "plain_bold.csv", **OPTIONS)
    few = np.count_nonzero((data.sc[0] > 0) & (data.sc[0] <= 1)) // 2
    assert any(f"sc: {few} of 66 edges are at most 1" in note for note in data.notes)


def test_the_fcd_of_a_censored_scan_is_of_windows_in_time_as_it_was(field):
    sc, path = field / "names_sc.csv", field / "censored_bold.tsv"
    data = read_subject(sc, path, **OPTIONS)
    bold, window = read_matrix(path), OPTIONS["window"]
    upper = np.triu_indices(12, 1)
    vectors = []
    for start in range(len(bold) - window + 1):
        part = bold[start : start + window]
        part = part[~np.isnan(part[:, 0])]
        if len(part) >= window / 2:
            vectors.append(np.corrcoef(part.T)[upper])
    # Every window keeps half of its frames; those joined end to end would be fewer.
    assert len(vectors) == 101
    values = np.corrcoef(vectors)[np.triu_indices(len(vectors), 1)]
    edges = np.linspace(-1, 1, OPTIONS["n_fcd_bins"] + 1)[1:-1]
    expected = [(values < edge).mean() for edge in edges]
    np.testing.assert_allclose(data.fcd_cdf[0, :-1], expected, atol=1e-3)


def test_a_scan_of_which_too_little_is_left_is_refused(field, tmp_path):
    bold = read_matrix(field / "plain_bold.csv")
    bold[10:] = np.nan
    np.savetxt(tmp_path / "few_bold.csv", bold, delimiter=",")
    with pytest.raises(ValueError, match="10 of 120 frames left after censoring"):
        read_subject(field / "plain_sc.csv", tmp_path / "few_bold.csv", **OPTIONS)


def test_frames_and_regions_are_counted_from_one(field, tmp_path):
    bold = read_matrix(field / "plain_bold.csv")
    bold[6, 2] = np.nan
    np.savetxt(tmp_path / "gap_bold.csv", bold, delimiter=",")
    with pytest.raises(ValueError, match=r"region 3 \(Roi_2\) in frame 7"):
        read_subject(field / "names_sc.csv", tmp_path / "gap_bold.csv", **OPTIONS)
