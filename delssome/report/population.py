"""What many fits leave behind: a figure, and a page to read."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
from collections.abc import Mapping
from html import escape
from string import Template
from typing import TYPE_CHECKING, Any

from delssome.fitting import PopulationFitter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["population_figure", "population_report"]

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto;
  padding: 0 1em; color: #223; }
img { max-width: 100%; } td, th { padding: 0.2em 1em 0.2em 0; text-align: left;
  vertical-align: top; }
</style></head><body>
<h1>$title</h1>
<p>$scan.</p>
$numbers
<img alt="$readout of all subjects, and costs" src="data:image/png;base64,$image">
<p>Rows are subjects, columns regions. Costs are simulated afresh, with noise that took
no part in the choice.</p>
<p>Levels of single fits lie anywhere on what a scan leaves open: for slopes over age,
groups or drugs infer all scans at once (<code>delssome pooled</code>).</p>
$failures
$read
<p>delssome $version, seed $seed. Settings are in <code>config.toml</code>:
<code>delssome population --config config.toml</code> repeats this.</p>
</body></html>
""")


def population_figure(population: PopulationFitter) -> "Figure":
    """Draw a population.

    Parameters
    ----------
    population : PopulationFitter
        Fitted.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from delssome.plotting import PopulationDisplay

    figure: Any = PopulationDisplay.from_estimator(population).figure_
    return figure  # type: ignore[no-any-return]


def population_report(
    population: PopulationFitter,
    results: Mapping[str, Any],
    images: Mapping[str, bytes],
) -> str:
    """Lay out a page.

    Parameters
    ----------
    population : PopulationFitter
        Fitted.
    results : dict
        ``model``, ``readout_name``, ``kind``, ``n_subjects``, ``n_failed``,
        ``n_rois``, ``scan``, ``cost_median``, ``n_in_range``, ``failures``, ``read``,
        ``delssome``, ``random_state``.
    images : dict of str to bytes
        PNG of ``population.png``.

    Returns
    -------
    str
    """
    n, failed = results["n_subjects"], results["n_failed"]
    rows = [("Subjects", f"{n}, of which {failed} failed")]
    if results["cost_median"] is not None:
        rows.append(("Total cost, median", f"{results['cost_median']:.3f}"))
    if population.model_.rate is not None:
        rows.append(("In the plausible range", f"{results['n_in_range']}"))
    title = (
        f"{results['model']} model: {results['kind']} of {n} subjects, "
        f"{results['n_rois']} regions"
    )
    notes = results["read"].get("notes", [])
    return PAGE.substitute(
        title=escape(title),
        scan=escape(results["scan"].capitalize()),
        numbers=_table(rows),
        readout=escape(results["readout_name"]),
        image=base64.b64encode(images["population.png"]).decode(),
        failures=_section("Failed", list(results["failures"].items())),
        read=_section("What was read", [("", note) for note in notes]),
        version=escape(results["delssome"]),
        seed=results["random_state"],
    )


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    return f"<h2>{title}</h2>{_table(rows)}" if rows else ""


def _table(rows: list[tuple[str, str]]) -> str:
    lines = (f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table>{''.join(lines)}</table>"
