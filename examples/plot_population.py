"""
E/I ratio and age in sixteen subjects
=====================================

A synthetic cohort whose ratio of excitation to inhibition (E/I) falls with age: fit
every scan alone, then ask all scans together. The truth is known, so that answers can
be judged.
"""

# %%
# Subjects
# --------
# Streamline counts, functional connectivity and its dynamics of subjects of 8 to 23
# years, one scan each. w_EI, which excites the inhibitory population, grows by 2.5 % of
# its value with every year.

from delssome import (
    CMAES,
    FIC,
    Acquisition,
    MeanFieldFitter,
    PooledPosterior,
    PopulationFitter,
    Verification,
)
from delssome.datasets import make_cohort
from delssome.plotting import PopulationDisplay, plot_age, plot_effects
from delssome.study import map_effects

scan = Acquisition(n_frames=800, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(16, 24, age_effect=0.025, acquisition=scan, random_state=0)
model = FIC(map_signs=(-1, 1))

# %%
# Each scan alone
# ---------------

fitter = MeanFieldFitter(
    cohort.maps,
    model=model,
    acquisition=scan,
    search=CMAES(n_restarts=1, popsize=32, max_iter=50),
    verification=Verification(n_finalists=4),
    random_state=0,
)
population = PopulationFitter(fitter, n_jobs=2).fit(cohort.X)
PopulationDisplay.from_estimator(population)

# %%
# FC and FCD say how fast a region returns to rest against how strongly others drive it,
# but hardly how that is made of w_EE, w_EI and G: every fit ends somewhere on what its
# scan leaves open, and a slope over such maps may have either sign.

names = {"region_names": cohort.region_names}
alone, truth = (
    map_effects(maps, {"age": cohort.age}, "age", **names).loc["age"]
    for maps in (population.ei_ratio_, cohort.ei_ratio)
)
mean = ("mean", "mean")
true = truth.loc[mean, "effect"]
effect, low, high = alone.loc[mean, ["effect", "low", "high"]]
print(f"true          {true:+.3f} a year")
print(f"fitted alone  {effect:+.3f} [{low:+.3f}, {high:+.3f}]")

plot_age(
    population.ei_ratio_.mean(axis=1), cohort.age, truth=cohort.ei_ratio.mean(axis=1)
)

# %%
# How near the network is to instability is told far more sharply.

ax = plot_age(population.spectral_radius_, cohort.age)
ax.set_ylabel("Spectral radius")

# %%
# All scans together
# ------------------
# The same coefficients for all, age that moves w_EI, and people who differ at random:
# what scans share adds up. No range is narrowed.

pooled = PooledPosterior(
    cohort.maps, affects=["w_EI"], model=model, acquisition=scan, random_state=0
).fit(cohort.X, cohort.age)
effect, low, high = pooled.mean_effect_[0]
print(f"true          {true:+.3f} a year")
print(f"all together  {effect:+.3f} [{low:+.3f}, {high:+.3f}]")

# %%
# Regions, with what is known of each.

plot_effects(pooled.to_frame(cohort.region_names).loc["covariate_1"])
