"""What a fit leaves behind has the numbers of the fitter and the names of the model."""

import csv
import errno
import json
import os
import re
import tempfile
from base64 import b64encode
from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from delssome import MeanFieldPosterior
from delssome.exceptions import StorageWarning
from delssome.report import (
    check_out,
    figures,
    html_report,
    region_table,
    summary,
    summary_text,
    tables,
    write_results,
)

N_ROIS = 8
NAMES = [f"r{k}" for k in range(N_ROIS)]
RUN = {
    "delssome": "1.2",
    "random_state": 0,
    "n_subjects": 1,
    "n_rois": N_ROIS,
    "acquisition": {"tr": 0.72, "n_frames": 40},
    "warnings": ["a < b"],
}


IMAGES = {
    f"{name}.png": name.encode()
    for name in ("ei_ratio", "firing_rate", "known", "fc", "fcd", "search")
}


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
    known = fitter.identifiability_
    np.testing.assert_array_equal(column(readout, "sd_known"), known.readout_sd)
    np.testing.assert_array_equal(column(coefficients, "sd_known"), known.sd)
    assert not list(tmp_path.glob(".*"))


def test_regions_are_rows_of_one_table_by_name(either):
    pytest.importorskip("pandas")
    names = [f"area {k}" for k in range(8)]
    table = region_table(either, names)
    assert table.index.tolist() == names
    np.testing.assert_array_equal(table[either.model_.readout_key], either.readout_)
    for name in either.model_.regional:
        np.testing.assert_array_equal(table[name], either.regional_params_[name])
    assert region_table(either).index[0] == "region_1"
    with pytest.raises(ValueError, match="region_names must have 8 entries, got 7"):
        region_table(either, names[:-1])


def test_columns_and_files_have_the_names_of_the_model(fitters):
    fic, mfm = (tables(fitters[name], NAMES) for name in ("FIC", "MFM"))
    assert set(fic) - set(mfm) == {"ei_ratio.csv"}
    assert set(mfm) - set(fic) == {"firing_rate.csv"}
    assert list(fic["parameters.csv"])[-3] == "rate_hz"
    assert {"w_EE", "w_EI", "w_IE", "sigma", "G"} < set(fic["parameters.csv"])
    regional = {"relaxation_over_coupling", "relative_noise"}
    assert set(mfm["parameters.csv"]) == {"region", "w", "I", "sigma", "G"} | regional
    np.testing.assert_array_equal(
        fic["parameters.csv"]["rate_hz"], fitters["FIC"].rates_
    )
    assert "rate_min" in fic["verification.csv"]
    assert "rate_min" not in mfm["verification.csv"]


def test_readout_has_the_spread_of_fits_as_good_and_the_truth(fitters):
    fitter = fitters["FIC"]
    table = tables(fitter, NAMES, np.arange(N_ROIS))["ei_ratio.csv"]
    alike = len(fitter.readouts_) > 1
    assert list(table) == [
        "region",
        "ei_ratio",
        *["spread_over_restarts"] * alike,
        "sd_known",
        "truth",
    ]


def test_tables_of_a_posterior_hold_intervals_and_draws(tmp_path, posterior):
    files = tables(posterior, NAMES)
    write_results(tmp_path, files, {}, summary(posterior))
    key = posterior.model_.readout_key
    assert set(files) == {
        f"{key}.csv",
        "coefficients.csv",
        "parameters.csv",
        "draws.csv",
    }
    readout = read(tmp_path / f"{key}.csv")
    assert list(readout[0]) == ["region", key, "sd", "prior_sd", "low", "high"]
    np.testing.assert_array_equal(column(readout, key), posterior.readout_)
    np.testing.assert_array_equal(column(readout, "sd"), posterior.readout_sd_)
    ends = np.transpose([column(readout, end) for end in ("low", "high")])
    np.testing.assert_array_equal(ends, posterior.readout_interval_)
    coefficients = read(tmp_path / "coefficients.csv")
    assert [row["name"] for row in coefficients] == posterior.param_names_
    for name, expected in (
        ("mean", posterior.params_),
        ("sd", posterior.params_sd_),
        ("low", posterior.params_interval_[:, 0]),
        ("high", posterior.params_interval_[:, 1]),
        ("p_positive", posterior.sign_probability_),
    ):
        np.testing.assert_array_equal(column(coefficients, name), expected)
    draws = read(tmp_path / "draws.csv")
    np.testing.assert_array_equal(
        [column(draws, name) for name in posterior.param_names_], posterior.draws_.T
    )
    np.testing.assert_array_equal(
        [column(draws, f"{key}_{name}") for name in NAMES],
        posterior.readout_draws_.T,
    )
    parameters = read(tmp_path / "parameters.csv")
    assert ("rate_hz" in parameters[0]) == (posterior.model_.rate is not None)


def test_summary_has_the_names_of_the_model(fitters):
    fic, mfm = (summary(fitters[name]) for name in ("FIC", "MFM"))
    assert fic["model"] == "FIC"
    assert mfm["model"] == "MFM"
    spread = "spread_over_restarts"
    assert set(fic) - set(mfm) == {"ei_ratio", f"ei_ratio_{spread}", "rates_hz"}
    assert set(mfm) - set(fic) == {"firing_rate", f"firing_rate_{spread}"}
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


def test_summary_of_a_fit_says_what_its_data_know(fitter):
    found, known = summary(fitter)["known"], fitter.identifiability_
    assert found == {
        "n_scans": known.n_scans,
        "mean_sd": known.mean_readout_sd,
        "mean_prior_sd": known.mean_readout_prior_sd,
        "pattern_r": known.pattern_r,
        "pattern_range": known.pattern_range.tolist(),
        "p_upside_down": known.p_upside_down,
    }


def test_summary_of_a_posterior_says_what_its_draws_say(posterior):
    results = summary(posterior)
    found = results["known"]
    assert found["mean_sd"] == posterior.mean_readout_sd_
    assert found["mean_interval"] == posterior.mean_readout_interval_.tolist()
    assert found["n_scans"] == posterior.n_scans_effective_[0]
    assert found["p_upside_down"] == 1 - posterior.pattern_probability_
    # Draws are a fifth as wide as the prior, for the coefficients at least.
    assert 0 < found["mean_sd"] < found["mean_prior_sd"]
    r = [
        np.corrcoef(draw, posterior.readout_)[0, 1] for draw in posterior.readout_draws_
    ]
    # Rounding of sums in another order.
    np.testing.assert_allclose(found["pattern_r"], np.abs(r).mean(), rtol=1e-9)
    assert results["n_draws"] == len(posterior.draws_)
    assert results["costs_verified"]["total"] == posterior.cost_
    assert not {"costs_in_search", "noise", "n_alike", "n_finalists"} & set(results)


def test_summary_knows_nothing_where_theory_does_not(fitters, monkeypatch):
    fitter = fitters["FIC"]
    monkeypatch.setattr(fitter, "_identifiability", None)
    results = summary(fitter)
    assert "known" not in results
    assert "nothing that can be said here of the E/I ratio" in summary_text(results)
    assert "sd_known" not in tables(fitter, NAMES)["ei_ratio.csv"]
    assert "known.png" not in figures(fitter, NAMES)
    page = html_report({**RUN, **results}, IMAGES)
    assert "theory does not describe the model" in page
    assert "Bars" not in page


def test_a_map_without_a_pattern_is_not_said_to_have_one(posteriors, monkeypatch):
    posterior = posteriors["FIC"]
    level = posterior.readout_draws_.mean(axis=1, keepdims=True)
    monkeypatch.setattr(posterior, "readout_draws_", np.repeat(level, N_ROIS, axis=1))
    monkeypatch.setattr(posterior, "readout_", np.full(N_ROIS, level.mean()))
    results = summary(posterior)
    assert not any("pattern" in name for name in results["known"])
    assert "pattern" not in summary_text(results)


def test_summary_text_leads_with_the_map_and_what_is_known_of_it(either):
    results = summary(either)
    text = summary_text(results)
    lines = text.splitlines()
    assert lines[0].startswith(either.model_.readout_name)
    assert lines[0].endswith("over regions")
    assert lines[1].startswith("these data know")
    flat = " ".join(text.split())
    sd, prior = (results["known"][name] for name in ("mean_sd", "mean_prior_sd"))
    shown = re.search(r"to \+-(\S+) \(prior ([\d.]+)", flat)
    # Two significant digits are shown.
    np.testing.assert_allclose(
        [float(shown.group(1)), float(shown.group(2))], [sd, prior], rtol=0.05
    )
    assert f"up to its sign with r {results['known']['pattern_r']:.2f}" in flat
    assert "upside down with probability" in flat
    assert text.index("these data know") < text.index("caveat") < text.index("cost ")
    assert all(caveat in flat for caveat in results["caveats"])
    assert max(map(len, lines)) <= 88
    interval = re.search(r"; (\S+) to (\S+) with probability 0.9", flat)
    assert bool(interval) == isinstance(either, MeanFieldPosterior)


def test_spread_over_restarts_is_said_to_be_the_optimisers(fitters):
    results = {**summary(fitters["FIC"]), "n_alike": 2}
    text = " ".join(summary_text(results).split())
    assert "the optimiser's spread, not what the data leave open" in text
    assert "restarts" not in summary_text({**results, "n_alike": 1})


def test_summary_text_has_costs_aligned_and_says_if_rates_are_in_range(fitters):
    fitter = fitters["FIC"]
    results = summary(fitter, fitter.readout_ + 1)
    lines = summary_text(results).splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("cost"))
    assert len({len(line) for line in lines[first : first + 5]}) == 1
    assert lines[first + 4].split()[0] == "total"
    assert float(lines[first + 4].split()[-1]) == round(fitter.cost_, 3)
    assert lines[first + 5].startswith("firing rates     ")
    assert lines[2] == "  correlation    1.00 over regions, recovered with true"
    assert "noise" in lines[-2]
    results["in_range"] = False
    assert "OUTSIDE the" in summary_text(results)


def test_summary_text_of_a_model_without_a_range_says_so(fitters):
    results = summary(fitters["MFM"])
    text = summary_text(results)
    assert "the MFM model bounds none; no repeat diverged" in text
    assert " in range" not in text
    mean = fitters["MFM"].readout_.mean()
    shown = re.match(r"Firing rate \(Hz\)  (\S+) \(\S+ to \S+\) over regions\n", text)
    # Three significant digits are shown.
    assert float(shown.group(1)) == pytest.approx(mean, rel=5e-3)
    results["in_range"] = False
    assert "some repeats DIVERGED" in summary_text(results)


def test_page_has_the_names_of_the_model(either):
    model, results = either.model_, {**RUN, **summary(either)}
    page = html_report(results, IMAGES)
    kind = "posterior" if isinstance(either, MeanFieldPosterior) else "fit"
    assert (
        f"<title>{model.name} model: {kind} of one subject, 8 regions</title>" in page
    )
    assert f"<h2>{model.readout_name} by region</h2>" in page
    assert '<p class="warning">a &lt; b</p>' in page
    assert page.count("data:image/png;base64,") == 5
    assert ("spectral radius" in page) == (kind == "fit")
    assert f"{either.cost_:.3f}" in page
    assert "$" not in page
    assert ("the MFM model bounds none" in page) == (model.name == "MFM")
    assert ("E/I" in page) == (model.name == "FIC")


def test_page_goes_from_the_map_to_what_is_known_to_the_fit_to_settings(either):
    results = {**RUN, **summary(either), "command": "fit"}
    results["caveats"] = ["maps > inputs"]
    page = html_report(results, IMAGES, 'sc = "a<b"')
    titles = re.findall(r"<h2>(.+?)</h2>", page)
    assert titles == [
        f"{either.model_.readout_name} by region",
        "What the data know",
        "How well it fits",
        "Cost, search and verification",
        "Settings, and how to repeat it",
    ]
    places = {name: page.find(b64encode(png).decode()) for name, png in IMAGES.items()}
    order = [f"{either.model_.readout_key}.png", "known.png", "fc.png", "fcd.png"]
    assert sorted(order, key=places.get) == order
    assert places[order[0]] < page.index("What the data know") < places["known.png"]
    assert places["known.png"] < page.index("How well it fits") < places["fc.png"]
    assert places["fcd.png"] < page.index("Cost, search") < places["search.png"]
    assert "to &plusmn;" in page
    assert '<p class="warning">maps &gt; inputs</p>' in page
    assert "delssome fit --config config.toml" in page
    assert "<pre>sc = &quot;a&lt;b&quot;</pre>" in page
    page = html_report({**results, "caveats": [], "warnings": []}, IMAGES)
    assert '"warning"' not in page
    assert "--config" not in page


def test_page_leads_with_the_mean_and_its_interval(either):
    results = {**RUN, **summary(either)}
    lead = re.search('<p class="lead">(.+?)</p>', html_report(results, IMAGES)).group(1)
    if isinstance(either, MeanFieldPosterior):
        low, high = either.mean_readout_interval_
    else:
        half = 1.645 * either.identifiability_.mean_readout_sd
        low, high = either.readout_.mean() - half, either.readout_.mean() + half
    shown = re.search(r"\((?:FC leaves|90 % interval) (\S+) to ([\d.]+)", lead).groups()
    # Three significant digits are shown.
    np.testing.assert_allclose([float(x) for x in shown], [low, high], rtol=5e-3)


def test_with_a_brain_every_region_is_folded_away(either):
    results = {**RUN, **summary(either)}
    assert "<details>" not in html_report(results, IMAGES)
    brains = {"brain.png": b"8", "brain_spread.png": b"9"}
    page = html_report(results, IMAGES | brains)
    brain, spread, regions = (
        page.index(b64encode(png).decode())
        for png in (b"8", b"9", IMAGES[f"{either.model_.readout_key}.png"])
    )
    assert brain < spread < page.index("<details>") < regions
    assert regions < page.index("What the data know")


def test_a_figure_that_could_not_be_drawn_costs_the_page_nothing_else(either):
    results = {**RUN, **summary(either)}
    page = html_report(results, {"fc.png": b"1"})
    assert page.count("data:image/png;base64,") == 1
    assert "How well it fits" in page


def test_page_says_what_was_read(either):
    results = {**RUN, **summary(either)}
    assert "<li>" not in html_report(results, IMAGES)
    results["read"] = {"summary": ["4 subjects"], "notes": ["sub-01 <left out>"]}
    page = html_report(results, IMAGES)
    assert "<li>4 subjects</li><li>sub-01 &lt;left out&gt;</li>" in page


def test_page_leaves_out_what_theory_does_not_describe(fitters):
    results = {**RUN, **summary(fitters["MFM"])}
    del results["spectral_radius"]
    assert "spectral radius" not in html_report(results, IMAGES)


def test_page_has_a_spread_of_several_searches_alone(fitters):
    results = {**RUN, **summary(fitters["FIC"])}
    for n_alike in (1, 2):
        page = html_report({**results, "n_alike": n_alike}, IMAGES)
        assert ("the optimiser&#x27;s spread" in page) == (n_alike > 1)


def test_page_says_that_rates_are_outside(fitters):
    results = {**RUN, **summary(fitters["FIC"]), "in_range": False}
    page = html_report(results, IMAGES)
    assert "<strong>outside</strong> the plausible range" in page


def test_figures_and_page_are_written(tmp_path, either):
    results = {**RUN, **summary(either)}
    drawn = figures(either, NAMES)
    key = either.model_.readout_key
    names = {f"{key}.png", "known.png", "fc.png", "fcd.png", "report.png"}
    if not isinstance(either, MeanFieldPosterior):
        names.add("search.png")
    assert set(drawn) == names
    assert drawn[f"{key}.png"]().axes[0].get_xlabel() == either.model_.readout_name
    pages = {"report.html": partial(html_report, results)}
    files = write_results(tmp_path / "out", {}, drawn, results, pages=pages)
    assert [path.name for path in files] == ["summary.json", *drawn, "report.html"]
    assert all(path.stat().st_size > 1000 for path in files)
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert written["costs_verified"]["total"] == either.cost_
    assert written["caveats"] == results["caveats"]


def test_figures_have_the_width_of_columns_at_the_density_of_print(tmp_path, fitters):
    fitter = fitters["FIC"]
    for path in write_results(tmp_path, {}, figures(fitter, NAMES), {})[1:]:
        width = imread(path).shape[1] / 300 * 25.4
        assert 85 <= width <= 90 or 175 <= width <= 180, path


def test_json_has_null_for_what_is_no_number(tmp_path):
    write_results(tmp_path, {}, {}, {"a": {"b": float("nan")}, "c": [float("inf")]})
    text = (tmp_path / "summary.json").read_text()
    found = json.loads(text)
    assert found.pop("files") == ["summary.json"]
    assert found == {"a": {"b": None}, "c": [None]}


def test_out_can_be_overwritten_when_asked(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"is not empty; .* --overwrite"):
        check_out(tmp_path)
    assert check_out(tmp_path, overwrite=True) == tmp_path


TABLES = {"a.csv": {"x": [1]}}


def draw():
    figure = Figure()
    figure.subplots()
    return figure


def cannot():
    raise RuntimeError("no glyph")


def test_a_figure_or_page_that_fails_costs_itself_alone(tmp_path):
    drawn = {"bad.png": cannot, "good.png": draw}
    pages = {"no.html": lambda images: images["bad.png"].decode()}
    with pytest.warns(StorageWarning) as said:
        files = write_results(tmp_path, TABLES, drawn, {"run": 1}, pages=pages)
    assert [str(w.message).split(" could")[0] for w in said] == ["bad.png", "no.html"]
    assert "RuntimeError: no glyph" in str(said[0].message)
    assert [path.name for path in files] == ["a.csv", "summary.json", "good.png"]
    assert all(path.stat().st_size for path in files)


def test_numbers_are_on_the_disk_before_anything_is_drawn(tmp_path):
    seen = []

    def watch():
        seen.extend(path.name for path in tmp_path.iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_results(tmp_path, TABLES, {"x.png": watch}, {"run": 1}, {"c.toml": "a"})
    assert sorted(seen) == ["a.csv", "c.toml", "summary.json"]


def test_files_of_the_run_before_go_and_those_of_the_user_stay(tmp_path):
    write_results(tmp_path, {"b.csv": {"x": [1]}}, {"x.png": draw}, {"run": 1})
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "kept").mkdir()
    write_results(tmp_path, TABLES, {}, {"run": 2})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a.csv", "kept", "notes.txt", "summary.json"]


def test_a_summary_cannot_name_files_outside_its_folder(tmp_path):
    out, other = tmp_path / "out", tmp_path / "other.txt"
    write_results(out, TABLES, {}, {"run": 1})
    other.write_text("mine")
    (out / "summary.json").write_text('{"files": ["../other.txt", "a.csv", 3]}')
    write_results(out, TABLES, {}, {"run": 2})
    assert other.read_text() == "mine"


def test_what_cannot_be_written_there_is_written_elsewhere(tmp_path, monkeypatch):
    opened = os.open

    def full(path, *args, **kwargs):
        if str(path).startswith(str(tmp_path / "out")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "out").mkdir()
    with pytest.warns(StorageWarning, match=r"out.*Tables and summary are in .*delss"):
        files = write_results(tmp_path / "out", TABLES, {}, {"run": 1})
    assert [path.name for path in files] == ["a.csv", "summary.json"]
    assert all(path.stat().st_size for path in files)


def test_without_any_room_the_error_names_the_file(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_results(tmp_path, TABLES, {}, {"run": 1})
    before = (tmp_path / "summary.json").read_bytes()
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=r"No space left.*a\.csv"):
        write_results(tmp_path, TABLES, {}, {"run": 2})
    assert (tmp_path / "summary.json").read_bytes() == before


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula_to_a_spreadsheet(tmp_path, name):
    table = {"region": [name, "a=b"], name: [-1.5, 2.0]}
    write_results(tmp_path, {"a.csv": table}, {}, {})
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["region", f"'{name}"], [f"'{name}", "-1.5"], ["a=b", "2.0"]]
