"""
Another model
=============

The model is a component of a fit: take the mean-field model (MFM) in place of feedback
inhibition control, or write one of your own. The same data, search, theory and
verification serve all of them.
"""

# %%
# Data
# ----
# A synthetic group, made by the FIC model.

from dataclasses import dataclass

import matplotlib.pyplot as plt

from delssome import CMAES, MFM, Acquisition, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
from delssome.models import Model
from delssome.plotting import ReadoutDisplay

scan = Acquisition(tr=0.72, n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=30, acquisition=scan, random_state=0)

# %%
# A model of one's own
# --------------------
# One population with a sigmoid gain. The equations are one plain function, which NumPy,
# torch and compiled code all run; the class says the rest.


def derivatives(x, coupling, w, expm1):
    """Give dx/dt (1/s), and the active share of a region."""
    u = 8.0 * (w * x + coupling) - 2.0
    active = 1.0 / (2.0 + expm1(-u))
    return (active - x) / 0.1, active


@dataclass(frozen=True)
class MyModel(Model):
    """One population a region."""

    w: tuple = (0.0, 0.5)
    G: tuple = (0.0, 5.0)
    sigma: tuple = (0.005, 0.05)

    states = ("x",)
    inputs = ("w",)
    outputs = ("active",)
    searched = ("w", "G", "sigma")
    regional = ("w", "sigma")
    initial_state = (0.1,)
    largest_step = 0.01
    readout_name = "Active share"
    readout_key = "active_share"
    derivatives = staticmethod(derivatives)

    def readout(self, averages):
        """Give the mean active share."""
        return averages["active"]


# %%
# Fits
# ----
# The shipped network has learned from FIC and refuses others; theory serves both
# models, and simulation has the last word.

fitter = MeanFieldFitter(
    cohort.maps,
    acquisition=scan,
    search=CMAES(popsize=24, max_iter=25),
    verification=Verification(n_finalists=8),
    n_jobs=2,
    random_state=0,
)
try:
    fitter.set_params(model=MFM()).fit(cohort.X)
except ValueError as reason:
    print(reason)

# %%
# Each model reads out what it has, under its own name. Costs mean the same for all: how
# far simulated FC and FCD are from the data, not whether a model is right.

fitter.set_params(surrogate="linear")
figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
for model, ax in zip((MFM(), MyModel()), axes, strict=True):
    fitter.set_params(model=model).fit(cohort.X)
    print(f"{model.name}: cost {fitter.cost_:.3f}, {fitter.param_names_}")
    ReadoutDisplay.from_estimator(fitter, ax=ax)
