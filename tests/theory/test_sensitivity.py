"""Derivatives of expected FC against its differences."""

import numpy as np
import pytest

from delssome import MFM, Acquisition
from delssome.models import Candidates, ParameterSpace
from delssome.theory import Sensitivity, Spectra, TheoryEvaluator

SCAN = Acquisition(n_frames=500)
N_ROIS, N_EDGES = 8, 28
EDGES = np.triu_indices(N_ROIS, k=1)
SHARE = 0.01  # of a range, to either side


def fc_of(candidates):
    theory = TheoryEvaluator(candidates.model, SCAN, n_fcd_bins=2, n_samples=0)
    return theory.statistics(candidates).fc


def sensitivity_of(candidate):
    return Sensitivity.at(Spectra.of(candidate, SCAN), candidate, EDGES)


def differences(candidate, name, moves):
    """Central differences of FC by moves of a parameter in units of its range."""
    low, high = getattr(candidate.model, name)
    step = SHARE * (high - low)
    found = []
    for move in moves:
        up, down = (
            fc_of(
                Candidates(
                    candidate.model,
                    candidate.params
                    | {name: candidate.params[name] + sign * step * move},
                    candidate.sc,
                )
            )[0]
            for sign in (1, -1)
        )
        found.append((up - down) / (2 * SHARE))
    return np.array(found)


def check(found, expected, size=0.15):
    """Same direction, and size, of every row."""
    lengths = np.linalg.norm(found, axis=-1), np.linalg.norm(expected, axis=-1)
    cosine = (found * expected).sum(axis=-1) / (lengths[0] * lengths[1])
    assert np.min(cosine) > 0.99
    np.testing.assert_allclose(lengths[0], lengths[1], rtol=size)


@pytest.fixture(params=[1, 3], ids=["little coupling", "much coupling"])
def candidate(request, candidates):
    return candidates.select([request.param])


@pytest.fixture
def of_mfm(sc):
    rng = np.random.default_rng(3)
    params = {
        "w": rng.uniform(0.3, 0.6, (1, N_ROIS)),
        "I": rng.uniform(0.29, 0.31, (1, N_ROIS)),
        "G": [2.0],
        "sigma": [0.005],
    }
    return Candidates(MFM(), params, sc)


def test_shapes_are_those_documented(candidates, model):
    found = sensitivity_of(candidates.select([2]))
    assert set(found.regional) == set(model.regional)
    for slopes in found.regional.values():
        assert slopes.shape == (N_ROIS, N_EDGES)
    assert set(found.shared) == {"G"}
    assert found.shared["G"].shape == (N_EDGES,)
    assert found.connections.shape == (28, N_EDGES)


def test_some_edges_are_columns_of_all(candidates):
    candidate = candidates.select([2])
    some = tuple(index[5:9] for index in EDGES)
    part = Sensitivity.at(Spectra.of(candidate, SCAN), candidate, some)
    whole = sensitivity_of(candidate)
    for name, slopes in part.regional.items():
        np.testing.assert_allclose(slopes, whole.regional[name][:, 5:9])
    np.testing.assert_allclose(part.connections, whole.connections[:, 5:9])


@pytest.mark.parametrize("name", ["w_EE", "w_EI", "sigma"])
def test_slopes_by_a_region_are_differences_of_fc(candidate, name):
    found = sensitivity_of(candidate).regional[name]
    check(found, differences(candidate, name, np.eye(N_ROIS)))


def test_slope_by_the_coupling_is_a_difference_of_fc(candidate):
    found = sensitivity_of(candidate).shared["G"]
    check(found, differences(candidate, "G", np.ones((1, 1)))[0])


def test_slopes_by_connections_are_differences_of_fc(candidate):
    found = sensitivity_of(candidate).connections
    for k in (0, 9, 27):
        i, j = (index[k] for index in EDGES)
        factor = np.ones((N_ROIS, N_ROIS))
        factor[i, j] = factor[j, i] = np.exp(SHARE)
        up, down = (
            fc_of(Candidates(candidate.model, candidate.params, sc))[0]
            for sc in (candidate.sc * factor, candidate.sc / factor)
        )
        check(found[k], (up - down) / (2 * SHARE))


def test_only_connections_that_are_there_move(candidates, sc):
    candidate = candidates.select([2])
    sparse = sc.copy()
    sparse[0, 1] = sparse[1, 0] = sparse[3, 5] = sparse[5, 3] = 0.0
    found = sensitivity_of(Candidates(candidate.model, candidate.params, sparse))
    assert found.connections.shape == (26, N_EDGES)
    assert np.isfinite(found.connections).all()


@pytest.mark.parametrize("name", ["w", "I", "sigma"])
def test_slopes_of_the_mfm_are_differences_of_fc(of_mfm, name):
    found = sensitivity_of(of_mfm).regional[name]
    check(found, differences(of_mfm, name, np.eye(N_ROIS)))


def test_slopes_by_coefficients_are_differences_in_search_coordinates(
    model, candidates, sc
):
    maps = np.random.default_rng(0).standard_normal((N_ROIS, 2))
    space = ParameterSpace(model, maps)
    x = np.zeros(space.n_dim)
    x[[0, 1, 3, 5, 6, 7, 8]] = 0.3, 0.1, 0.5, -0.2, 0.5, 0.6, 0.3
    candidate = space.candidates(space.theta(x)[None], sc)
    found = sensitivity_of(candidate).of_coefficients(space)
    assert found.shape == (space.n_dim, N_EDGES)
    moves = SHARE * np.eye(space.n_dim)
    up, down = (
        fc_of(space.candidates(space.theta(x + sign * moves), sc)) for sign in (1, -1)
    )
    check(found, (up - down) / (2 * SHARE))


def test_departures_are_of_every_region_and_connection(candidates):
    found = sensitivity_of(candidates.select([2]))
    moved = found.of_departures(0.1, 0.5)
    assert moved.shape == (3 * N_ROIS + 28, N_EDGES)
    regional = np.concatenate([found.regional[n] for n in ("w_EE", "w_EI", "sigma")])
    np.testing.assert_allclose(moved[: 3 * N_ROIS], 0.1 * regional)
    np.testing.assert_allclose(moved[3 * N_ROIS :], 0.5 * found.connections)


def test_stronger_noise_everywhere_moves_no_correlation(candidates):
    candidate = candidates.select([2])  # the same sigma in all regions
    slopes = sensitivity_of(candidate).regional["sigma"]
    # Derivatives are those of the fixed point, which knows of no noise.
    np.testing.assert_allclose(slopes.sum(axis=0), 0.0, atol=1e-9)
    assert np.abs(slopes).max() > 0.01
