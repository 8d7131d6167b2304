"""A fit on one page of HTML that needs no other file."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from html import escape
from typing import Any

from delssome.plotting.page import (
    beside,
    folded,
    lines_of,
    listed,
    page,
    paragraph,
    picture,
    table,
)
from delssome.plotting.source import Z_90
from delssome.plotting.wording import in_sentence, three_digits, two_digits
from delssome.report.known import known_text
from delssome.report.summary import range_text

__all__ = ["html_report", "maps", "settings"]

KNOW, FITS = "What the data know", "How well it fits"
COST, AGAIN = "Cost, search and verification", "Settings, and how to repeat it"
# What is said under the costs.
NOISE = (
    "Costs of the search are predictions unless every candidate was simulated; those "
    "simulated afresh are means of five evaluations with noise that took no part in "
    "the choice. Two scans of one subject differ by more than 0.1."
)
NOISE_OF_POSTERIOR = (
    "Means of eight evaluations. Two scans of one subject differ by more than 0.1."
)


def html_report(
    results: Mapping[str, Any], images: Mapping[str, bytes], config: str = ""
) -> str:
    """Lay out results and figures: the map, what is known of it, then how it came.

    Parameters
    ----------
    results : dict
        As :func:`delssome.report.summary` gives it, with ``delssome``,
        ``random_state``, ``n_subjects``, ``n_rois``, ``acquisition``, ``warnings``
        and, if there are any, ``command``, and ``summary`` and ``notes`` of what was
        ``read``.
    images : dict of str to bytes
        PNG of the figures of :func:`figures` and :func:`brain_files`, by file name;
        those that lack are left out.
    config : str, default=""
        Options that repeat the fit, as TOML.

    Returns
    -------
    str

    Examples
    --------
    ::

        results = summary(fitter) | {"delssome": "0.1.0", "random_state": 0}
        results |= {"n_subjects": len(X), "n_rois": fitter.n_rois_, "warnings": []}
        results |= {"acquisition": {"tr": 0.72, "n_frames": 1200}}
        images = {"fc.png": Path("fc.png").read_bytes()}
        Path("report.html").write_text(html_report(results, images))
    """
    name = results["readout_name"]
    subjects = results["n_subjects"]
    who = f"{subjects} subjects" if subjects > 1 else "one subject"
    kind = "posterior" if _is_posterior(results) else "fit"
    scan = results["acquisition"]
    said = [
        f"TR {scan['tr']:g} s, {scan['n_frames']} frames",
        *scan.get("processing", ()),
    ]
    return page(
        f"{results['model']} model: {kind} of {who}, {results['n_rois']} regions",
        {
            f"{name} by region": _map(results, images),
            KNOW: _known(results, images),
            FITS: _fit(results, images),
            COST: _cost(results, images),
            AGAIN: settings(results, f"{', '.join(said)}.", config),
        },
    )


def settings(results: Mapping[str, Any], scan: str, config: str) -> str:
    """Lay out what was read and set, and the command that does it again.

    Parameters
    ----------
    results : dict
        With ``delssome``, ``random_state`` and, if there are any, ``command`` and
        ``read``.
    scan : str
        In words, a sentence.
    config : str
        TOML of options.
    """
    data, again = results.get("read", {}), ""
    if config:
        again = (
            f"delssome {results['command']} --config config.toml --out ANOTHER repeats "
            "it; config.toml lies beside this page, and its paths are from where the "
            "command was given:"
        )
    seed = results.get("random_state")
    return (
        paragraph(scan)
        + listed([*data.get("summary", ()), *data.get("notes", ())])
        + paragraph(again)
        + (f"<pre>{escape(config)}</pre>" if config else "")
        + paragraph(
            f"delssome {results['delssome']}"
            + ("" if seed is None else f", random state {seed}")
            + ". Tables with all digits lie beside this page."
        )
    )


def _map(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    """Show the map and its interval, on the brain if there is one."""
    key, name = results["readout_key"], results["readout_name"]
    what, known = in_sentence(name), results.get("known", {})
    low, high = (three_digits(results[key][end]) for end in ("min", "max"))
    lead = f"Mean {what} {three_digits(results[key]['mean'])}"
    if "mean_interval" in known:
        ends = " to ".join(map(three_digits, known["mean_interval"]))
        lead += f" ({100 * known['interval']:g} % interval {ends})"
    elif known:
        middle, half = results[key]["mean"], Z_90 * known["mean_sd"]
        ends = f"{three_digits(middle - half)} to {three_digits(middle + half)}"
        lead += f" (FC leaves {ends} open, 90 %)"
    lead += f"; regions from {low} to {high}."
    return paragraph(lead, "lead") + maps(images, f"{key}.png", name, _legend(results))


def maps(images: Mapping[str, bytes], regions: str, name: str, legend: str) -> str:
    """Show the brain, with every region folded away, or every region alone.

    Parameters
    ----------
    images : dict of str to bytes
    regions : str
        File of the figure of regions.
    name : str
        What is read out.
    legend : str
        Of the figure of regions.
    """
    every = picture(images.get(regions), f"{name} of every region", "narrow")
    every += paragraph(legend)
    if "brain.png" not in images:
        return every
    return (
        beside(
            picture(images["brain.png"], f"{name} on the brain"),
            picture(images.get("brain_spread.png"), f"{name}, its spread on the brain"),
        )
        + '<p><a href="brain.html">brain.html</a> can be turned and names regions.</p>'
        + folded("Every region, with its interval", every)
    )


def _known(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    drawn = picture(images.get("known.png"), "What is known before and after the data")
    numbers = table(_numbers(results))
    return (
        lines_of([*results["warnings"], *results["caveats"]], "warning")
        + paragraph(f"These data know {known_text(results)}.")
        + (drawn + numbers if _is_posterior(results) else beside(drawn, numbers))
        + paragraph(_unknown(results))
    )


def _fit(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    costs = results["costs_verified"]
    terms = [
        f"{said} {costs[term]:.2f}"
        for term, said in (
            ("fc_correlation", "1 - r of FC"),
            ("fc_l1", "difference of mean FC"),
            ("fcd_ks", "KS distance of FCD"),
        )
        if term in costs
    ]
    return (
        paragraph(f"Simulated afresh: {', '.join(terms)}." if terms else "")
        + picture(images.get("fc.png"), "FC, empirical and simulated")
        + picture(images.get("fcd.png"), "FCD, empirical and simulated", "narrow")
    )


def _cost(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    return (
        _verdict(results)
        + _costs(results)
        + paragraph(NOISE_OF_POSTERIOR if _is_posterior(results) else NOISE)
        + picture(images.get("search.png"), "Search and verification")
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


def _costs(results: Mapping[str, Any]) -> str:
    columns = {"simulated afresh": results["costs_verified"]}
    if "costs_in_search" in results:
        columns = {"in the search": results["costs_in_search"], **columns}
    rows = [
        [term, *(f"{costs[term]:.3f}" for costs in columns.values())]
        for term in results["costs_verified"]
    ]
    return table(rows, ["", *columns])


def _verdict(results: Mapping[str, Any]) -> str:
    """Say in a paragraph how good the fit is, and whether in range."""
    said = range_text(results)
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
    html = paragraph(said)
    for word in ("OUTSIDE", "DIVERGED"):
        html = html.replace(word, f"<strong>{word.lower()}</strong>")
    return html


def _numbers(results: Mapping[str, Any]) -> list[list[str]]:
    """Give the rows of the table of what is known, and how well."""
    key, what = results["readout_key"], in_sentence(results["readout_name"])
    known = results.get("known", {})
    rows: list[list[str]] = []
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
    what = in_sentence(results["readout_name"])
    told = "They leave"
    if "spectral_radius" in results:
        told = (
            "They tell the spectral radius and relaxation over coupling well, and leave"
        )
    return (
        f"FC and FCD are correlations and have no scale. {told} much of the {what} "
        "open, its level above all: see Limits in the documentation."
    )
