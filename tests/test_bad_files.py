"""Damaged, hostile and missing files: named, never run, and nothing left behind."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from delssome.cli import main
from delssome.datasets import read_matrix
from delssome.datasets.formats.cifti import CIFTI
from delssome.datasets.formats.matrices import FORMATS
from delssome.surrogate import CircuitSurrogate

N = 6


def good_sc():
    sc = np.random.default_rng(0).uniform(50, 500, (N, N))
    sc = sc + sc.T
    np.fill_diagonal(sc, 0)
    return sc


def good_bold():
    return np.random.default_rng(2).normal(size=(60, N))


FILES = {
    "empty": b"",
    "binary": bytes(range(256)),
    "words": b"a,b\nc,d\n",
    "ragged": b"1,2,3\n4,5\n",
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", FILES)
def test_a_damaged_file_is_named(tmp_path, suffix, content):
    if suffix in CIFTI:
        pytest.importorskip("nibabel")
    path = tmp_path / f"sc{suffix}"
    path.write_bytes(FILES[content])
    with pytest.raises(ValueError, match=re.escape(path.name)):
        read_matrix(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_truncated_file_is_named(tmp_path, suffix):
    path = tmp_path / f"sc{suffix}"
    save = np.save if suffix == ".npy" else np.savez
    save(path, good_sc())
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=re.escape(path.name)):
        read_matrix(path)


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("owned"),)


@pytest.mark.parametrize("name", ["sc.npy", "sc.npz", "sc.csv", "sc.mat"])
def test_a_pickle_is_not_run(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with open(name, "wb") as file:
        if name == "sc.npy":
            np.save(file, np.array([Hostile()], dtype=object), allow_pickle=True)
        else:
            pickle.dump(Hostile(), file)
    with pytest.raises(ValueError, match=re.escape(name)):
        read_matrix(name)
    assert not Path("owned").exists()


def test_hostile_weights_are_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    CircuitSurrogate.load().save(tmp_path)
    (tmp_path / "circuit.safetensors").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ValueError, match=r"hash|weights|safetensors"):
        CircuitSurrogate.load(tmp_path)
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sc", "sc.csv"], "bold|fc"),
        (["--sc", "none.csv", "--bold", "bold.csv", "--tr", "1"], "none.csv"),
        (["--sc", "sc.csv", "--bold", "bold.csv"], "tr"),
        (["--sc", "sc.csv", "--bold", "bold.csv", "--tr", "-1"], "tr"),
        (["--sc", "sc.csv", "--bold", "sc.csv", "--tr", "1"], "frames|window|bold"),
        (["--sc", "bold.csv", "--bold", "bold.csv", "--tr", "1"], "n_rois"),
    ],
)
def test_the_command_line_leaves_no_half_written_folder(
    tmp_path, monkeypatch, capsys, options, said
):
    monkeypatch.chdir(tmp_path)
    np.savetxt("sc.csv", good_sc(), delimiter=",")
    np.savetxt("bold.csv", good_bold(), delimiter=",")
    try:
        code = main(["fit", *options, "--out", "out"])
    except SystemExit as stop:
        code = stop.code
    assert code not in (0, None)
    assert re.search(said, capsys.readouterr().err, re.IGNORECASE)
    assert not Path("out").exists()
