"""
A study, from files to the brain
================================

What pipelines wrote of sixteen people goes in; an effect of age on the ratio of
excitation to inhibition (E/I) comes out, with its interval, on the brain. The people
are synthetic, so that the answer can be judged; with your own, start at *Read*.
"""

# %%
# Files to try it with
# --------------------
# Subjects of 8 to 23 years, one scan each, as XCP-D (time series of regions) and
# QSIRecon (streamline counts) would leave them. w_EI, which excites the inhibitory
# population, grows by 2.5 % of its value with every year, so that E/I falls.

from tempfile import mkdtemp

from delssome import Acquisition
from delssome.datasets import make_cohort, read_derivatives, write_derivatives

scan = Acquisition(n_frames=800, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(16, 24, age_effect=0.025, acquisition=scan, random_state=0)
study = write_derivatives(mkdtemp(), cohort)
for path in sorted(study.rglob("*"))[:14]:
    print(path.relative_to(study))

# %%
# Read
# ----
# Files are found by their names, arrays brought together by names of regions, and TR,
# filters and censored frames taken from what the pipeline says of itself. What was
# found, and what was left out, is printed.

data = read_derivatives(study / "derivatives")

# %%
# Each scan alone
# ---------------
# From the shell, ``delssome population --derivatives study/derivatives --maps maps.csv
# --map-signs -1 1 --out maps``. Here, with a small budget:

from dataclasses import replace

from delssome import CMAES, FIC, MeanFieldFitter, PopulationFitter, Verification
from delssome.plotting import PopulationDisplay, plot_age
from delssome.study import map_effects

model = FIC(map_signs=(-1, 1))
scan = replace(data.acquisition, burn_in=36.0, warm_up=6.0)
fitter = MeanFieldFitter(
    cohort.maps,
    model=model,
    acquisition=scan,
    search=CMAES(n_restarts=1, popsize=32, max_iter=50),
    verification=Verification(n_finalists=4),
    random_state=0,
)
population = PopulationFitter(fitter, n_jobs=2).fit(data.X)
PopulationDisplay.from_estimator(population)

# %%
# FC and FCD say how fast a region returns to rest against how strongly others drive it,
# but hardly how that is made of w_EE, w_EI and G: every fit ends somewhere on what its
# scan leaves open, and a slope over such maps may have either sign.

age, names = data.participants["age"], {"region_names": data.region_names}
alone, truth = (
    map_effects(maps, {"age": age}, "age", **names).loc["age"]
    for maps in (population.ei_ratio_, cohort.ei_ratio)
)
mean = ("mean", "mean")
true = truth.loc[mean, "effect"]
effect, low, high = alone.loc[mean, ["effect", "low", "high"]]
print(f"true          {true:+.3f} a year")
print(f"fitted alone  {effect:+.3f} [{low:+.3f}, {high:+.3f}]")

plot_age(population.ei_ratio_.mean(axis=1), age, truth=cohort.ei_ratio.mean(axis=1))

# %%
# How near the network is to instability is told far more sharply.

ax = plot_age(population.spectral_radius_, age)
ax.set_ylabel("Spectral radius")

# %%
# All scans together
# ------------------
# The same coefficients for all, age that moves w_EI, and people who differ at random:
# what scans share adds up. No range is narrowed. From the shell, ``delssome pooled
# --derivatives study/derivatives --maps maps.csv --map-signs -1 1 --formula age
# --affects w_EI --out ages``.

from delssome import PooledPosterior

pooled = PooledPosterior(
    cohort.maps, affects=["w_EI"], model=model, acquisition=scan, random_state=0
).fit(data.X, data.participants[["age"]])
effect, low, high = pooled.mean_effect_[0]
print(f"true          {true:+.3f} a year")
print(f"all together  {effect:+.3f} [{low:+.3f}, {high:+.3f}]")

# %%
# On the brain
# ------------
# The change of every region, with what is known of it: regions whose interval does not
# hold 0 are outlined, the others faded. An atlas says which vertex is of which region:
# ``"schaefer_100"``, ``"desikan"``, or label files of your own. That of these people is
# made here, of the nearest centre.

import numpy as np
from nilearn.datasets import fetch_surf_fsaverage
from nilearn.surface import load_surf_data, load_surf_mesh
from scipy.spatial import KDTree

from delssome.plotting import BrainDisplay, plot_effects

fsaverage5 = fetch_surf_fsaverage("fsaverage5")  # files of the installed package
atlas, first = [], 0
for side, letter in (("left", "L"), ("right", "R")):
    n_side = sum(name.startswith(letter) for name in data.region_names)
    centres = cohort.centroids[first : first + n_side]
    vertices = load_surf_mesh(fsaverage5[f"pial_{side}"]).coordinates
    scaled = [
        (x - x.min(axis=0)) / np.ptp(x, axis=0) for x in (np.array(centres), vertices)
    ]
    nearest = KDTree(scaled[0]).query(scaled[1])[1] + first + 1
    cortex = load_surf_data(fsaverage5[f"thick_{side}"]) > 1.0
    atlas.append(np.where(cortex, nearest, 0))
    first += n_side

effects = pooled.to_frame(data.region_names).loc["age"]
BrainDisplay.from_effects(effects, tuple(atlas), name="E/I ratio", term="age")

# %%
# The same as a table, and over regions:

print(effects.head(4).round(4).to_string())
plot_effects(effects, term="age")
