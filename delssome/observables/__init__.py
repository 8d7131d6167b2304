"""What is compared with a scan: FC, FC dynamics (FCD), and the CDF of the FCD."""

from delssome.observables.fc import fc_edges, fc_matrix
from delssome.observables.fcd import fcd_cdf, fcd_histogram, fcd_matrix
from delssome.observables.gradients import fc_gradients
from delssome.observables.processing import process_bold
from delssome.observables.runs import average_runs
from delssome.observables.scans import check_bold

__all__ = [
    "average_runs",
    "check_bold",
    "fc_edges",
    "fc_gradients",
    "fc_matrix",
    "fcd_cdf",
    "fcd_histogram",
    "fcd_matrix",
    "process_bold",
]
