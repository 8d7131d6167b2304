import numpy as np
import pytest

from delssome.connectome import average_fc, average_sc, group_average, pack_subjects


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
