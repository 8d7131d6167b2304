"""
Maps on the brain
=================

E/I of regions is read best where the regions are. An atlas says which vertex of the
cortex is of which region; surfaces come with nilearn, and nothing is downloaded. Here
atlas and maps are synthetic: with your own, ``atlas`` is ``"desikan"``,
``"schaefer_400"``, a label volume, or the two label files (``.annot``, ``.label.gii``)
of your parcellation.
"""

# %%
# An atlas
# --------
# Fifty regions a side: of each vertex the nearest of random seeds. The medial wall,
# where fsaverage has no thickness, is of no region.

import numpy as np
import pandas as pd
from nilearn.datasets import fetch_surf_fsaverage
from nilearn.surface import load_surf_data, load_surf_mesh
from scipy.spatial import KDTree

from delssome.plotting import BrainDisplay
from delssome.study import map_effects

rng = np.random.default_rng(0)
fsaverage5 = fetch_surf_fsaverage("fsaverage5")  # files of the installed package
labels, centres = [], []
for side in ("left", "right"):
    places = load_surf_mesh(fsaverage5[f"pial_{side}"]).coordinates
    cortex = load_surf_data(fsaverage5[f"thick_{side}"]) > 1.0
    seeds = places[rng.choice(np.flatnonzero(cortex), 50, replace=False)]
    labels.append(np.where(cortex, KDTree(seeds).query(places)[1] + 1, 0))
    centres.append(seeds)
atlas, centres = tuple(labels), np.concatenate(centres)

# %%
# A map
# -----
# Here E/I rises from the back to the front. Of a fit this is
# ``BrainDisplay.from_estimator(fitter, atlas, region_names=...)``; names find their
# region in the atlas, where it has names, too.

level = 2.5 + centres[:, 1] / 150.0
maps = level + 0.15 * rng.standard_normal((40, 100))
BrainDisplay(maps[0], atlas, name="E/I ratio").plot()

# %%
# What is known of it
# -------------------
# Forty people, whose E/I falls with age in the front of the brain. Regions where a
# regression finds it are outlined; the others are not hidden, but faded. Posteriors
# are drawn in the same way: outlined are regions whose interval does not hold the
# mean over regions.

age = rng.uniform(20, 80, 40)
maps -= 0.004 * (age - 50)[:, None] * (centres[:, 1] > 0)
effects = map_effects(maps, pd.DataFrame({"age": age}), "age")
slopes = BrainDisplay.from_effects(effects.loc["age"], atlas, name="E/I ratio")

# %%
# ``slopes.save_html("slopes.html")`` writes a page with a brain that can be turned, on
# which regions say their names and values.
#
# Without an atlas
# ----------------
# Centres of regions (MNI space, mm) are enough for a glass brain.

BrainDisplay.from_effects(effects.loc["age"], coordinates=centres, name="E/I ratio")
