"""The fused backend against the torch one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from delssome import FIC, Acquisition, Linear
from delssome.connectome import prepare_sc
from delssome.models import Candidates
from delssome.models.fic import derivatives
from delssome.simulation import (
    SimulationEvaluator,
    Simulator,
    check_backend,
    simulate,
)
from delssome.simulation.evaluator import _batch_size

N_ROIS = 10


@pytest.fixture
def sc(random_sc):
    return prepare_sc(random_sc(N_ROIS))


def faster(S_E, S_I, coupling, w_EE, w_EI, w_IE, expm1):
    """Give the equations of a model of its own, with a faster decay."""
    dS_E, dS_I, r_E = derivatives(S_E, S_I, coupling, w_EE, w_EI, w_IE, expm1)
    return dS_E - 0.5 * S_E, dS_I, r_E


class Faster(FIC):
    derivatives = staticmethod(faster)


def draw(rng, n):
    return {
        "w_EE": rng.uniform(1, 2.5, (n, N_ROIS)),
        "w_EI": rng.uniform(1.5, 3, (n, N_ROIS)),
        "G": rng.uniform(0.5, 2, n),
        "sigma": rng.uniform(0.001, 0.005, (n, N_ROIS)),
    }


def test_without_noise_they_agree_to_single_precision(rng, sc):
    scan = Acquisition(n_frames=30, window=5, burn_in=3.6, warm_up=1.0)
    params = draw(rng, 5)
    settings = {"noise": False}
    seeds = np.zeros((5, 1), dtype=int)
    fused = simulate(
        Candidates(FIC(), params, sc), scan, seeds, backend="fused", **settings
    )
    exact = simulate(
        Candidates(FIC(), params, sc),
        scan,
        seeds,
        backend="torch",
        dtype="float64",
        **settings,
    )
    single = simulate(
        Candidates(FIC(), params, sc), scan, seeds, backend="torch", **settings
    )
    scale = np.abs(exact.bold).max()
    # A state near its rest moves by less than its last digit in a step, so single
    # precision stalls about 1e-4 away from it: in both backends alike.
    tolerance = max(2 * np.abs(single.bold - exact.bold).max(), 1e-4 * scale)
    assert np.abs(fused.bold - exact.bold).max() < tolerance < 1e-3 * scale
    for name, values in exact.averages.items():
        np.testing.assert_allclose(fused.averages[name], values, rtol=3e-4)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 32, 33, 50])
def test_a_seed_gives_the_same_simulation_in_any_lane(rng, sc, scan, n):
    params = draw(rng, n)
    seeds = np.arange(n)[:, None]
    together = simulate(Candidates(FIC(), params, sc), scan, seeds)
    last = {name: values[-1:] for name, values in params.items()}
    alone = simulate(Candidates(FIC(), last, sc), scan, seeds[-1:])
    np.testing.assert_allclose(together.bold[-1], alone.bold[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_rois", [3, 4, 5, 7, 8])
def test_any_number_of_regions_will_do(rng, random_sc, scan, n_rois):
    params = {
        "w_EE": np.full((2, n_rois), 1.5),
        "w_EI": np.full((2, n_rois), 2.0),
        "G": np.array([1.0, 2.0]),
        "sigma": np.full((2, n_rois), 0.003),
    }
    sc = prepare_sc(random_sc(n_rois))
    settings = {"noise": False}
    a, b = (
        simulate(
            Candidates(FIC(), params, sc), scan, [[0], [0]], backend=backend, **settings
        ).bold
        for backend in ("fused", "torch")
    )
    np.testing.assert_allclose(a, b, atol=1e-3 * np.abs(b).max())


def test_a_connectome_per_simulation_equals_one_at_a_time(rng, random_sc, scan):
    several = prepare_sc(np.array([random_sc(N_ROIS) for _ in range(3)]))
    params = draw(rng, 3)
    seeds = np.arange(6).reshape(3, 2)
    together = simulate(Candidates(FIC(), params, several), scan, seeds)
    for k in range(3):
        one = {name: values[[k]] for name, values in params.items()}
        alone = simulate(Candidates(FIC(), one, several[k]), scan, seeds[[k]])
        # Sums over regions are taken in another order.
        np.testing.assert_allclose(together.bold[k], alone.bold[0], atol=1e-4)


def test_a_diverged_simulation_does_not_touch_its_neighbours(rng, sc, scan):
    params = draw(rng, 4)
    whole = simulate(Candidates(FIC(), params, sc), scan, np.arange(4)[:, None])
    params["sigma"][1] = 1e38
    broken = simulate(Candidates(FIC(), params, sc), scan, np.arange(4)[:, None])
    assert np.isnan(broken.bold[1]).all()
    for k in (0, 2, 3):
        np.testing.assert_array_equal(broken.bold[k], whole.bold[k])


@pytest.mark.slow
def test_with_noise_they_agree_in_distribution(rng, sc):
    """Mean FC, FCD and rates over many seeds, against the spread over seeds."""
    scan = Acquisition(n_frames=50, window=20, burn_in=6.0, warm_up=2.0)
    one = draw(rng, 1)
    n = 48
    params = {name: np.repeat(values, n, axis=0) for name, values in one.items()}
    statistics = {
        backend: SimulationEvaluator(
            FIC(),
            scan,
            Simulator(n_repeats=1, backend=backend),
            n_fcd_bins=200,
            n_jobs=2,
        ).statistics(Candidates(FIC(), params, sc), np.random.default_rng(seed))
        for seed, backend in enumerate(("fused", "torch"))
    }
    pairs = {
        name: [getattr(found, name) for found in statistics.values()]
        for name in ("fc", "fcd_cdf", "readout")
    }
    pairs["rates"] = [found.averages["r_E"] for found in statistics.values()]
    for name, (a, b) in pairs.items():
        error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / n)
        error = np.maximum(error, 1e-3 * np.abs(b).mean())
        z = (a.mean(axis=0) - b.mean(axis=0)) / error
        # Entries are correlated: their mean square spreads about 1.
        assert np.sqrt((z**2).mean()) < 2.2, name
        spread = a.std(axis=0).mean() / b.std(axis=0).mean()
        assert 0.75 < spread < 1.33, name


def test_a_changed_equation_changes_the_kernel(rng, sc, scan):
    """A model with its own equations gets its own kernel, without further code."""
    params = draw(rng, 2)
    settings = {"noise": False}
    fused, torch = (
        simulate(
            Candidates(Faster(), params, sc),
            scan,
            [[0], [0]],
            backend=backend,
            **settings,
        )
        for backend in ("fused", "torch")
    )
    plain = simulate(Candidates(FIC(), params, sc), scan, [[0], [0]], **settings)
    np.testing.assert_allclose(
        fused.bold, torch.bold, atol=1e-3 * np.abs(torch.bold).max()
    )
    assert not np.allclose(fused.bold, plain.bold, rtol=1e-3)


def run_with_cache(folder, *numbers):
    """Simulate batches of these sizes in another process; give sums and messages."""
    code = (
        "import logging; logging.basicConfig(level=logging.INFO)\n"
        "import numpy as np\n"
        "from delssome import FIC, Acquisition\n"
        "from delssome.models import Candidates\n"
        "from delssome.simulation import simulate\n"
        "scan = Acquisition(tr=0.3, n_frames=5, window=3, burn_in=0, warm_up=0)\n"
        "p = dict(w_EE=np.ones((1, 4)), w_EI=np.ones((1, 4)), G=np.ones(1),\n"
        "         sigma=np.ones((1, 4)) * 0.001)\n"
        "candidates = Candidates(FIC(), p, np.zeros((4, 4)))\n"
        f"for n in {numbers}:\n"
        "    bold = simulate(candidates, scan, [range(n)]).bold\n"
        "    print(bold[0, 0].sum(), bold[0, -1].sum())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DELSSOME_CACHE": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


@pytest.mark.slow
def test_kernels_are_kept_apart_and_found_again(tmp_path):
    narrow, messages = run_with_cache(tmp_path, 16)
    assert "Compiling" in messages
    wide, _ = run_with_cache(tmp_path, 32)
    # Compiled in two processes, loaded in one: each must still be itself.
    both, messages = run_with_cache(tmp_path, 16, 32)
    assert "Compiling" not in messages
    assert both == narrow + wide
    assert len(list(tmp_path.glob("kernel-*/*.nbc"))) == 2


def test_an_unwritable_cache_is_no_obstacle(tmp_path, rng, sc, scan, monkeypatch):
    from delssome.simulation import fused

    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("DELSSOME_CACHE", str(blocked))
    fused._build.cache_clear()
    try:
        result = simulate(Candidates(FIC(), draw(rng, 1), sc), scan, [[0]])
    finally:
        fused._build.cache_clear()
    assert np.isfinite(result.bold).all()


def test_the_backend_follows_from_device_and_precision():
    assert check_backend("auto", "cpu", "float32") == "fused"
    assert check_backend("auto", "cpu", "float64") == "torch"
    assert check_backend("torch", "cpu", "float32") == "torch"
    with pytest.raises(ValueError, match="use backend='torch'"):
        check_backend("fused", "cpu", "float64")
    with pytest.raises(ValueError, match="backend must be"):
        check_backend("numpy", "cpu", "float32")


@pytest.mark.parametrize("n_repeats", [1, 2, 3, 4, 5, 7, 16, 40])
@pytest.mark.parametrize("n_candidates", [1, 4, 32, 100, 1000])
def test_batches_fill_lanes_and_leave_work_for_several(n_candidates, n_repeats):
    size = _batch_size(n_candidates, n_repeats)
    assert size >= 1
    assert (size * n_repeats) % 16 == 0
    if n_repeats <= 4:
        assert size * n_repeats <= 64


@dataclass(frozen=True)
class Pushed(Linear):
    """Regions that start away from rest, by as little as noise does it."""

    initial_state: ClassVar = (2e-4,)
    largest_step: ClassVar = 0.001


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_short_steps_do_not_lose_what_they_add_to_haemodynamics(backend):
    scan = Acquisition(dt=0.001, n_frames=8, window=4, burn_in=0.72, warm_up=0.0)
    params = {"k": np.full((1, 3), 0.5), "G": np.zeros(1), "sigma": np.ones((1, 3))}
    candidate = Candidates(Pushed(), params, np.ones((3, 3)) - np.eye(3))
    single, double = (
        simulate(candidate, scan, [[0]], noise=False, backend=backend, dtype=dtype).bold
        for backend, dtype in ((backend, "float32"), ("torch", "float64"))
    )
    # A step moves them by less than the last digit of single precision near 1.
    assert np.abs(single - double).max() < 0.01 * np.abs(double).max()
