import numpy as np
import pytest

from delssome.connectome import pack_subjects, unpack_subjects


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
