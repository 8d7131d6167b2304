"""What is kept of a search: given to who asks the same, whole or not at all."""

import errno
import os

import numpy as np
import pytest

from delssome.evaluation import Evaluation
from delssome.exceptions import StorageWarning
from delssome.files import pack_arrays, read_arrays
from delssome.fitting.journal import Journal


def evaluation(n):
    return Evaluation(np.arange(3.0 * n).reshape(n, 3), np.arange(1.0 * n))


def never():
    raise AssertionError("evaluated again")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.npz"


@pytest.fixture
def kept(path):
    """Three evaluations of different size."""
    journal = Journal(path, "a fit")
    for k, n in enumerate((2, 5, 1)):
        journal.evaluate((0, k, 7), f"asked {k}", lambda n=n: evaluation(n))
    return path


def test_another_process_is_given_what_was_kept(kept):
    journal = Journal(kept, "a fit")
    for k, n in enumerate((2, 5, 1)):
        found = journal.evaluate((0, k, 7), f"asked {k}", never)
        for one, other in zip(found, evaluation(n), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_process_remembers_what_it_wrote(path):
    journal = Journal(path, "a fit")
    first = journal.evaluate((0, 0, 0), "asked", lambda: evaluation(2))
    assert journal.evaluate((0, 0, 0), "asked", never) is first
    assert path.exists()


def test_without_a_file_nothing_is_kept():
    journal = Journal(None, "a fit")
    for n in (2, 3):  # whatever was asked for before
        found = journal.evaluate((0, 0, 0), "asked", lambda n=n: evaluation(n))
        assert len(found.violation) == n


def test_who_asks_something_else_is_given_something_else(kept):
    for journal in (Journal(kept, "a fit"), Journal(kept, "a fit")):
        other = journal.evaluate((0, 1, 7), "something else", lambda: evaluation(3))
        assert len(other.violation) == 3
        assert len(journal.evaluate((0, 0, 7), "asked 0", never).violation) == 2
    again = Journal(kept, "a fit").evaluate((0, 1, 7), "something else", never)
    assert len(again.violation) == 3


@pytest.mark.parametrize("fit", ["another fit", "A fit"])
def test_a_journal_of_another_fit_is_refused(kept, fit):
    with pytest.raises(ValueError, match="other data or other settings"):
        Journal(kept, fit)


@pytest.mark.parametrize("lacks", ["fit", "places", "sizes", "costs", "asked"])
def test_what_is_no_journal_is_refused(kept, lacks):
    arrays = read_arrays(kept, "journal", "none")
    del arrays[lacks]
    kept.write_bytes(pack_arrays(arrays))
    with pytest.raises(ValueError, match=f"no journal of a fit .*{lacks}.*delete"):
        Journal(kept, "a fit")


def test_several_fits_in_one_journal_are_none(kept):
    several = np.array(["a fit", "another"])
    kept.write_bytes(
        pack_arrays(read_arrays(kept, "journal", "none") | {"fit": several})
    )
    with pytest.raises(ValueError, match="no journal of a fit"):
        Journal(kept, "a fit")


def test_what_cannot_be_written_is_said_once_and_tried_again(path, monkeypatch):
    journal = Journal(path, "a fit")

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.warns(StorageWarning, match="checkpoint=.*cannot be written"):
            journal.evaluate((0, 0, 0), "asked", lambda: evaluation(2))
        journal.evaluate((0, 0, 1), "asked", lambda: evaluation(2))  # said once
    assert not path.exists()
    journal.evaluate((0, 0, 2), "asked", lambda: evaluation(2))
    again = Journal(path, "a fit")
    for k in range(3):
        again.evaluate((0, 0, k), "asked", never)
