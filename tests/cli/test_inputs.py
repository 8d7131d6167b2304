"""What the command line reads: names, arrays by key, headers, derivatives."""

import numpy as np
import pandas as pd
import pytest

from delssome.cli import main
from delssome.cli.inputs import check_data_options, read_inputs
from delssome.cli.parser import make_parser

N = 8
NAMES = [f"Roi_{k}" for k in range(N)]


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(2, 900, (N, N)), 1)
    sc = upper + upper.T
    bold = rng.normal(size=(60, N)).cumsum(axis=0)
    order = rng.permutation(N)
    shuffled = [NAMES[k] for k in order]
    pd.DataFrame(sc, NAMES, NAMES).to_csv(tmp_path / "sc.csv")
    frame = pd.DataFrame(bold[:, order], columns=shuffled)
    frame.to_csv(tmp_path / "bold.csv", index=False)
    frame[:50].to_csv(tmp_path / "short.csv", index=False)
    codes = pd.DataFrame(np.round(1e4 + 10 * bold).astype(int))
    codes.columns = np.arange(N) * 2 + 2001
    codes.to_csv(tmp_path / "codes.csv", index=False)
    maps = pd.DataFrame({"myelin": rng.random(N)}, index=NAMES)
    maps[::-1].to_csv(tmp_path / "maps.csv")
    np.savez(tmp_path / "sc.npz", count=sc, length=sc * 3.0)
    return tmp_path


def read(folder, *options, sc="sc.csv", bold=("bold.csv",)):
    argv = ["fit", "--out", "x", "--tr", "1", "--window", "12"]
    argv += ["--sc", str(folder / sc), "--bold", *(str(folder / b) for b in bold)]
    args = make_parser().parse_args([*argv, *map(str, options)])
    check_data_options(args)
    return read_inputs(args)


def test_names_of_the_files_are_used_without_an_option(files, capsys):
    inputs = read(files, "--maps", files / "maps.csv")
    assert inputs.region_names == NAMES
    maps = pd.read_csv(files / "maps.csv", index_col=0).loc[NAMES]
    np.testing.assert_allclose(inputs.maps, maps)
    printed = capsys.readouterr().out
    assert f"note: {files}/bold.csv: order of regions changed" in printed
    assert f"note: {files}/maps.csv: order of regions changed" in printed


def test_names_of_a_file_of_names_come_first(files):
    (files / "names.txt").write_text("\n".join(f"mine {k}" for k in range(N)))
    inputs = read(files, "--region-names", files / "names.txt")
    assert inputs.region_names[0] == "mine 0"


def test_an_array_of_several_is_chosen_by_key(files):
    with pytest.raises(ValueError, match=r"got count, length; say which.*--key"):
        read(files, sc="sc.npz")
    data = read(files, "--key", "length", sc="sc.npz").data
    np.testing.assert_array_equal(data.sc, 3 * read(files).data.sc)


@pytest.mark.parametrize(
    ("option", "n_frames"), [("--header", 60), ("--no-header", 61)]
)
def test_a_first_row_that_may_be_either_is_said_by_an_option(files, option, n_frames):
    with pytest.raises(ValueError, match=r"codes\.csv: its first row .*--no-header"):
        read(files, "--key", "count", sc="sc.npz", bold=["codes.csv"])
    inputs = read(files, "--key", "count", option, sc="sc.npz", bold=["codes.csv"])
    assert inputs.acquisition.n_frames == n_frames


def test_runs_of_unequal_length_are_cut_with_a_note(files, capsys):
    inputs = read(files, bold=["bold.csv", "short.csv"])
    assert inputs.acquisition.n_frames == 50
    assert "note: runs have 50 to 60 frames" in capsys.readouterr().out


def test_milliseconds_are_asked_about(files, capsys):
    argv = ["fit", "--out", files / "x", "--sc", files / "sc.csv"]
    argv += ["--bold", files / "bold.csv", "--tr", 720, "--window", 12]
    assert main(list(map(str, argv))) == 2
    assert "did you mean 0.72?" in capsys.readouterr().err


def derivatives(study, *options):
    argv = ["posterior", "--out", "x", "--derivatives", study, "--window", 12]
    args = make_parser().parse_args(list(map(str, [*argv, *options])))
    check_data_options(args)
    return read_inputs(args)


@pytest.fixture
def tree(tmp_path):
    """Two subjects of eight regions, as XCP-D and MRtrix write them."""
    rng = np.random.default_rng(0)
    for subject in ("sub-1", "sub-2"):
        (tmp_path / subject / "func").mkdir(parents=True)
        (tmp_path / subject / "dwi").mkdir()
        bold = pd.DataFrame(rng.normal(size=(60, N)).cumsum(axis=0), columns=NAMES)
        stem = tmp_path / subject / "func" / f"{subject}_task-rest_seg-A_stat-mean"
        bold.to_csv(f"{stem}_timeseries.tsv", sep="\t", index=False)
        with open(f"{stem}_timeseries.json", "w") as file:
            file.write('{"RepetitionTime": 0.8}')
        sc = np.triu(rng.integers(2, 900, (N, N)), 1)
        path = tmp_path / subject / "dwi" / f"{subject}_seg-A_connectome.csv"
        np.savetxt(path, sc, delimiter=",", fmt="%d")
    return tmp_path


def test_derivatives_are_read_as_they_are(tree, capsys):
    inputs = derivatives(tree, "--atlas", "A")
    assert inputs.X.shape[0] == 2
    assert inputs.region_names == NAMES
    assert inputs.acquisition.tr == 0.8
    assert inputs.data.found["taken"].all()
    printed = capsys.readouterr().out
    assert "2 subjects, 2 runs, 8 regions of A; TR 0.8 s, 60 frames" in printed


def test_regions_of_derivatives_are_chosen_by_a_pattern(tree):
    assert derivatives(tree, "--regions", "[0-4]$").region_names == NAMES[:5]
    with pytest.raises(ValueError, match=r"no \*_dseg\.tsv of it was found"):
        derivatives(tree, "--regions", "atlas_name=Schaefer")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bold", "x.csv"], "--derivatives goes without --bold"),
        (["--folder", "x"], "--folder or --derivatives, not both"),
    ],
)
def test_derivatives_go_without_other_sources(tree, options, message):
    with pytest.raises(ValueError, match=message):
        derivatives(tree, *options)


def test_options_of_derivatives_go_with_them(files):
    with pytest.raises(ValueError, match="--atlas goes with --derivatives"):
        read(files, "--atlas", "A")
