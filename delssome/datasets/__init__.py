"""Data: a synthetic cohort, seven installed subjects, and users' own files."""

from delssome.datasets._cortex import load_maps
from delssome.datasets._hcp_aal import load_hcp_aal
from delssome.datasets._synthetic import make_cohort
from delssome.datasets.derivatives.reading import read_derivatives
from delssome.datasets.derivatives.writing import write_derivatives
from delssome.datasets.formats.matrices import read_connectome, read_matrix, read_table
from delssome.datasets.subjects.folder import read_subjects
from delssome.datasets.subjects.maps import read_maps
from delssome.datasets.subjects.one import read_subject

__all__ = [
    "load_hcp_aal",
    "load_maps",
    "make_cohort",
    "read_connectome",
    "read_derivatives",
    "read_maps",
    "read_matrix",
    "read_subject",
    "read_subjects",
    "read_table",
    "write_derivatives",
]
