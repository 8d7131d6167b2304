r"""
The mean-field model (MFM)
==========================

One excitatory population a region, with regional recurrent strength and input (Deco et
al. 2013, Kong et al. 2021).

.. math::

    x_i &= w_i J S_i + G J \sum_j C_{ij} S_j + I_i \\
    \dot S_i &= -S_i / \tau_S + (1 - S_i)\, \gamma H(x_i) + \sigma_i \nu_i

S couples regions and drives BOLD. w, I and sigma, linear in brain maps, and G are
searched. Nothing is solved: every region rests where its equation comes to rest. What
is read out is the mean firing rate, of which none is implausible.
"""

# %%
# A synthetic group, made by another model: what a fit recovers are costs, not
# parameters.

import matplotlib.pyplot as plt

from delssome import CMAES, MFM, Acquisition, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
from delssome.plotting import FCDisplay, ReadoutDisplay
from delssome.surrogate import CircuitSurrogate
from delssome.theory import reason_against

scan = Acquisition(tr=0.72, n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=30, acquisition=scan, random_state=0)
model = MFM()
print(model)

# %%
# What serves it: the shipped network has learned from it, and theory describes it.

print(CircuitSurrogate.load(model=model).strange(model) or "network: yes")
print(reason_against(model) or "theory: yes")

# %%
# A fit by the network, verified by simulation.

fitter = MeanFieldFitter(
    cohort.maps,
    model=model,
    acquisition=scan,
    search=CMAES(popsize=30, max_iter=25, n_restarts=2),
    verification=Verification(n_finalists=8),
    random_state=0,
).fit(cohort.X)
print(f"cost {fitter.cost_:.3f} (SD {fitter.cost_sd_:.3f})")
print(", ".join(f"{name} {cost:.3f}" for name, cost in fitter.costs_.items()))

FCDisplay.from_estimator(fitter)

# %%
# What it reads out.

figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
ReadoutDisplay.from_estimator(fitter, ax=ax)
