"""Results on disk: none lost, none taken that is another's."""

import errno
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from delssome.exceptions import StorageWarning
from delssome.fitting.store import Store

SETTINGS = {"a": 1, "maps": np.eye(3)}
RESULT = {"cost": np.float64(0.5), "params": np.arange(3.0), "names": np.array(["x"])}


def same(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) for name in one
    )


@pytest.mark.parametrize("maps", [np.eye(3).tolist(), np.eye(3, dtype=int, order="F")])
def test_another_process_reads_what_was_kept(tmp_path, maps):
    Store(tmp_path, SETTINGS)["row"] = RESULT
    again = Store(tmp_path, {"maps": maps, "a": 1.0})
    assert "row" in again
    assert "other" not in again
    assert same(again["row"], RESULT)


@pytest.mark.parametrize("n_bytes", [0, 1, 100, -1])
def test_a_damaged_result_is_none_from_the_start(tmp_path, n_bytes):
    Store(tmp_path, SETTINGS)["row"] = RESULT
    file = tmp_path / "row.npz"
    content = file.read_bytes()
    file.write_bytes(content[:n_bytes])
    again = Store(tmp_path, SETTINGS)
    with pytest.warns(StorageWarning, match=r"row\.npz.*"):
        assert "row" not in again
    again["row"] = RESULT
    assert file.read_bytes() == content


def test_a_result_of_another_store_or_row_is_none(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    Store(one, SETTINGS)["row"] = RESULT
    Store(other, SETTINGS | {"a": 2})
    shutil.copy(one / "row.npz", other / "row.npz")
    with pytest.warns(StorageWarning, match="of other settings or data"):
        assert "row" not in Store(other, SETTINGS | {"a": 2})
    for name in ("second", "another"):
        shutil.copy(one / "row.npz", one / f"{name}.npz")
        with pytest.warns(StorageWarning, match="of other settings or data"):
            assert name not in Store(one, SETTINGS)


def test_of_two_that_open_a_new_folder_with_other_settings_one_is_refused(tmp_path):
    for k in range(20):
        folder, start, opened = tmp_path / str(k), threading.Barrier(2), []

        def open_it(a, folder=folder, start=start, opened=opened):
            start.wait()
            try:
                Store(folder, {"a": a})
            except ValueError as error:
                assert "other settings" in str(error)  # noqa: PT017
            else:
                opened.append(a)

        threads = [threading.Thread(target=open_it, args=(a,)) for a in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) == 1
        assert json.loads((folder / "settings.json").read_text()) == {
            "a": str(opened[0])
        }


def test_what_cannot_be_written_is_kept_and_written_later(tmp_path, monkeypatch):
    store = Store(tmp_path, SETTINGS)

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.warns(StorageWarning, match=r"one\.npz.*kept in memory"):
            store["one"] = RESULT
        store["two"] = RESULT  # said once
    assert not list(tmp_path.glob("*.npz"))
    assert "one" in store
    assert same(store["two"], RESULT)
    store["three"] = RESULT
    again = Store(tmp_path, SETTINGS)
    assert all(key in again for key in ("one", "two", "three"))


def test_a_folder_that_is_removed_is_made_again(tmp_path):
    folder = tmp_path / "store"
    store = Store(folder, SETTINGS)
    store["one"] = RESULT
    shutil.rmtree(folder)
    store["two"] = RESULT
    assert (folder / "two.npz").exists()
    assert (folder / "settings.json").exists()
    again = Store(folder, SETTINGS)
    assert "one" in again
    assert "two" in again


def test_what_says_nothing_of_settings_is_refused(tmp_path):
    Store(tmp_path, SETTINGS)["row"] = RESULT
    Path(tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match=r"settings\.json is damaged"):
        Store(tmp_path, SETTINGS)
    Path(tmp_path / "settings.json").unlink()
    with pytest.raises(ValueError, match="choose another folder"):
        Store(tmp_path, SETTINGS)
