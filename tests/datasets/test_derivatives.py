"""Trees of XCP-D and QSIRecon: found, chosen, asked for, left out and said."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delssome.datasets import read_derivatives

ATLAS, KEY = "4S11Parcels", "radius2_count"
OPTIONS = {"sc_key": KEY, "window": 12, "n_fcd_bins": 40, "verbose": 0}


def series_of(root, subject="sub-01", run=1, variant="_desc-interpolated"):
    func = root / "xcp_d" / subject / "ses-1" / "func"
    name = f"{subject}_ses-1_task-rest_run-{run}_space-MNI_seg-{ATLAS}{variant}"
    return func / f"{name}_stat-mean_timeseries.tsv"


def connectome_of(root, subject="sub-01"):
    dwi = root / "qsirecon-A" / subject / "ses-1" / "dwi"
    return dwi / f"{subject}_ses-1_seg-{ATLAS}_connectome.csv"


def change(path, function):
    table = function(pd.read_csv(path, sep="\t"))
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")


def without_coverage(root, subject="sub-02", label="LH_Vis_2"):
    def remove(table):
        return table.assign(**{label: np.nan})

    for run in (1, 2):
        for variant in ("", "_desc-interpolated"):
            change(series_of(root, subject, run, variant), remove)


def test_one_call_reads_a_tree(study):
    root = study()
    data = read_derivatives(root, **OPTIONS)
    assert data.subject_ids == ["sub-01", "sub-02", "sub-03"]
    assert data.X.shape == (3, 11 * 10 + 40)
    assert data.region_names[0] == "LH_Vis_1"
    assert (data.acquisition.tr, data.acquisition.n_frames) == (2.0, 60)
    assert data.atlas == ATLAS
    assert data.pipeline == {}
    assert [len(runs) for runs in data.kept] == [2, 2, 2]
    assert all(kept.sum() == 55 for runs in data.kept for kept in runs)


def test_participants_are_in_the_order_of_the_subjects(study):
    data = read_derivatives(study(), **OPTIONS)
    assert list(data.participants.index) == data.subject_ids
    assert list(data.participants["age"]) == [21, 22, 23]


def test_participants_who_are_not_in_their_table_are_named(study):
    root = study()
    table = pd.read_csv(root.parent / "participants.tsv", sep="\t")
    table[:2].to_csv(root / "others.csv", index=False)
    with pytest.raises(ValueError, match=r"others\.csv lacks sub-01"):
        read_derivatives(root, **OPTIONS, participants=root / "others.csv")


def test_interpolated_frames_have_no_say(study):
    """With or without the interpolated series, the frames are those measured."""
    root = study()
    both = read_derivatives(root, **OPTIONS)
    for path in root.rglob("*desc-interpolated*"):
        path.unlink()
    censored = read_derivatives(root, **OPTIONS)
    np.testing.assert_allclose(censored.X, both.X, atol=1e-9)
    why = censored.found.query("kind == 'bold'")["why"]
    assert (why == "55 of 60 frames kept, put back into time").all()


def test_every_file_is_in_the_table_of_what_was_found(study):
    found = read_derivatives(study(), **OPTIONS).found
    bold = found.query("kind == 'bold'")
    assert bold["taken"].sum() == 6
    left = bold[~bold["taken"]]
    assert len(left) == 6
    assert left["why"].str.contains("interpolated series is taken").all()
    assert set(found["kind"]) == {"atlas", "bold", "sc", "participants"}
    connectomes = found.query("kind == 'sc' and taken")
    assert connectomes["file"].str.endswith(".mat").all()


def test_what_was_found_is_printed(study, capsys):
    root = study()
    read_derivatives(root, **{**OPTIONS, "verbose": 1})
    printed = capsys.readouterr().out
    assert "3 subjects, 6 runs, 11 regions of 4S11Parcels; TR 2 s, 60 frames" in printed
    assert "note: 30 of 360 frames are censored" in printed


def test_several_matrices_are_asked_for(study):
    root = study()
    options = {**OPTIONS, "sc_key": None}
    with pytest.raises(
        ValueError,
        match="connectome, radius2_count, radius2_meanlength, sift_radius2_count; say",
    ):
        read_derivatives(root, **options)
    with pytest.raises(ValueError, match="fits radius2_count, sift_radius2_count"):
        read_derivatives(root, **{**options, "sc_key": "*count"})
    with pytest.raises(ValueError, match=r"'volume' must fit one .*fits none"):
        read_derivatives(root, **{**options, "sc_key": "volume"})


@pytest.mark.parametrize(
    "key", ["connectome", "radius2_c*", f"atlas_{ATLAS}_radius2_count_connectivity"]
)
def test_a_matrix_is_chosen_by_measure_pattern_or_name(study, key):
    root = study()
    expected = read_derivatives(root, **OPTIONS)
    data = read_derivatives(root, **{**OPTIONS, "sc_key": key})
    np.testing.assert_array_equal(data.sc, expected.sc)


def test_a_table_without_labels_takes_the_order_of_the_atlas(study):
    root = study()
    data = read_derivatives(root, **{**OPTIONS, "sc_key": "connectome"})
    notes = " ".join(data.notes)
    assert "order of the index of atlas-4S11Parcels_dseg.tsv" in notes
    assert "upper triangle alone" in notes
    assert "and 2 more files alike" in notes
    shutil.rmtree(root / "xcp_d" / "atlases")
    data = read_derivatives(root, **{**OPTIONS, "sc_key": "connectome"})
    assert "assumed to be in the order of the columns of bold" in " ".join(data.notes)


def test_regions_of_bold_in_another_order_are_those_of_sc(study):
    root = study(interpolated=False)
    expected = read_derivatives(root, **OPTIONS)
    for path in root.rglob("*stat-mean_timeseries.tsv"):
        table = pd.read_csv(path, sep="\t")
        table[table.columns[::-1]].to_csv(path, sep="\t", index=False)
    data = read_derivatives(root, **OPTIONS)
    np.testing.assert_allclose(data.X, expected.X, atol=1e-12)


@pytest.mark.parametrize(
    "regions",
    [
        "^[LR]H_",
        lambda name: name[2] == "_",
        {"atlas_name": "Schaefer"},
        [f"{h}H_{n}_{k}" for h in "LR" for n in ("Vis", "Default") for k in (1, 2)],
    ],
)
def test_regions_are_chosen_by_names_pattern_function_or_column(study, regions):
    root = study()
    whole = read_derivatives(root, **OPTIONS)
    data = read_derivatives(root, **OPTIONS, regions=regions)
    assert data.region_names == whole.region_names[:8]
    np.testing.assert_allclose(data.fc, whole.fc[:, :8, :8], atol=1e-12)
    np.testing.assert_array_equal(data.sc, whole.sc[:, :8, :8])


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (["LH_Vis_1", "Insula"], "Insula not among the 11"),
        ("Insula", "chooses 0 of 11 regions"),
        ({"network": "Vis"}, "no column network; it has index, label, atlas_name"),
    ],
)
def test_regions_that_are_not_there_are_named(study, regions, message):
    root = study(1)
    with pytest.raises(ValueError, match=message):
        read_derivatives(root, **OPTIONS, regions=regions)


def test_a_region_without_coverage_is_named_and_left_out_on_wish(study):
    root = study()
    without_coverage(root)
    with pytest.raises(ValueError, match=r"region 2 \(LH_Vis_2\) of sub-02"):
        read_derivatives(root, **OPTIONS)
    data = read_derivatives(root, **OPTIONS, drop="regions")
    assert data.dropped_regions == ["LH_Vis_2"]
    assert "LH_Vis_2" not in data.region_names
    assert len(data.subject_ids) == 3
    data = read_derivatives(root, **OPTIONS, drop="subjects")
    assert data.subject_ids == list(data.participants.index) == ["sub-01", "sub-03"]
    gone = data.found.query("subject == 'sub-02'")
    assert not gone["taken"].any()
    # A region that is not wanted need not be covered.
    data = read_derivatives(root, **OPTIONS, regions="RH_")
    assert len(data.subject_ids) == 3


def test_a_column_that_one_subject_lacks_is_a_region_without_coverage(study):
    root = study(interpolated=False)
    change(
        series_of(root, "sub-03", 2, ""),
        lambda table: table.drop(columns="RH_Vis_1"),
    )
    with pytest.raises(ValueError, match=r"region 5 \(RH_Vis_1\) of sub-03"):
        read_derivatives(root, **OPTIONS)


def test_subjects_without_sc_or_bold_are_left_out_and_said(study):
    root = study(4)
    shutil.rmtree(root / "qsirecon-A" / "sub-01")
    shutil.rmtree(root / "xcp_d" / "sub-03")
    data = read_derivatives(root, **OPTIONS)
    assert data.subject_ids == ["sub-02", "sub-04"]
    notes = " ".join(data.notes)
    assert "sub-01 (no SC)" in notes
    assert "sub-03 (no BOLD)" in notes


def test_runs_of_which_too_little_is_kept_are_left_out_and_said(study):
    root = study()

    def censor(table):
        return table.assign(framewise_displacement=(np.arange(60) > 5).astype(int))

    path = series_of(root, "sub-02", 2)
    base = path.name.partition("_space")[0]
    change(path.with_name(f"{base}_outliers.tsv"), censor)
    data = read_derivatives(root, **OPTIONS)
    assert [len(runs) for runs in data.n_frames] == [2, 1, 2]
    assert "6 of 60 frames kept: too few for windows of 12" in " ".join(data.notes)


@pytest.mark.parametrize("what", ["atlas", "session", "task", "space"])
def test_where_there_is_more_than_one_the_user_is_asked(study, what):
    root = study(1)
    old, new = {
        "atlas": ("seg-4S11Parcels", "seg-Other"),
        "session": ("ses-1", "ses-2"),
        "task": ("task-rest", "task-nback"),
        "space": ("space-MNI", "space-fsLR"),
    }[what]
    for path in list((root / "xcp_d").rglob("sub-*_timeseries.*")):
        shutil.copy(path, path.with_name(path.name.replace(old, new)))
    name, other = old.partition("-")[2], new.partition("-")[2]
    with pytest.raises(ValueError, match=rf"more than one {what}: .*{name}.*{what}="):
        read_derivatives(root, **OPTIONS)
    with pytest.raises(ValueError, match=rf"{what}='none' is not in .*{other}"):
        read_derivatives(root, **OPTIONS, **{what: "none"})
    chosen = old if what == "session" else name  # as users say it
    data = read_derivatives(root, **OPTIONS, **{what: chosen})
    assert len(data.n_frames[0]) == 2


def test_runs_joined_end_to_end_are_not_taken_twice(study):
    root = study(1, interpolated=False)
    parts = [pd.read_csv(series_of(root, run=k, variant=""), sep="\t") for k in (1, 2)]
    path = series_of(root, variant="")
    joined = path.with_name(path.name.replace("_run-1", ""))
    pd.concat(parts).to_csv(joined, sep="\t", index=False)
    data = read_derivatives(root, **OPTIONS)
    assert data.n_frames == [[60, 60]]
    (row,) = data.found[data.found["file"] == str(joined)].to_dict("records")
    assert "joined end to end" in row["why"]


def test_the_preprocessing_is_what_the_json_state(study):
    root = study(2)
    facts = {
        "RepetitionTime": 2.0,
        "NuisanceParameters": "36P",
        "SoftwareFilters": {
            "Bandpass filter": {
                "Filter order": 2,
                "High-pass cutoff (Hz)": 0.01,
                "Low-pass cutoff (Hz)": 0.08,
            }
        },
    }
    # XCP-D states them beside the images.
    for path in list(root.rglob("*_stat-mean_timeseries.json")):
        path.unlink()
        base = path.name.partition("_seg")[0]
        (path.parent / f"{base}_desc-denoised_bold.json").write_text(json.dumps(facts))
    data = read_derivatives(root, **OPTIONS)
    assert data.acquisition.tr == 2.0
    assert data.pipeline == {
        "band": (0.01, 0.08),
        "filter_order": 2,
        "global_signal": True,
    }
    scan = data.acquisition
    done = {name: getattr(scan, name) for name in data.pipeline}
    assert done == data.pipeline
    facts["NuisanceParameters"] = "24P"
    path.with_name(f"{base}_desc-denoised_bold.json").write_text(json.dumps(facts))
    of = r"True of \d subjects \(.*\) and False of 1 subjects \(sub-"
    with pytest.raises(ValueError, match=f"processed alike, got global_signal {of}"):
        read_derivatives(root, **OPTIONS)


@pytest.mark.parametrize(
    ("filters", "band"),
    [
        ({"High-pass filter": {"cutoff (Hz)": 0.01, "Filter order": 2}}, (0.01, None)),
        ({"Low-pass filter": {"cutoff (Hz)": 0.1, "Filter order": 2}}, (None, 0.1)),
    ],
)
def test_a_band_may_be_open_on_one_side(filters, band):
    from delssome.datasets.formats.sidecar import pipeline_facts

    found = pipeline_facts({"SoftwareFilters": filters})
    assert found == {"band": band, "filter_order": 2}


def test_without_a_repetition_time_it_is_asked_for(study):
    root = study(1)
    for path in root.rglob("*_timeseries.json"):
        path.unlink()
    with pytest.raises(ValueError, match=r"says the RepetitionTime .*give tr"):
        read_derivatives(root, **OPTIONS)
    assert read_derivatives(root, **OPTIONS, tr=1.5).acquisition.tr == 1.5


def test_another_repetition_time_than_that_of_the_files_is_refused(study):
    root = study(1, interpolated=False)
    with pytest.raises(ValueError, match=r"got 0\.72 s \(given\) and 2 s"):
        read_derivatives(root, **OPTIONS, tr=0.72)


def test_outliers_of_another_length_are_refused(study):
    root = study(1, interpolated=False)
    path = series_of(root, variant="")
    change(path, lambda table: table.drop(index=[0, 1]))
    with pytest.raises(ValueError, match=r"has 53 frames, but .*says 60, 55 of them"):
        read_derivatives(root, **OPTIONS)


def test_a_subject_whose_folder_cannot_be_opened_is_not_taken_for_empty(
    study, monkeypatch
):
    root, listed = study(), os.scandir

    def locked(path):
        if Path(path).name in ("func", "logs"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    (root / "logs").mkdir()  # of no subject
    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(ValueError, match=r"sub-.*func cannot be opened \(Permission"):
        read_derivatives(root, **OPTIONS)


def test_a_folder_without_series_is_named(tmp_path):
    with pytest.raises(ValueError, match="has no series of parcels"):
        read_derivatives(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        read_derivatives(tmp_path / "none")


def test_two_pipelines_of_one_measure_are_asked_for(study):
    root = study(1)
    shutil.copytree(root / "qsirecon-A", root / "qsirecon-B")
    with pytest.raises(ValueError, match="sub-01 has more than one radius2_count"):
        read_derivatives(root, **OPTIONS)
    data = read_derivatives(root / "xcp_d", root / "qsirecon-B", **OPTIONS)
    assert data.subject_ids == ["sub-01"]
    assert list(data.participants.index) == ["sub-01"]
