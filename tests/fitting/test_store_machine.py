"""Whatever happens to a store, in any order: what it said is kept is kept."""

import errno
import os
import shutil
import signal
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from delssome.exceptions import StorageWarning
from delssome.fitting.store import Store

SETTINGS = {"a": 1}
KEYS = st.sampled_from("abcde")
CALLS = st.sampled_from(("open", "write", "fsync", "replace"))
CODES = st.sampled_from((errno.ENOSPC, errno.EIO, errno.EACCES, errno.EINTR))


def result(key):
    """Give the result of a row: of the same data it is the same."""
    return {"cost": np.array(float(ord(key))), "name": np.array(key)}


class StoreMachine(RuleBasedStateMachine):
    """A store, and what must be in it: in memory, and on the disk."""

    def __init__(self):
        super().__init__()
        self.top = Path(tempfile.mkdtemp())
        self.folder = self.top / "store"
        self.memory, self.disk = set(), set()
        self.store = Store(self.folder, SETTINGS)

    def teardown(self):
        shutil.rmtree(self.top)

    def kept(self):
        """Take over what memory holds, where all of it could be written."""
        if not self.store._unwritten:
            self.disk |= self.memory

    @rule(key=KEYS)
    def put(self, key):
        self.store[key] = result(key)
        self.memory.add(key)
        self.kept()

    @rule(key=KEYS, call=CALLS, code=CODES, after=st.integers(0, 3))
    def put_with_an_error(self, key, call, code, after):
        real, left = getattr(os, call), after

        def fail(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        setattr(os, call, fail)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StorageWarning)
                self.store[key] = result(key)
        finally:
            setattr(os, call, real)
        self.memory.add(key)
        self.kept()

    @rule(key=KEYS, call=CALLS, after=st.integers(0, 3))
    def a_process_is_killed_as_it_writes(self, key, call, after):
        process = os.fork()
        if process == 0:
            real, left = getattr(os, call), after

            def kill(*args, **kwargs):
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)

            setattr(os, call, kill)
            self.store[key] = result(key)
            os._exit(0)
        os.waitpid(process, 0)

    @rule()
    def reopen(self):
        self.store = Store(self.folder, SETTINGS)
        self.memory = set(self.disk)

    @rule()
    def open_with_other_settings(self):
        with pytest.raises(ValueError, match="other settings"):
            Store(self.folder, SETTINGS | {"a": 2})

    @precondition(lambda self: self.disk)
    @rule(data=st.data())
    def damage(self, data):
        key = data.draw(st.sampled_from(sorted(self.disk)))
        path = self.folder / f"{key}.npz"
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 0xFF
        path.write_bytes(content)
        again = Store(self.folder, SETTINGS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StorageWarning)
            if key in again:  # a byte that says nothing
                assert again[key]["cost"] == ord(key)
        self.disk.remove(key)
        self.store[key] = result(key)
        self.memory.add(key)
        self.kept()

    @rule(key=KEYS)
    def remove_the_folder(self, key):
        shutil.rmtree(self.folder)
        self.disk = set()
        self.put(key)

    @invariant()
    def what_is_in_memory_is_there(self):
        for key in self.memory:
            assert key in self.store
            assert self.store[key]["cost"] == ord(key)
            assert self.store[key]["name"] == key

    @invariant()
    def what_is_on_the_disk_is_there_for_another_process(self):
        again = Store(self.folder, SETTINGS)
        for key in self.disk:
            assert key in again
            assert again[key]["cost"] == ord(key)
        assert not list(self.folder.glob(".delssome-*"))


if sys.platform.startswith("linux"):
    TestStore = StoreMachine.TestCase
    TestStore.settings = settings(
        max_examples=15, stateful_step_count=15, deadline=None, derandomize=True
    )
