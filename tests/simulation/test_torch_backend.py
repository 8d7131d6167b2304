"""Noise, compilation and CUDA of the torch backend."""

import numpy as np
import pytest
import torch

from delssome import FIC, MFM
from delssome.connectome import prepare_sc
from delssome.models import Candidates
from delssome.observables import fcd_histogram
from delssome.simulation import (
    SimulationEvaluator,
    Simulator,
    simulate,
    torch_backend,
)
from delssome.simulation.torch_backend import gaussians, philox

N_ROIS = 7


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


@pytest.mark.slow
def test_compiled_steps_give_the_same_numbers(params, sc, scan):
    """What runs on a GPU, compiled for the CPU instead."""
    inputs = Candidates(FIC(), params, sc).inputs
    G = np.repeat(params["G"][:, None], N_ROIS, axis=1)
    arguments = (FIC(), inputs, G, params["sigma"] * 0.08, sc, scan, np.arange(4))
    settings = {"device": "cpu", "dtype": "float64"}
    bold, averages = torch_backend.integrate(*arguments, **settings)
    fast, fast_averages = torch_backend.integrate(*arguments, **settings, compiled=True)
    np.testing.assert_allclose(fast, bold, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(fast_averages, averages, rtol=1e-8)


@pytest.mark.parametrize(
    ("given", "compiled"),
    [(1, 64), (64, 64), (65, 128), (1024, 1024), (1025, 2048), (16384, 16384)],
)
def test_few_numbers_of_simulations_are_compiled_for(given, compiled):
    assert torch_backend._padded(given) == compiled


@pytest.mark.gpu
@pytest.mark.parametrize("own_connectomes", [False, True])
def test_cuda_gives_the_numbers_of_the_cpu(params, sc, scan, own_connectomes):
    seeds = np.arange(8).reshape(4, 2)
    settings = {"dtype": "float64", "backend": "torch"}
    if own_connectomes:
        sc = np.stack([sc * share for share in (0.7, 0.8, 0.9, 1.0)])
    cpu, cuda = (
        simulate(Candidates(FIC(), params, sc), scan, seeds, device=device, **settings)
        for device in ("cpu", "cuda")
    )
    # Same noise, other order of summation.
    np.testing.assert_allclose(cpu.bold, cuda.bold, rtol=1e-7, atol=1e-8)


@pytest.mark.gpu
def test_on_cuda_it_does_not_matter_what_else_is_simulated(params, sc, scan):
    candidates = Candidates(FIC(), params, sc)
    settings = {"backend": "torch", "device": "cuda", "dtype": "float64"}
    seeds = np.arange(80).reshape(4, 20)
    together = simulate(candidates, scan, seeds, **settings)
    alone = simulate(candidates.select(slice(1, 2)), scan, seeds[1:2, :3], **settings)
    # Products of other sizes are summed in another order.
    np.testing.assert_allclose(alone.bold[0], together.bold[1, :3], rtol=1e-9)


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
def test_fcd_on_cuda_equals_the_compiled_one(rng):
    bold = rng.standard_normal((2, 3, 200, 10)).cumsum(axis=2)
    bold[0, 1, 5] = np.nan
    counts = torch_backend.fcd_histograms(bold, 30, 500, "cuda")
    assert np.isnan(counts[0, 1]).all()
    np.testing.assert_array_equal(counts, fcd_histogram(bold, 30, 500))


@pytest.mark.gpu
def test_other_models_give_on_cuda_the_numbers_of_the_cpu(scan, sc):
    given = {"w": [0.4, 0.6], "I": [0.3, 0.32], "G": [1.0, 3.0], "sigma": [0.005] * 2}
    cpu, cuda = (
        simulate(
            Candidates(MFM(), given, sc),
            scan,
            [[0], [1]],
            device=device,
            dtype="float64",
            backend="torch",
        )
        for device in ("cpu", "cuda")
    )
    # Same noise, other order of summation.
    np.testing.assert_allclose(cpu.bold, cuda.bold, rtol=1e-7, atol=1e-8)
