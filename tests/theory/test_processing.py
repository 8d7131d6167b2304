"""Theory of scans that a pipeline processed, against simulation of them."""

from dataclasses import replace

import numpy as np
import pytest

from delssome import FIC, Acquisition
from delssome.models import Candidates, ParameterSpace
from delssome.observables import fc_edges, fcd_cdf
from delssome.simulation import simulate
from delssome.theory import (
    Sensitivity,
    Spectra,
    TheoryEvaluator,
    fc_covariance,
    identifiability,
    noise_of_z,
)

SCANS = {
    "0.72 s": Acquisition(n_frames=600),
    "2 s": Acquisition(tr=2.0, n_frames=200),
    "3 s": Acquisition(tr=3.0, n_frames=124, window=20),
}
PIPELINES = {
    "band": {"band": (0.01, 0.1)},
    "global signal": {"global_signal": True},
    "both": {"band": (0.01, 0.08), "global_signal": True},
}
EDGES = np.triu_indices(8, k=1)


@pytest.fixture
def candidate(candidates):
    return candidates.select([2])


@pytest.fixture(scope="module")
def simulated():
    """BOLD of one candidate before any pipeline, by scan, as it is asked for."""
    known = {}

    def give(candidate, scan, n=24):
        if scan not in known:
            seeds = np.arange(n)[None] + 7
            known[scan] = simulate(candidate, scan, seeds).bold[0]
        return known[scan]

    return give


def check_against_simulation(candidate, scan, raw):
    """Compare FC, FCD and the noise of FC with those of simulated scans."""
    bold, n = scan.process(raw), len(raw)
    fc = fc_edges(bold, scan.mask)
    cdf = fcd_cdf(bold, scan.fcd_window, 500, scan.mask)
    theory = TheoryEvaluator(candidate.model, scan, n_fcd_bins=500, n_samples=64)
    found = theory.statistics(candidate, np.random.default_rng(0))
    noise = fc_covariance(candidate, scan)
    # The error of a mean of n scans, and that of the theory on top.
    floor = np.sqrt(np.diag(noise).mean() / n)
    gap = found.fc[0] - fc.mean(axis=0)
    assert np.sqrt((gap**2).mean()) < 1.6 * floor + 0.01
    # Two means of half of the scans differ by 0.01 to 0.08.
    assert np.abs(found.fcd_cdf[0] - cdf.mean(axis=0)).max() < 0.07
    # Few modes hold most of the variance, of which 24 scans know a third.
    assert np.trace(noise) / fc.var(axis=0, ddof=1).sum() == pytest.approx(1, abs=0.3)
    assert found.fc_noise[0] / np.diag(noise).mean() == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_theory_agrees_with_simulation(candidate, simulated, scan, pipeline):
    raw = simulated(candidate, SCANS[scan])
    scan = replace(SCANS[scan], **PIPELINES[pipeline])
    check_against_simulation(candidate, scan, raw)


@pytest.mark.parametrize("pipeline", [{}, PIPELINES["both"]], ids=["none", "both"])
def test_theory_agrees_with_simulation_of_censored_scans(
    candidate, simulated, pipeline
):
    base = SCANS["0.72 s"]
    kept = np.random.default_rng(1).random(600) > 0.1
    kept[200:210] = kept[400:415] = False
    raw = simulated(candidate, base)
    scan = replace(base, kept=kept, **pipeline)
    check_against_simulation(candidate, scan, raw)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_noise_of_processed_fc_is_that_of_simulation_in_every_mode(candidate, pipeline):
    scan = replace(SCANS["0.72 s"], **PIPELINES[pipeline])
    seeds = np.arange(600)[None]
    fc = fc_edges(simulate(candidate, scan, seeds).bold[0])
    power, modes = np.linalg.eigh(fc_covariance(candidate, scan))
    ratio = ((fc - fc.mean(axis=0)) @ modes).var(axis=0) / power
    # One mode has no noise to first order without the global signal.
    ratio = ratio[1:] if scan.global_signal else ratio
    fifths = [part.mean() for part in np.array_split(ratio, 5)]
    np.testing.assert_allclose(fifths, 1.0, atol=0.15)


def test_power_goes_with_the_fourth_power_of_the_filter(candidate):
    scan = Acquisition(tr=2.0, n_frames=2000)
    filtered = replace(scan, band=(0.02, 0.06), filter_order=1)
    raw, passed = Spectra.of(candidate, scan), Spectra.of(candidate, filtered)
    bold = simulate(candidate, scan, [[0, 1, 2, 3]]).bold[0]
    share = (filtered.process(bold).var(axis=1) / bold.var(axis=1)).mean(axis=0)
    np.testing.assert_allclose((passed.sd / raw.sd) ** 2, share, rtol=0.1)


def test_few_frequencies_stand_for_all_that_pass(candidate, monkeypatch):
    for order in (1, 2, 5, 8):
        scan = Acquisition(tr=2.0, n_frames=300, band=(0.01, 0.1), filter_order=order)
        few = fc_covariance(candidate, scan)
        with monkeypatch.context() as patch:
            patch.setattr("delssome.theory.spectra.N_NODES", 400)
            patch.setattr("delssome.theory.spectra._nodes", uncached())
            many = fc_covariance(candidate, scan)
        np.testing.assert_allclose(np.trace(few), np.trace(many), rtol=0.03)
        assert np.abs(few - many).max() < 0.03 * many.max()


def uncached():
    from delssome.theory import spectra

    return spectra._nodes.__wrapped__


def test_a_mask_that_takes_one_frame_changes_little(candidate):
    scan = Acquisition(tr=2.0, n_frames=150)
    kept = np.arange(150) != 70
    for pipeline in ({}, PIPELINES["both"]):
        whole, censored = (
            replace(scan, **pipeline),
            replace(scan, kept=kept, **pipeline),
        )
        one, two = (
            TheoryEvaluator(FIC(), s, n_samples=64).statistics(
                candidate, np.random.default_rng(0)
            )
            for s in (whole, censored)
        )
        np.testing.assert_allclose(one.fc, two.fc, atol=0.005)
        assert np.abs(one.fcd_cdf - two.fcd_cdf).max() < 0.07  # of samples
        np.testing.assert_allclose(
            *(np.trace(fc_covariance(candidate, s)) for s in (whole, censored)),
            rtol=0.03,
        )


def test_a_censored_scan_is_worth_fewer_frames(candidate):
    scan = Acquisition(tr=2.0, n_frames=300)
    single = np.arange(300) % 4 > 0
    block = np.arange(300) >= 75
    alone, single, block = (
        np.trace(fc_covariance(candidate, replace(scan, kept=kept)))
        for kept in (np.ones(300, bool), single, block)
    )
    assert block / alone == pytest.approx(4 / 3, rel=0.03)
    assert 1.0 < single / alone < 1.25


def test_fc_without_the_global_signal_is_singular_and_its_noise_invertible(candidate):
    scan = Acquisition(tr=2.0, n_frames=300, global_signal=True)
    spectra = Spectra.of(candidate, scan)
    np.testing.assert_allclose(spectra.fc @ spectra.sd, 0.0, atol=1e-9 * spectra.sd[0])
    noise = fc_covariance(candidate, scan)
    fixed = spectra.sd[EDGES[0]] * spectra.sd[EDGES[1]]
    fixed /= np.linalg.norm(fixed)
    # What is left there is of second order.
    assert fixed @ noise @ fixed < 0.4 * np.diag(noise).mean() ** 2 * 1.5
    z, slope = noise_of_z(spectra, EDGES)
    fixed = fixed / slope / np.linalg.norm(fixed / slope)
    assert fixed @ z @ fixed > np.trace(z) / 2.1


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_sensitivity_is_that_of_processed_fc(candidate, pipeline):
    scan = replace(SCANS["2 s"], **PIPELINES[pipeline])
    found = Sensitivity.at(Spectra.of(candidate, scan), candidate, EDGES)
    theory = TheoryEvaluator(candidate.model, scan, n_fcd_bins=2, n_samples=0)
    low, high = candidate.model.w_EE
    step = 0.01 * (high - low) * np.eye(8)[0]
    up, down = (
        theory.statistics(
            Candidates(
                candidate.model,
                {**candidate.params, "w_EE": candidate.params["w_EE"] + sign * step},
                candidate.sc,
            )
        ).fc[0]
        for sign in (1, -1)
    )
    expected, own = (up - down) / 0.02, found.regional["w_EE"][0]
    assert np.corrcoef(own, expected)[0, 1] > 0.98
    assert np.linalg.norm(own) == pytest.approx(np.linalg.norm(expected), rel=0.2)


def test_filtered_scans_know_less(sc):
    space = ParameterSpace(FIC(), np.linspace(-1, 1, 8))
    theta = [3.0, 0.1, 2.0, 0.3, 1.0, 0.005, 0.0]
    raw, filtered = (
        identifiability(space, theta, sc, replace(Acquisition(), **k), n_scans=8)
        for k in ({}, PIPELINES["band"])
    )
    assert (filtered.stiffness[:3] < raw.stiffness[:3]).all()
    assert filtered.stiffness[0] / raw.stiffness[0] > 0.1
