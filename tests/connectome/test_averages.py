import numpy as np
import pytest

from delssome.connectome import (
    average_fc,
    average_fcd_cdf,
    average_sc,
    group_average,
    matrix_to_edges,
    pack_subjects,
)


def test_group_sc_is_the_mean_of_what_half_the_subjects_have():
    sc = np.zeros((4, 3, 3))
    sc[:, 0, 1] = sc[:, 1, 0] = [10, 20, 0, 0]  # in half: kept
    sc[:, 0, 2] = sc[:, 2, 0] = [0, 0, 50, 0]  # in a quarter: dropped
    sc[:, 1, 2] = sc[:, 2, 1] = [0, 0, 0, 40]
    expected = np.zeros((3, 3))
    expected[0, 1] = expected[1, 0] = 15
    np.testing.assert_array_equal(average_sc(sc), expected)


def test_group_fc_is_the_fisher_mean():
    fc = np.array([[0.2, 1.0], [0.8, 1.0]])
    mean = average_fc(fc)
    assert mean[0] == pytest.approx(np.tanh((np.arctanh(0.2) + np.arctanh(0.8)) / 2))
    assert mean[1] == pytest.approx(1.0)  # no infinity


def test_group_average_of_one_subject_is_that_subject(subjects):
    sc, fc, cdf = (x[:1] for x in subjects)
    average = group_average(pack_subjects(sc, fc, cdf), n_fcd_bins=20)
    np.testing.assert_allclose(average.sc, sc[0])
    np.testing.assert_allclose(average.fc, fc[0], atol=1e-12)
    np.testing.assert_allclose(average.fcd_cdf, cdf[0])


def test_group_average_averages_cdfs(subjects):
    average = group_average(pack_subjects(*subjects), n_fcd_bins=20)
    np.testing.assert_allclose(average.fcd_cdf, subjects[2].mean(axis=0))


def test_how_many_must_have_an_edge_can_be_set():
    sc = np.zeros((4, 3, 3))
    sc[:, 0, 1] = sc[:, 1, 0] = [10, 20, 30, 40]
    sc[:, 0, 2] = sc[:, 2, 0] = [7, 0, 0, 0]
    for share, expected in ((0.0, 7), (0.25, 7), (0.3, 0), (1.0, 0)):
        assert average_sc(sc, min_presence=share)[0].tolist() == [0, 25, expected]
    for share in (-0.1, 1.1):
        with pytest.raises(ValueError, match="min_presence must be a number between"):
            average_sc(sc, min_presence=share)


def test_perfect_correlations_average_to_finite_ones():
    fc = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    half = np.tanh(np.arctanh(1 - np.finfo(float).eps) / 2)
    np.testing.assert_allclose(average_fc(fc), [half, -half, 0.0], rtol=1e-9)


@pytest.mark.parametrize(
    ("average", "given"),
    [
        (average_sc, 1.0 - np.eye(3)),
        (average_fc, np.array([0.1, 0.2, 0.3])),
        (average_fc, np.ones((2, 2, 3, 3))),
        (average_fc, np.ones((0, 3))),
        (average_fcd_cdf, np.linspace(0.1, 1.0, 10)),
    ],
)
def test_there_is_one_array_of_each_subject(average, given):
    with pytest.raises(ValueError, match="axes, the first over subjects or runs"):
        average(given)


def test_matrices_are_averaged_as_their_edges(subjects):
    fc = subjects[1]
    expected = average_fc(matrix_to_edges(fc))
    np.testing.assert_array_equal(matrix_to_edges(average_fc(fc)), expected)


def test_the_order_of_subjects_changes_no_bit_of_their_average(subjects):
    X = pack_subjects(*subjects)
    one, other = group_average(X, 20), group_average(X[[2, 0, 1]], 20)
    for name in ("sc", "fc", "fcd_cdf"):
        np.testing.assert_array_equal(one[name], other[name])
    assert one.n_rois == 5
    assert (np.diag(one.fc) == 1.0).all()


def test_of_no_subject_there_is_no_average():
    with pytest.raises(ValueError, match="at least one subject to average"):
        group_average(np.empty((0, 40)), n_fcd_bins=20)


def test_a_row_alone_is_a_group_of_the_published_number_of_bins(subjects):
    sc, fc, _ = (x[0] for x in subjects)
    X = pack_subjects(sc, fc, np.linspace(0.0, 1.0, 10_000))
    assert group_average(X[0]).fcd_cdf.shape == (10_000,)
