"""
What the data know of an E/I map
================================

A fit gives the parameters that fit best. A posterior gives all that fit as well,
given the noise of the scans, and with them an interval for the excitation/inhibition
(E/I) ratio of every region. The group is synthetic, so that the intervals can be held
against the truth.
"""

# %%
# Subjects
# --------
# Eight subjects with connectomes of their own and parameters that differ by 3 %, one
# scan of about five minutes each.

from delssome import FIC, Acquisition, MeanFieldPosterior
from delssome.datasets import make_cohort
from delssome.plotting import PosteriorDisplay, ReadoutDisplay

scan = Acquisition(tr=0.72, n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=8, n_rois=40, acquisition=scan, random_state=0)
truth = cohort.ei_ratio.mean(axis=0)

# %%
# Draws
# -----
# ``n_scans`` says how many scans the FC is the mean of: their noise is known in
# closed form. What is left beyond it is an error of the model, here that subjects
# differ, and its size is learned together with the parameters.

posterior = MeanFieldPosterior(
    cohort.maps,
    n_scans=8,
    model=FIC(map_signs=(-1, 1)),
    acquisition=scan,
    random_state=0,
).fit(cohort.X)

low, high = posterior.mean_readout_interval_
print(f"mean E/I {posterior.mean_readout_:.2f} [{low:.2f}, {high:.2f}]")
print(f"truth    {truth.mean():.2f}")
print(f"right way up with a probability of {posterior.pattern_probability_:.2f}")
print(f"noise and error of {posterior.n_scans_effective_[0]:.1f} scans")

# %%
# Before and after
# ----------------
# What the data add to the prior, which is uniform over the coefficients that keep all
# firing rates in range. They know the pattern of the noise (sigma_1, sigma_2) and
# that the coupling G is strong. w_EE and w_EI they know together, hardly each alone,
# and so they say little of the level of E/I that the prior does not.

PosteriorDisplay.from_estimator(posterior)

# %%
# Where data say little the prior speaks: made flat in mean E/I, it moves the answer.
# The two should be read together.

for name, (mean, low, high) in {
    "prior": posterior.prior_mean_readout_,
    "posterior": (posterior.mean_readout_, *posterior.mean_readout_interval_),
    "with a flat prior": posterior.mean_readout_flat_,
}.items():
    print(f"{name:18} {mean:.2f} [{low:.2f}, {high:.2f}]")

# %%
# Regions
# -------
# Intervals of 90 % against the truth. They hold or miss it together, for most of what
# is open is the level, common to all: a single group may have every region right or
# many wrong. The pattern is known far better than the bars suggest.

low, high = posterior.ei_ratio_interval_.T
inside = (low <= truth) & (truth <= high)
print(f"{inside.sum()} of {len(truth)} intervals hold the truth")
ReadoutDisplay.from_estimator(posterior, truth=truth)

# %%
# Of a study of your own the truth is not known; the map is drawn with its intervals.

ReadoutDisplay.from_estimator(posterior)
