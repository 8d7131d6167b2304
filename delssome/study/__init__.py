"""Questions that a study asks of the maps of its subjects; each gives a table.

Maps are what a model reads out of every region, such as E/I ratios, one row a subject.
Tables are pandas data frames and models are those of statsmodels, scipy and
scikit-learn: ``pip install "delssome[study]"``.
"""

from delssome.study.centiles import centile_of, centile_scores, fit_centiles
from delssome.study.contrasts import contrast
from delssome.study.effects import map_effects
from delssome.study.grouping import age_groups
from delssome.study.maps import correlate_maps, rotations
from delssome.study.norms import Norms
from delssome.study.reading import read_population
from delssome.study.retest import retest

__all__ = [
    "Norms",
    "age_groups",
    "centile_of",
    "centile_scores",
    "contrast",
    "correlate_maps",
    "fit_centiles",
    "map_effects",
    "read_population",
    "retest",
    "rotations",
]
