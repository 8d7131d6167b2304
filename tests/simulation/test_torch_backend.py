"""Noise, compilation and CUDA of the torch backend."""

import numpy as np
import pytest
import torch

from delssome import (
    CMAES,
    FIC,
    MFM,
    Hopf,
    Linear,
    MeanFieldFitter,
    Verification,
    WilsonCowan,
)
from delssome.connectome import prepare_sc
from delssome.models import Candidates
from delssome.simulation import (
    SimulationEvaluator,
    Simulator,
    device_memory,
    simulate,
    torch_backend,
)
from delssome.simulation.torch_backend import gaussians, philox

N_ROIS = 7
TORCH = {"backend": "torch"}


@pytest.fixture
def sc(random_sc):
    return prepare_sc(random_sc(N_ROIS))


@pytest.fixture
def params(rng):
    return {
        "w_EE": rng.uniform(1, 2, (4, N_ROIS)),
        "w_EI": rng.uniform(1.5, 3, (4, N_ROIS)),
        "G": rng.uniform(0.5, 2, 4),
        "sigma": rng.uniform(0.001, 0.005, (4, N_ROIS)),
    }


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        (
            (0, 0, 0, 0),
            (0, 0),
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_generator_gives_its_published_words(counter, key, expected):
    words = philox([torch.tensor(c) for c in counter], [torch.tensor(k) for k in key])
    assert tuple(map(int, words)) == expected


def test_noise_of_the_states_is_standard_and_independent():
    seeds = torch_backend._seed_words(np.arange(20), 1, "cpu")
    like = torch.empty(1, 51, 20)
    step = torch.tensor(0)
    draws = torch.stack(gaussians(seeds, step, 100, like, 2)).numpy().astype(float)
    S_E, S_I = draws[:, :, 0]
    n = S_E.size  # five standard errors throughout
    assert abs(S_E.mean()) < 5 / np.sqrt(n)
    assert abs(S_E.std() - 1) < 5 / np.sqrt(2 * n)
    assert abs((S_E**4).mean() - 3) < 5 * np.sqrt(96 / n)
    bound = 5 / np.sqrt(n)
    assert abs((S_E * S_I).mean()) < bound
    assert abs((S_E[1:] * S_E[:-1]).mean()) < 1.01 * bound
    assert abs((S_E[:, 26:] * S_I[:, :25]).mean()) < 1.5 * bound  # words of one draw
    simulations = np.corrcoef(draws.transpose(4, 0, 1, 2, 3).reshape(20, -1))
    off = simulations[np.triu_indices(20, 1)]
    assert np.abs(off).max() < 5 / np.sqrt(draws.size / 20)


def test_noise_does_not_depend_on_how_steps_are_chunked():
    seeds = torch_backend._seed_words([3, 2**40 + 1], 1, "cpu")
    like = torch.empty(1, 5, 2)
    whole = gaussians(seeds, torch.tensor(0), 8, like, 2)
    part = gaussians(seeds, torch.tensor(5), 3, like, 2)
    for a, b in zip(whole, part, strict=True):
        torch.testing.assert_close(a[5:], b, rtol=0, atol=0)


def test_results_do_not_depend_on_what_fits_at_once(params, sc, scan, monkeypatch):
    candidates, seeds = Candidates(FIC(), params, sc), np.arange(8).reshape(4, 2)
    settings = {"backend": "torch", "dtype": "float64"}
    whole = simulate(candidates, scan, seeds, **settings)
    monkeypatch.setattr(device_memory, "free_bytes", lambda device: 50_000)
    cut = simulate(candidates, scan, seeds, **settings)
    # Products of other sizes are summed in another order.
    np.testing.assert_allclose(cut.bold, whole.bold, rtol=1e-9)
    np.testing.assert_allclose(cut.averages["r_E"], whole.averages["r_E"], rtol=1e-9)


def test_what_does_not_fit_at_all_is_refused_before_any_work(
    params, sc, scan, monkeypatch
):
    monkeypatch.setattr(device_memory, "free_bytes", lambda device: 5_000)
    monkeypatch.setattr(torch_backend, "_engine", None)
    with pytest.raises(ValueError, match=r"device='cpu' has .* use device='cpu'"):
        simulate(Candidates(FIC(), params, sc), scan, np.ones((4, 1), int), **TORCH)


def test_parts_are_of_about_the_same_size(monkeypatch):
    monkeypatch.setattr(device_memory, "free_bytes", lambda device: 1000)
    cpu = torch.device("cpu")
    assert device_memory.n_at_once(17, 100, cpu, "one") == 6  # of at most 8
    assert device_memory.n_at_once(8, 100, cpu, "one") == 8


class Squares(Linear):
    """Equations with powers and numbers in them."""

    @staticmethod
    def derivatives(x, coupling, k, expm1):
        return coupling - (k + 0.1) * x / 1.1 - x**2, x**2


class Sums(Linear):
    """Equations that no compiler for a GPU is told of."""

    @staticmethod
    def derivatives(x, coupling, k, expm1):
        return sum((coupling, -k * x)), x * x


def drawn(model, n_rois, own):
    """Give candidates of any model, and seeds."""
    rng, n = np.random.default_rng(1), 4
    counts = np.triu(rng.random((n_rois, n_rois)) < 0.5, 1) * 1.0
    sc = counts + counts.T
    sc /= 5 * np.abs(np.linalg.eigvalsh(sc)).max()  # all models come to rest
    params = {}
    for name in model.searched:
        low, high = getattr(model, name)
        shape = (n, n_rois) if name in model.regional else n
        params[name] = low + (high - low) * rng.uniform(0.2, 0.3, shape)
    if own:
        sc = np.stack([sc * share for share in (0.7, 0.8, 0.9, 1.0)])
    return Candidates(model, params, sc), np.arange(8).reshape(4, 2) + 2**40


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("model", "n_rois", "own"),
    [
        (FIC(), 7, False),
        (FIC(), 7, True),
        (FIC(), 68, False),  # held in registers
        (FIC(), 133, False),  # in the cache
        (MFM(), 101, False),
        (Hopf(), 20, False),  # two coupled states, no haemodynamics
        (Hopf(), 20, True),
        (WilsonCowan(), 9, False),
        (Squares(), 9, False),
    ],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.filterwarnings("error")  # compiled for the GPU
def test_cuda_gives_the_numbers_of_the_cpu(model, n_rois, own, dtype, scan):
    candidates, seeds = drawn(model, n_rois, own)
    cpu, cuda = (
        simulate(
            candidates, scan, seeds, device=device, dtype=dtype, backend="torch"
        ).bold
        for device in ("cpu", "cuda")
    )
    # Same noise, other order of summation; BOLD is some 3.
    tolerance = {"float64": 1e-8, "float32": 1e-4}[dtype]
    np.testing.assert_allclose(cuda, cpu, rtol=0, atol=tolerance)
    assert np.abs(cuda).max() > 50 * tolerance


@pytest.mark.gpu
def test_equations_that_cannot_be_compiled_run_as_operations_of_torch(scan):
    candidates, seeds = drawn(Sums(), 7, False)
    settings = {"backend": "torch", "dtype": "float64"}
    cpu = simulate(candidates, scan, seeds, **settings)
    with pytest.warns(UserWarning, match="Sums could not be compiled"):
        cuda = simulate(candidates, scan, seeds, device="cuda", **settings)
    np.testing.assert_allclose(cuda.bold, cpu.bold, rtol=0, atol=1e-8)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_on_cuda_it_does_not_matter_what_else_is_simulated(
    params, sc, scan, dtype, monkeypatch
):
    candidates = Candidates(FIC(), params, sc)
    settings = {"backend": "torch", "device": "cuda", "dtype": dtype}
    seeds = np.arange(80).reshape(4, 20)
    together = simulate(candidates, scan, seeds, **settings)
    alone = simulate(candidates.select(slice(1, 2)), scan, seeds[1:2, :3], **settings)
    np.testing.assert_array_equal(alone.bold[0], together.bold[1, :3])
    monkeypatch.setattr(device_memory, "free_bytes", lambda device: 100_000)
    cut = simulate(candidates, scan, seeds, **settings)
    np.testing.assert_array_equal(cut.bold, together.bold)


@pytest.mark.gpu
def test_cuda_gives_the_statistics_of_the_cpu(params, sc, scan):
    results = [
        SimulationEvaluator(
            FIC(),
            scan,
            Simulator(n_repeats=2, backend="torch", device=device),
            n_fcd_bins=100,
        ).statistics(Candidates(FIC(), params, sc), np.random.default_rng(0))
        for device in ("cpu", "cuda")
    ]
    a, b = results
    assert set(a.averages) == set(b.averages)
    pairs = [(a.averages[name], b.averages[name]) for name in a.averages]
    for name in ("fc", "fcd_cdf", "violation", "readout"):
        pairs.append((getattr(a, name), getattr(b, name)))
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-2)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::UserWarning")  # so short a search
def test_a_fit_with_every_candidate_simulated_runs_on_cuda(make_subjects, scan):
    fitter = MeanFieldFitter(
        surrogate=None,
        n_fcd_bins=50,
        acquisition=scan,
        simulator=Simulator(n_repeats=2, device="cuda"),
        search=CMAES(popsize=8, max_iter=3, n_restarts=1),
        verification=Verification(n_finalists=2),
        random_state=0,
    )
    fitter.fit(make_subjects(1))
    assert np.isfinite(fitter.predict(make_subjects(1))).all()
