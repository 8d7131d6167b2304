"""Streams that may not be there: what cannot be shown is no reason to end work."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

__all__ = ["Lenient", "is_open", "lenient_streams", "standing_in"]


def is_open(stream: Any) -> bool:
    """Tell whether a stream is there: daemons have none, or closed it."""
    return stream is not None and not getattr(stream, "closed", False)


class Lenient:
    """A stream, or None, that drops what cannot be written.

    Closed ones, pipes that nobody reads any more, full disks.

    Parameters
    ----------
    stream : text stream or None
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def closed(self) -> bool:
        """Whether all is dropped."""
        return not is_open(self._stream)

    def write(self, text: str) -> int:
        """Write what can be written; signs that the stream lacks, by their numbers."""
        if not self.closed:
            with suppress(OSError, ValueError):
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    kind = self._stream.encoding or "ascii"
                    content = text.encode(kind, "backslashreplace")
                    self._stream.write(content.decode(kind))
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        if not self.closed:
            with suppress(OSError, ValueError):
                self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether somebody looks on."""
        return not self.closed and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __eq__(self, other: object) -> bool:
        # So that tqdm finds bars and lines that share a terminal.
        return other is self or other == self._stream

    def __hash__(self) -> int:
        return hash(self._stream)


@contextmanager
def lenient_streams() -> Iterator[None]:
    """Let nothing that is printed end the work."""
    out: Any = Lenient(sys.stdout)
    err: Any = Lenient(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):
        yield


@contextmanager
def standing_in() -> Iterator[None]:
    """Stand in for streams that are not there, for libraries that need some."""
    if is_open(sys.stdout) and is_open(sys.stderr):
        yield
    else:
        _occupy_numbers()
        with lenient_streams():
            yield


def _occupy_numbers() -> None:
    # Or the next files take them, and child processes those for their streams.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
