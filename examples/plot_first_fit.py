"""
A first fit
===========

Fit the feedback inhibition control (FIC) model to a group of subjects and look at the
regional excitation/inhibition (E/I) ratio. The group is synthetic, so that the truth is
known; your own connectomes and scans take its place with
:func:`delssome.pack_subjects` or :func:`delssome.datasets.read_subjects`.
"""

# %%
# Subjects
# --------
# A row of ``X`` is a subject: upper triangle of its structural connectivity, upper
# triangle of its functional connectivity (FC), and cumulative distribution of its FC
# dynamics (FCD). The acquisition says how the scan was made; the simulation must match.

from delssome import CMAES, FIC, Acquisition, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
from delssome.plotting import (
    FCDDisplay,
    FCDisplay,
    FCDMatrixDisplay,
    HistoryDisplay,
    ReadoutDisplay,
    VerificationDisplay,
)

scan = Acquisition(tr=0.72, n_frames=400, burn_in=36.0, warm_up=6.0)
cohort = make_cohort(n_subjects=5, n_rois=40, acquisition=scan, random_state=0)
print(cohort.X.shape)

# %%
# Fit
# ---
# CMA-ES asks for candidates, a network predicts their costs, and the
# best of each generation are simulated: the lowest simulated cost wins. With few
# candidates this takes seconds; the defaults are the published 100 generations of 100.
# What belongs together is one component: the model with its ranges and constraints, the
# search, the verification.

fitter = MeanFieldFitter(
    cohort.maps,
    model=FIC(map_signs=(-1, 1)),
    acquisition=scan,
    search=CMAES(popsize=24, max_iter=40),
    verification=Verification(n_finalists=8),
    n_jobs=2,
    random_state=0,
)
fitter.fit(cohort.X)
print({name: round(cost, 3) for name, cost in fitter.costs_.items()})
print(f"rates {fitter.rates_.min():.2f} to {fitter.rates_.max():.2f} Hz")

# %%
# The search: best and median predicted cost of each generation, and what simulation
# said of the finalists.

HistoryDisplay.from_estimator(fitter)

# %%
# What the search believed of the finalists, against what simulation says. A network
# expects errors of this size; were they larger, the fit would have warned.

VerificationDisplay.from_estimator(fitter)

# %%
# Simulated against empirical FC and FCD.

FCDisplay.from_estimator(fitter)

# %%

FCDDisplay.from_estimator(fitter)

# %%
# The distribution above is that of a matrix: how alike FC is at any two times of a
# scan. Give your own scan (``bold``) to see both.

FCDMatrixDisplay.from_estimator(fitter)

# %%
# The E/I map
# -----------
# ``ei_ratio_`` is the simulated ratio of excitatory to inhibitory synaptic gating. Here
# the truth is known: the pattern over regions is recovered better than its level, which
# FC and FCD leave less certain. Grey bars are the range over searches that ended at the
# same cost.

ReadoutDisplay.from_estimator(fitter, truth=cohort.ei_ratio.mean(axis=0))
