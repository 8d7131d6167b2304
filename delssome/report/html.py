"""A fit on one page of HTML that needs no other file."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
from collections.abc import Mapping, Sequence
from html import escape
from string import Template
from typing import Any

from delssome.plotting.wording import in_sentence, three_digits
from delssome.report.summary import range_text

__all__ = ["html_report"]

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 0.5rem 0; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: right;
         border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
.warning { border-left: 4px solid #b2182b; padding: 0.3rem 0.8rem;
           background: #fdf3f2; }
footer { margin-top: 3rem; color: #666; font-size: 0.85rem; }
</style>
</head>
<body>
<h1>$title</h1>
<p>$verdict</p>
$warnings
<h2>Costs</h2>
$costs
<p>Costs of the search are predictions unless every candidate was simulated; those
simulated afresh are means of eight evaluations with noise that took no part in the
choice. Two scans of one subject differ by more than 0.1.</p>
<h2>Fit</h2>
$report
<h2>Network</h2>
$network
<p>$known</p>
<h2>$readout by region</h2>
$regions
<footer>delssome $version, random state $seed. $acquisition. Tables with all digits lie
beside this page.</footer>
</body>
</html>
""")


def html_report(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    """Lay out results and figures.

    Parameters
    ----------
    results : dict
        As :func:`delssome.report.summary` gives it, with ``delssome``,
        ``random_state``, ``n_subjects``, ``n_rois``, ``acquisition`` and ``warnings``.
    images : dict of str to bytes
        PNG of ``report.png`` and of what the model reads out (``ei_ratio.png``).

    Returns
    -------
    str
    """
    key, name = results["readout_key"], results["readout_name"]
    subjects = results["n_subjects"]
    who = f"{subjects} subjects" if subjects > 1 else "one subject"
    rows = [
        [term, f"{before:.3f}", f"{after:.3f}"]
        for (term, before), after in zip(
            results["costs_in_search"].items(),
            results["costs_verified"].values(),
            strict=True,
        )
    ]
    scan, what = results["acquisition"], escape(in_sentence(name))
    return PAGE.substitute(
        title=escape(
            f"{results['model']} model: fit of {who}, {results['n_rois']} regions"
        ),
        verdict=_verdict(results),
        warnings="".join(
            f'<p class="warning">{escape(said)}</p>' for said in results["warnings"]
        ),
        costs=_table(["", "in the search", "simulated afresh"], rows),
        network=_table(None, _network(results)),
        known=_known(results),
        report=_image(
            images["report.png"], f"FC, FCD, search, verification and {what}"
        ),
        readout=escape(name),
        regions=_image(images[f"{key}.png"], f"{escape(name)} of every region"),
        version=escape(results["delssome"]),
        seed=escape(str(results["random_state"])),
        acquisition=f"TR {scan['tr']:g} s, {scan['n_frames']} frames",
    )


def _verdict(results: Mapping[str, Any]) -> str:
    """Say in a paragraph how good the fit is, and whether in range."""
    said = escape(range_text(results))
    for word in ("OUTSIDE", "DIVERGED"):
        said = said.replace(word, f"<strong>{word.lower()}</strong>")
    return (
        f"Simulated cost {results['costs_verified']['total']:.3f} (SD "
        f"{results['cost_sd']:.3f} over evaluations). Firing rates: {said}. "
        f"{results['finalists_in_range']} of {results['n_finalists']} finalists "
        f"{'were within it' if 'rates_hz' in results else 'did not diverge'}."
    )


def _network(results: Mapping[str, Any]) -> list[list[str]]:
    """Give the rows of the table of what describes the network as a whole."""
    key, what = results["readout_key"], in_sentence(results["readout_name"])
    readout = results[key]
    low, high = three_digits(readout["min"]), three_digits(readout["max"])
    rows = [
        ["G", f"{results['coefficients']['G']:.3f}"],
        [f"mean {what}", three_digits(readout["mean"])],
        ["over regions", f"{low} to {high}"],
        ["searches that ended alike", str(results["n_alike"])],
    ]
    if results["n_alike"] > 1:
        spread = three_digits(results[f"{key}_sd"])
        rows.append(["SD of the mean over these", spread])
    if "spectral_radius" in results:
        rows.insert(0, ["spectral radius", f"{results['spectral_radius']:.3f}"])
    if "truth" in results:
        r = results["truth"][f"{key}_correlation"]
        rows.append([f"{what} with the known truth, r", f"{r:.2f}"])
    return rows


def _known(results: Mapping[str, Any]) -> str:
    """Say what the data tell of this, and what they do not."""
    what = escape(in_sentence(results["readout_name"]))
    told = "They leave"
    if "spectral_radius" in results:
        told = (
            "They tell the spectral radius and relaxation over coupling well, and leave"
        )
    return (
        f"FC and FCD are correlations and have no scale. {told} much of the {what} "
        "open, its level above all: see Limits in the documentation."
    )


def _table(head: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> str:
    lines = [] if head is None else ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _image(png: bytes, alt: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
