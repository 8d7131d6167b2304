import numpy as np
import pytest

from delssome import MFM, Acquisition
from delssome.models import Candidates
from delssome.observables import fc_edges
from delssome.simulation import simulate
from delssome.theory import Spectra, choose_edges, fc_covariance, fisher_z, noise_of_z
from delssome.theory.fc_noise import MOST_EDGES, noise_of_fc
from delssome.theory.linearisation import haemodynamic_response

SCAN = Acquisition(n_frames=300)


@pytest.fixture
def candidate(candidates):
    """One with moderate coupling; its FC is 0.4 on average."""
    return candidates.select([2])


@pytest.fixture
def spectra(candidate):
    return Spectra.of(candidate, SCAN)


def all_bins(candidate, scan):
    """Cross-spectra at every Fourier frequency of a scan, but for 0, and aliases."""
    network = Spectra.of(candidate, scan).network
    patterns, decay, power = network.patterns[0], network.decay[0], network.power[0]
    activity = float(candidate.states[0].mean())
    k = np.arange(1, scan.n_frames)
    k = np.where(k > scan.n_frames / 2, k - scan.n_frames, k)
    cross = 0.0
    for alias in range(-2, 3):
        omega = 2 * np.pi * (k / scan.n_frames + alias) / scan.tr
        modes = patterns / (1j * omega[:, None, None] + decay)
        response = haemodynamic_response(omega, activity)[:, None, None] * (
            modes @ patterns.T
        )
        cross = cross + (response * power) @ np.swapaxes(response.conj(), 1, 2)
    variance = np.einsum("fii->i", cross).real / scan.n_frames
    return cross / np.sqrt(np.outer(variance, variance))


def summed_over_all_bins(cross):
    """Expected FC, and its covariance by Bartlett's formula and the delta method."""
    n, n_rois = len(cross) + 1, cross.shape[1]
    i, j = np.triu_indices(n_rois, k=1)
    r = cross.sum(axis=0).real[i, j] / n
    moments = np.einsum("fik,fjl->ijkl", cross, cross.conj(), optimize=True)
    moments = (moments + np.swapaxes(moments, 2, 3)).real / n**2
    edge = np.arange(len(r))
    slopes = np.zeros((len(r), n_rois, n_rois))
    slopes[edge, i, j] = 1.0
    slopes[edge, i, i] = slopes[edge, j, j] = -r / 2
    by_edge = "aij,ijkl,bkl->ab"
    return r, np.einsum(by_edge, slopes, moments, slopes, optimize=True)


def test_covariance_is_symmetric_and_positive_definite(candidates):
    for k in range(5):
        noise = fc_covariance(candidates.select([k]), SCAN)
        assert noise.shape == (28, 28)
        np.testing.assert_allclose(noise, noise.T, atol=1e-12 * noise.max())
        assert np.linalg.eigvalsh(noise).min() > 0


@pytest.mark.parametrize("n_frames", [100, 301])
def test_few_frequencies_stand_for_all_of_a_scan(candidates, n_frames):
    scan = Acquisition(n_frames=n_frames, window=30)
    for k in range(5):
        candidate = candidates.select([k])
        r, exact = summed_over_all_bins(all_bins(candidate, scan))
        fc = Spectra.of(candidate, scan).fc
        np.testing.assert_allclose(fc[np.triu_indices(8, k=1)], r, atol=1e-3)
        sd = np.sqrt(np.diag(exact))
        error = np.abs(fc_covariance(candidate, scan) - exact) / np.outer(sd, sd)
        assert error.max() < 0.01


def test_noise_is_that_of_simulated_scans(candidate):
    scan = Acquisition(n_frames=300, burn_in=40.0, warm_up=5.0)
    bold = simulate(candidate, scan, [np.arange(400)], backend="fused").bold[0]
    fc = fc_edges(bold)
    variance, modes = np.linalg.eigh(fc_covariance(candidate, scan))
    ratio = (fc @ modes).var(axis=0, ddof=1) / variance
    # The variance of 400 scans is itself uncertain by 7 %, that of a tenth of the
    # modes, two or three of them, by 5 %.
    assert 0.85 < ratio.mean() < 1.15
    tenths = [part.mean() for part in np.array_split(ratio, 10)]
    np.testing.assert_allclose(tenths, 1.0, atol=0.2)


def test_noise_is_that_of_simulated_scans_of_the_mfm(sc):
    candidate = of_mfm(sc)
    scan = Acquisition(n_frames=300, burn_in=40.0, warm_up=5.0)
    bold = simulate(candidate, scan, [np.arange(400)], backend="fused").bold[0]
    variance, modes = np.linalg.eigh(fc_covariance(candidate, scan))
    ratio = (fc_edges(bold) @ modes).var(axis=0, ddof=1) / variance
    assert 0.85 < ratio.mean() < 1.15


def of_mfm(sc):
    rng = np.random.default_rng(3)
    n_rois = len(sc)
    params = {
        "w": rng.uniform(0.3, 0.6, (1, n_rois)),
        "I": rng.uniform(0.29, 0.31, (1, n_rois)),
        "G": [2.5],
        "sigma": [0.005],
    }
    return Candidates(MFM(), params, sc)


def test_some_edges_are_rows_and_columns_of_all(spectra, candidate):
    which = np.array([20, 3, 4, 27, 11])  # in no order
    rows, columns = (index[which] for index in np.triu_indices(8, k=1))
    part = noise_of_fc(spectra, (rows, columns))
    whole = fc_covariance(candidate, SCAN)[np.ix_(which, which)]
    np.testing.assert_allclose(part, whole, rtol=1e-10, atol=1e-14)


def test_regions_that_do_not_hear_each_other_have_independent_edges(candidate):
    params = candidate.params | {"G": np.zeros(1)}
    alone = Candidates(candidate.model, params, candidate.sc)
    noise = fc_covariance(alone, SCAN)
    # One over the degrees of freedom: of two signals, by their spectra alone.
    own = np.einsum("fii->fi", all_bins(alone, SCAN)).real
    per_dof = (own.T @ own / SCAN.n_frames**2)[np.triu_indices(8, k=1)]
    np.testing.assert_allclose(np.diag(noise), per_dof, rtol=0.01)
    assert (per_dof > 1.5 / SCAN.n_frames).all()  # fewer than frames: BOLD is slow
    off = noise - np.diag(np.diag(noise))
    assert np.abs(off).max() < 1e-10 * per_dof.min()


def test_noise_falls_with_the_length_of_a_scan(candidate):
    short, long = (
        np.diag(fc_covariance(candidate, Acquisition(n_frames=n))) for n in (300, 1200)
    )
    np.testing.assert_allclose(short / long, 4.0, rtol=0.05)


def test_noise_on_fishers_scale_is_that_of_fc_by_its_slope(spectra):
    edges, _ = choose_edges(8)
    noise, slope = noise_of_z(spectra, edges)
    r, small = spectra.fc[edges], 1e-6
    steep = (fisher_z(r + small) - fisher_z(r - small)) / (2 * small)
    np.testing.assert_allclose(slope, steep, rtol=1e-6)
    expected = np.outer(slope, slope) * noise_of_fc(spectra, edges)
    np.testing.assert_allclose(noise, expected, rtol=1e-12)


def test_spectra_are_in_units_of_the_deviations_of_every_region(spectra):
    np.testing.assert_allclose(np.diag(spectra.fc), 1.0)
    transposed = np.swapaxes(spectra.cross, 1, 2)
    np.testing.assert_allclose(spectra.cross, transposed.conj(), atol=1e-12)


def test_nodes_stand_for_all_frequencies_of_a_scan_but_for_0(candidate):
    scan = Acquisition(tr=2.0, n_frames=100)
    weights = Spectra.of(candidate, scan).weights
    assert weights.sum() == pytest.approx(0.99, rel=1e-3)


def test_all_edges_are_chosen_where_they_are_few():
    edges, which = choose_edges(30)
    np.testing.assert_array_equal(edges, np.triu_indices(30, k=1))
    np.testing.assert_array_equal(which, np.arange(435))


def test_of_many_edges_the_same_few_are_always_chosen():
    (rows, columns), which = choose_edges(90)
    assert len(which) == MOST_EDGES
    assert (np.diff(which) > 0).all()
    i, j = np.triu_indices(90, k=1)
    np.testing.assert_array_equal(rows, i[which])
    np.testing.assert_array_equal(columns, j[which])
    np.testing.assert_array_equal(which, choose_edges(90)[1])
    assert len(choose_edges(90, 100)[1]) == 100


def test_fishers_z_of_one_is_finite():
    z = fisher_z(np.array([-1.0, -0.5, 0.0, 0.5, 1.0]))
    np.testing.assert_allclose(z[1:4], np.arctanh([-0.5, 0.0, 0.5]))
    np.testing.assert_array_equal(z, -z[::-1])
    assert 5 < z[-1] < 20


def test_more_than_one_candidate_is_refused(candidates):
    with pytest.raises(ValueError, match=r"candidates must be one.*got 5.*batches\(1"):
        fc_covariance(candidates, SCAN)


def test_a_candidate_without_a_stable_state_is_refused(model, unstable, sc):
    unstable = Candidates(model, unstable, sc).select([0])
    with pytest.raises(ValueError, match=r"no stable state.*in range"):
        fc_covariance(unstable, SCAN)
