"""Models unlike the shipped ones: both backends against plain NumPy."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from delssome import Acquisition
from delssome.models import Candidates, Model
from delssome.simulation import (
    SimulationEvaluator,
    Simulator,
    fused,
    haemodynamics,
    simulate,
)

N_ROIS = 5


def two_coupled(x, y, from_x, from_y, a, expm1):
    fast = -expm1(-a * x)
    return (
        0.4 + fast - 3.0 * x - x * y + 0.8 * from_x,
        0.2 - 2.0 * y + x * x - 1.5 * from_y,
        x * y,
    )


@dataclass(frozen=True)
class TwoCoupled(Model):
    """Both states reach other regions; the first is seen."""

    a: tuple[float, float] = (0.5, 2.0)
    G: tuple[float, float] = (0.0, 20.0)
    sigma: tuple[float, float] = (0.0, 0.05)

    states: ClassVar = ("x", "y")
    couples: ClassVar = ("x", "y")
    inputs: ClassVar = ("a",)
    outputs: ClassVar = ("product",)
    searched: ClassVar = ("a", "G", "sigma")
    regional: ClassVar = ("a", "sigma")
    initial_state: ClassVar = (0.1, 0.05)
    largest_step: ClassVar = 0.02
    derivatives: ClassVar = staticmethod(two_coupled)


def crossed(x, y, z, from_z, from_x, a, expm1):
    return (
        0.3 - 2.0 * x + 0.5 * y + from_z,
        a * x - y - y * z,
        0.1 - 4.0 * z + x * y + 2.0 * from_x,
    )


@dataclass(frozen=True)
class Crossed(Model):
    """The last state and the first reach other regions, in this order, one is seen."""

    a: tuple[float, float] = (0.5, 2.0)
    G: tuple[float, float] = (0.0, 20.0)
    sigma: tuple[float, float] = (0.0, 0.05)

    states: ClassVar = ("x", "y", "z")
    couples: ClassVar = ("z", "x")
    observed: ClassVar = "y"
    inputs: ClassVar = ("a",)
    searched: ClassVar = ("a", "G", "sigma")
    regional: ClassVar = ("a", "sigma")
    initial_state: ClassVar = (0.1, 0.05, 0.2)
    largest_step: ClassVar = 0.02
    derivatives: ClassVar = staticmethod(crossed)


@dataclass(frozen=True)
class SeenItself(TwoCoupled):
    """No haemodynamics: its second state is the signal."""

    observed: ClassVar = "y"
    haemodynamics: ClassVar = False


MODELS = [TwoCoupled(), Crossed(), SeenItself()]
by_model = pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: type(model).__name__
)


@pytest.fixture
def sc(rng):
    """Not symmetric, so that rows and columns cannot be taken for each other."""
    return rng.random((N_ROIS, N_ROIS)) * 0.02 * (1 - np.eye(N_ROIS))


@pytest.fixture
def params(rng):
    return {
        "a": rng.uniform(0.5, 2.0, (3, N_ROIS)),
        "G": np.array([2.0, 10.0, 20.0]),
        "sigma": rng.uniform(0.01, 0.03, (3, N_ROIS)),
    }


def integrate(candidates, scan):
    """Integrate without noise, step by step as it is written in the books."""
    model = candidates.model
    shape = len(candidates), candidates.n_rois
    states = [np.full(shape, value) for value in model.initial_state]
    blood = [np.full(shape, value) for value in haemodynamics.REST]
    frames, sums, n = [], 0.0, 0
    n_steps = scan.steps_per_frame * (scan.burn_in_frames + scan.n_frames)
    for k in range(-scan.warm_up_steps, n_steps):
        coupled = [states[model.states.index(name)] for name in model.couples]
        coupling = [
            candidates.params["G"][:, None] * (x @ candidates.sc.T) for x in coupled
        ]
        found = model.derivatives(*states, *coupling, *candidates.inputs, np.expm1)
        changes, outputs = found[: len(states)], found[len(states) :]
        states = [x + scan.step * dx for x, dx in zip(states, changes, strict=True)]
        if k < 0:
            continue
        seen = states[model.states.index(model.observed)]
        moves = haemodynamics.derivatives(seen, *blood, np.exp, np.log)
        blood = [x + scan.step * dx for x, dx in zip(blood, moves, strict=True)]
        sums, n = sums + np.array([*states, *outputs]), n + 1
        if (k + 1) % scan.steps_per_frame == 0:
            signal = haemodynamics.bold_signal(*blood[2:])
            frames.append(signal if model.haemodynamics else seen)
    bold = np.stack(frames[scan.burn_in_frames :], axis=1)
    names = (*model.states, *model.outputs)
    return bold, dict(zip(names, sums / n, strict=True))


@by_model
def test_both_backends_integrate_the_equations_as_written(model, params, sc):
    scan = Acquisition(tr=0.3, n_frames=20, window=5, burn_in=1.5, warm_up=0.3, dt=0.01)
    candidates = Candidates(model, params, sc)
    bold, averages = integrate(candidates, scan)
    seeds = np.zeros((3, 1), dtype=int)
    # Double precision: the order of sums. Single: 1e-7 of the state in each of the
    # 750 steps, of which the signal is a difference; 1e-4 is a hundred times less
    # than what a wrong sign of any term makes.
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4)):
        found = simulate(candidates, scan, seeds, dtype=dtype, noise=False)
        assert np.abs(found.bold[:, 0] - bold).max() < tolerance * np.abs(bold).max()
        assert set(found.averages) == set(averages)
        for name, values in averages.items():
            np.testing.assert_allclose(
                found.averages[name][:, 0], values, rtol=tolerance, atol=tolerance
            )


@by_model
def test_every_coupling_counts(model, params, sc):
    """What a state sends is felt: without it, the signal is another."""
    scan = Acquisition(tr=0.3, n_frames=20, window=5, burn_in=1.5, warm_up=0.3, dt=0.01)
    candidates, seeds = Candidates(model, params, sc), np.zeros((3, 1), dtype=int)
    settings = {"backend": "torch", "noise": False}
    full = simulate(candidates, scan, seeds, **settings).bold
    for left in model.couples:

        class Less(type(model)):
            couples: ClassVar = (left, left)

        bold = simulate(Candidates(Less(), params, sc), scan, seeds, **settings).bold
        assert np.abs(bold - full)[2].max() > 1e-3 * np.abs(full).max()


@pytest.fixture
def narrow(monkeypatch):
    """Compile one kernel: how many lanes it has is no matter of models."""
    monkeypatch.setattr(fused, "WIDE", fused.NARROW)


@by_model
@pytest.mark.usefixtures("narrow")
def test_their_noise_has_the_same_variance_on_both_backends(model, params, sc):
    scan = Acquisition(tr=0.3, n_frames=20, window=5, burn_in=6.0, warm_up=3.0, dt=0.01)
    candidates = Candidates(model, params, sc)
    n = 200
    seeds = np.arange(3 * n).reshape(3, n)
    a, b = (
        simulate(candidates, scan, seeds, backend=backend)
        for backend in ("fused", "torch")
    )
    # Variances of n independent numbers scatter by sqrt(2 / n), that is 10 %: the
    # ratio of two by 14 % for each of 15 regions, five standard errors of it at most.
    ratio = a.bold[:, :, -1].var(axis=1) / b.bold[:, :, -1].var(axis=1)
    assert np.abs(np.log(ratio)).max() < 5 * np.sqrt(4 / n)
    assert abs(np.log(ratio).mean()) < 3 * np.sqrt(4 / n / ratio.size) + 0.03
    for name in model.states:
        x, y = a.averages[name], b.averages[name]
        error = np.sqrt((x.var(axis=1) + y.var(axis=1)) / n)
        assert (np.abs(x.mean(axis=1) - y.mean(axis=1)) < 5 * error).all()
        ratio = x.var(axis=1) / y.var(axis=1)
        assert np.abs(np.log(ratio)).max() < 5 * np.sqrt(4 / n)


@pytest.mark.usefixtures("narrow")
def test_noise_of_three_states_is_independent(params, sc):
    """Numbers are drawn in pairs: none of a pair may serve two states."""
    one = {name: values[:1] for name, values in params.items()}
    one["sigma"] = np.full((1, N_ROIS), 0.03)
    candidates = Candidates(Crossed(), one, sc)
    scan = Acquisition(tr=0.01, n_frames=3, window=2, burn_in=0, warm_up=0, dt=0.01)
    n = 2000
    for backend in ("fused", "torch"):
        found = simulate(candidates, scan, np.arange(n)[None], backend=backend)
        draws = np.concatenate([found.averages[name][0] for name in "xyz"], axis=1)
        r = np.corrcoef(draws.T)[np.triu_indices(3 * N_ROIS, 1)]
        assert np.abs(r).max() < 5 / np.sqrt(n)


def test_a_signal_without_haemodynamics_is_the_observed_state(params, sc):
    """With frames as long as a step, the mean of the signal is that of the state."""
    scan = Acquisition(
        tr=0.01, n_frames=200, window=5, burn_in=0.0, warm_up=0.3, dt=0.01
    )
    candidates = Candidates(SeenItself(), params, sc)
    for backend in ("fused", "torch"):
        found = simulate(candidates, scan, np.arange(3)[:, None], backend=backend)
        mean = found.bold.astype(np.float64).mean(axis=2)
        np.testing.assert_allclose(mean, found.averages["y"], rtol=1e-6)


def test_kernels_of_models_that_differ_in_what_is_seen_are_kept_apart(params, sc):
    """The same equations seen otherwise: no compiled code of the other is loaded."""

    class SecondSeen(TwoCoupled):
        observed: ClassVar = "y"

    scan = Acquisition(tr=0.3, n_frames=20, window=5, burn_in=1.5, warm_up=0.3, dt=0.01)
    seeds = np.zeros((3, 1), dtype=int)
    for model in (TwoCoupled(), SecondSeen(), SeenItself()):
        candidates = Candidates(model, params, sc)
        fused, torch = (
            simulate(candidates, scan, seeds, backend=backend, noise=False).bold
            for backend in ("fused", "torch")
        )
        np.testing.assert_allclose(fused, torch, atol=1e-4 * np.abs(torch).max())


def test_a_simulation_does_not_depend_on_the_batch(params, sc):
    scan = Acquisition(tr=0.3, n_frames=20, window=5, burn_in=1.5, warm_up=0.3, dt=0.01)
    candidates = Candidates(TwoCoupled(), params, sc)
    seeds = np.arange(60).reshape(3, 20)
    for backend in ("fused", "torch"):
        together = simulate(candidates, scan, seeds, backend=backend).bold
        part = candidates.select(slice(1, 2))
        alone = simulate(part, scan, seeds[1:2, 7:8], backend=backend).bold
        # Products with the connectome may round differently.
        np.testing.assert_allclose(together[1, 7], alone[0, 0], rtol=1e-4, atol=1e-5)


def test_every_candidate_may_have_a_connectome_of_its_own(params, sc):
    scan = Acquisition(tr=0.3, n_frames=20, window=5, burn_in=1.5, warm_up=0.3, dt=0.01)
    several = sc * np.array([0.2, 0.5, 1.0])[:, None, None]
    candidates = Candidates(TwoCoupled(), params, several)
    seeds = np.zeros((3, 1), dtype=int)
    for backend in ("fused", "torch"):
        settings = {"backend": backend, "noise": False}
        together = simulate(candidates, scan, seeds, **settings).bold
        for k in range(3):
            one = {name: values[[k]] for name, values in params.items()}
            one = Candidates(TwoCoupled(), one, several[k])
            alone = simulate(one, scan, [[0]], **settings).bold
            np.testing.assert_allclose(together[k], alone[0], atol=1e-4)


def test_an_evaluator_reads_out_what_a_model_says(params, sc):
    """By default the first state, which nothing bounds."""
    scan = Acquisition(tr=0.3, n_frames=40, window=10, burn_in=3.0, dt=0.01)
    model = TwoCoupled()
    evaluator = SimulationEvaluator(model, scan, Simulator(n_repeats=2), n_fcd_bins=20)
    statistics = evaluator.statistics(
        Candidates(model, params, sc), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(statistics.readout, statistics.averages["x"])
    assert (statistics.violation == 0).all()
    assert np.isfinite(statistics.fc).all()
