import numpy as np
import pytest
import torch

from delssome import FIC, Acquisition
from delssome.connectome import edges_to_matrix, matrix_to_edges, prepare_sc
from delssome.surrogate.circuit import (
    CircuitNet,
    _Inverse,
    circuits,
    scan_features,
    upper_triangle,
)
from delssome.theory import close

STEP = 0.006


@pytest.fixture
def sc(rng):
    weights = np.triu(rng.gamma(1.0, size=(12, 12)), 1)
    return 3.0 * prepare_sc(weights + weights.T, transform=None)


@pytest.fixture
def params(rng):
    shape = 6, 12
    return {
        "w_EE": rng.uniform(2.5, 3.8, shape),
        "w_EI": rng.uniform(2.0, 3.0, shape),
        "G": np.linspace(0.1, 3.0, 6),
        "sigma": rng.uniform(0.002, 0.008, shape),
    }


def predict(params, sc, scan=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = CircuitNet().eval()
    circuit, instability = circuits(FIC(), params, sc, STEP)
    assert (instability == 0).all()
    with torch.inference_mode():
        return net(circuit, scan_features(scan or Acquisition()))


def test_decay_less_coupling_has_the_modes_of_the_theory(params, sc):
    circuit, _ = circuits(FIC(), params, sc, STEP)
    decay = np.linalg.eigvalsh(circuit.system().numpy())
    theory = close(FIC(), params, sc, STEP, 0).network.decay
    np.testing.assert_allclose(decay, theory, rtol=1e-3, atol=1e-4)


def test_stability_is_that_of_the_theory(params, sc):
    wide = params | {"w_EE": np.linspace(3.0, 9.0, 6)[:, None] * np.ones((1, 12))}
    circuit, instability = circuits(FIC(), wide, sc, STEP)
    network = close(FIC(), wide, sc, STEP, 0).network
    np.testing.assert_array_equal(instability == 0, network.decay[:, 0] > 0)
    assert 0 < len(circuit.decay) < 6


def test_the_slowest_mode_is_found(params, sc):
    circuit, _ = circuits(FIC(), params, sc, STEP)
    slowest = np.linalg.eigvalsh(circuit.system().numpy())[:, 0]
    seen = np.exp(-circuit.mode[:, 0].numpy())
    # By two steps of power iteration: close where one mode stands out.
    np.testing.assert_allclose(seen[-1], slowest[-1], rtol=0.1)
    assert (seen > 0.99 * slowest).all()


def test_the_derivative_of_the_inverse_is_right():
    matrix = torch.eye(5, dtype=torch.float64) * 2 + 0.1
    matrix = matrix.repeat(2, 1, 1).requires_grad_()
    scaled = lambda x: _Inverse.apply((x + x.transpose(1, 2)) / 2)  # noqa: E731
    assert torch.autograd.gradcheck(scaled, matrix)


def test_untrained_the_network_gives_nearly_the_fc_of_the_theory(params, sc):
    from delssome.theory.bold import BoldTheory, correlations

    network = close(FIC(), params, sc, STEP, 0).network
    theory = correlations(BoldTheory(Acquisition(), 0.16).covariance(network))
    theory = matrix_to_edges(theory)
    fc, cdf, *_ = predict(params, sc)
    np.testing.assert_allclose(fc.numpy(), theory, atol=0.05)
    assert (cdf.diff(dim=1) >= 0).all()
    np.testing.assert_allclose(cdf[:, -1], 1.0, rtol=1e-6)


def test_the_order_of_regions_does_not_matter(params, sc, rng):
    order = rng.permutation(12)
    fc, *others = predict(params, sc)
    shuffled = {n: x[:, order] if x.ndim == 2 else x for n, x in params.items()}
    fc_shuffled, *others_shuffled = predict(shuffled, sc[np.ix_(order, order)])
    matrix = edges_to_matrix(fc.numpy())[:, order][:, :, order]
    np.testing.assert_allclose(matrix_to_edges(matrix), fc_shuffled.numpy(), atol=1e-4)
    for a, b in zip(others, others_shuffled, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-4)


def test_what_is_trained_is_what_is_compiled(params, sc):
    circuit, _ = circuits(FIC(), params, sc, STEP)
    scan = scan_features(Acquisition())
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = CircuitNet()
        net.correct[-1].weight.normal_(0, 0.5)  # untrained, it corrects nothing
        trained = upper_triangle(net.expected_fc(circuit, scan))
    found, _ = net.describe(circuit, scan)
    np.testing.assert_allclose(found, trained, atol=1e-5)
