"""Fitters of short fits, and stand-ins for what evaluates, with known answers."""

import numpy as np
import pytest

from delssome import CMAES, MeanFieldFitter, Simulator, Verification
from delssome.evaluation import Evaluation, Evaluator, Statistics, Target
from delssome.models import FIC, ParameterSpace

N_ROIS, N_EDGES, N_BINS = 10, 45, 20


class StandIn(Evaluator):
    """Says what a test wants it to say."""

    n_repeats = 1

    def check(self, model):
        pass

    def statistics(self, candidates, rng=None):
        raise NotImplementedError


class Bowl(StandIn):
    """Evaluator with a known best point: G = 1 and small w_EE."""

    def __init__(self, error=None):
        self.error = error

    def evaluate(self, candidates, target, rng):
        G = candidates.params["G"]
        first = (G - 1) ** 2
        second = candidates.params["w_EE"].mean(axis=1) / 10
        costs = np.stack([first, second, np.zeros_like(first)], axis=1)
        return Evaluation(costs, np.where(G > 2, G - 2, 0.0))

    def expected_error(self, candidates, target):
        return None if self.error is None else np.full(len(candidates), self.error)


def averages_of(n):
    return {
        "S_E": np.ones((n, N_ROIS)),
        "S_I": np.ones((n, N_ROIS)),
        "r_E": np.full((n, N_ROIS), 3.0),
    }


class Simulated(StandIn):
    """Stand-in that gives chosen statistics for each candidate."""

    simulates = True

    def __init__(self, fc, violation):
        self.fc, self.violation = fc, violation

    def statistics(self, candidates, rng=None, *, common_noise=False):
        n = len(candidates)
        return Statistics(
            self.fc[:n],
            np.tile(np.linspace(0.05, 1, N_BINS), (n, 1)),
            self.violation[:n],
            averages_of(n),
            readout=np.ones((n, N_ROIS)),
        )


class Noisy(StandIn):
    """Stand-in whose costs scatter, and of which one candidate escapes later on."""

    simulates = True

    def __init__(self, target, escapes):
        self.target, self.escapes, self.calls = target, escapes, []

    def statistics(self, candidates, rng=None, *, common_noise=False):
        n, G = len(candidates), candidates.params["G"]
        self.calls.append(n)
        noise = np.clip(G, 0, 1) + 0.3 * rng.standard_normal(n)
        fc = self.target.fc + np.abs(noise)[:, None]  # the L1 term
        gone = np.isclose(G, self.escapes) & (len(self.calls) > 1)
        return Statistics(
            fc,
            np.tile(self.target.fcd_cdf, (n, 1)),
            gone.astype(float),
            averages_of(n),
            readout=np.ones((n, N_ROIS)),
        )

    def evaluate(self, candidates, target, rng=None):
        return self.statistics(candidates, rng).compare(target)


@pytest.fixture
def bowl():
    return Bowl


@pytest.fixture
def simulated():
    return Simulated


@pytest.fixture
def noisy():
    return Noisy


@pytest.fixture
def space(rng):
    return ParameterSpace(FIC(), rng.standard_normal((N_ROIS, 1)))


@pytest.fixture
def target(rng):
    cdf = np.linspace(0.05, 1, N_BINS)
    return Target(np.zeros((N_ROIS, N_ROIS)), rng.uniform(-0.5, 0.8, N_EDGES), cdf)


@pytest.fixture
def settings(scan, maps):
    return {
        "maps": maps,
        "surrogate": None,
        "acquisition": scan,
        "search": CMAES(popsize=6, max_iter=2),
        "simulator": Simulator(n_repeats=2, n_search_repeats=1),
        "verification": Verification(n_finalists=2),
        "n_fcd_bins": 50,
        "random_state": 0,
    }


@pytest.fixture
def maps():
    return np.random.default_rng(5).standard_normal((5, 2))


@pytest.fixture
def X(make_subjects):
    return make_subjects(3, 5, 50)


@pytest.fixture
def make(settings):
    """Make a fitter, with settings of its own or of its components changed."""

    def make(**changes):
        return MeanFieldFitter(**settings).set_params(**changes)

    return make
