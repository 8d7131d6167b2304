"""Files appear whole or not at all, stay, and errors name them."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from delssome.files import (
    BadFileError,
    clear_leftovers,
    folder,
    pack_arrays,
    put_files,
    read_arrays,
    read_json,
    write_atomically,
    write_if_missing,
)

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"]), "c": 3}


def parts(path):
    return list(Path(path).glob(".delssome-*"))


def test_arrays_are_read_as_they_were_written(tmp_path):
    write_atomically(tmp_path / "x.npz", pack_arrays(ARRAYS))
    found = read_arrays(tmp_path / "x.npz", "file", "write it again")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
    assert pack_arrays(ARRAYS) == pack_arrays(found)


def test_objects_are_neither_written_nor_read(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        pack_arrays({"a": np.array([{}])})
    np.savez(tmp_path / "x.npz", a=np.array([{}]), sha256="")
    with pytest.raises(BadFileError, match=r"x\.npz is damaged .*objects"):
        read_arrays(tmp_path / "x.npz", "file", "write it again")


def test_every_byte_that_matters_is_checked(tmp_path):
    content = pack_arrays(ARRAYS)
    expected = {name: np.asarray(x).tolist() for name, x in ARRAYS.items()}
    for k in range(len(content)):
        damaged = bytearray(content)
        damaged[k] ^= 0xFF
        (tmp_path / "x.npz").write_bytes(damaged)
        try:
            found = read_arrays(tmp_path / "x.npz", "file", "write it again")
        except BadFileError as error:
            assert str(tmp_path / "x.npz") in str(error)  # noqa: PT017
        else:  # a date, or a mode
            assert {name: x.tolist() for name, x in found.items()} == expected


def test_what_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    header = {"shape": (2**24,), "fortran_order": False, "descr": "<f8"}
    monkeypatch.setattr("delssome.files.read.MAX_BYTES", 2**26)
    with (
        zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(2**7):
            file.write(bytes(2**20))
    assert (tmp_path / "x.npz").stat().st_size < 2**18
    with pytest.raises(BadFileError, match=r"0.125 GiB, more than the 0.0625 GiB"):
        read_arrays(tmp_path / "x.npz", "file", "write it again")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"", b'{"a": 1'])
def test_what_is_no_json_is_said_with_its_name(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadFileError, match=r"x\.json"):
        read_json(tmp_path / "x.json", "file of settings", "write it again")


def test_the_file_and_its_folder_are_seen_on_the_disk(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def watched(handle):
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write_atomically(tmp_path / "x", b"1")
    assert synced[0].endswith(".part")
    assert synced[1:] == [str(tmp_path)]


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_modes_are_those_of_any_other_file_and_the_mask_stays(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "x", b"1")
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_what_fails_leaves_the_old_file_and_names_it(tmp_path, monkeypatch, call, code):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match=r"x'") as caught:
            write_atomically(path, b"new")
    assert caught.value.errno == code
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert not parts(tmp_path)


def test_of_two_that_want_to_write_first_one_does(tmp_path):
    path, start = tmp_path / "x", threading.Barrier(8)

    def write(k):
        start.wait()
        write_if_missing(path, f"{k}".encode())

    threads = [threading.Thread(target=write, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = path.read_bytes()
    write_if_missing(path, b"later")
    assert path.read_bytes() == first
    assert not parts(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_what_a_killed_writer_left_is_cleared_and_what_another_writes_is_not(tmp_path):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from delssome.files.write import temporary\n"
        "temporary(Path(sys.argv[1])).write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    mine = folder.temporary(tmp_path)
    mine.write_bytes(b"half")
    (tmp_path / ".delssome-notes").write_text("of a user")
    assert len(parts(tmp_path)) == 3
    clear_leftovers(tmp_path)
    assert sorted(parts(tmp_path)) == sorted([mine, tmp_path / ".delssome-notes"])


def content_of(path):
    return {p.name: p.read_text() for p in path.iterdir() if p.is_file()}


@pytest.fixture(params=["swapped", "one by one"])
def way(request, monkeypatch):
    if request.param == "one by one":
        monkeypatch.setattr(folder, "_swapped", lambda *_: False)
    return request.param


@pytest.mark.usefixtures("way")
def test_a_folder_takes_the_place_of_another_with_all_else_it_held(tmp_path):
    out = tmp_path / "out"
    put_files(out, {"a.csv": b"1", "old.csv": b"1", "summary.json": b"1"})
    (out / "kept").mkdir()
    (out / "kept" / "x.npz").write_text("kept")
    (out / "notes.txt").write_text("of the user")
    (out / "link").symlink_to("notes.txt")
    put_files(out, {"a.csv": b"2", "summary.json": b"2"}, ["old.csv", "a.csv"])
    assert content_of(out) == {
        "a.csv": "2",
        "summary.json": "2",
        "notes.txt": "of the user",
        "link": "of the user",
    }
    assert (out / "link").is_symlink()
    assert (out / "kept" / "x.npz").read_text() == "kept"
    assert not parts(tmp_path)
    assert not parts(out)


def run_until(n, put):
    """Run in a process that is killed at call n of the system; say whether it was."""
    process = os.fork()
    if process == 0:
        left = n

        def counted(call):
            def asked(*args, **kwargs):
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kwargs)

            return asked

        calls = ("open", "write", "fsync", "close", "replace", "link", "unlink")
        for name in (*calls, "mkdir"):
            setattr(os, name, counted(getattr(os, name)))
        folder._swapped = counted(folder._swapped)
        put()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="two folders swap")
def test_a_kill_at_any_call_leaves_one_run_or_says_that_it_is_none(tmp_path, way):
    names = ("a.csv", "b.csv", "c.csv", "summary.json")
    old = dict.fromkeys(names, "1") | {"notes.txt": "of the user"}
    new = {k: "2" for k in names if k != "c.csv"} | {"notes.txt": "of the user"}
    contents = {name: b"2" for name in new if name != "notes.txt"}
    seen, n, killed = [], 0, True
    while killed:
        out = tmp_path / str(n) / "out"
        out.mkdir(parents=True)
        for name, text in old.items():
            (out / name).write_text(text)
        killed = run_until(n, lambda out=out: put_files(out, contents, ["c.csv"]))
        found = content_of(out)
        found = {k: v for k, v in found.items() if not k.startswith(".delssome-")}
        assert found["notes.txt"] == "of the user"
        whole = found in (old, new)
        assert whole or (way == "one by one" and "summary.json" not in found)
        seen.append(found == new)
        n += 1
    assert n > 10
    assert seen[-1]
    assert not seen[0]


def test_a_full_disk_leaves_the_old_folder_as_it_was(tmp_path, monkeypatch, way):
    out = tmp_path / "out"
    old = {"a.csv": b"1", "summary.json": json.dumps({"run": 1}).encode()}
    put_files(out, old)
    write, n = os.write, 0

    def full(handle, content):
        nonlocal n
        n += 1
        if n > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="summary"):
            put_files(out, {"a.csv": b"2", "summary.json": b"2"})
    assert {k: v.encode() for k, v in content_of(out).items()} == old
    assert not parts(tmp_path)
