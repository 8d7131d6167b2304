"""What the commands say, and how warnings and logs are shown."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from delssome.exceptions import UnidentifiedWarning

__all__ = ["listening", "log_on_stderr", "readable_warnings", "say"]


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


@contextmanager
def readable_warnings() -> Iterator[None]:
    """Show a warning as one line that does not break the progress bar."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        from tqdm import tqdm

        text = " ".join(str(message).split())
        tqdm.write(f"delssome: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def listening(said: list[str]) -> Iterator[None]:
    """Keep what is warned of, while it is shown as ever.

    Parameters
    ----------
    said : list of str
        To which the warnings are added.
    """
    with warnings.catch_warnings():
        show = warnings.showwarning

        def keep_and_show(message: Warning | str, *args: Any, **kwargs: Any) -> None:
            if not isinstance(message, UnidentifiedWarning):  # a caveat says it
                said.append(str(message))
            show(message, *args, **kwargs)

        warnings.showwarning = keep_and_show
        yield


@contextmanager
def log_on_stderr() -> Iterator[None]:
    """Show what the package logs, such as that a kernel is being compiled."""
    logger = logging.getLogger("delssome")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("delssome: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
