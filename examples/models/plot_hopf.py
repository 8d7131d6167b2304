r"""
The Hopf model
==============

A noisy Stuart-Landau oscillator in every region (Deco et al. 2017), the published third
model.

.. math::

    \dot x_i &= (a_i - x_i^2 - y_i^2) x_i - \omega_i y_i
        + G \sum_j C_{ij} (x_j - x_i) + \sigma_i \nu_i \\
    \dot y_i &= (a_i - x_i^2 - y_i^2) y_i + \omega_i x_i
        + G \sum_j C_{ij} (y_j - y_i) + \sigma_i \eta_i

Two states couple regions, and x itself is seen at every TR, not the haemodynamics. The
distance a from the bifurcation, the frequency omega and sigma, linear in brain maps,
and G are searched. What is read out is the amplitude, the root of the mean of
:math:`x^2 + y^2`.
"""

# %%
# A synthetic group, made by another model.

import matplotlib.pyplot as plt
import numpy as np

from delssome import CMAES, Acquisition, Hopf, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
from delssome.plotting import FCDisplay, ReadoutDisplay
from delssome.simulation import SimulationEvaluator, Simulator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator

scan = Acquisition(tr=0.72, n_frames=300, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=20, acquisition=scan, random_state=0)
model = Hopf()
print(model)

# %%
# What serves it: the network reads circuits of one coupled state, which this is not.
# Theory describes it by the modes of all states together, explicit steps of the
# integration included.

print(CircuitSurrogate.load(model=model).strange(model))

fitter = MeanFieldFitter(
    cohort.maps,
    "linear",
    model=model,
    acquisition=scan,
    search=CMAES(popsize=20, max_iter=12),
    verification=Verification(n_finalists=6),
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

figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
axes[0].plot(expected, simulated, ".", markersize=2)
axes[0].axline((0.3, 0.3), slope=1.0, color="0.6", linewidth=0.8, zorder=0)
axes[0].set(xlabel="FC by theory", ylabel="FC of 24 simulations")
ReadoutDisplay.from_estimator(fitter, ax=axes[1])

# %%
# The fit.

FCDisplay.from_estimator(fitter)
