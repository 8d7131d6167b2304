r"""
Feedback inhibition control (FIC)
=================================

Every region holds an excitatory and an inhibitory population (Deco et al. 2014).

.. math::

    I_E &= W_E I_0 + w_{EE} J S_E + G J \sum_j C_{ij} S_{E,j} - w_{IE} S_I \\
    I_I &= W_I I_0 + w_{EI} J S_E - S_I \\
    \dot S_E &= -S_E / \tau_E + (1 - S_E)\, \gamma H_E(I_E) + \sigma \nu_E \\
    \dot S_I &= -S_I / \tau_I + H_I(I_I) + \sigma \nu_I

S_E couples regions and drives BOLD. w_IE is solved so that every region has a fixed
point at 3 Hz; w_EE, w_EI and sigma, linear in brain maps, and G are searched. What is
read out is the E/I ratio, the mean of S_E over that of S_I.
"""

# %%
# A group whose parameters are known, made by the model itself, and the model with its
# box. Signs say how E/I goes with each of the maps: without them it can come out upside
# down.

import matplotlib.pyplot as plt
import numpy as np

from delssome import CMAES, FIC, Acquisition, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
from delssome.plotting import ReadoutDisplay
from delssome.surrogate import CircuitSurrogate
from delssome.theory import reason_against

scan = Acquisition(tr=0.72, n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=30, acquisition=scan, random_state=0)
model = FIC(map_signs=(-1, 1))
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
    search=CMAES(popsize=50, max_iter=40, n_restarts=2),
    verification=Verification(n_finalists=8),
    random_state=0,
).fit(cohort.X)
truth = cohort.ei_ratio.mean(axis=0)
r = np.corrcoef(fitter.readout_, truth)[0, 1]
print(f"cost {fitter.cost_:.3f} (SD {fitter.cost_sd_:.3f}), E/I: r with truth {r:.2f}")

figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
ReadoutDisplay.from_estimator(fitter, truth=truth, ax=ax)
