"""Data: a synthetic cohort, seven installed subjects, and users' own files."""

from delssome.datasets._cortex import load_maps
from delssome.datasets._hcp_aal import load_hcp_aal
from delssome.datasets._matrices import read_matrix
from delssome.datasets._subjects import read_subjects
from delssome.datasets._synthetic import make_cohort

__all__ = ["load_hcp_aal", "load_maps", "make_cohort", "read_matrix", "read_subjects"]
