import numpy as np
import pytest

from delssome import FIC, Acquisition
from delssome.models import Candidates
from delssome.simulation import check_step, simulate

N_ROIS = 6


@pytest.fixture
def sc(rng):
    matrix = np.triu(rng.random((N_ROIS, N_ROIS)), 1) * 0.02
    return matrix + matrix.T


@pytest.fixture
def params(rng):
    n = 3
    return {
        "w_EE": rng.uniform(1, 3, (n, N_ROIS)),
        "w_EI": rng.uniform(1, 3, (n, N_ROIS)),
        "G": rng.uniform(0.5, 2, n),
        "sigma": rng.uniform(0.001, 0.005, (n, N_ROIS)),
    }


def part(params, index):
    return {name: values[index] for name, values in params.items()}


def test_shapes_are_candidates_by_repeats(params, sc, scan):
    result = simulate(Candidates(FIC(), params, sc), scan, np.arange(6).reshape(3, 2))
    assert result.bold.shape == (3, 2, 40, N_ROIS)
    assert result.bold.dtype == np.float32
    assert set(result.averages) == {"S_E", "S_I", "r_E"}
    assert result.averages["r_E"].shape == (3, 2, N_ROIS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_seed_gives_the_same_simulation_in_any_batch(params, sc, scan, dtype):
    seeds = np.arange(6).reshape(3, 2)
    together = simulate(Candidates(FIC(), params, sc), scan, seeds, dtype=dtype)
    alone = simulate(
        Candidates(FIC(), part(params, [1]), sc), scan, seeds[1:2, 1:], dtype=dtype
    )
    # Matrix products round differently for another batch.
    tolerance = 1e-4 if dtype == "float32" else 1e-10
    scale = np.abs(alone.bold).max()
    np.testing.assert_allclose(
        together.bold[1, 1], alone.bold[0, 0], rtol=0, atol=tolerance * scale
    )


def test_other_seeds_give_other_noise(params, sc, scan):
    one = part(params, [0])
    quiet = simulate(Candidates(FIC(), one, sc), scan, [[0]], noise=False).bold[0, 0]
    a, b = simulate(Candidates(FIC(), one, sc), scan, [[1, 2]]).bold[0] - quiet
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.5


def test_a_connectome_per_candidate_equals_one_at_a_time(params, sc, scan, rng):
    several = np.array([sc, sc[::-1, ::-1], sc * rng.random()])
    seeds = np.arange(6).reshape(3, 2)
    together = simulate(
        Candidates(FIC(), params, several), scan, seeds, dtype="float64"
    )
    for k in range(3):
        alone = simulate(
            Candidates(FIC(), part(params, [k]), several[k]),
            scan,
            seeds[[k]],
            dtype="float64",
        )
        np.testing.assert_allclose(together.bold[k], alone.bold[0], atol=1e-9)
        np.testing.assert_allclose(
            together.averages["r_E"][k], alone.averages["r_E"][0], rtol=1e-9
        )


def test_noise_grows_with_the_square_root_of_the_step(params, sc):
    # One step from rest: the spread of S_E is sigma * sqrt(dt).
    spread = {}
    for dt in (0.006, 0.0015):
        scan = Acquisition(tr=dt, n_frames=3, window=2, burn_in=0, warm_up=0, dt=dt)
        one = {k: v[:1] for k, v in params.items()}
        seeds = np.arange(400)[None]
        noisy = simulate(Candidates(FIC(), one, sc), scan, seeds, dtype="float64")
        quiet = simulate(
            Candidates(FIC(), one, sc), scan, [[0]], dtype="float64", noise=False
        )
        change = noisy.averages["S_E"][0] - quiet.averages["S_E"][0]
        spread[dt] = change.std(axis=0) / one["sigma"][0]
    ratio = spread[0.006] / spread[0.0015]
    np.testing.assert_allclose(ratio, 2.0, rtol=0.15)  # 400 draws


def test_without_noise_a_stable_region_stays_at_its_target_rate(params, sc):
    scan = Acquisition(n_frames=20, window=5, burn_in=7.2, warm_up=2.0)
    result = simulate(
        Candidates(FIC(), params, sc), scan, np.zeros((3, 1), dtype=int), noise=False
    )
    np.testing.assert_allclose(result.averages["r_E"], 3.0, rtol=1e-3)


def test_frames_fall_exactly_on_repetition_times(params, sc):
    # The same trajectory sampled at TR and at TR / 2.
    settings = {"burn_in": 0, "warm_up": 0.0, "window": 4}
    slow = Acquisition(tr=0.72, n_frames=10, **settings)
    fast = Acquisition(tr=0.36, n_frames=20, **settings)
    seeds = np.arange(3)[:, None]
    a = simulate(Candidates(FIC(), params, sc), slow, seeds, dtype="float64").bold
    b = simulate(Candidates(FIC(), params, sc), fast, seeds, dtype="float64").bold
    np.testing.assert_allclose(a, b[:, :, 1::2], rtol=0, atol=1e-12)


def test_a_step_that_diverges_is_refused(params, sc):
    scan = Acquisition(tr=2.0, n_frames=40, dt=0.01)
    with pytest.raises(ValueError, match=r"at most 0\.006 s"):
        simulate(Candidates(FIC(), params, sc), scan, [[0]] * 3)


@pytest.mark.parametrize("device", ["gpu0", "cuda:99", 3.5])
def test_an_unknown_device_is_named(params, sc, scan, device):
    with pytest.raises(ValueError, match=r"device=.*use 'cpu'"):
        simulate(Candidates(FIC(), params, sc), scan, [[0]] * 3, device=device)


def test_an_unknown_dtype_is_named(params, sc, scan):
    with pytest.raises(ValueError, match="float16"):
        simulate(Candidates(FIC(), params, sc), scan, [[0]] * 3, dtype="float16")


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([], "seeds must be integers"),
        ([[0.5]] * 3, "of float64"),
        (np.zeros((3, 2, 2), int), "seeds must be integers"),
        ([[0], [1]], "a row for each of 3 candidates"),
    ],
)
def test_seeds_that_cannot_be_are_named(params, sc, scan, seeds, message):
    with pytest.raises(ValueError, match=message):
        simulate(Candidates(FIC(), params, sc), scan, seeds)


def test_what_is_no_model_or_no_scan_is_named(scan):
    with pytest.raises(TypeError, match=r"model such as FIC\(\), got str"):
        check_step("FIC", scan)
    with pytest.raises(TypeError, match="acquisition must be an Acquisition, got fl"):
        check_step(FIC(), 0.72)
