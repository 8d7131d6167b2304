"""Against the published reference code (float64, dt 6 ms, legacy steady state)."""

import numpy as np
import pytest

from delssome import FIC, Acquisition
from delssome.models import Candidates
from delssome.simulation import SimulationEvaluator, Simulator, simulate

# The legacy constants S_E* = 0.1641205151 and I_E* = 0.3772259651 nA belong to it.
LEGACY_RATE = 0.1641205151 / (0.1 * 0.641 * (1 - 0.1641205151))
N_RUNS = 13


@pytest.fixture(scope="module")
def model():
    return FIC(target_rate=LEGACY_RATE)


@pytest.fixture(scope="module")
def params(reference):
    w_EE, w_EI, G, sigma = np.split(reference["params"].T, [68, 136, 137], axis=1)
    return {"w_EE": w_EE, "w_EI": w_EI, "G": G[:, 0], "sigma": sigma}


def test_feedback_inhibition(reference, model, params):
    w_IE = Candidates(model, params, reference["sc"]).solved["w_IE"]
    np.testing.assert_allclose(w_IE, reference["w_ie"].T, rtol=1e-6)


def test_noise_free_bold(reference, model, params):
    scan = Acquisition(n_frames=84, window=10, burn_in=0, warm_up=0)
    seeds = np.zeros((4, 1), dtype=int)
    sc = reference["sc"]
    result = simulate(
        Candidates(model, params, sc), scan, seeds, dtype="float64", noise=False
    )
    # Its slot k is our frame k (from 0); its last slot is the last step of 60 s.
    ours = result.bold[:, 0, 1:83].transpose(2, 0, 1)
    theirs = reference["nf_bold"][:, :, :82]
    scale = np.abs(theirs).max(axis=(0, 2), keepdims=True)
    assert (np.abs(ours - theirs) / scale).max() < 1e-5


def test_noise_free_averages(reference, model, params):
    # 10 001 steps of 6 ms are 137 frames of 73 steps.
    scan = Acquisition(tr=0.438, n_frames=137, window=10, burn_in=0, warm_up=0)
    seeds = np.zeros((4, 1), dtype=int)
    sc = reference["sc"]
    result = simulate(
        Candidates(model, params, sc), scan, seeds, dtype="float64", noise=False
    )
    for ours, theirs in (("S_E", "nf_SE"), ("S_I", "nf_SI"), ("r_E", "nf_rE")):
        np.testing.assert_allclose(
            result.averages[ours][:, 0], reference[theirs].T, rtol=1e-5
        )


@pytest.fixture(scope="module")
def noisy(reference, model, params):
    """Statistics of independent noisy runs, (set, run)."""
    repeated = {k: np.repeat(v, N_RUNS, axis=0) for k, v in params.items()}
    simulator = SimulationEvaluator(
        model, Acquisition(), Simulator(n_repeats=1), n_jobs=2
    )
    candidates = Candidates(model, repeated, reference["sc"])
    return simulator.statistics(candidates, np.random.default_rng(0))


@pytest.mark.slow
def test_noisy_rates(reference, noisy):
    ours = noisy.averages["r_E"].reshape(4, N_RUNS, 68)
    theirs = reference["rE"]
    error = np.sqrt(ours.var(1, ddof=1) / N_RUNS + theirs.var(1, ddof=1) / 13)
    z = (ours.mean(1) - theirs.mean(1)) / error
    # Regions of a run rise and fall together, so a set's mean z spreads like one z.
    assert np.abs(z).mean() < 2.5
    assert np.abs(z).max() < 8  # 17 degrees of freedom, 272 values


@pytest.mark.slow
def test_noisy_fc(reference, noisy):
    ours = noisy.fc.reshape(4, N_RUNS, -1)
    error = reference["fc_sd"] * np.sqrt(1 / N_RUNS + 1 / 13)
    z = (ours.mean(1) - reference["fc_mean"]) / error
    # Edges of a run are correlated: a shift of all by two errors is still chance.
    assert np.sqrt((z**2).mean(axis=1)).max() < 2.0
    for k in range(2):  # mean FC of the others is below 0.01: all noise
        r = np.corrcoef(ours[k].mean(0), reference["fc_mean"][k])[0, 1]
        assert r > 0.98


@pytest.mark.slow
def test_noisy_fcd(reference, noisy):
    ours = noisy.fcd_cdf.reshape(4, N_RUNS, -1)[..., ::100]
    theirs = reference["fcd_cdf"]
    if not np.allclose(theirs.mean(1), reference["fcd_cdf_mean"][:, ::100], atol=1e-6):
        ours = noisy.fcd_cdf.reshape(4, N_RUNS, -1)[..., 99::100]
    gap = np.abs(ours.mean(1) - theirs.mean(1)).max(axis=1)
    single = np.abs(theirs - theirs.mean(1, keepdims=True)).max(axis=2).mean(axis=1)
    assert (gap < 2.5 * single * np.sqrt(1 / N_RUNS + 1 / 13)).all()
