"""A fit on one page of HTML that needs no other file."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
from collections.abc import Mapping, Sequence
from html import escape
from string import Template
from typing import Any

from delssome.plotting.wording import in_sentence, three_digits, two_digits
from delssome.report.known import known_text
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
img { max-width: 100%; } .map img { max-height: 60rem; }
.brain img { max-width: 34rem; }
.warning { border-left: 4px solid #b2182b; padding: 0.3rem 0.8rem;
           background: #fdf3f2; }
footer { margin-top: 3rem; color: #666; font-size: 0.85rem; }
</style>
</head>
<body>
<h1>$title</h1>
<h2>$readout by region</h2>
<div class="map">$regions</div>
<p>$legend</p>
$brain
<h2>What the data know</h2>
<p>These data know $known.</p>
$numbers
<p>$unknown</p>
$caveats
<h2>Fit</h2>
$report
<h2>Costs</h2>
<p>$verdict</p>
$costs
<p>$noise Two scans of one subject differ by more than 0.1.</p>
$read
<footer>delssome $version, random state $seed. $acquisition. Tables with all digits lie
beside this page.</footer>
</body>
</html>
""")

# What stands in the title, in the figure's alternative text, and under the costs.
FIT = (
    "fit",
    "search, verification",
    "Costs of the search are predictions unless every candidate was simulated; those "
    "simulated afresh are means of eight evaluations with noise that took no part in "
    "the choice.",
)
POSTERIOR = (
    "posterior",
    "mean and coefficients before and after the data",
    "Means of eight evaluations.",
)


def html_report(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    """Lay out results and figures.

    Parameters
    ----------
    results : dict
        As :func:`delssome.report.summary` gives it, with ``delssome``,
        ``random_state``, ``n_subjects``, ``n_rois``, ``acquisition``, ``warnings``
        and, if there are any, ``summary`` and ``notes`` of what was ``read``.
    images : dict of str to bytes
        PNG of ``report.png``, of what the model reads out (``ei_ratio.png``) and, if
        there is one, of the brain (``brain.png``).

    Returns
    -------
    str
    """
    key, name = results["readout_key"], results["readout_name"]
    subjects = results["n_subjects"]
    who = f"{subjects} subjects" if subjects > 1 else "one subject"
    scan, what = results["acquisition"], escape(in_sentence(name))
    kind, panels, noise = POSTERIOR if _is_posterior(results) else FIT
    return PAGE.substitute(
        title=escape(
            f"{results['model']} model: {kind} of {who}, {results['n_rois']} regions"
        ),
        readout=escape(name),
        regions=_image(images[f"{key}.png"], f"{escape(name)} of every region"),
        legend=_legend(results),
        brain=_brain(images, what),
        known=escape(known_text(results)).replace("+-", "&plusmn;"),
        numbers=_table(None, _numbers(results)),
        unknown=_unknown(results),
        caveats=_caveats([*results["warnings"], *results["caveats"]]),
        report=_image(images["report.png"], f"FC, FCD, {panels} and {what}"),
        verdict=_verdict(results),
        costs=_costs(results),
        noise=noise,
        read=_read(results.get("read", {})),
        version=escape(results["delssome"]),
        seed=escape(str(results["random_state"])),
        acquisition=", ".join(
            [
                f"TR {scan['tr']:g} s, {scan['n_frames']} frames",
                *scan.get("processing", ()),
            ]
        ),
    )


def _is_posterior(results: Mapping[str, Any]) -> bool:
    return "n_draws" in results


def _legend(results: Mapping[str, Any]) -> str:
    """Say what is drawn beside the map."""
    if _is_posterior(results):
        return "Points: posterior means; bars: intervals of every region."
    said = "Lines: range over restarts, which is the optimiser's"
    if "known" in results:
        said = (
            "Bars: what the FC leaves open, if the fit were the truth and all that is "
            f"left of FC were noise. {said}"
        )
    return f"{said}, not what the data leave open."


def _brain(images: Mapping[str, bytes], what: str) -> str:
    """Show the brain and lead to the one that can be turned, or give nothing."""
    if "brain.png" not in images:
        return ""
    picture = _image(images["brain.png"], f"{what} on the brain")
    link = '<a href="brain.html">brain.html</a> can be turned and names regions.'
    return f'<div class="brain">{picture}</div><p>{link}</p>'


def _caveats(said: Sequence[str]) -> str:
    """Give a section, or nothing."""
    if not said:
        return ""
    lines = "".join(f'<p class="warning">{escape(one)}</p>' for one in said)
    return f"<h2>Caveats</h2>{lines}"


def _read(data: Mapping[str, Any]) -> str:
    """Give a section of what readers found, left out and assumed, or nothing."""
    said = [*data.get("summary", ()), *data.get("notes", ())]
    if not said:
        return ""
    lines = "".join(f"<li>{escape(one)}</li>" for one in said)
    return f"<h2>What was read</h2><ul>{lines}</ul>"


def _costs(results: Mapping[str, Any]) -> str:
    columns = {"simulated afresh": results["costs_verified"]}
    if "costs_in_search" in results:
        columns = {"in the search": results["costs_in_search"], **columns}
    rows = [
        [term, *(f"{costs[term]:.3f}" for costs in columns.values())]
        for term in results["costs_verified"]
    ]
    return _table(["", *columns], rows)


def _verdict(results: Mapping[str, Any]) -> str:
    """Say in a paragraph how good the fit is, and whether in range."""
    said = escape(range_text(results))
    for word in ("OUTSIDE", "DIVERGED"):
        said = said.replace(word, f"<strong>{word.lower()}</strong>")
    of = " of the posterior mean" if _is_posterior(results) else ""
    said = (
        f"Simulated cost{of} {results['costs_verified']['total']:.3f} (SD "
        f"{results['cost_sd']:.3f} over evaluations). Firing rates: {said}."
    )
    if "n_finalists" in results:
        said += (
            f" {results['finalists_in_range']} of {results['n_finalists']} finalists "
            f"{'were within it' if 'rates_hz' in results else 'did not diverge'}."
        )
    return said


def _numbers(results: Mapping[str, Any]) -> list[list[str]]:
    """Give the rows of the table of what is read out, and how well it is known."""
    key, what = results["readout_key"], in_sentence(results["readout_name"])
    readout, known = results[key], results.get("known", {})
    low, high = three_digits(readout["min"]), three_digits(readout["max"])
    rows = [[f"mean {what}", three_digits(readout["mean"])]]
    rows.append(["over regions", f"{low} to {high}"])
    if "pattern_range" in known:
        weak, strong = (f"{times:.1f}" for times in known["pattern_range"])
        said = f"{weak} to {strong} times that shown"
        rows.append(["strength of the pattern, 90 %", said])
    if known:
        rows.append(["scans with as much noise", two_digits(known["n_scans"])])
    if "mean_flat_prior" in known:
        mean, low, high = map(three_digits, known["mean_flat_prior"])
        said = f"{mean} ({low} to {high})"
        rows.append([f"mean {what}, had its prior been flat", said])
    for k, (r, low_r, high_r) in enumerate(results.get("map_correlations", ())):
        said = f"{r:.2f} ({low_r:.2f} to {high_r:.2f})"
        rows.append([f"{what} with map {k + 1}, r", said])
    if "spectral_radius" in results:
        rows.append(["spectral radius", f"{results['spectral_radius']:.3f}"])
    rows.append(["G", f"{results['coefficients']['G']:.3f}"])
    if results.get("n_alike", 1) > 1:
        spread = three_digits(results[f"{key}_spread_over_restarts"])
        said = f"{spread} (SD over {results['n_alike']} searches that ended alike)"
        rows.append(["the optimiser's spread of the mean", said])
    if "truth" in results:
        r = results["truth"][f"{key}_correlation"]
        rows.append([f"{what} with the known truth, r", f"{r:.2f}"])
    return rows


def _unknown(results: Mapping[str, Any]) -> str:
    """Say what the data tell, and what they do not."""
    if _is_posterior(results):
        return (
            "FC alone speaks. The prior is uniform over coefficients within the box, "
            "the constraints and the plausible range."
        )
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
