"""What a fit leaves behind: a table to read, and a folder with figures and a page.

Fits, posteriors, populations and studies leave the same, led by the map that is read
out or its effects, what the data know of it, and what speaks against reading it as it
stands; then how well the model fits, costs, and how to repeat it.

Everything has the names that the model gives: the column and the files of what it
reads out are called by its ``readout_key``, and texts speak of its ``readout_name``.
"""

from delssome.report.brain import brain_files, effect_brains
from delssome.report.caveats import caveats
from delssome.report.figures import (
    effect_figures,
    figures,
    norms_figure,
    people_figure,
    population_figures,
    region_figure,
)
from delssome.report.html import html_report
from delssome.report.known import known
from delssome.report.population import population_report, population_summary
from delssome.report.study import study_report, term_summary
from delssome.report.summary import summary, summary_text
from delssome.report.tables import region_table, tables
from delssome.report.write import check_out, write_results

__all__ = [
    "brain_files",
    "caveats",
    "check_out",
    "effect_brains",
    "effect_figures",
    "figures",
    "html_report",
    "known",
    "norms_figure",
    "people_figure",
    "population_figures",
    "population_report",
    "population_summary",
    "region_figure",
    "region_table",
    "study_report",
    "summary",
    "summary_text",
    "tables",
    "term_summary",
    "write_results",
]
