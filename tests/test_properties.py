"""What holds for any input: packing, observables, readers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from delssome.connectome import (
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    pack_subjects,
    unpack_subjects,
)
from delssome.datasets import read_matrix
from delssome.observables import fc_edges, fcd_cdf, fcd_matrix

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


def random_subjects(seed, n_subjects, n_rois, n_bins):
    rng = np.random.default_rng(seed)
    sc = rng.uniform(0, 1e6, (n_subjects, n_rois, n_rois))
    sc = sc + np.swapaxes(sc, 1, 2)
    sc *= 1 - np.eye(n_rois)
    fc = np.array([np.corrcoef(rng.normal(size=(n_rois, 20))) for _ in sc])
    steps = rng.uniform(0.01, 1, (n_subjects, n_bins)).cumsum(axis=1)
    return sc, fc, steps / steps[:, -1:]


@FEW
@given(SEEDS, st.integers(1, 4), st.integers(3, 30), st.integers(2, 60))
def test_unpacking_undoes_packing(seed, n_subjects, n_rois, n_bins):
    sc, fc, cdf = random_subjects(seed, n_subjects, n_rois, n_bins)
    X = pack_subjects(sc, fc, cdf)
    assert X.shape == (n_subjects, n_rois * (n_rois - 1) + n_bins)
    back = unpack_subjects(X, n_bins)
    assert back.n_rois == n_rois
    np.testing.assert_array_equal(back.sc, sc)
    np.testing.assert_allclose(matrix_to_edges(back.fc), matrix_to_edges(fc))
    np.testing.assert_array_equal(back.fcd_cdf, cdf)


@FEW
@given(SEEDS, st.integers(2, 9))
def test_averages_of_a_group_know_no_order(seed, n_subjects):
    X = pack_subjects(*random_subjects(seed, n_subjects, 5, 10))
    order = np.random.default_rng(seed).permutation(n_subjects)
    average, other = group_average(X, 10), group_average(X[order], 10)
    for name in ("sc", "fc", "fcd_cdf"):  # to the last bit
        np.testing.assert_array_equal(other[name], average[name])


@FEW
@given(SEEDS, st.integers(2, 40))
def test_edges_and_matrices_are_each_others_inverse(seed, n_rois):
    edges = np.random.default_rng(seed).normal(size=n_rois * (n_rois - 1) // 2)
    matrix = edges_to_matrix(edges, diagonal=7.0)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert (np.diagonal(matrix) == 7.0).all()
    np.testing.assert_array_equal(matrix_to_edges(matrix), edges)


@FEW
@given(SEEDS, st.integers(2, 12), st.floats(0.01, 1e3), st.floats(-1e3, 1e3))
def test_fc_knows_no_units(seed, n_rois, scale, shift):
    bold = np.random.default_rng(seed).normal(size=(50, n_rois))
    fc = fc_edges(bold)
    np.testing.assert_allclose(fc_edges(scale * bold + shift), fc, atol=1e-6)
    expected = matrix_to_edges(np.corrcoef(bold.T))
    np.testing.assert_allclose(fc, expected, atol=1e-9)


@FEW
@given(SEEDS, st.integers(3, 10), st.integers(3, 20), st.integers(2, 50))
def test_the_fcd_distribution_is_one(seed, n_rois, window, n_bins):
    bold = np.random.default_rng(seed).normal(size=(window + 12, n_rois))
    cdf = fcd_cdf(bold, window, n_bins)
    assert (np.diff(cdf) >= 0).all()
    assert cdf[-1] == 1.0
    values = matrix_to_edges(fcd_matrix(bold, window))
    edges = np.linspace(-1, 1, n_bins + 1)[1:]
    for edge, share in zip(edges[:-1], cdf[:-1], strict=True):
        # Single precision may put a value on either side of an edge.
        assert (values < edge - 1e-5).mean() <= share + 1e-12
        assert share <= (values < edge + 1e-5).mean() + 1e-12


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from([".csv", ".npy", ".npz", ".txt"]), st.integers(2, 8))
def test_files_give_back_what_was_written(tmp_path_factory, seed, suffix, n):
    matrix = np.random.default_rng(seed).normal(size=(n, n)) * 1e3
    path = tmp_path_factory.mktemp("files") / f"sc{suffix}"
    if suffix == ".npy":
        np.save(path, matrix)
    elif suffix == ".npz":
        np.savez(path, matrix)
    else:
        np.savetxt(
            path, matrix, delimiter="," if suffix == ".csv" else " ", fmt="%.17g"
        )
    np.testing.assert_array_equal(read_matrix(path), matrix)
