"""
Every region its own
====================

Parameters that follow maps are few; where regions are not what the maps say, no search
over maps finds them. Here every region has parameters of its own, maps are the mean of
a prior, and two numbers a region come out that need no map: how long activity stays,
against how strongly neighbours drive it, and how much noise there is. The group is
synthetic, and its regions depart from its maps on purpose.
"""

# %%
# Subjects
# --------
# The group's parameters follow two maps. Noise gets something of its own in every
# region, a tenth of its range, and recurrent excitation half as much.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import spearmanr

from delssome import Acquisition, MeanFieldPosterior, pack_subjects
from delssome.connectome import (
    average_fc,
    average_fcd_cdf,
    average_sc,
    prepare_sc,
)
from delssome.datasets import make_cohort
from delssome.models import FIC, Candidates, ParameterSpace
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import simulate
from delssome.theory import effective_regions

scan = Acquisition(tr=0.72, n_frames=800, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=2, n_rois=30, acquisition=scan, random_state=0)
counts = average_sc(cohort.sc)

rng, model = np.random.default_rng(3), FIC()
follow = ParameterSpace(model, cohort.maps).expand(cohort.group_theta[None])
params = dict(follow)
for name, departure in {"w_EE": 0.05, "sigma": 0.1}.items():
    low, high = getattr(model, name)
    own = departure * (high - low) * rng.standard_normal(30)
    params[name] = np.clip(follow[name] + own, low, high)
truth = Candidates(model, params, prepare_sc(counts))

scans = simulate(truth, scan, [np.arange(8)])
rates = scans.averages["r_E"]
print(f"rates {rates.min():.2f} to {rates.max():.2f} Hz")
bold = scans.bold[0]
fc, cdf = fc_matrix(bold), fcd_cdf(bold, scan.fcd_window)
X = pack_subjects(counts, average_fc(fc), average_fcd_cdf(cdf))

# %%
# Two posteriors of the same scans
# --------------------------------
# ``departure`` is how far regions may be from the maps, as a share of the range.

settings = {"n_scans": 8, "acquisition": scan, "random_state": 0}
free = MeanFieldPosterior(cohort.maps, departure=0.1, **settings).fit(X)
maps = MeanFieldPosterior(cohort.maps, **settings).fit(X)

# %%
# Two numbers of a region
# -----------------------
# Bars are intervals of 90 %. Maps alone take for granted what they do not show.

relaxation, noise, coupling = (x[0] for x in effective_regions(truth))
known = {
    "relaxation_over_coupling": relaxation / coupling,
    "relative_noise": noise,
}
fits = {"regions follow maps": maps, "regions of their own": free}
_, axes = plt.subplots(2, 2, figsize=(7.5, 7), sharex="row", sharey="row")
for row, (name, true) in zip(axes, known.items(), strict=True):
    for ax, (kind, fit) in zip(row, fits.items(), strict=True):
        found = getattr(fit, f"{name}_")
        low, high = getattr(fit, f"{name}_interval_").T
        ax.vlines(true, low, high, color="0.75")
        ax.plot(true, found, ".")
        ends = true.min(), true.max()
        ax.plot(ends, ends, color="0.4", linewidth=0.8)
        ax.set(title=kind, xlabel=f"{name.replace('_', ' ')}, true")
        inside = np.mean((low <= true) & (true <= high))
        r = spearmanr(found, true).statistic
        print(f"{name}, {kind}: r {r:.2f}, {inside:.0%} of intervals hold the truth")
    row[0].set_ylabel("found")
plt.tight_layout()

# %%
# E/I is another matter
# ---------------------
# It is a function of w_EI alone, which FC knows together with w_EE: once regions are
# free, most of the E/I map is what the prior says. 1: all prior.

share = free.readout_sd_ / free.prior_readout_draws_.std(axis=0)
print(f"SD of E/I over that of the prior: {np.median(share):.2f}")
