"""
E/I ratio and age in a hundred subjects
=======================================

A synthetic cohort whose excitation/inhibition (E/I) ratio falls with age: fit groups of
subjects of similar age, and ask how steep the fall is. The truth is known, so that the
answer can be judged.
"""

# %%
# Subjects
# --------
# Streamline counts, functional connectivity and its dynamics of 100 subjects of 8 to 23
# years. w_EI, which excites the inhibitory population, grows by 2.5 % of its value with
# every year.

from delssome import (
    CMAES,
    FIC,
    Acquisition,
    MeanFieldFitter,
    PopulationFitter,
    Verification,
)
from delssome.datasets import make_cohort
from delssome.plotting import PopulationDisplay, plot_age, plot_effects
from delssome.study import age_groups, map_effects

scan = Acquisition(n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(
    100, 40, age_effect=0.025, acquisition=scan, n_jobs=2, random_state=0
)

# %%
# Fits
# ----
# Ten groups of ten, as in published studies: averages are less noisy than single
# scans. FC and FCD say how fast a region returns to rest against how strongly others
# drive it, but hardly how that is made of w_EE, w_EI and G. To compare levels of E/I,
# something has to be the same in all: here narrow ranges of w_EE and G.

fitter = MeanFieldFitter(
    cohort.maps,
    model=FIC(w_EE=(2.4, 3.8), G=(2.2, 2.6), map_signs=(-1, 1)),
    acquisition=scan,
    search=CMAES(n_restarts=1, popsize=32, max_iter=50),
    verification=Verification(n_finalists=4),
    random_state=0,
)
groups = age_groups(cohort.age, 10)
population = PopulationFitter(fitter, n_jobs=2).fit(cohort.X, groups=groups)
print(population.to_frame()[["cost", "in_range", "spectral_radius", "ei_ratio_mean"]])

# %%
# The maps of all groups, youngest first, and their costs.

PopulationDisplay.from_estimator(population)

# %%
# Age
# ---
# The slope with its 95 % confidence interval, against the truth. Its sign comes back,
# for this box lies around the truth. Its size is near here, but that is no rule: with
# other cohorts and other boxes the interval may miss it.


def of_groups(values):
    """Average over the subjects of each group."""
    return [values[groups == k].mean(axis=0) for k in range(10)]


age, truth = of_groups(cohort.age), of_groups(cohort.ei_ratio)
names = {"region_names": cohort.region_names}
slopes, true_slopes = (
    map_effects(maps, {"age": age}, "age", **names).loc["age"]
    for maps in (population.ei_ratio_, truth)
)
found, true = (table.loc[("mean", "mean")] for table in (slopes, true_slopes))
print(f"true  {true['effect']:.3f} per year")
print(f"found {found['effect']:.3f} [{found['low']:.3f}, {found['high']:.3f}]")

ei_ratio = population.ei_ratio_.mean(axis=1)
plot_age(ei_ratio, age, truth=[maps.mean() for maps in truth])

# %%
# How near the network is to instability needs no such assumption, and is told far more
# sharply.

ax = plot_age(population.spectral_radius_, age)
ax.set_ylabel("Spectral radius")

# %%
# Regions
# -------

plot_effects(slopes)
