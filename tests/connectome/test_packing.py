import numpy as np
import pytest

from delssome.connectome import in_order, pack_subjects, unpack_subjects


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
        ({"sc": lambda a: a[:2]}, ValueError, "the shape of sc"),
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


def test_one_subject_needs_no_axis_of_subjects(subjects):
    one = pack_subjects(*(x[0] for x in subjects))
    np.testing.assert_array_equal(one, pack_subjects(*(x[:1] for x in subjects)))
    back = unpack_subjects(one[0], n_fcd_bins=20)
    np.testing.assert_array_equal(back.sc, subjects[0][:1])
    assert back.n_rois == 5


def test_the_published_number_of_bins_is_assumed(subjects):
    X = pack_subjects(subjects[0])
    assert X.shape == (3, 20 + 10_000)
    assert unpack_subjects(X).fcd_cdf.shape == (3, 10_000)


@pytest.mark.parametrize("bins", [1, 10_000_000_000])
def test_a_number_of_bins_that_cannot_be_is_refused(subjects, bins):
    with pytest.raises(ValueError, match="n_fcd_bins must be an integer between 2"):
        pack_subjects(subjects[0], n_fcd_bins=bins)
    assert pack_subjects(subjects[0], n_fcd_bins=2).shape == (3, 22)


def test_what_is_unpacked_is_no_view(subjects):
    X = pack_subjects(*subjects)
    before = X.copy()
    unpack_subjects(X, n_fcd_bins=20).fcd_cdf[:] = 0.0
    np.testing.assert_array_equal(X, before)


def test_distributions_of_several_axes_are_refused(subjects):
    sc, fc, cdf = subjects
    with pytest.raises(ValueError, match="one row for each of the 3 subjects"):
        pack_subjects(sc, fc, cdf[:, None])


def test_subjects_have_an_order_of_their_own(subjects):
    X = pack_subjects(*subjects)
    ordered = in_order(X)
    for rows in ([2, 1, 0], [1, 0, 2]):
        np.testing.assert_array_equal(in_order(X[rows]), ordered)
    np.testing.assert_array_equal(np.sort(ordered, axis=0), np.sort(X, axis=0))
    pair = X[[2, 0]]
    np.testing.assert_array_equal(in_order(pair), in_order(pair[::-1]))
    assert in_order(X[:1]).shape == (1, 40)
