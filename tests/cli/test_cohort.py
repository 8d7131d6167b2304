"""Cohorts from the shell, each subject alone or all at once; options of files."""

import csv
import json
import re
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.utils import Bunch

import delssome
from delssome import Acquisition
from delssome.cli import main
from delssome.cli.config import read_config, with_config
from delssome.cli.steps import read_of
from delssome.datasets import make_cohort

pytest.importorskip("pandas")

N, N_ROIS = 4, 8
SCAN = Acquisition(n_frames=120, window=20, burn_in=10.0, warm_up=1.0)
OPTIONS = [
    "--tr=0.72",
    "--window=20",
    "--burn-in=10",
    "--warm-up=1",
    "--n-jobs=1",
]
SEARCH = ["--popsize=8", "--max-iter=2", "--n-restarts=1", "--n-finalists=2"]
SEARCH += ["--n-repeats=1", "--surrogate=linear"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder of subjects, their table, and maps."""

    folder = tmp_path_factory.mktemp("study")
    made = make_cohort(N, N_ROIS, acquisition=SCAN, n_fcd_bins=50, random_state=0)
    data = folder / "data"
    data.mkdir()
    for k in range(N):
        np.savetxt(data / f"sub-{k + 1:02d}_sc.csv", made.sc[k], delimiter=",")
        np.savetxt(data / f"sub-{k + 1:02d}_bold.csv", made.bold[k], delimiter=",")
    np.savetxt(folder / "maps.csv", made.maps, delimiter=",")
    rows = "".join(f"sub-{k + 1:02d}\t{20 + 7 * k}\tMF\n" for k in range(N))
    (folder / "people.tsv").write_text(f"participant_id\tage\tsite\n{rows}")
    return folder


@pytest.fixture
def short(briefly_pooled):
    with briefly_pooled():
        yield


def options(study, *more):
    return [
        f"--folder={study / 'data'}",
        f"--maps={study / 'maps.csv'}",
        f"--participants={study / 'people.tsv'}",
        *OPTIONS,
        *more,
    ]


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_population_is_one_table_with_its_people(study, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["population", *options(study, *SEARCH, f"--out={out}")]
    assert main(command) == 0
    rows = read(out / "population.csv")
    assert [row["participant_id"] for row in rows] == [
        f"sub-{k + 1:02d}" for k in range(N)
    ]
    assert [row["age"] for row in rows] == ["20", "27", "34", "41"]
    assert all(float(row["ei_ratio_mean"]) > 0 for row in rows)
    assert {path.name for path in out.iterdir()} == {
        "kept",
        "population.csv",
        "population.png",
        "ei_ratio.png",
        "report.html",
        "summary.json",
        "config.toml",
    }
    page = (out / "report.html").read_text()
    assert "fits of 4 subjects, 8 regions" in page
    assert page.count("data:image/png;base64,") == 2
    assert re.findall(r"<h2>(.+?)</h2>", page) == [
        "E/I ratio by region",
        "What the data know",
        "How well it fits",
        "Cost, search and verification",
        "Settings, and how to repeat it",
    ]
    means = [float(row["ei_ratio_mean"]) for row in rows]
    lead = f"SD between people {np.std(means):#.2g}"
    assert lead in page
    assert "delssome population --config config.toml" in page
    assert json.loads((out / "summary.json").read_text())["n_failed"] == 0
    # A study reads what is written.
    asked = [f"--population={out}", "--formula=age", f"--out={tmp_path / 'study'}"]
    assert main(["study", *asked]) == 0
    assert len(read(tmp_path / "study" / "effects.csv")) == 1 + N_ROIS
    costs = [float(row["cost"]) for row in rows]
    page = (tmp_path / "study" / "report.html").read_text()
    assert f"simulated afresh: median {np.median(costs):.3f}" in page
    # What is written repeats it, from what is kept; a column that fits have is said.
    again = tmp_path / "again"
    config = out / "config.toml"
    people = study / "people.tsv"
    head, *others = people.read_text().splitlines()
    lines = [f"{head}\tcost", *(f"{line}\t100" for line in others)]
    people.write_text("\n".join(lines))
    capsys.readouterr()
    assert tomllib.loads(config.read_text())["popsize"] == 8
    more = [f"--out={again}", f"--store={out / 'kept'}"]
    assert main(["population", f"--config={config}", *more]) == 0
    assert (again / "population.csv").read_bytes() == (
        out / "population.csv"
    ).read_bytes()
    assert "note: cost of participants is left out" in capsys.readouterr().out


def test_signs_that_do_not_fit_the_maps_leave_no_store_behind(study, tmp_path, capsys):
    command = ["population", *options(study, *SEARCH, f"--out={tmp_path / 'out'}")]
    assert main([*command, "--map-signs", "1"]) == 2
    assert "for each of the 2 maps, got (1,)" in capsys.readouterr().err
    assert main([*command, "--map-signs", "-1", "1"]) == 0


def test_help_says_what_is_done_with_a_folder(capsys):
    for command, how in (
        ("fit", "fitted as a group"),
        ("population", "each fitted on its own"),
        ("pooled", "all at once"),
    ):
        assert main([command, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"a folder of subjects, {how}" in shown


def test_a_killed_population_goes_on_in_its_folder(study, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "kept").mkdir(parents=True)  # as a run leaves it that was killed
    assert main(["population", *options(study, *SEARCH, f"--out={out}")]) == 0
    capsys.readouterr()
    again = ["population", *options(study, *SEARCH, f"--out={out}")]
    assert main(again) == 2
    assert "not empty" in capsys.readouterr().err
    assert main([*again, "--overwrite"]) == 0
    assert f"population: {N}/{N} fit" in capsys.readouterr().err


@pytest.mark.usefixtures("short")
def test_pooled_scans_have_effects_of_a_formula(study, tmp_path, capsys):
    out = tmp_path / "out"
    more = ["--formula=age", "--affects", "w_EI", f"--out={out}"]
    assert main(["pooled", *options(study, *more)]) == 0
    said = capsys.readouterr().out
    assert "age, mean E/I ratio by one unit" in said
    effects = read(out / "effects.csv")
    assert len(effects) == 1 + N_ROIS
    assert effects[0]["covariate"] == "age"
    assert len(read(out / "people.csv")) == N
    assert len(read(out / "regions.csv")) == N_ROIS
    assert (out / "effect_age.png").stat().st_size > 5000
    page = (out / "report.html").read_text()
    assert re.findall(r"<h2>(.+?)</h2>", page) == [
        "E/I ratio and age",
        "Individuals",
        "How well it fits",
        "Settings, and how to repeat it",
    ]
    assert page.count("data:image/png;base64,") == 3
    assert f"changes by {float(effects[0]['effect']):#.3g} with one unit of age" in page
    summary = json.loads((out / "summary.json").read_text())
    assert summary["mean_effect"]["age"][0] == pytest.approx(
        float(effects[0]["effect"])
    )


def test_what_a_cohort_needs_is_named(study, tmp_path, capsys):
    out = f"--out={tmp_path / 'out'}"
    for command, message in (
        (
            ["pooled", f"--folder={study / 'data'}", "--tr=0.72", "--formula=age", out],
            "--formula needs a table of participants",
        ),
        (
            ["pooled", *options(study, "--departure=0.1", out)],
            "pooled scans follow the maps",
        ),
        (
            ["pooled", *options(study, "--formula=weight", out)],
            "'weight' does not fit covariates: it has no column weight, there are age, "
            "site",
        ),
        (
            ["population", "--sc=a", "--bold=b", "--participants=c", out],
            "--participants goes with --derivatives or --folder",
        ),
    ):
        assert main(command) == 2
        assert message in capsys.readouterr().err


def test_options_of_a_file_give_way_to_those_given(tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text(
        'n-jobs = 4\nmap_signs = [-1, 1]\nglobal-signal = true\nband = ["none", 0.1]\n'
    )
    assert read_config(str(file)) == [
        "--n-jobs=4",
        *("--map-signs", "-1", "1"),
        "--global-signal",
        *("--band", "none", "0.1"),
    ]
    given = ["fit", "--n-jobs=2", f"--config={file}"]
    assert with_config(given)[0] == "fit"
    assert with_config(given)[-2:] == given[1:]  # the last one wins
    for text, message in (
        ("n-jobs = ", "no TOML"),
        ("[fit]\nseed = 1\n", "fit is a table"),
        ("jobs = 3\n", "unrecognized arguments: --jobs=3"),
        ("seed = 1.5\n", "invalid int value"),
    ):
        file.write_text(text)
        assert main(["fit", f"--config={file}", f"--out={tmp_path / 'o'}"]) == 2
        assert message in capsys.readouterr().err
    assert main(["fit", "--config=gone.toml"]) == 2
    assert "gone.toml cannot be read" in capsys.readouterr().err


@pytest.fixture
def population(tmp_path, rng):
    """What a population leaves: 60 people of whom maps fall with age."""
    folder, n = tmp_path / "population", 60
    folder.mkdir()
    age = rng.uniform(20, 60, n)
    maps = 3.0 - 0.01 * age[:, None] + rng.normal(0, 0.05, (n, 2))
    with (folder / "population.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        names = ("G", "ei_ratio_mean", "ei_ratio_a", "ei_ratio_b")
        rows.writerow(["participant_id", "age", "sex", *names])
        for k in range(n):
            values = [1.0, maps[k].mean(), *maps[k]]
            if k == 3:  # a failed fit
                values = [""] * len(values)
            rows.writerow([f"{k:03d}", age[k], "FM"[k % 2], *values])
    said = {"readout_key": "ei_ratio", "readout_name": "E/I ratio", "model": "FIC"}
    said |= {"region_names": ["a", "b"], "param_names": ["G"]}
    (folder / "summary.json").write_text(json.dumps(said))
    return folder


def test_a_study_asks_the_maps_of_a_population(population, tmp_path, capsys):
    pytest.importorskip("formulaic")
    out, open_before = tmp_path / "study", plt.get_fignums()
    more = ["--formula=age + sex", "--norms=age", "--sex=sex", f"--out={out}"]
    assert main(["study", f"--population={population}", *more]) == 0
    said = capsys.readouterr().out
    assert "60 subjects, 1 of them without a map" in said
    assert "age, mean map by one unit: -0.0" in said
    effects = {
        (row["term"], row["name"]): float(row["effect"])
        for row in read(out / "effects.csv")
    }
    assert effects["age", "mean"] == pytest.approx(-0.01, abs=0.002)
    assert set(effects) == {
        (term, name) for term in ("age", "sex[T.M]") for name in ("mean", "a", "b")
    }
    people = read(out / "people.csv")
    assert [people[3]["participant_id"], people[3]["centile"]] == ["003", "nan"]
    centiles = [float(row["centile"]) for row in people if row["centile"] != "nan"]
    assert np.mean(centiles) == pytest.approx(50, abs=6)
    assert (out / "effect_age.png").stat().st_size > 5000
    assert plt.get_fignums() == open_before
    page = (out / "report.html").read_text()
    assert re.findall(r"<h2>(.+?)</h2>", page) == [
        "E/I ratio and age",
        "E/I ratio and sex[T.M]",
        "Individuals",
        "Settings, and how to repeat it",
    ]
    # Two terms, norms and people.
    assert page.count("data:image/png;base64,") == 4
    assert "In 2 of 2 regions: FDR &lt; 0.05." in page
    # What is written repeats it.
    again = tmp_path / "again"
    config = out / "config.toml"
    assert main(["study", f"--config={config}", f"--out={again}"]) == 0
    assert (again / "effects.csv").read_bytes() == (out / "effects.csv").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "needs --formula"),
        (
            ["--formula=height"],
            "does not fit subjects: it has no column height, there are",
        ),
        (["--formula=ei_ratio_mean"], "ei_ratio_mean, which the fits found"),
        (["--norms=G"], "asks for G, which the fits found"),
        (["--norms=years"], "no column years: there are participant_id, age"),
        (["--formula=age", "--sex=sex"], "--sex is of norms"),
        (["--norms=age", "--random=sex"], "--random is of effects"),
    ],
)
def test_a_study_that_cannot_be_is_refused(
    population, tmp_path, capsys, options, message
):
    pytest.importorskip("formulaic")
    command = [
        "study",
        f"--population={population}",
        *options,
        f"--out={tmp_path / 'out'}",
    ]
    assert main(command) == 2
    assert message in capsys.readouterr().err
    assert (
        main([*command[:1], f"--population={tmp_path}", "--norms=age", "--out=x"]) == 2
    )
    assert "name the folder that delssome population wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "message"), [("fits", "may have either sign"), ("posteriors", "too small")]
)
def test_a_study_says_once_what_effects_over_separate_maps_are_worth(
    population, tmp_path, capsys, kind, message
):
    pytest.importorskip("formulaic")
    summary = population / "summary.json"
    said = json.loads(summary.read_text())
    summary.write_text(json.dumps(said | {"kind": kind}))
    out, norms = tmp_path / "study", tmp_path / "norms"
    command = ["study", f"--population={population}"]
    assert main([*command, "--formula=age + sex", f"--out={out}"]) == 0
    shown, page = capsys.readouterr().out, (out / "report.html").read_text()
    for text in (shown, page):
        assert text.count(message) == text.count("delssome pooled") == 1
    # Under the first effect, where it is read.
    assert page.index(message) < page.index("data:image/png")
    assert message in json.loads((out / "summary.json").read_text())["caveats"][0]
    # Norms alone have no slopes.
    assert main([*command, "--norms=age", f"--out={norms}"]) == 0
    page = (norms / "report.html").read_text()
    assert message not in capsys.readouterr().out + page
    assert "among the centiles" in page


def test_norms_of_too_few_people_are_refused_before_effects_are_said(
    population, tmp_path, capsys
):
    pytest.importorskip("formulaic")
    table = population / "population.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:20]))
    out = f"--out={tmp_path / 'out'}"
    options = [f"--population={population}", "--formula=age", "--norms=age", out]
    assert main(["study", *options]) == 2
    said = capsys.readouterr()
    assert "Norms need 50 people" in said.err
    assert "--formula" in said.err
    assert "mean map" not in said.out


def test_effects_of_a_study_are_on_the_brain(population, tmp_path, capsys):
    pytest.importorskip("formulaic")
    pytest.importorskip("nilearn")
    pytest.importorskip("plotly")
    centres = tmp_path / "centres.csv"
    centres.write_text("name,x,y,z\nb,40.5,-20,10\na,-40.5,20,30\n")
    out = tmp_path / "study"
    options = [f"--population={population}", "--formula=age", f"--out={out}"]
    assert main(["study", *options, f"--brain={centres}"]) == 0, capsys.readouterr().err
    assert (out / "brain_age.png").stat().st_size > 5000
    assert "a: -0.0" in (out / "brain_age.html").read_text()
    page = (out / "report.html").read_text()
    assert 'href="brain_age.html"' in page
    assert page.index('href="brain_age.html"') < page.index("Individuals")
    # All of the page is in it.
    assert not re.search(r"https?://|<script|<link", page)


def test_a_study_knows_the_regions_of_an_atlas_that_its_population_left_out(
    population, tmp_path, capsys
):
    pytest.importorskip("formulaic")
    pytest.importorskip("nilearn")
    pytest.importorskip("plotly")
    nibabel = pytest.importorskip("nibabel")
    thirds = np.repeat([1, 2, 3], 18)[None, :, None] * np.ones((54, 1, 54))
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -108.0
    atlas = tmp_path / "atlas.nii.gz"  # labels without names
    nibabel.save(nibabel.Nifti1Image(thirds.astype(np.int16), affine), atlas)
    read_as = read_of(Bunch(atlas_regions=["a", "left out", "b"], X=None))
    summary = population / "summary.json"
    said = json.loads(summary.read_text())
    summary.write_text(json.dumps(said | {"read": read_as}))
    out = tmp_path / "study"
    options = [f"--population={population}", "--formula=age", f"--out={out}"]
    assert main(["study", *options, f"--brain={atlas}"]) == 0, capsys.readouterr().err
    page = (out / "brain_age.html").read_text()
    assert "a: -0.0" in page
    assert "b: -0.0" in page


def test_looks_of_all_pages_are_one():
    """Nothing but the page builder knows HTML's head and style sheet."""
    for path in Path(delssome.__file__).parent.rglob("*.py"):
        if path.name != "page.py":
            assert "<style" not in path.read_text(encoding="utf-8"), path
            assert "<!doctype" not in path.read_text(encoding="utf-8").lower(), path
