"""The command line: files, contents, and errors in one line."""

import csv
import json
import re
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

from delssome import (
    CMAES,
    Acquisition,
    MeanFieldFitter,
    MeanFieldPosterior,
    Simulator,
    Verification,
    __version__,
    pack_subjects,
)
from delssome.cli import main
from delssome.cli.models import load_model
from delssome.exceptions import OutOfRangeWarning
from delssome.observables import fc_gradients, fc_matrix, fcd_cdf

N_ROIS = 8
SCAN = Acquisition(n_frames=40, window=10, burn_in=3.6, warm_up=1.0)
FILES = {
    "parameters.csv",
    "coefficients.csv",
    "ei_ratio.csv",
    "verification.csv",
    "history.csv",
    "report.png",
    "known.png",
    "fc.png",
    "fcd.png",
    "search.png",
    "report.html",
    "ei_ratio.png",
    "summary.json",
    "config.toml",
}
TINY = {
    "--window": 10,
    "--burn-in": 3.6,
    "--warm-up": 1,
    "--popsize": 8,
    "--max-iter": 1,
    "--n-repeats": 1,
    "--n-finalists": 2,
    "--n-jobs": 1,
}
OWN = """
from dataclasses import dataclass
from typing import ClassVar

from delssome.models import Model


def derivatives(x, coupling, a, expm1):
    return (0.01 * a + 0.0 * coupling,)  # it drifts, and never rests


@dataclass(frozen=True)
class Drift(Model):
    a: tuple = (1.0, 5.0)
    G: tuple = (0.0, 1.0)
    sigma: tuple = (0.1, 1.0)

    states: ClassVar = ("x",)
    inputs: ClassVar = ("a",)
    searched: ClassVar = ("a", "G", "sigma")
    regional: ClassVar = ("a", "sigma")
    initial_state: ClassVar = (0.0,)
    largest_step: ClassVar = 0.05
    haemodynamics: ClassVar = False
    derivatives: ClassVar = staticmethod(derivatives)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Files of one subject, by name."""
    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((40, N_ROIS)).cumsum(axis=0)
    matrices = {
        "sc": upper + upper.T,
        "bold": bold,
        "bold2": bold[::-1],
        "maps": rng.standard_normal((N_ROIS, 1)),
        "fc": fc_matrix(bold),
        "fcd": fcd_cdf(bold, 10),
        "small": np.corrcoef(np.random.default_rng(0).normal(size=(3, 9))),
    }
    folder = tmp_path_factory.mktemp("data")
    paths = {}
    for name, matrix in matrices.items():
        paths[name] = str(folder / f"{name}.csv")
        np.savetxt(paths[name], matrix, delimiter=",", fmt="%.17g")
    paths["names"] = str(folder / "names.txt")
    (folder / "names.txt").write_text("\n".join(f"area {k}" for k in range(N_ROIS)))
    paths["missing"] = str(folder / "missing.csv")
    return paths


@pytest.fixture(scope="module")
def fitter(data):
    sc, bold, maps = (
        np.loadtxt(data[name], delimiter=",", ndmin=2)
        for name in ("sc", "bold", "maps")
    )
    fitter = MeanFieldFitter(
        maps,
        acquisition=SCAN,
        search=CMAES(popsize=8, max_iter=1),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitter.fit(pack_subjects(sc, fc_matrix(bold), fcd_cdf(bold, 10)))


def fit_options(out, options):
    """Arguments of `delssome fit`; options that are None are left out."""
    argv = ["fit", "--out", str(out)]
    for name, value in {**TINY, **options}.items():
        if value is not None:
            values = value if isinstance(value, list) else [value]
            argv += [name, *map(str, values)]
    return argv


def posterior_options(out, options):
    """Arguments of `delssome posterior`."""
    of_search = ("--popsize", "--max-iter", "--n-finalists")
    argv = fit_options(out, {**options, **dict.fromkeys(of_search)})
    return ["posterior", *argv[1:]]


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


def error_of(capsys, *argv):
    """Run, expect an error, and give its one line."""
    assert main([str(a) for a in argv]) == 2
    message = capsys.readouterr().err
    assert message.startswith("delssome: error: ")
    assert message.count("\n") == 1
    return message


def test_demo_writes_a_folder_and_finds_the_truth_of_its_cohort(tmp_path, capsys):
    out = tmp_path / "new" / "demo"
    assert main(f"demo --quick --n-rois 8 --n-jobs 1 --out {out}".split()) == 0
    assert {path.name for path in out.iterdir()} == FILES
    rows = read(out / "ei_ratio.csv")
    assert len(rows) == 8
    assert set(rows[0]) == {"region", "ei_ratio", "sd_known", "truth"}
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "delssome demo --config config.toml" in page
    results = json.loads((out / "summary.json").read_text())
    assert f"{results['costs_verified']['total']:.3f}" in page
    r = np.corrcoef(column(rows, "ei_ratio"), column(rows, "truth"))[0, 1]
    np.testing.assert_allclose(results["truth"]["ei_ratio_correlation"], r, rtol=1e-12)
    printed = capsys.readouterr().out
    for word in (
        "1/3 make",
        "2/3 fit",
        "3/3 write",
        "fcd_ks",
        "noise",
        "true parameters",
        "these data know  mean E/I ratio to +-",
    ):
        assert word in printed
    assert str(out) in printed


def test_fit_of_bold_equals_the_fitter(tmp_path, data, fitter, capsys):
    options = {
        "--sc": data["sc"],
        "--bold": data["bold"],
        "--tr": 0.72,
        "--maps": data["maps"],
        "--region-names": data["names"],
    }
    assert main(fit_options(tmp_path / "out", options)) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    rows = read(tmp_path / "out" / "ei_ratio.csv")
    assert [row["region"] for row in rows] == [f"area {k}" for k in range(N_ROIS)]
    assert "truth" not in rows[0]
    np.testing.assert_array_equal(column(rows, "ei_ratio"), fitter.ei_ratio_)
    results = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert results["costs_verified"]["total"] == fitter.cost_
    assert results["acquisition"]["n_frames"] == 40
    assert results["acquisition"]["window"] == 10
    assert results["model"] == "FIC"
    assert results["surrogate"] == "deep"
    printed = capsys.readouterr().out
    assert "--surrogate deep is the fastest that serves the FIC model.\n" in printed
    assert "FIC model by CMAES" in printed
    assert "predicted by the network" in printed


def test_fit_of_filtered_bold_goes_through_the_same(tmp_path, data, capsys):
    options = {
        "--sc": data["sc"],
        "--bold": data["bold"],
        "--tr": 0.72,
        "--maps": data["maps"],
        "--band": [0.01, "none"],
    }
    arguments = [*fit_options(tmp_path / "out", options), "--global-signal"]
    assert main(arguments) == 0
    results = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert results["acquisition"]["band"] == [0.01, None]
    assert results["acquisition"]["filter_order"] == 2
    assert results["surrogate"] == "deep"
    printed = capsys.readouterr().out
    assert "note: --surrogate deep is the fastest that serves" in printed
    page = (tmp_path / "out" / "report.html").read_text()
    assert "40 frames, band 0.01 to the highest Hz (order 2), global signal" in page


def test_fit_of_statistics_equals_fit_of_bold(tmp_path, data, fitter):
    options = {
        "--sc": data["sc"],
        "--fc": data["fc"],
        "--fcd": data["fcd"],
        "--tr": 0.72,
        "--n-frames": 40,
        "--maps": data["maps"],
    }
    assert main(fit_options(tmp_path, options)) == 0
    w_EI = column(read(tmp_path / "parameters.csv"), "w_EI")
    np.testing.assert_array_equal(w_EI, fitter.regional_params_["w_EI"])


def test_fit_of_a_folder_is_a_group(tmp_path, data):
    folder = tmp_path / "study"
    folder.mkdir()
    for subject, bold in (("a", "bold"), ("b", "bold2")):
        for kind, path in (("sc", data["sc"]), ("bold", data[bold])):
            shutil.copy(path, folder / f"{subject}_{kind}.csv")
    out = tmp_path / "out"
    assert main(fit_options(out, {"--folder": folder, "--tr": 0.72})) == 0
    results = json.loads((out / "summary.json").read_text())
    assert results["n_subjects"] == 2
    assert results["acquisition"]["n_frames"] == 40
    assert results["acquisition"]["burn_in"] == 3.6
    assert len(read(out / "ei_ratio.csv")) == N_ROIS


def test_fit_of_another_model_has_its_names(tmp_path, data, capsys):
    options = {
        "--sc": data["sc"],
        "--bold": data["bold"],
        "--tr": 0.72,
        "--maps": data["maps"],
        "--model": "mfm",
        "--surrogate": "linear",
    }
    assert main(fit_options(tmp_path, options)) == 0
    printed = capsys.readouterr().out
    assert "predicted by theory" in printed
    assert "the MFM model bounds none" in printed
    assert "Firing rate (Hz)  " in printed
    own = {"firing_rate.csv", "firing_rate.png"}
    names = {path.name for path in tmp_path.iterdir()}
    assert names == FILES - {"ei_ratio.csv", "ei_ratio.png"} | own
    rows = read(tmp_path / "firing_rate.csv")
    assert set(rows[0]) == {"region", "firing_rate", "sd_known"}
    parameters = read(tmp_path / "parameters.csv")
    regional = {"relaxation_over_coupling", "relative_noise"}
    assert set(parameters[0]) == {"region", "w", "I", "G", "sigma"} | regional
    results = json.loads((tmp_path / "summary.json").read_text())
    assert results["model"] == "MFM"
    assert results["surrogate"] == "linear"
    assert "rates_hz" not in results
    mean = column(rows, "firing_rate").mean()
    np.testing.assert_allclose(results["firing_rate"]["mean"], mean, rtol=1e-12)
    page = (tmp_path / "report.html").read_text()
    page = re.sub('base64,[^"]*', "", page)  # any letters are in an image
    assert "MFM model" in page
    for text in (printed, page, json.dumps(results)):
        assert "E/I" not in text
        assert "ei_ratio" not in text


def test_fit_of_a_model_of_the_users_own(tmp_path, data, capsys):
    # It comes to no rest, so that theory does not describe it.
    (tmp_path / "own.py").write_text(OWN)
    options = {
        "--sc": data["sc"],
        "--bold": data["bold"],
        "--tr": 0.72,
        "--maps": data["maps"],
        "--model": f"{tmp_path / 'own.py'}:Drift",
    }
    out = tmp_path / "out"
    assert main(fit_options(out, options)) == 0
    printed = capsys.readouterr().out
    assert "note: --surrogate none is the fastest that serves the Drift" in printed
    assert "by simulation takes some half an hour of CPU time" in printed
    assert "none of its candidates comes to rest" in printed
    assert "every one simulated" in printed
    own = {"readout.csv", "readout.png"}
    names = {path.name for path in out.iterdir()}
    # Theory does not say what data know of it.
    assert names == FILES - {"ei_ratio.csv", "ei_ratio.png", "known.png"} | own
    assert set(read(out / "readout.csv")[0]) == {"region", "readout"}
    assert {"a", "G", "sigma"} < set(read(out / "parameters.csv")[0])
    results = json.loads((out / "summary.json").read_text())
    assert results["surrogate"] is None
    assert "spectral_radius" not in results
    assert "known" not in results
    assert "nothing that can be said here of the x" in printed
    assert "spectral radius" not in (out / "report.html").read_text()
    argv = posterior_options(tmp_path / "posterior", options)
    assert "neither network nor theory gives of the Drift" in error_of(capsys, *argv)


@pytest.mark.parametrize(
    ("model", "surrogate", "key"),
    [("fic", "deep", "ei_ratio"), ("mfm", "deep", "firing_rate")],
)
def test_posterior_equals_the_estimator(
    model, surrogate, key, tmp_path, data, drawn_at_once, capsys
):
    options = {
        "--sc": data["sc"],
        "--bold": data["bold"],
        "--tr": 0.72,
        "--maps": data["maps"],
        "--model": model,
        "--n-scans": 2,
        "--interval": 0.8,
    }
    sc, bold, maps = (
        np.loadtxt(data[name], delimiter=",", ndmin=2)
        for name in ("sc", "bold", "maps")
    )
    posterior = MeanFieldPosterior(
        maps,
        surrogate,
        n_scans=2,
        model=load_model(model),
        acquisition=SCAN,
        simulator=Simulator(n_repeats=1),
        interval=0.8,
        random_state=0,
    )
    X = pack_subjects(sc, fc_matrix(bold), fcd_cdf(bold, 10))
    with drawn_at_once():
        assert main(posterior_options(tmp_path, options)) == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            posterior.fit(X)
    own = {"draws.csv", f"{key}.csv", f"{key}.png"}
    of_fits = {
        "search.png",
        "history.csv",
        "verification.csv",
        "ei_ratio.csv",
        "ei_ratio.png",
    }
    assert {path.name for path in tmp_path.iterdir()} == (FILES - of_fits) | own
    rows = read(tmp_path / f"{key}.csv")
    np.testing.assert_array_equal(column(rows, key), posterior.readout_)
    np.testing.assert_array_equal(
        column(rows, "low"), posterior.readout_interval_[:, 0]
    )
    results = json.loads((tmp_path / "summary.json").read_text())
    assert results["costs_verified"]["total"] == pytest.approx(
        posterior.cost_,
        rel=1e-12,  # sums may round by where arrays lie
    )
    assert results["known"]["interval"] == 0.8
    printed = capsys.readouterr().out
    assert "2/3 infer  " in printed
    assert "noise at least that of --n-scans 2" in printed
    assert "with probability 0.8" in " ".join(printed.split())
    page = (tmp_path / "report.html").read_text()
    # A warning of the fit says the same as a caveat.
    assert page.count("which way up the pattern") <= 1


def test_map_signs_go_to_the_model_that_has_them(tmp_path, data, monkeypatch, capsys):
    given = []

    def keep(self, X):
        given.append(self.model)
        raise ValueError("seen")

    monkeypatch.setattr(MeanFieldFitter, "fit", keep)
    files = {"--sc": data["sc"], "--bold": data["bold"], "--tr": 0.72}
    options = {**files, "--maps": data["maps"], "--map-signs": -1}
    assert main(fit_options(tmp_path, options)) == 2
    assert given[0].map_signs == (-1,)
    capsys.readouterr()
    argv = fit_options(tmp_path, {**options, "--model": "mfm"})
    message = error_of(capsys, *argv)
    assert "--map-signs belongs to models with a setting map_signs" in message
    assert "the MFM model has w, I, G, sigma" in message
    assert len(given) == 1


def test_gradients_of_the_fc_are_maps_beside_those_of_a_file(
    tmp_path, data, monkeypatch, capsys
):
    given = []

    def keep(self, X):
        given.append(self.maps)
        raise ValueError("seen")

    monkeypatch.setattr(MeanFieldFitter, "fit", keep)
    files = {"--sc": data["sc"], "--bold": data["bold"], "--tr": 0.72}
    for maps in ({"--maps": data["maps"]}, {}):
        options = {**files, **maps, "--gradients": 2}
        assert main(fit_options(tmp_path, options)) == 2
    both, alone = given
    map_, fc = (np.loadtxt(data[name], delimiter=",") for name in ("maps", "fc"))
    np.testing.assert_allclose(both[:, 0], map_)
    np.testing.assert_allclose(both[:, 1:], fc_gradients(fc, 2, like=-map_), rtol=1e-6)
    np.testing.assert_allclose(alone, fc_gradients(fc, 2), rtol=1e-6)
    assert "without --maps" not in capsys.readouterr().out
    assert main(fit_options(tmp_path, files)) == 2
    assert given[2] is None
    assert "without --maps or --gradients" in capsys.readouterr().out


def test_fit_averages_runs_and_shows_a_warning_in_one_line(tmp_path, data, capsys):
    options = {"--sc": data["sc"], "--bold": [data["bold"]] * 2, "--tr": 0.72}
    with pytest.MonkeyPatch.context() as patch:

        def warn_and_fit(self, X):
            warnings.warn("rates are\n  wrong", OutOfRangeWarning, stacklevel=2)
            return fit(self, X)

        fit = MeanFieldFitter.fit
        patch.setattr(MeanFieldFitter, "fit", warn_and_fit)
        assert main(fit_options(tmp_path, options)) == 0
    assert read(tmp_path / "ei_ratio.csv")[0]["region"] == "region_1"
    lines = capsys.readouterr().err.splitlines()
    assert "delssome: warning: rates are wrong" in lines
    assert not any("OutOfRangeWarning" in line for line in lines)


def test_the_scan_of_a_study_is_taken_where_it_is_asked_for(
    tmp_path, data, capsys, monkeypatch
):
    monkeypatch.setattr(MeanFieldFitter, "fit", refuse)
    options = {"--sc": data["sc"], "--fc": data["fc"], "--fcd": data["fcd"]}
    options = fit_options(tmp_path, {**options, "--window": None})
    assert main([*options, "--hcp"]) == 2
    printed = capsys.readouterr().out
    assert "scan of 1200 frames, TR 0.72 s, FCD window 83 frames" in printed


def test_sc_is_thresholded_where_it_is_asked_for(tmp_path, data, capsys, monkeypatch):
    seen = []

    def keep(self, X):
        seen.append(X)
        refuse(self, X)

    monkeypatch.setattr(MeanFieldFitter, "fit", keep)
    options = {"--sc": data["sc"], "--bold": data["bold"], "--tr": 0.72}
    options = fit_options(tmp_path, options)
    assert main([*options, "--density", "0.5"]) == 2
    assert "50% of the pairs" in capsys.readouterr().out
    assert np.count_nonzero(seen[0][0, :28]) == 14


def refuse(self, X):
    raise ValueError("not today")


ERRORS = {
    "no SC file": ({"--sc": "missing"}, "missing.csv"),
    "no BOLD file": ({"--bold": "missing"}, "missing.csv"),
    "no file of names": ({"--region-names": "missing"}, "missing.csv"),
    "SC not square": ({"--sc": "maps"}, "maps.csv must have shape (n_rois, n_rois)"),
    "BOLD of other regions": (
        {"--bold": "small"},
        "one column for each of the 8 regions",
    ),
    "maps of other regions": ({"--maps": "small"}, "each of the 8 regions"),
    "more gradients than regions": ({"--gradients": 8}, "n_gradients"),
    "fewer gradients than none": ({"--gradients": -1}, "n_gradients"),
    "names of other regions": ({"--region-names": "small"}, "one name a line"),
    "no TR": ({"--tr": None}, "give tr, in seconds (--tr"),
    "BOLD and FC": ({"--fc": "fc"}, "either --bold, or --fc and --fcd"),
    "FC without FCD": ({"--bold": None, "--fc": "fc"}, "--fc and --fcd go together"),
    "FC with TR alone": (
        {"--bold": None, "--fc": "fc", "--fcd": "fcd"},
        "give its --tr and --n-frames, or --hcp",
    ),
    "FCD not a vector": (
        {"--bold": None, "--fc": "fc", "--fcd": "fc", "--n-frames": 40},
        "one row or column",
    ),
    "FC of other regions": (
        {"--bold": None, "--fc": "small", "--fcd": "fcd", "--n-frames": 40},
        "shape of the subject's sc",
    ),
    "folder and files": ({"--folder": "sc"}, "--folder goes without"),
    "not a folder": (
        {"--sc": None, "--bold": None, "--folder": "sc"},
        "sc.csv is not a folder",
    ),
    "folder without TR": (
        {"--sc": None, "--bold": None, "--folder": "sc", "--tr": None},
        "--folder needs --tr",
    ),
    "scan too short": ({"--window": 39}, "frames for an FCD window of 39"),
    "TR in milliseconds": ({"--tr": 720}, "did you mean 0.72?"),
    "band beyond what TR holds": ({"--band": [0.01, 0.8]}, "below 0.6944 Hz"),
    "setting": ({"--popsize": 1}, "popsize must be"),
    "device": ({"--device": "abacus"}, "device='abacus'"),
    "no such model": (
        {"--model": "guess"},
        "fic, hopf, linear, mfm, wilsoncowan or FILE.py:CLASS, got 'guess'",
    ),
    "surrogate of a search": ({"--surrogate": "guess"}, "invalid choice: 'guess'"),
    "weights beside theory": (
        {"--weights": "nowhere", "--surrogate": "linear"},
        "--weights goes without --surrogate linear",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error_of_input_is_one_line_and_writes_nothing(case, tmp_path, data, capsys):
    changes, expected = ERRORS[case]
    options = {"--sc": "sc", "--bold": "bold", "--tr": 0.72, **changes}
    options = {
        k: v if isinstance(v, list) else data.get(v, v) for k, v in options.items()
    }
    out = tmp_path / "out"
    assert expected in error_of(capsys, *fit_options(out, options))
    assert not out.exists()


def test_options_of_a_search_are_not_of_a_posterior(tmp_path, data, capsys):
    files = {"--sc": data["sc"], "--bold": data["bold"], "--tr": 0.72}
    argv = posterior_options(tmp_path / "out", files)
    assert "--popsize" in error_of(capsys, *argv, "--popsize", 8)
    message = error_of(capsys, *argv, "--n-scans", 0)
    assert "n_scans" in message
    assert not (tmp_path / "out").exists()


def test_usage_errors_are_one_line(capsys):
    assert "{demo,fit,posterior,population,pooled,study,train}" in error_of(capsys)
    assert "invalid choice: 'guess'" in error_of(capsys, "guess")
    assert "--out" in error_of(capsys, "fit")
    assert "give --sc" in error_of(capsys, "fit", "--out", "nowhere")


def test_out_must_be_empty_unless_overwritten(tmp_path, capsys):
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    message = error_of(capsys, "demo", "--quick", "--out", tmp_path)
    assert "is not empty" in message
    assert "--overwrite" in message
    assert "is a file" in error_of(capsys, "demo", "--out", kept)


@pytest.mark.parametrize(
    ("command", "ends"),
    [("train", "; the same command goes on\n"), ("demo", "interrupted\n")],
)
def test_an_interruption_says_whether_the_command_goes_on(
    command, ends, tmp_path, capsys, monkeypatch
):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"delssome.cli.{command}.run", interrupt)
    assert main([command, f"--out={tmp_path / 'out'}"]) == 130
    assert capsys.readouterr().err.endswith(ends)


def test_training_for_a_model_says_first_what_it_takes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("delssome.cli.train.fine_tune", lambda *args, **kwargs: None)
    options = ["--model=mfm", "--groups=3", "--steps=70", f"--out={tmp_path}"]
    assert main(["train", *options]) == 0
    said = capsys.readouterr().out
    assert "two rounds: candidates of MFM on 3 synthetic groups" in said
    assert "70 steps" in said
    assert "15 minutes of CPU time at the defaults" in said


def test_groups_of_a_model_are_not_for_training_anew(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("delssome.cli.train.train_surrogate", lambda *args, **kw: None)
    assert main(["train", "--groups=3", f"--out={tmp_path / 'out'}"]) == 2
    assert "--groups and --n-rois go with --model" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"delssome {__version__}\n"


def test_help_names_the_commands(capsys):
    assert main(["--help"]) == 0
    assert "fit your own data" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["fit", "--help"],
        ["posterior", "--help"],
        ["--version"],
        ["fit"],
        ["guess"],
    ],
)
def test_help_and_errors_of_usage_load_nothing_heavy(argv):
    code = (
        "import sys; from delssome.cli import main; main(sys.argv[1:]); "
        "heavy = {'numpy', 'sklearn', 'torch', 'skorch', 'numba', 'matplotlib'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_python_m_delssome_runs():
    done = subprocess.run(
        [sys.executable, "-m", "delssome", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"delssome {__version__}\n"
