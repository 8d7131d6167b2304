"""Calls to the disk that fail, or are the last of a process, one at a time."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import errno
import io
import os
import pickle
import signal
import warnings
from pathlib import Path

CALLS = ("open", "write", "fsync", "replace", "link", "mkdir", "read")
KILL = "kill"
ERRORS = {name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EACCES", "EINTR")}
FAULTS = (*ERRORS, KILL)


class Injection:
    """Let the n-th of one kind of calls on files below a folder fail.

    `fired` tells whether there were so many.
    """

    def __init__(self, folder, call, n, fault):
        self.folder, self.call, self.left, self.fault = str(folder), call, n, fault
        self.fired, self.handles = False, set()

    def strike(self, path):
        """Fail, if this is the call."""
        if self.left == 0:
            self.fired = True
            self.left = -1
            if self.fault == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            code = ERRORS[self.fault]
            raise OSError(code, os.strerror(code))
        self.left -= 1

    def start(self):
        """Put it between the package and the system, for the rest of a process."""
        opened, closed, io_opened = os.open, os.close, io.open

        def below(path):
            return isinstance(path, str | Path) and str(path).startswith(self.folder)

        def open_handle(path, *args, **kwargs):
            if below(path) and self.call == "open":
                self.strike(path)
            handle = opened(path, *args, **kwargs)
            if below(path):
                self.handles.add(handle)
            return handle

        def close_handle(handle):
            self.handles.discard(handle)
            closed(handle)

        def open_file(path, *args, **kwargs):
            if below(path) and self.call == "open":
                self.strike(path)
            return io_opened(path, *args, **kwargs)

        def on_handle(call):
            def asked(handle, *args):
                if handle in self.handles:
                    self.strike(handle)
                return call(handle, *args)

            return asked

        def on_path(call, which):
            def asked(*args, **kwargs):
                if below(args[which]):
                    self.strike(args[which])
                return call(*args, **kwargs)

            return asked

        os.open, os.close, io.open = open_handle, close_handle, open_file
        if self.call in ("write", "fsync", "read"):
            setattr(os, self.call, on_handle(getattr(os, self.call)))
        elif self.call in ("replace", "link"):
            setattr(os, self.call, on_path(getattr(os, self.call), 1))
        elif self.call == "mkdir":
            os.mkdir = on_path(os.mkdir, 0)


class Notes:
    """What a process tells of itself before it may be killed: a line at a time."""

    def __init__(self, handle):
        self.handle = handle

    def __call__(self, kind, value):
        """Tell something, such as that a row was computed or is kept."""
        content = pickle.dumps((kind, value))
        for part in (len(content).to_bytes(8, "big"), content):
            while part:
                part = part[WRITE(self.handle, part) :]


WRITE = os.write  # what is told is no part of the experiment


def run(scenario, folder, injection=None):
    """Run a scenario in a process of its own; give its notes and whether it ended."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.close(reader)
            notes = Notes(writer)
            warnings.simplefilter("ignore")
            if injection is not None:
                injection.start()
            try:
                notes("answer", scenario(folder, notes))
                code = 0
            except Exception as error:
                notes("error", f"{type(error).__name__}: {error}")
            notes("fired", injection is not None and injection.fired)
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    killed = os.WIFSIGNALED(os.waitpid(process, 0)[1])
    found = {"kept": [], "computed": [], "killed": killed, "fired": killed}
    while content:
        n = int.from_bytes(content[:8], "big")
        kind, value = pickle.loads(content[8 : 8 + n])
        content = content[8 + n :]
        if kind in ("kept", "computed"):
            found[kind].append(value)
        else:
            found[kind] = value
    return found
