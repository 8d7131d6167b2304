import warnings

import numpy as np
import pytest

from delssome import pack_subjects, unpack_subjects
from delssome.connectome import (
    average_fc,
    average_sc,
    check_sc,
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    n_rois_from_width,
    prepare_sc,
)


@pytest.fixture
def subjects(rng, random_sc):
    sc = np.array([random_sc(5) for _ in range(3)])
    fc = edges_to_matrix(rng.uniform(-0.5, 0.9, (3, 10)), diagonal=1.0)
    cdf = np.sort(rng.random((3, 20)), axis=1)
    cdf[:, -1] = 1.0
    return sc, fc, cdf


def test_edges_are_the_upper_triangle_row_by_row():
    matrix = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    assert matrix_to_edges(matrix).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(edges_to_matrix([1, 2, 3]), matrix)


def test_packing_and_unpacking_are_inverse(subjects):
    sc, fc, cdf = subjects
    X = pack_subjects(sc, fc, cdf)
    assert X.shape == (3, 5 * 4 + 20)
    back = unpack_subjects(X, n_fcd_bins=20)
    np.testing.assert_array_equal(back.sc, sc)
    np.testing.assert_allclose(back.fc, fc)
    np.testing.assert_array_equal(back.fcd_cdf, cdf)


def test_connectomes_alone_are_packed_with_nan(subjects):
    X = pack_subjects(subjects[0], n_fcd_bins=20)
    assert X.shape == (3, 40)
    assert np.isfinite(X[:, :10]).all()
    assert np.isnan(X[:, 10:]).all()


@pytest.mark.parametrize("n_rois", [3, 68, 100, 400])
def test_number_of_regions_follows_from_the_width(n_rois):
    assert n_rois_from_width(n_rois * (n_rois - 1) + 10_000, 10_000) == n_rois


@pytest.mark.parametrize(("width", "bins"), [(10_000, 10_000), (35, 20), (41, 20)])
def test_a_width_that_fits_no_parcellation_is_refused(width, bins):
    with pytest.raises(ValueError, match=f"got {width} columns with n_fcd_bins={bins}"):
        n_rois_from_width(width, bins)


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


def test_prepared_sc_is_logarithmic_with_the_published_maximum():
    sc = edges_to_matrix([0.0, 1.0, 1000.0])
    prepared = matrix_to_edges(prepare_sc(sc))
    np.testing.assert_allclose(prepared, [0, 0, 0.02])
    sc = edges_to_matrix([10.0, 100.0, 1000.0])
    np.testing.assert_allclose(
        matrix_to_edges(prepare_sc(sc)), np.array([1, 2, 3]) / 3 * 0.02
    )
    np.testing.assert_allclose(
        matrix_to_edges(prepare_sc(sc, transform=None)), [0.0002, 0.002, 0.02]
    )


def test_preparing_weights_as_counts_is_refused():
    with pytest.raises(ValueError, match="sc_transform=None"):
        prepare_sc(edges_to_matrix([0.1, 0.2, 0.3]))


def test_a_connectome_that_looks_logarithmic_already_warns():
    with pytest.warns(UserWarning, match="logarithmic already"):
        prepare_sc(edges_to_matrix([2.0, 5.0, 10.4]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare_sc(edges_to_matrix([2.0, 5.0, 22_760.0]))


def test_the_diagonal_of_a_connectome_is_ignored():
    sc = edges_to_matrix([1.0, 2.0, 3.0], diagonal=np.nan)
    assert np.diag(check_sc(sc)).tolist() == [0, 0, 0]


def _broken(sc, fc, cdf, changes):
    arrays = {"sc": sc.copy(), "fc": fc.copy(), "fcd_cdf": cdf.copy()}
    for name, change in changes.items():
        arrays[name] = change(arrays[name])
    return arrays


def _set(index, value):
    def change(array):
        array[index] = value
        return array

    return change


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sc": lambda a: a[:, :4]}, ValueError, "sc must have shape"),
        ({"sc": lambda a: a[0, 0]}, ValueError, "sc must have shape"),
        ({"sc": lambda a: a[:, :1, :1]}, ValueError, "at least one subject and 3"),
        ({"sc": lambda a: a[:0]}, ValueError, "at least one subject and 3"),
        ({"sc": _set((0, 0, 1), -1.0)}, ValueError, "must not be negative"),
        ({"sc": _set((0, 0, 1), np.nan)}, ValueError, "sc must be finite"),
        ({"sc": _set((0, 0, 1), np.inf)}, ValueError, "sc must be finite"),
        ({"sc": _set((0, 0, 1), 1e7)}, ValueError, "sc must be symmetric"),
        ({"sc": lambda a: a * 0}, ValueError, "at least one connection"),
        ({"sc": lambda a: [["x", "y"], ["z", "w"]]}, TypeError, "numeric"),
        ({"fc": _set((0, 0, 1), np.nan)}, ValueError, "constant signal"),
        ({"fc": lambda a: a * 3}, ValueError, "tanh"),
        ({"fc": _set((0, 0, 1), -0.9)}, ValueError, "fc must be symmetric"),
        ({"fc": lambda a: a[:2]}, ValueError, "the shape of sc"),
        ({"fcd_cdf": lambda a: a * 624_403}, ValueError, "must end at 1"),
        ({"fcd_cdf": lambda a: a[:, ::-1]}, ValueError, "must end at 1"),
        ({"fcd_cdf": _set((0, 3), 0.999)}, ValueError, "must never fall"),
        ({"fcd_cdf": _set((0, 3), np.nan)}, ValueError, "fcd_cdf must be finite"),
        ({"fcd_cdf": lambda a: a[:2]}, ValueError, "one row for each of the 3"),
        ({"fcd_cdf": lambda a: a[:, -1:]}, ValueError, "at least 2 bins"),
    ],
)
def test_bad_subjects_are_named(subjects, changes, error, message):
    with pytest.raises(error, match=message):
        pack_subjects(**_broken(*subjects, changes))
