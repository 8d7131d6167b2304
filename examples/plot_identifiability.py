"""
How many scans do I need?
=========================

Before any data are taken, theory tells what the functional connectivity (FC) of a
number of scans can know of a model: how well the level of the excitation/inhibition
(E/I) ratio, whether its map can be upside down, and which directions of the
parameters stay open. What is computed here is derived in :doc:`/knowledge`.
"""

# %%
# A study that is planned
# -----------------------
# A connectome, maps, a scan, and coefficients that are taken for the truth. Here they
# are those of a synthetic cohort; of your own, take the SC and the maps that you have
# and the coefficients of any fit (``fitter.space_``, ``fitter.params_``,
# ``fitter.sc_``). The scan of the cohort does not matter: only its connectome is
# used.

import matplotlib.pyplot as plt
import numpy as np

from delssome import FIC, Acquisition
from delssome.connectome import prepare_sc
from delssome.datasets import make_cohort
from delssome.models import ParameterSpace
from delssome.theory import identifiability

quick = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
cohort = make_cohort(n_subjects=1, n_rois=40, acquisition=quick, random_state=0)
sc, truth = prepare_sc(cohort.sc[0]), cohort.group_theta
scan = Acquisition(tr=0.72, n_frames=1200)
COLORS = "#00224e", "#b2182b", "0.75"

# %%
# Scans
# -----
# The same question for 1 to 256 scans of 14.4 minutes that share their parameters, with
# the published signs of maps and without any.

n_scans = 4 ** np.arange(5)
spaces = {
    "with signs": ParameterSpace(FIC(map_signs=(-1, 1)), cohort.maps),
    "without": ParameterSpace(FIC(), cohort.maps),
}
known = {
    name: [identifiability(space, truth, sc, scan, n_scans=n) for n in n_scans]
    for name, space in spaces.items()
}
for name, found in known.items():
    for one in found:
        print(
            f"{one.n_scans:4.0f} scans {name:10}: SD of mean E/I "
            f"{one.mean_readout_sd:.2f}, r of the map {one.pattern_r:.2f}, "
            f"upside down {one.p_upside_down:.2f}"
        )

# %%
# The level stays open for long. The dashed line is what box and constraints alone say;
# what the plausible range of rates adds is not seen here (:doc:`/knowledge`, *Limits of
# this*). That the map is the right way up, signs say, or some tens of scans.

figure, (level, sign) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for (name, found), color in zip(known.items(), COLORS[:2], strict=True):
    sd = [one.mean_readout_sd for one in found]
    level.plot(n_scans, sd, marker="o", color=color, label=name)
    upside_down = [one.p_upside_down for one in found]
    sign.plot(n_scans, upside_down, marker="o", color=color, label=name)
before = known["with signs"][0].mean_readout_prior_sd
level.axhline(before, color="0.6", ls="--", lw=0.8, label="prior")
level.set(ylabel="SD of mean E/I", ylim=(0, None))
sign.set(ylabel="P(map is upside down)", ylim=(-0.02, 0.52))
for ax in (level, sign):
    ax.set_xscale("log", base=4)
    ax.set_xticks(n_scans, n_scans)
    ax.set_xlabel("Scans of 14.4 minutes")
level.legend()

# %%
# Stiff and sloppy directions
# ---------------------------
# In which directions does one scan narrow the prior? At a stiffness of 1 data say as
# much as the prior does; above it they decide, below it the prior does. Five
# directions are stiff: relaxation over coupling, which has an intercept and a slope
# for each map, and the pattern of the noise, two numbers. Five are sloppy.
#
# On the right, what three of them are made of, in the coordinates of a search (an
# intercept in units of its range, a slope in quarters of it per SD of a map), the
# largest share scaled to 1. Along the stiffest, w_EE and w_EI *part*: one slows a
# region, the other speeds it up, and FC sees the difference. Along the last but one
# they go *together*, and FC hardly changes: that is the level of E/I, and its sign.
# The last, without any stiffness, is the amplitude of all noise together.

one_scan = known["with signs"][0]
names, stiffness = one_scan.names, one_scan.stiffness
x, smallest = np.arange(len(names)), 1e-3
figure, (bars, parts) = plt.subplots(
    1, 2, figsize=(7, 3.2), layout="constrained", width_ratios=(1, 1.6)
)
color = np.where(stiffness > 1, COLORS[0], COLORS[2])
bars.bar(x + 1, np.maximum(stiffness, smallest), color=color)
bars.axhline(1, color="0.3", ls="--", lw=0.8)
bars.set(yscale="log", ylim=(smallest, None), xticks=x + 1)
bars.set(xlabel="Direction", ylabel="Stiffness, one scan")
for k, (label, which) in enumerate(
    {"stiffest": 0, "sloppiest but one": -2, "sloppiest": -1}.items()
):
    direction = one_scan.directions[which]
    direction = direction / direction[np.argmax(np.abs(direction))]
    parts.bar(x + 0.27 * (k - 1), direction, 0.27, color=COLORS[k], label=label)
parts.axhline(0, color="0.3", lw=0.8)
parts.set_xticks(x, names, rotation=60, ha="right")
parts.set(ylabel="Share, largest 1", ylim=(-1.1, 1.1))
parts.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)

# %%
# Of data that were taken
# -----------------------
# A fit has the same for the FC that it was given: ``fitter.identifiability_``, in
# which what is left of FC tells how many scans' worth of noise there is. Draws with
# the noise, the model's error and the range of rates in one come from
# :class:`~delssome.MeanFieldPosterior` (:doc:`plot_posterior`).
