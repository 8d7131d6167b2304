"""Where compiled code is kept: in the user's cache, never beside the package.

Numba keeps compiled code beside the file that a function says it comes from. Functions
are therefore told to come from a file in the cache folder, whose name stands for all
sources that they were compiled from: other sources, other file.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import inspect
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numba

from delssome.files import write_atomically

__all__ = ["cache_folder", "is_kept", "kept", "moved", "stamp", "tag_of"]

logger = logging.getLogger("delssome")


def cache_folder() -> Path:
    """Give the folder of compiled code: ``$DELSSOME_CACHE``, or in the user's cache."""
    given = os.environ.get("DELSSOME_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "delssome"


def tag_of(sources: Iterable[str]) -> str:
    """Name what code is compiled from, Numba's version included."""
    text = "\n".join([*sources, numba.__version__])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stamp(name: str, tag: str, text: str) -> Path | None:
    """Put a file into the cache folder that code may say it comes from.

    Parameters
    ----------
    name, tag : str
        Name of the file, and of its folder.
    text : str
        What it says to who looks.

    Returns
    -------
    Path or None
        None where nothing can be written: then nothing is kept.
    """
    try:
        file = cache_folder() / tag / f"{name}.py"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, text.encode())
    except (OSError, RuntimeError) as error:  # no home
        logger.info("Compiled code is not kept: %s", error)
        return None
    return file


def moved(function: Callable, file: Path) -> FunctionType:
    """Copy a function that says it comes from another file."""
    assert isinstance(function, FunctionType)
    code = function.__code__.replace(co_filename=str(file))
    copy = FunctionType(code, function.__globals__, function.__name__)
    copy.__module__, copy.__doc__ = function.__module__, function.__doc__
    copy.__qualname__, copy.__defaults__ = function.__qualname__, function.__defaults__
    return copy


def kept(*modules: ModuleType, **options: Any) -> Callable[[Callable], Any]:
    """Decorate a function to be compiled once, and kept in the cache folder.

    Parameters
    ----------
    *modules : module
        Those of which it calls compiled functions, beside its own.
    **options
        Of :func:`numba.njit`.

    Returns
    -------
    callable
        The decorator; it gives a dispatcher of Numba.
    """

    def decorate(function: Callable) -> Any:
        files = [
            inspect.getfile(function),
            *(m.__file__ for m in modules if m.__file__),
        ]
        sources = [Path(file).read_text(encoding="utf-8") for file in files]
        # The order of a set differs from process to process.
        settings = {
            name: sorted(value) if isinstance(value, set | frozenset) else value
            for name, value in sorted(options.items())
        }
        tag = f"{Path(files[0]).stem}-{tag_of([*sources, repr(settings)])}"
        file = stamp(function.__name__, tag, f'"""Compiled from {files[0]}."""\n')
        if file is None:
            return numba.njit(**options)(function)
        return numba.njit(**options, cache=True)(moved(function, file))

    return decorate


def is_kept(compiled: Any) -> bool:
    """Tell whether a dispatcher has compiled code, in memory or in the cache."""
    if compiled.signatures:
        return True
    folder = compiled.stats.cache_path
    name = f"*.{compiled.__name__}-*.nbc"
    return folder is not None and any(Path(folder).glob(name))
