"""Fixtures shared by all tests."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

# Small tensors: threads would only spin against each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from delssome import Acquisition, pack_subjects
from delssome.fitting.inferring import Inference, Sampled
from delssome.inference import draw_feasible
from delssome.observables import fc_matrix, fcd_cdf

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption("--model", help="FILE.py:CLASS, for tests/models/test_contract.py")


def _sees_gpu():
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


def pytest_collection_modifyitems(items):
    on_gpu = [item for item in items if "gpu" in item.keywords]
    if on_gpu and not _sees_gpu():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def _numpy_state():
    _, key, position, *_ = np.random.get_state()  # noqa: NPY002
    return [*key, position]


@pytest.fixture(autouse=True)
def global_state_untouched():
    """No test, and nothing it calls, may leave global random states changed."""
    # Plain arrays are tested without torch as well: it is not loaded for their sake.
    torch = sys.modules.get("torch")
    before = _numpy_state()
    if torch:
        torch_before = torch.random.get_rng_state(), torch.get_default_dtype()
    yield
    assert _numpy_state() == before
    if torch:
        assert torch.equal(torch.random.get_rng_state(), torch_before[0])
        assert torch.get_default_dtype() == torch_before[1]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def scan():
    """A scan short enough for tests."""
    return Acquisition(tr=0.3, n_frames=40, window=10, burn_in=9.0, warm_up=0.5)


@pytest.fixture
def random_sc(rng):
    """Symmetric streamline counts."""

    def make(n_rois, density=0.6):
        counts = np.round(np.exp(rng.normal(5.0, 1.5, (n_rois, n_rois))))
        counts *= rng.random((n_rois, n_rois)) < density
        ring = np.roll(np.eye(n_rois), 1, axis=1) * 100  # no region is isolated
        upper = np.triu(np.maximum(counts, np.maximum(ring, ring.T)), 1)
        return upper + upper.T

    return make


@pytest.fixture
def make_subjects(rng, random_sc):
    """Random but valid subjects, packed."""

    def make(n_subjects, n_rois=5, n_fcd_bins=50):
        sc = [random_sc(n_rois) for _ in range(n_subjects)]
        bold = rng.standard_normal((n_subjects, 60, n_rois)).cumsum(axis=1)
        return pack_subjects(sc, fc_matrix(bold), fcd_cdf(bold, 10, n_fcd_bins))

    return make


@pytest.fixture(scope="session")
def drawn_at_once():
    """A context in which posteriors draw without looking at the data."""

    def run(inference):
        rng, n = np.random.default_rng(0), 40
        prior = draw_feasible(inference.space, n, rng)
        centre = prior.mean(axis=0)
        return Sampled(
            prior=prior,
            x=centre + 0.2 * (prior - centre),
            relaxation=rng.uniform(0.5, 2.0, (n, inference.space.n_rois)),
            noise=rng.uniform(0.5, 2.0, (n, inference.space.n_rois)),
            scale=rng.uniform(0.4, 0.6, n),
            departure=np.full(n, 0.01),
            log_evidence=-1.0,
            share_in_range=0.5,
            n_evaluations=100,
        )

    @contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Inference, "run", run)
            yield

    return context


def shared_arrays(path):
    """Read arrays that are installed beside the project, or skip."""
    if not path.exists():
        pytest.skip(f"{path.name} is not installed beside the project")
    with np.load(path) as data:
        return dict(data)


@pytest.fixture(scope="session")
def reference():
    """What the published reference code gives (see its README)."""
    return shared_arrays(SHARED / "reference" / "reference_fic.npz")


@pytest.fixture(scope="session")
def real_group():
    """Group averages and maps of 68 Desikan regions (see their README)."""
    return shared_arrays(SHARED / "desikan68" / "desikan68_group_trainvali.npz")


@pytest.fixture(scope="session")
def briefly_pooled():
    """Let pooled posteriors look around only briefly: not calibrated, but fast."""
    from delssome.fitting import pilots, pool
    from delssome.inference import Tempering

    start = Tempering(n_particles=60, n_moves=1, n_draws=60)
    few = {"CHAINS": 20, "ROUNDS": 2, "TAUGHT": 60, "VISITED": 60, "WALKS": 1}
    few |= {"LAST": 1, "MOVES": 4, "HEATED": 4}

    @contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pilots, "N_GENERATIONS", 5)
            patch.setattr(pool, "START", start)
            for name, value in few.items():
                patch.setattr(pool, f"N_{name}", value)
            yield

    return context


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    """Close figures after a test: more than twenty are a warning to whoever is next."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
