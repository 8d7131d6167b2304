"""Subjects as plain arrays: packing, edge vectors, group averages, SC scaling."""

from delssome.connectome.averages import (
    average_fc,
    average_fcd_cdf,
    average_sc,
    group_average,
)
from delssome.connectome.checks import check_fc, check_fcd_cdf, check_sc
from delssome.connectome.edges import (
    edges_to_matrix,
    matrix_to_edges,
    n_rois_from_width,
)
from delssome.connectome.names import Alignment, align_names, check_names
from delssome.connectome.packing import (
    in_order,
    order_of,
    pack_rows,
    pack_subjects,
    unpack_subjects,
)
from delssome.connectome.scaling import SC_MAX, prepare_sc
from delssome.connectome.thresholds import threshold_sc

__all__ = [
    "SC_MAX",
    "Alignment",
    "align_names",
    "average_fc",
    "average_fcd_cdf",
    "average_sc",
    "check_fc",
    "check_fcd_cdf",
    "check_names",
    "check_sc",
    "edges_to_matrix",
    "group_average",
    "in_order",
    "matrix_to_edges",
    "n_rois_from_width",
    "order_of",
    "pack_rows",
    "pack_subjects",
    "prepare_sc",
    "threshold_sc",
    "unpack_subjects",
]
