"""What a fit leaves behind: a table to read, and a folder of tables and figures.

Everything has the names that the model gives: the column and the files of what it
reads out are called by its ``readout_key``, and texts speak of its ``readout_name``.
"""

from delssome.report.figures import figures
from delssome.report.html import html_report
from delssome.report.summary import summary, summary_text
from delssome.report.tables import tables
from delssome.report.write import check_out, write_results

__all__ = [
    "check_out",
    "figures",
    "html_report",
    "summary",
    "summary_text",
    "tables",
    "write_results",
]
