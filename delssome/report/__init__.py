"""What a fit leaves behind: a table to read, and a folder of tables and figures.

Fits and posteriors leave the same, led by the map that is read out, what the data know
of it, and what speaks against reading it as it stands.

Everything has the names that the model gives: the column and the files of what it
reads out are called by its ``readout_key``, and texts speak of its ``readout_name``.
"""

from delssome.report.brain import brain_files
from delssome.report.caveats import caveats
from delssome.report.figures import effect_figures, figures
from delssome.report.html import html_report
from delssome.report.known import known
from delssome.report.population import population_figure, population_report
from delssome.report.summary import summary, summary_text
from delssome.report.tables import region_table, tables
from delssome.report.write import check_out, write_results

__all__ = [
    "brain_files",
    "caveats",
    "check_out",
    "effect_figures",
    "figures",
    "html_report",
    "known",
    "population_figure",
    "population_report",
    "region_table",
    "summary",
    "summary_text",
    "tables",
    "write_results",
]
