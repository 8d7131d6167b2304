r"""
The linear model
================

The smallest model: an Ornstein-Uhlenbeck process in every region.

.. math::

    \dot x_i = -k_i x_i + G \sum_j C_{ij} x_j + \sigma_i \nu_i

What other models are near their fixed point, it is everywhere. k, the rate at which a
region alone falls back, and sigma, linear in brain maps, and G are searched. What is
read out is the root of the mean of x squared.
"""

# %%
# A synthetic group, made by another model.

import matplotlib.pyplot as plt
import numpy as np

from delssome import CMAES, Acquisition, Linear, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
from delssome.plotting import FCDisplay
from delssome.simulation import SimulationEvaluator, Simulator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator, reason_against

scan = Acquisition(tr=0.72, n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=30, acquisition=scan, random_state=0)
model = Linear()
print(model)

# %%
# What serves it: theory describes it without error, so that FC of theory is the mean of
# simulated FC; the network has learned from it.

print(CircuitSurrogate.load(model=model).strange(model) or "network: yes")
print(reason_against(model) or "theory: yes")

fitter = MeanFieldFitter(
    cohort.maps,
    "linear",
    model=model,
    acquisition=scan,
    search=CMAES(popsize=20, max_iter=30),
    verification=Verification(n_finalists=8),
    random_state=0,
).fit(cohort.X)
print(f"cost {fitter.cost_:.3f} (SD {fitter.cost_sd_:.3f})")
print(", ".join(f"{name} {cost:.3f}" for name, cost in fitter.costs_.items()))

# %%
# The mean of 24 simulated scans of the fitted parameters, beside FC of theory.

rng = np.random.default_rng(0)
found = fitter.space_.candidates(fitter.params_[None], fitter.sc_)
expected = TheoryEvaluator(model, scan).statistics(found, rng).fc[0]
simulator = SimulationEvaluator(model, scan, Simulator(n_repeats=24))
simulated = simulator.statistics(found, rng).fc[0]

figure, ax = plt.subplots(figsize=(3, 2.8), layout="constrained")
ax.plot(expected, simulated, ".", markersize=2)
ax.axline((0.3, 0.3), slope=1.0, color="0.6", linewidth=0.8, zorder=0)
ax.set(xlabel="FC by theory", ylabel="FC of 24 simulations")

# %%
# The fit.

FCDisplay.from_estimator(fitter)
