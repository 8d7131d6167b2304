"""``--brain``: the map on the brain, beside what else is written."""

import base64
import re
import warnings
from html import unescape
from importlib.util import find_spec

import numpy as np
import pytest

from delssome.cli import main

pytestmark = pytest.mark.skipif(
    find_spec("nilearn") is None or find_spec("plotly") is None,
    reason="needs the packages nilearn and plotly",
)
N_ROIS = 8
OPTIONS = {"--tr": 0.72, "--window": 10, "--burn-in": 3.6, "--warm-up": 1}
OPTIONS |= {"--popsize": 8, "--max-iter": 1, "--n-repeats": 1, "--n-finalists": 2}
TINY = [f"{name}={value}" for name, value in OPTIONS.items()] + ["--n-jobs=1"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Data of one subject, and an atlas of stripes from back to front."""
    nibabel = pytest.importorskip("nibabel")
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_mesh

    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((40, N_ROIS)).cumsum(axis=0)
    paths = {}
    for name, matrix in (("sc", upper + upper.T), ("bold", bold)):
        paths[name] = str(folder / f"{name}.csv")
        np.savetxt(paths[name], matrix, delimiter=",")
    paths["names"] = str(folder / "names.txt")
    names = [f"{side}_stripe{k}" for k in range(4) for side in "LR"]
    (folder / "names.txt").write_text("\n".join(names))
    surfaces = fetch_surf_fsaverage("fsaverage5")
    for side, letter in (("left", "L"), ("right", "R")):
        y = load_surf_mesh(surfaces[f"pial_{side}"]).coordinates[:, 1]
        stripe = np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])) + 1
        table = nibabel.gifti.GiftiLabelTable()
        for k in range(4):
            label = nibabel.gifti.GiftiLabel(k + 1)
            label.label = f"{letter}_stripe{k}"
            table.labels.append(label)
        array = nibabel.gifti.GiftiDataArray(stripe.astype(np.int32), "label")
        paths[letter] = str(folder / f"{letter}.label.gii")
        image = nibabel.GiftiImage(labeltable=table, darrays=[array])
        nibabel.save(image, paths[letter])
    return paths


@pytest.fixture
def run(files, tmp_path, capsys):
    """Run a command; give the folder that it wrote, and what it said."""

    def command(name, *options):
        argv = [name, "--sc", files["sc"], "--bold", files["bold"], *TINY, *options]
        out = tmp_path / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = main([*argv, "--out", str(out)])
        said = capsys.readouterr()
        return code, out, said.out + said.err

    return command


@pytest.fixture
def centres(files, tmp_path):
    """Coordinates of the regions, in another order, beside their names."""
    with open(files["names"]) as file:
        names = file.read().split()
    places = np.random.default_rng(0).uniform(-60, 60, (N_ROIS, 3)).round(1)
    rows = [f"{a}\t{z}\t{x}\t{y}" for a, (x, y, z) in zip(names, places, strict=True)]
    path = tmp_path / "centres.tsv"
    path.write_text("\n".join(["region\tz\tx\ty", *rows[::-1]]))
    return path, dict(zip(names, places, strict=True))


def test_coordinates_by_name_make_a_glass_brain(run, files, centres):
    path, places = centres
    names = ["--region-names", files["names"]]
    code, out, said = run("fit", "--brain", str(path), *names)
    assert code == 0, said
    assert (out / "brain.png").stat().st_size > 20_000
    page = unescape((out / "brain.html").read_text(encoding="utf-8"))
    x = re.search(r'"_marker_x": "(.*?)"', page).group(1)
    shown = np.frombuffer(base64.b64decode(x), "<f4")
    assert shown == pytest.approx([x for x, _, _ in places.values()], abs=1e-4)


@pytest.mark.parametrize(
    ("n_rows", "text", "words"),
    [
        (5, "{0},2.5,1.5,{1}\n", "lacks 3 of the 8 of the regions"),
        (8, "{0},2.5,1.5\n", "it has 2 columns of numbers"),
        (8, "{0},2.5,1.5,{1}\n", "must be those of MNI space, in mm"),
    ],
)
def test_coordinates_that_cannot_be_are_said_at_once(
    run, files, tmp_path, n_rows, text, words
):
    with open(files["names"]) as file:
        names = file.read().split()
    path = tmp_path / "centres.csv"
    rows = [text.format(name, 300 - k) for k, name in enumerate(names[:n_rows])]
    path.write_text("".join(rows))
    options = ["--brain", str(path), "--region-names", files["names"]]
    code, _, said = run("fit", *options)
    assert code == 2
    assert words in said
    assert "2/3" not in said


@pytest.mark.parametrize("command", ["fit", "population"])
def test_an_atlas_puts_the_map_on_the_brain(command, run, files):
    options = ["--brain", files["L"], files["R"], "--region-names", files["names"]]
    code, out, said = run(command, *options)
    assert code == 0, said
    assert (out / "brain.png").stat().st_size > 20_000
    page = (out / "brain.html").read_text(encoding="utf-8")
    assert "L_stripe0" in page
    assert "brain.html" in said
    assert "on the brain," not in said  # all regions have names and a place
    if command == "fit":
        report = (out / "report.html").read_text(encoding="utf-8")
        assert 'href="brain.html"' in report
        assert report.count("data:image/png;base64,") == 7


def test_an_atlas_that_does_not_fit_is_said_before_anything_is_fitted(run, files):
    for options, words in (
        (["--brain", files["L"]], "atlas must be 'desikan'"),
        (["--brain", files["L"], "nowhere.annot"], "No such file"),
        (["--surface", files["L"], files["R"]], "add --brain ATLAS"),
    ):
        code, out, said = run("fit", *options)
        assert code == 2
        assert words in said
        assert "2/3" not in said
        assert not out.exists()


def test_regions_without_names_are_taken_in_the_order_of_the_atlas(run, files):
    code, _, said = run("fit", "--brain", files["L"], files["R"])
    assert code == 0
    assert "no names to go by, its order is assumed" in said
