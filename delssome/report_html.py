"""A fit on one page of HTML that needs no other file."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
from html import escape
from string import Template

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
<p>FC and FCD tell the spectral radius and relaxation over coupling well, the pattern of
E/I over regions less, and its level hardly: see Limits in the documentation.</p>
<h2>E/I ratio by region</h2>
$regions
<footer>delssome $version, random state $seed. $acquisition. Tables with all digits lie
beside this page.</footer>
</body>
</html>
""")


def html_report(results, images):
    """Lay out results and figures.

    Parameters
    ----------
    results : dict
        As :func:`delssome.reporting.summary` gives it, with ``delssome``,
        ``random_state``, ``n_subjects``, ``n_rois``, ``acquisition`` and ``warnings``.
    images : dict of str to bytes
        PNG of ``report.png`` and ``ei_ratio.png``.

    Returns
    -------
    str
    """
    rates, ei_ratio = results["rates_hz"], results["ei_ratio"]
    subjects = results["n_subjects"]
    who = f"{subjects} subjects" if subjects > 1 else "one subject"
    inside = "within" if results["in_range"] else "<strong>outside</strong>"
    rows = [
        [name, f"{before:.3f}", f"{after:.3f}"]
        for (name, before), after in zip(
            results["costs_in_search"].items(),
            results["costs_verified"].values(),
            strict=True,
        )
    ]
    network = [
        ["spectral radius", f"{results['spectral_radius']:.3f}"],
        ["G", f"{results['coefficients']['G']:.3f}"],
        ["mean E/I ratio", f"{ei_ratio['mean']:.2f}"],
        ["over regions", f"{ei_ratio['min']:.2f} to {ei_ratio['max']:.2f}"],
        ["searches that ended alike", str(results["n_alike"])],
        ["their mean E/I ratios differ by", f"{results['ei_ratio_sd']:.2f} (SD)"],
    ]
    if "truth" in results:
        r = results["truth"]["ei_ratio_correlation"]
        network.append(["E/I with the known truth, r", f"{r:.2f}"])
    scan = results["acquisition"]
    return PAGE.substitute(
        title=f"Fit of {who}, {results['n_rois']} regions",
        verdict=(
            f"Simulated cost {results['costs_verified']['total']:.3f} (SD "
            f"{results['cost_sd']:.3f} over evaluations). Firing rates "
            f"{rates['min']:.2f} to {rates['max']:.2f} Hz, {inside} the plausible "
            f"range; {results['finalists_in_range']} of {results['n_finalists']} "
            "finalists were within it."
        ),
        warnings="".join(
            f'<p class="warning">{escape(said)}</p>' for said in results["warnings"]
        ),
        costs=_table(["", "in the search", "simulated afresh"], rows),
        network=_table(None, network),
        report=_image(images["report.png"], "FC, FCD, search, verification and E/I"),
        regions=_image(images["ei_ratio.png"], "E/I ratio of every region"),
        version=escape(results["delssome"]),
        seed=escape(str(results["random_state"])),
        acquisition=f"TR {scan['tr']:g} s, {scan['n_frames']} frames",
    )


def _table(head, rows):
    lines = [] if head is None else ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _image(png, alt):
    data = base64.b64encode(png).decode()
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
