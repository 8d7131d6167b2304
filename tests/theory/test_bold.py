import numpy as np
import pytest

from delssome import Acquisition
from delssome.connectome import matrix_to_edges
from delssome.models import Candidates
from delssome.theory import close
from delssome.theory.bold import BoldTheory
from delssome.theory.scans import correlations

SCANS = [
    Acquisition(n_frames=400, window=83),
    Acquisition(tr=2.0, n_frames=150),
    Acquisition(tr=3.0, n_frames=124, window=20),
]


@pytest.fixture
def network(candidates):
    return close(candidates, 0.006).network


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: f"TR {scan.tr}")
def test_samples_have_the_expected_covariance(network, scan):
    theory = BoldTheory(scan, 0.16)
    white = theory.draw(800, 8, np.random.default_rng(0))
    covariance = theory.covariance(network)
    for k in (0, 4):
        x = theory.sample(network, k, white)
        x = x - x.mean(axis=1, keepdims=True)
        products = np.einsum("sti,stj->sij", x, x) / x.shape[1]
        mean, error = products.mean(0), products.std(0) / np.sqrt(len(products))
        scale = np.trace(mean) / np.trace(covariance[k])
        z = (mean - scale * covariance[k]) / error
        assert np.abs(scale * covariance[k] - mean).max() < 0.03 * mean.max()
        assert np.sqrt((z**2).mean()) < 3.0


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: f"TR {scan.tr}")
def test_samples_keep_the_durations_of_scan_and_window(scan):
    theory = BoldTheory(scan, 0.16)
    tr = scan.fcd_window * scan.tr / theory.window
    assert tr <= max(scan.tr, 1.5)
    assert theory.n_frames * tr == pytest.approx(scan.n_frames * scan.tr, rel=0.005)
    assert theory.n_period > theory.n_frames


def test_uncoupled_regions_have_no_functional_connectivity(model, params, sc):
    alone = params | {"G": np.zeros(5)}
    network = close(Candidates(model, alone, sc), 0.006).network
    fc = correlations(BoldTheory(SCANS[0], 0.16).covariance(network))
    np.testing.assert_allclose(matrix_to_edges(fc), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.diagonal(fc, axis1=1, axis2=2), 1.0)


def test_a_short_scan_loses_what_is_slow(network):
    long, short = (
        BoldTheory(Acquisition(n_frames=n, window=10), 0.16).covariance(network)
        for n in (4000, 60)
    )
    assert (np.trace(short, axis1=1, axis2=2) < np.trace(long, axis1=1, axis2=2)).all()
