"""The general form of theory, against the symmetric one and against simulation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from delssome import FIC, MFM, Acquisition
from delssome.models import Candidates, Hopf, Linear, Model, WilsonCowan
from delssome.models.steady import network_jacobian
from delssome.simulation import SimulationEvaluator, Simulator
from delssome.theory import TheoryEvaluator, close
from delssome.theory import evaluator as evaluator_module
from delssome.theory import forms as forms_module
from delssome.theory import general as general_module
from delssome.theory.general import GeneralNetwork
from delssome.theory.processing import operator_of
from delssome.theory.state import StateTheory, frame_multipliers

N_ROIS, N_BINS = 8, 500
SCAN = Acquisition(n_frames=300, window=40)


@pytest.fixture
def general(monkeypatch):
    """Take the general form everywhere, with all its iterations."""

    def take():
        for module in (forms_module, evaluator_module):
            monkeypatch.setattr(module, "is_reduced", lambda candidates: False)
        monkeypatch.setattr(general_module, "SAME", 0.0)

    return take


PIPELINES = [
    {},
    {"band": (0.01, 0.1), "global_signal": True},
    {"kept": np.arange(300) % 9 > 0},
]


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("kind", [MFM, Linear])
def test_with_one_state_it_is_the_symmetric_form(kind, given, sc, general, pipeline):
    scan = Acquisition(n_frames=300, window=40, **pipeline)
    theory = TheoryEvaluator(kind(), scan, n_fcd_bins=N_BINS)
    candidates = Candidates(kind(), given[kind], sc)
    symmetric = theory.statistics(candidates, np.random.default_rng(0))
    general()
    found = theory.statistics(candidates, np.random.default_rng(0))
    assert isinstance(close(candidates, scan.step).network, GeneralNetwork)
    assert (found.violation == 0).sum() > 2
    np.testing.assert_allclose(found.fc, symmetric.fc, rtol=0, atol=1e-6)
    for name, values in symmetric.averages.items():
        np.testing.assert_allclose(found.averages[name], values, rtol=1e-6)
    np.testing.assert_allclose(found.violation, symmetric.violation, atol=1e-6)
    # The samples are the same, in single precision.
    np.testing.assert_allclose(found.fc_noise, symmetric.fc_noise, rtol=1e-4)
    np.testing.assert_allclose(found.fcd_cdf, symmetric.fcd_cdf, rtol=0, atol=0.003)


def test_of_fic_it_leaves_what_the_reduction_neglects(given, sc, general):
    theory = TheoryEvaluator(FIC(), SCAN, n_samples=0)
    candidates = Candidates(FIC(), given[FIC], sc)
    symmetric = theory.statistics(candidates)
    general()
    found = theory.statistics(candidates)
    # (omega / 300 per second) ** 2 and the ratio of slow and fast rates.
    np.testing.assert_allclose(found.fc, symmetric.fc, rtol=0, atol=3e-4)
    np.testing.assert_allclose(
        found.averages["r_E"], symmetric.averages["r_E"], rtol=1e-3
    )


def test_slopes_that_hardly_move_leave_the_modes(given, sc, monkeypatch):
    candidates = Candidates(Hopf(), given[Hopf], sc)
    found = close(candidates, 0.001)
    monkeypatch.setattr(general_module, "SAME", 0.0)
    exact = close(candidates, 0.001)
    np.testing.assert_allclose(found.outputs, exact.outputs, rtol=1e-3)
    np.testing.assert_allclose(found.network.decay, exact.network.decay, rtol=1e-3)


@pytest.fixture
def network(given, sc):
    return close(Candidates(Hopf(), given[Hopf], sc), 0.001, 0).network


def jacobian_of(network, k):
    slopes = network.slopes[k][:, :, None]
    return network_jacobian(slopes, network.network[[k]], network.layout.coupled)[0]


def test_the_covariance_is_that_of_the_explicit_steps(network):
    step = 0.001
    covariance = network.variable_covariance(step)
    for k in range(4):
        A, C = jacobian_of(network, k), network.network[k]
        noise = step * np.diag(np.tile(network.sigma[k] ** 2, 2))
        exact = solve_discrete_lyapunov(np.eye(len(A)) + step * A, noise)
        both = np.kron(np.eye(2), C)
        everything = np.vstack([np.eye(2 * N_ROIS), both])
        exact = (everything @ exact @ everything.T).reshape(4, N_ROIS, 4, N_ROIS)
        exact = np.einsum("iaja->ija", exact)
        np.testing.assert_allclose(covariance[:, :, k], exact, rtol=1e-7, atol=1e-12)


def test_explicit_steps_let_oscillations_grow(given, sc):
    """By omega ** 2 dt / 2, past what damps them."""
    fast = given[Hopf] | {"omega": np.full((4, N_ROIS), 12.0), "a": -0.3 * np.ones(4)}
    candidates = Candidates(Hopf(), fast, sc)
    assert (close(candidates, 0.001).settled > 4).all()
    assert (close(candidates, 0.006).settled == 0).all()


def test_a_shift_solves_the_equations_of_all_states(network, rng):
    push = rng.standard_normal((2, 4, N_ROIS))
    answer = network.shift(push)
    for k in range(4):
        exact = -np.linalg.solve(jacobian_of(network, k), push[:, k].ravel())
        exact = exact.reshape(2, N_ROIS)
        np.testing.assert_allclose(answer[:2, k], exact, rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(answer[2:, k], exact @ network.network[k].T)


def test_chains_of_equal_rates_have_modes():
    """Their Jacobian has fewer eigenvectors than states."""
    A = -np.eye(4) + np.diag([1.0, 0.0, 1.0], k=-1)
    roots, patterns, duals = general_module._modes(A)
    noise = duals @ duals.conj().T
    pairs = -noise / (roots[:, None] + roots.conj())
    covariance = (patterns @ pairs @ patterns.conj().T).real
    left = A @ covariance + covariance @ A.T + np.eye(4)
    np.testing.assert_allclose(left, 0.0, atol=1e-4)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_expected_covariance_is_that_of_frames(network, pipeline):
    """Of the linear process, through the pipeline as it is, mean removal included."""
    n = 60
    if "kept" in pipeline:
        pipeline = {"kept": pipeline["kept"][:n]}
    scan = Acquisition(tr=0.72, n_frames=n, window=20, dt=0.001, **pipeline)
    theory = StateTheory(scan)
    found = theory.covariance(network)
    operator = operator_of(scan)
    for k in range(4):
        one = network.select([k])
        F = frame_multipliers(one.roots[0], scan)
        stationary = one.mode_covariance(scan.step)[0]
        reading = one.reading[0]
        # Frames and regions, all with all.
        lags = [((reading * F**d) @ stationary) @ reading.conj().T for d in range(n)]
        lags = np.stack(lags).real
        apart = np.arange(n)[:, None] - np.arange(n)
        between = np.where(
            (apart >= 0)[..., None, None],
            lags[np.abs(apart)],
            np.swapaxes(lags, 1, 2)[np.abs(apart)],
        )
        products = operator.T @ operator / len(operator)
        exact = np.einsum("ts,tsij->ij", products, between)
        exact = theory.without_signal(0.5 * (exact + exact.T))
        np.testing.assert_allclose(found[k], exact, atol=1e-9 * exact.max())


def compare(candidates, scan, n_repeats):
    """Compare FC, FCD and averages with two halves of simulations."""
    model = candidates.model
    simulator = SimulationEvaluator(
        model, scan, Simulator(n_repeats=n_repeats), n_fcd_bins=N_BINS
    )
    runs = [simulator.statistics(candidates, np.random.default_rng(k)) for k in (0, 1)]
    theory = TheoryEvaluator(model, scan, n_fcd_bins=N_BINS, n_samples=n_repeats)
    expected = theory.statistics(candidates, np.random.default_rng(2))
    assert (expected.violation == 0).all()
    both = (runs[0].fc + runs[1].fc) / 2
    floor = np.sqrt(((runs[0].fc - runs[1].fc) ** 2).mean()) / 2
    error = np.sqrt(((expected.fc - both) ** 2).mean())
    gap = np.abs(expected.fcd_cdf - runs[0].fcd_cdf).max(axis=1)
    return expected, runs, error / floor, gap


@pytest.mark.parametrize("pipeline", [{}, {"band": (0.02, 0.3), "global_signal": True}])
def test_oscillators_are_those_of_simulation(given, sc, pipeline):
    scan = Acquisition(
        n_frames=500, window=60, burn_in=30.0, warm_up=1.0, dt=0.001, **pipeline
    )
    candidates = Candidates(Hopf(), given[Hopf], sc)
    expected, runs, error, gap = compare(candidates, scan, 8)
    # The mean of the runs is uncertain by the floor; oscillations tell 4 x 28 edges.
    assert error < 1.4
    # A Kolmogorov-Smirnov distance of 8 scans scatters by 0.05 to 0.1.
    assert gap.max() < 0.2
    assert np.median(gap) < 0.12
    amplitude = (runs[0].readout + runs[1].readout) / 2
    np.testing.assert_allclose(expected.readout, amplitude, rtol=0.06)


def test_directed_connectomes_are_those_of_simulation(given, directed):
    scan = Acquisition(n_frames=500, window=60, burn_in=30.0)
    for kind in (Linear, MFM):
        candidates = Candidates(kind(), given[kind], directed)
        error, gap = compare(candidates, scan, 16)[2:]
        assert error < 1.4, kind
        assert gap.max() < 0.15, kind


def test_a_global_signal_sums_regions_as_strongly_as_they_are_seen(sc, rng):
    """Where regions rest at activities of their own, haemodynamics scale them apart."""
    params = {
        "c_EE": rng.uniform(10.0, 15.0, (1, N_ROIS)),
        "P": rng.uniform(0.3, 1.5, (1, N_ROIS)),
        "G": [11.0],
        "sigma": [0.024],
    }
    scan = Acquisition(
        n_frames=300, window=40, burn_in=30.0, dt=0.001, global_signal=True
    )
    error = compare(Candidates(WilsonCowan(), params, sc), scan, 16)[2]
    assert error < 1.6  # 3 by one response of all


@dataclass(frozen=True)
class Driven(Model):
    """What couples drives a slow state that is seen; it is not the first."""

    leak: tuple[float, float] = (1.0, 3.0)
    G: tuple[float, float] = (0.0, 10.0)
    sigma: tuple[float, float] = (0.01, 0.1)

    states: ClassVar = ("seen", "couples_all")
    inputs: ClassVar = ("leak",)
    searched: ClassVar = ("leak", "G", "sigma")
    regional: ClassVar = ("leak", "sigma")
    couples: ClassVar = ("couples_all",)
    observed: ClassVar = "seen"
    initial_state: ClassVar = (0.2, 0.2)
    largest_step: ClassVar = 0.006

    @staticmethod
    def derivatives(seen, couples_all, coupling, leak, expm1):
        """Give the derivatives."""
        inner = 0.6 - 3.0 * couples_all - 0.5 * seen + coupling
        return couples_all - leak * seen, inner


def test_another_state_may_be_seen_than_couples(sc):
    candidates = Candidates(
        Driven(), {"leak": [1.2, 2.5], "G": [1.0, 5.0], "sigma": [0.02, 0.03]}, sc
    )
    scan = Acquisition(n_frames=500, window=60, burn_in=30.0)
    expected, runs, error, _ = compare(candidates, scan, 16)
    assert error < 1.4
    for name in Driven.states:
        np.testing.assert_allclose(
            expected.averages[name], runs[0].averages[name], rtol=0.02
        )


def test_a_batch_does_not_matter(given, sc, directed):
    """Nor does company on connectomes of another form."""
    n = 4
    stack = np.stack([sc, directed, sc, directed])
    theory = TheoryEvaluator(MFM(), SCAN, n_fcd_bins=N_BINS)
    mixed = Candidates(MFM(), given[MFM], stack)
    together = theory.statistics(mixed, np.random.default_rng(0))
    for k in range(n):
        alone = theory.statistics(
            mixed.select(slice(k, k + 1)), np.random.default_rng(0)
        )
        for name in ("fc", "fcd_cdf", "violation", "readout"):
            np.testing.assert_array_equal(
                getattr(alone, name)[0], getattr(together, name)[k], name
            )
    again = theory.statistics(mixed, np.random.default_rng(0))
    np.testing.assert_array_equal(again.fcd_cdf, together.fcd_cdf)


def test_candidates_past_their_bifurcation_come_last(given, sc):
    params = given[Hopf] | {"a": [-0.3, 0.5, -0.3, 0.8]}
    theory = TheoryEvaluator(Hopf(), SCAN, n_samples=0)
    found = theory.statistics(Candidates(Hopf(), params, sc))
    np.testing.assert_array_equal(found.violation > 1, [False, True, False, True])
    assert np.isnan(found.fc[[1, 3]]).all()


def test_it_has_no_gradient(given, sc, directed):
    from delssome.evaluation import Target

    target = Target(sc, np.zeros(28), np.linspace(0, 1, N_BINS))
    assert TheoryEvaluator(Hopf(), SCAN).slopes(Hopf(), target) is None
    theory = TheoryEvaluator(MFM(), SCAN)
    assert theory.slopes(MFM(), target) is not None
    assert theory.slopes(MFM(), target._replace(sc=directed)) is None
