"""Where compiled code is kept: in the user's cache, never beside the package.

In place of Numba's own cache, which believes its files: one that is damaged ends every
run for good, a folder that cannot be written ends the import, and two processes that
write one index at once may find each other's code. Here every signature has a file of
its own, with its hash; its folder stands for all sources that it was compiled from.
What cannot be read is compiled anew, what cannot be written is compiled in memory.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import inspect
import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from delssome.files import clear_leftovers, make_folder, write_atomically

__all__ = ["announce", "cache_folder", "is_kept", "keep", "kept", "tag_of"]

logger = logging.getLogger("delssome")


def cache_folder() -> Path:
    """Give the folder of compiled code: ``$DELSSOME_CACHE``, or in the user's cache."""
    given = os.environ.get("DELSSOME_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "delssome"


def tag_of(sources: Iterable[str]) -> str:
    """Name what code is compiled from, versions of Python and Numba included."""
    versions = str(sys.implementation.cache_tag), numba.__version__
    text = "\n".join([*sources, *versions])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Files:
    """Compiled code of a function in a folder: what a dispatcher takes for its cache.

    Parameters
    ----------
    function : function
    folder : pathlib.Path
        Made when there is something to put into it.
    """

    def __init__(self, function: Callable, folder: Path) -> None:
        self.name = function.__name__
        self.folder = folder

    @property
    def cache_path(self) -> str:
        """Where it is; a dispatcher tells it on."""
        return str(self.folder)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Give the code for a signature, None if there is none that can be used."""
        context.refresh()
        file = self._file(signature, context.codegen())
        try:
            content = file.read_bytes()
        except OSError:
            return None
        try:
            if _sealed(content[32:]) != content:
                raise ValueError("its hash is another")
            return CompileResult._rebuild(context, *pickle.loads(content[32:]))
        except Exception as error:  # of any kind, as pickle has
            logger.warning(
                "Compiled code in %s is damaged (%s) and is made anew.", file, error
            )
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep the code for a signature, where that is possible."""
        if compiled.library.has_dynamic_globals:  # addresses in this process
            return
        file = self._file(signature, compiled.codegen)
        try:
            make_folder(file.parent)
            clear_leftovers(file.parent)
            write_atomically(file, _sealed(dumps(compiled._reduce())))
        except OSError as error:
            _say_that_nothing_is_kept(f"{cache_folder()}: {error.strerror}")

    def _file(self, signature: Any, codegen: Any) -> Path:
        # The processor as well: homes are shared.
        key = hashlib.sha256(repr((signature, codegen.magic_tuple())).encode())
        return self.folder / f"{self.name}-{key.hexdigest()[:16]}.nbc"


def _sealed(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


@cache
def _say_that_nothing_is_kept(why: str) -> None:
    logger.info("Compiled code is not kept (%s): every process compiles anew.", why)


def keep(compiled: Any, name: str) -> Any:
    """Let a dispatcher of Numba keep its code in a folder of the cache.

    Parameters
    ----------
    compiled : numba dispatcher
    name : str
        Of the folder, with the tag of all sources.

    Returns
    -------
    numba dispatcher
        The same.
    """
    try:
        compiled._cache = Files(compiled.py_func, cache_folder() / name)
    except RuntimeError as error:  # no home
        _say_that_nothing_is_kept(str(error))
    return compiled


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
        tag = tag_of([*sources, repr(settings)])
        return keep(numba.njit(**options)(function), f"{Path(files[0]).stem}-{tag}")

    return decorate


def is_kept(compiled: Any) -> bool:
    """Tell whether a dispatcher has compiled code, in memory or in the cache."""
    if compiled.signatures:
        return True
    folder = compiled.stats.cache_path
    name = f"{compiled.__name__}-*.nbc"
    return folder is not None and any(Path(folder).glob(name))


def announce(compiled: Any, what: str) -> None:
    """Say that the first call of a new installation compiles, before it does.

    Parameters
    ----------
    compiled : numba dispatcher
    what : str
        What it is called.
    """
    if not is_kept(compiled):
        folder = compiled.stats.cache_path
        where = f", once; it is kept in {folder}" if _can_be_written(folder) else ""
        logger.info("Compiling %s: some seconds%s.", what, where)


def _can_be_written(folder: str | None) -> bool:
    if folder is None:
        return False
    path = Path(folder)
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    return there.is_dir() and os.access(there, os.W_OK)
