r"""
The Wilson-Cowan model, and a network for a model of your own
=============================================================

An excitatory and an inhibitory population a region with sigmoid gains (Wilson and Cowan
1972): shipped as an example that a stranger would write. From its file to a verified
fit by a network that has learned from it.

.. math::

    \tau_E \dot E_i &= -E_i + (1 - E_i) S_E(c_{EE,i} E_i - c_{EI} I_i
        + G \sum_j C_{ij} E_j + P_i) + \tau_E \sigma_i \nu_i \\
    \tau_I \dot I_i &= -I_i + (1 - I_i) S_I(c_{IE} E_i - c_{II} I_i)
        + \tau_I \sigma_i \eta_i

E couples regions and drives BOLD. c_EE, the input P and sigma, linear in brain maps,
and G are searched. What is read out is the mean of E.
"""

# %%
# Its equations as they stand in its file; the rest is a class with the box. The first
# state is what couples and what is seen, unless it says otherwise.

import inspect
import tempfile

import matplotlib.pyplot as plt

from delssome import CMAES, Acquisition, MeanFieldFitter, Verification, WilsonCowan
from delssome.datasets import make_cohort
from delssome.plotting import FCDisplay, ReadoutDisplay
from delssome.surrogate import CircuitSurrogate, fine_tune
from delssome.theory import reason_against

print(inspect.getsource(WilsonCowan.derivatives))

# %%
# A synthetic group, made by another model.

scan = Acquisition(tr=0.72, n_frames=300, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=20, acquisition=scan, random_state=0)
model = WilsonCowan()
print(model)

# %%
# What serves it: theory does; the shipped network has not learned from it.

print(reason_against(model) or "theory: yes")
print(CircuitSurrogate.load(model=model).strange(model))

# %%
# The shipped network, trained further on candidates of the model that theory labels: no
# simulation is needed. Here for one scan and one parcellation, with few groups and few
# steps, to be quick; as it is, ``delssome train --model my_model.py:MyModel`` takes
# minutes, and what it writes serves any scan.

weights = tempfile.mkdtemp()
fine_tune(
    model, weights, acquisition=scan, n_rois=20, n_groups=2, n_steps=100, random_state=0
)
network = CircuitSurrogate.load(weights, acquisition=scan, model=model)
print(network.strange(model) or "network: yes")

# %%
# A fit by that network, verified by simulation; on the command line ``delssome fit
# --model my_model.py:MyModel --weights weights``.

fitter = MeanFieldFitter(
    cohort.maps,
    network,
    model=model,
    acquisition=scan,
    search=CMAES(popsize=30, max_iter=15),
    verification=Verification(n_finalists=6),
    random_state=0,
).fit(cohort.X)
print(f"cost {fitter.cost_:.3f} (SD {fitter.cost_sd_:.3f})")
print(", ".join(f"{name} {cost:.3f}" for name, cost in fitter.costs_.items()))

FCDisplay.from_estimator(fitter)

# %%
# What it reads out.

figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
ReadoutDisplay.from_estimator(fitter, ax=ax)
