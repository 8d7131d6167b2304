"""What a fit leaves behind has the numbers of the fitter and the names of the model."""

import csv
import json
import re
import warnings

import numpy as np
import pytest

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    Simulator,
    Verification,
    pack_subjects,
)
from delssome.observables import fc_matrix, fcd_cdf
from delssome.report import (
    check_out,
    figures,
    html_report,
    summary,
    summary_text,
    tables,
    write_results,
)

N_ROIS = 8
NAMES = [f"r{k}" for k in range(N_ROIS)]
MODELS = {"FIC": FIC(), "MFM": MFM()}
RUN = {
    "delssome": "1.2",
    "random_state": 0,
    "n_subjects": 1,
    "n_rois": N_ROIS,
    "acquisition": {"tr": 0.72, "n_frames": 40},
    "warnings": ["a < b"],
}


@pytest.fixture(scope="module")
def fitters():
    """One fit of each model."""
    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((40, N_ROIS)).cumsum(axis=0)
    X = pack_subjects(upper + upper.T, fc_matrix(bold), fcd_cdf(bold, 10))
    maps = rng.standard_normal((N_ROIS, 1))
    fitted = {}
    for name, model in MODELS.items():
        fitter = MeanFieldFitter(
            maps,
            surrogate="linear",
            model=model,
            acquisition=Acquisition(n_frames=40, window=10, burn_in=3.6, warm_up=1.0),
            search=CMAES(popsize=8, max_iter=1, n_restarts=2),
            simulator=Simulator(n_repeats=1),
            verification=Verification(n_finalists=2),
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted[name] = fitter.fit(X)
    return fitted


@pytest.fixture(params=MODELS)
def fitter(request, fitters):
    return fitters[request.param]


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


def test_tables_hold_what_the_fitter_holds(tmp_path, fitter):
    write_results(tmp_path, tables(fitter, NAMES), {}, summary(fitter))
    parameters = read(tmp_path / "parameters.csv")
    assert len(parameters) == N_ROIS
    for name, values in fitter.regional_params_.items():
        np.testing.assert_array_equal(
            column(parameters, name), np.broadcast_to(values, N_ROIS)
        )
    coefficients = read(tmp_path / "coefficients.csv")
    assert [row["name"] for row in coefficients] == fitter.param_names_
    np.testing.assert_array_equal(column(coefficients, "value"), fitter.params_)
    verification = read(tmp_path / "verification.csv")
    assert len(verification) == len(fitter.verification_.theta)
    np.testing.assert_array_equal(
        column(verification, "simulated_fcd_ks"), fitter.verification_.simulated_fcd_ks
    )
    np.testing.assert_array_equal(
        column(verification, "G"),
        fitter.verification_.theta[:, fitter.param_names_.index("G")],
    )
    assert {row["selected"] for row in verification} <= {"True", "False"}
    history = read(tmp_path / "history.csv")
    np.testing.assert_array_equal(
        column(history, "n_evaluations"), fitter.history_.n_evaluations
    )
    readout = read(tmp_path / f"{fitter.model_.readout_key}.csv")
    np.testing.assert_array_equal(
        column(readout, fitter.model_.readout_key), fitter.readout_
    )
    assert not list(tmp_path.glob(".*"))


def test_columns_and_files_have_the_names_of_the_model(fitters):
    fic, mfm = (tables(fitters[name], NAMES) for name in MODELS)
    assert set(fic) - set(mfm) == {"ei_ratio.csv"}
    assert set(mfm) - set(fic) == {"firing_rate.csv"}
    assert list(fic["parameters.csv"])[-1] == "rate_hz"
    assert {"w_EE", "w_EI", "w_IE", "sigma", "G"} < set(fic["parameters.csv"])
    assert set(mfm["parameters.csv"]) == {"region", "w", "I", "sigma", "G"}
    np.testing.assert_array_equal(
        fic["parameters.csv"]["rate_hz"], fitters["FIC"].rates_
    )
    assert "rate_min" in fic["verification.csv"]
    assert "rate_min" not in mfm["verification.csv"]


def test_readout_has_the_spread_of_fits_as_good_and_the_truth(fitters):
    fitter = fitters["FIC"]
    table = tables(fitter, NAMES, np.arange(N_ROIS))["ei_ratio.csv"]
    alike = len(fitter.readouts_) > 1
    assert list(table) == ["region", "ei_ratio", *["sd_over_restarts"] * alike, "truth"]


def test_summary_has_the_names_of_the_model(fitters):
    fic, mfm = (summary(fitters[name]) for name in MODELS)
    assert fic["model"] == "FIC"
    assert mfm["model"] == "MFM"
    assert set(fic) - set(mfm) == {"ei_ratio", "ei_ratio_sd", "rates_hz"}
    assert set(mfm) - set(fic) == {"firing_rate", "firing_rate_sd"}
    for results, fitter in ((fic, fitters["FIC"]), (mfm, fitters["MFM"])):
        readout = results[fitter.model_.readout_key]
        assert readout == {
            "mean": fitter.readout_.mean(),
            "min": fitter.readout_.min(),
            "max": fitter.readout_.max(),
        }
        assert results["spectral_radius"] == fitter.spectral_radius_
        assert set(results["coefficients"]) == set(fitter.param_names_)
    truth = fitters["MFM"].readout_ * 2 + 1
    known = summary(fitters["MFM"], truth)["truth"]
    assert set(known) == {"firing_rate", "firing_rate_correlation"}
    # A line through the values themselves.
    np.testing.assert_allclose(known["firing_rate_correlation"], 1, rtol=1e-12)


def test_summary_leaves_out_a_spectral_radius_that_is_not_known(fitters, monkeypatch):
    monkeypatch.setattr(fitters["MFM"], "spectral_radius_", float("nan"))
    assert "spectral_radius" not in summary(fitters["MFM"])


def test_summary_text_is_aligned_and_says_if_rates_are_in_range(fitters):
    fitter = fitters["FIC"]
    results = summary(fitter, fitter.readout_ + 1)
    lines = summary_text(results).splitlines()
    assert len({len(line) for line in lines[:5]}) == 1
    assert lines[4].split()[0] == "total"
    assert float(lines[4].split()[-1]) == round(fitter.cost_, 3)
    assert lines[5].startswith("firing rates    ")
    assert lines[6].startswith("E/I ratio       ")
    assert lines[8] == "  correlation   1.00 over regions, recovered with true"
    assert "noise" in lines[-2]
    results["in_range"] = False
    assert "OUTSIDE the plausible range" in summary_text(results)


def test_summary_text_of_a_model_without_a_range_says_so(fitters):
    results = summary(fitters["MFM"])
    text = summary_text(results)
    assert "the MFM model bounds none; no repeat diverged" in text
    assert " in range" not in text
    lines = text.splitlines()
    assert len({len(line) for line in lines[:5]}) == 1
    mean = fitters["MFM"].readout_.mean()
    shown = re.search(r"^Firing rate \(Hz\)  (\S+) \(\S+ to \S+\)$", text, re.MULTILINE)
    # Three significant digits are shown.
    assert float(shown.group(1)) == pytest.approx(mean, rel=5e-3)
    results["in_range"] = False
    assert "some repeats DIVERGED" in summary_text(results)


def test_page_has_the_names_of_the_model(fitters):
    for name, fitter in fitters.items():
        results = {**RUN, **summary(fitter)}
        images = {"report.png": b"1", f"{fitter.model_.readout_key}.png": b"2"}
        page = html_report(results, images)
        assert f"<title>{name} model: fit of one subject, 8 regions</title>" in page
        assert f"<h2>{fitter.model_.readout_name} by region</h2>" in page
        assert '<p class="warning">a &lt; b</p>' in page
        assert page.count("data:image/png;base64,") == 2
        assert "spectral radius" in page
        assert f"{fitter.cost_:.3f}" in page
        assert "$" not in page
    assert "the MFM model bounds none" in page
    assert "mean firing rate (Hz)" in page
    assert "E/I" not in page


def test_page_leaves_out_what_theory_does_not_describe(fitters):
    results = {**RUN, **summary(fitters["MFM"])}
    del results["spectral_radius"]
    images = {"report.png": b"1", "firing_rate.png": b"2"}
    assert "spectral radius" not in html_report(results, images)


def test_page_has_a_spread_of_several_searches_alone(fitters):
    results = {**RUN, **summary(fitters["FIC"])}
    images = {"report.png": b"1", "ei_ratio.png": b"2"}
    for n_alike in (1, 2):
        page = html_report({**results, "n_alike": n_alike}, images)
        assert ("SD of the mean" in page) == (n_alike > 1)


def test_page_says_that_rates_are_outside(fitters):
    results = {**RUN, **summary(fitters["FIC"]), "in_range": False}
    images = {"report.png": b"1", "ei_ratio.png": b"2"}
    page = html_report(results, images)
    assert "<strong>outside</strong> the plausible range" in page


def test_figures_and_page_are_written(tmp_path, fitter):
    results = {**RUN, **summary(fitter)}
    drawn = figures(fitter, NAMES)
    key = fitter.model_.readout_key
    assert set(drawn) == {"report.png", f"{key}.png"}
    assert drawn[f"{key}.png"].axes[0].get_xlabel() == fitter.model_.readout_name
    files = write_results(tmp_path / "out", {}, drawn, results)
    assert [path.name for path in files] == [*drawn, "report.html", "summary.json"]
    assert all(path.stat().st_size > 1000 for path in files[:3])
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert written["costs_verified"]["total"] == fitter.cost_


def test_json_has_null_for_what_is_no_number(tmp_path):
    write_results(tmp_path, {}, {}, {"a": {"b": float("nan")}, "c": float("inf")})
    text = (tmp_path / "summary.json").read_text()
    assert json.loads(text) == {"a": {"b": None}, "c": None}


def test_out_can_be_overwritten_when_asked(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"is not empty; .* --overwrite"):
        check_out(tmp_path)
    assert check_out(tmp_path, overwrite=True) == tmp_path


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_results(tmp_path, {"a.csv": {"x": [1]}}, {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"
