import numpy as np
import pytest
import torch

from delssome import FIC, MFM, Acquisition, Linear
from delssome.connectome import edges_to_matrix, matrix_to_edges, prepare_sc
from delssome.models import Candidates
from delssome.surrogate.circuit import plain
from delssome.surrogate.circuit.circuits import circuits
from delssome.surrogate.circuit.features import scan_features
from delssome.surrogate.circuit.module import CircuitNet
from delssome.surrogate.circuit.regions import describe_alone
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


def linearised(params, sc, model=None):
    return circuits(Candidates(model or FIC(), params, sc), STEP)


def make_net():
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return CircuitNet().eval()


def correcting_net():
    net = make_net()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net.correct[-1].weight.normal_(0, 0.5)  # untrained, it corrects nothing
    return net


def predict(params, sc, scan=None):
    circuit, instability = linearised(params, sc)
    assert (instability == 0).all()
    net = make_net().in_numpy()
    return net.forward(circuit, scan_features(scan or Acquisition()))


def systems(circuit):
    circuit = circuit.tensors()
    return plain.system(circuit.sc, circuit.reach, circuit.decay).numpy()


def test_decay_less_coupling_has_the_modes_of_the_theory(params, sc):
    circuit, _ = linearised(params, sc)
    decay = np.linalg.eigvalsh(systems(circuit))
    theory = close(Candidates(FIC(), params, sc), STEP, 0).network.decay
    np.testing.assert_allclose(decay, theory, rtol=1e-3, atol=1e-4)


def test_stability_is_that_of_the_theory(params, sc):
    wide = params | {"w_EE": np.linspace(3.0, 9.0, 6)[:, None] * np.ones((1, 12))}
    circuit, instability = linearised(wide, sc)
    network = close(Candidates(FIC(), wide, sc), STEP, 0).network
    np.testing.assert_array_equal(instability == 0, network.decay[:, 0] > 0)
    assert 0 < len(circuit) < 6


def test_the_slowest_mode_is_found(params, sc):
    circuit, _ = linearised(params, sc)
    slowest = np.linalg.eigvalsh(systems(circuit))[:, 0]
    seen = np.exp(-circuit.mode[:, 0])
    # By two steps of power iteration: close where one mode stands out.
    np.testing.assert_allclose(seen[-1], slowest[-1], rtol=0.1)
    assert (seen > 0.99 * slowest).all()


def test_regions_are_described_alike_whatever_the_box_of_a_search(params, sc):
    narrow = FIC(w_EE=(2.0, 4.0), w_EI=(1.0, 3.5))
    known, found = (linearised(params, sc, model)[0] for model in (FIC(), narrow))
    np.testing.assert_array_equal(found.local, known.local)


def test_no_parameter_is_read_by_its_name(sc):
    # What two models say alike at the same circuit, the network cannot tell apart.
    class Renamed(MFM):
        pass

    params = {"w": [0.3, 0.5], "I": [0.2, 0.25], "G": [1.0, 2.0], "sigma": [0.01] * 2}
    found, again = (linearised(params, sc, kind())[0] for kind in (MFM, Renamed))
    np.testing.assert_array_equal(found.local, again.local)
    # Of a model whose rate is not bounded nothing is said of its range.
    assert (found.local[..., 8:13] == 0).all()


def test_a_linear_model_does_not_bend(sc):
    params = {"k": [3.0, 6.0], "G": [1.0, 4.0], "sigma": [0.01, 0.002]}
    circuit, instability = linearised(params, sc, Linear())
    assert (instability == 0).all()
    np.testing.assert_allclose(circuit.local[..., 2:15], 0.0, atol=1e-6)


def test_a_rate_is_read_within_its_range(params, sc):
    usual, strict = (
        linearised(params, sc, FIC(rate_tolerance=tolerance))[0].local
        for tolerance in (0.1, 0.05)
    )
    np.testing.assert_allclose(
        np.sinh(strict[..., 9:13]), 2 * np.sinh(usual[..., 9:13]), rtol=1e-3, atol=1e-4
    )
    assert (usual[..., 9] > 0).all()  # noise raises rates


def test_the_start_of_a_simulation_is_read(params, sc):
    # S_I starts at 0.14: the farther above its rest, the harder it pushes S_E.
    far, near = (
        describe_alone(
            Candidates(FIC(), params | {"w_EI": np.full((6, 12), w_EI)}, sc)
        ).bends[..., -2:]
        for w_EI in (2.0, 4.0)
    )
    assert (far > near).all()
    assert (near > 0).all()


def test_scans_are_described_with_what_was_done_to_them():
    plain = scan_features(Acquisition())
    np.testing.assert_allclose(plain, 0.0, atol=0.01)
    done = scan_features(Acquisition(band=(0.01, 0.1), global_signal=True))
    assert (done[3], done[4], done[5], done[6]) == pytest.approx(
        (np.log1p(0.01 / 0.003), np.log(1 / 3), 0.0, 1.0)
    )
    np.testing.assert_array_equal(done[:3], plain[:3])


@pytest.mark.parametrize("global_signal", [False, True])
def test_untrained_the_network_gives_nearly_the_fc_of_the_theory(
    params, sc, global_signal
):
    from delssome.theory.bold import BoldTheory
    from delssome.theory.scans import correlations

    scan = Acquisition(global_signal=global_signal)
    network = close(Candidates(FIC(), params, sc), STEP, 0).network
    theory = correlations(BoldTheory(scan, 0.16).covariance(network))
    theory = matrix_to_edges(theory)
    fc, cdf, *_ = predict(params, sc, scan)
    np.testing.assert_allclose(fc, theory, atol=0.05)
    assert (np.diff(cdf) >= 0).all()
    np.testing.assert_allclose(cdf[:, -1], 1.0, rtol=1e-6)


def test_the_order_of_regions_does_not_matter(params, sc, rng):
    order = rng.permutation(12)
    fc, *others = predict(params, sc)
    shuffled = {n: x[:, order] if x.ndim == 2 else x for n, x in params.items()}
    fc_shuffled, *others_shuffled = predict(shuffled, sc[np.ix_(order, order)])
    matrix = edges_to_matrix(fc)[:, order][:, :, order]
    np.testing.assert_allclose(matrix_to_edges(matrix), fc_shuffled, atol=1e-4)
    for a, b in zip(others, others_shuffled, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_what_is_trained_is_what_is_compiled(params, sc):
    circuit, _ = linearised(params, sc)
    scan = scan_features(Acquisition())
    net = correcting_net()
    with torch.no_grad():
        fc = net.expected_fc(circuit.tensors(), torch.from_numpy(scan))
    found, _ = net.in_numpy().describe(circuit, scan)
    np.testing.assert_allclose(found, plain.upper_triangle(fc), atol=1e-5)


def same(found, known):
    for a, b in zip(found, known, strict=True):
        # Two ways to round in single precision, read through logarithms.
        np.testing.assert_allclose(a.cpu(), b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("global_signal", [False, True])
def test_in_torch_the_network_says_the_same(params, sc, global_signal):
    scan = scan_features(Acquisition(global_signal=global_signal))
    net = correcting_net()
    circuit, _ = linearised(params, sc)
    with torch.inference_mode():
        found = net(circuit.tensors(), torch.from_numpy(scan))
    same(found, net.in_numpy().forward(circuit, scan))


@pytest.mark.gpu
def test_on_a_gpu_the_network_says_the_same(params, sc):
    scan, net = scan_features(Acquisition()), correcting_net()
    circuit, _ = circuits(Candidates(FIC(), params, sc), STEP)
    known = net.in_numpy().forward(circuit, scan)
    with torch.inference_mode():
        given = circuit.tensors("cuda"), torch.from_numpy(scan).to("cuda")
        found = net.to("cuda")(*given)
    assert all(x.device.type == "cuda" for x in found)
    same(found, known)
