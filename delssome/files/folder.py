"""A folder of results: of one run or of another, never of two."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import ctypes
import os
import shutil
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from delssome.files.read import naming
from delssome.files.write import (
    clear_leftovers,
    make_folder,
    sync_folder,
    temporary,
    write_file,
)

__all__ = ["put_files"]

# Of renameat2 (Linux): where paths start from, and that both names are to swap.
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def put_files(
    folder: Path | str, contents: Mapping[str, bytes], former: Collection[str] = ()
) -> None:
    """Put files into a folder, all at once.

    Where files of an earlier run are there, the folder is made anew beside itself, with
    links to what it holds besides, and both change places in one step. Where that
    cannot be (this process works in it, it is mounted, its parent cannot be written,
    systems but Linux), all are brought onto the disk and then renamed: the last of
    them, which says what the others are, goes first and comes last.

    Parameters
    ----------
    folder : path
        Created if need be.
    contents : dict of str to bytes
        By name; the last one vouches for the others.
    former : collection of str
        Names of an earlier run's files, which go.
    """
    folder = Path(folder)
    make_folder(folder)
    folder = folder.resolve()
    clear_leftovers(folder)
    clear_leftovers(folder.parent)
    gone = {*former, *contents}
    staged = temporary(folder.parent)
    if _works_in(folder) or not any((folder / name).exists() for name in gone):
        _one_by_one(folder, contents, gone)
        return
    try:
        staged.mkdir()
    except OSError:
        _one_by_one(folder, contents, gone)
        return
    try:
        for name, content in contents.items():
            with naming(folder / name):
                write_file(staged / name, content)
        with naming(folder):
            shutil.copymode(folder, staged)
            _link_others(folder, staged, gone)
            sync_folder(staged)
        if _swapped(staged, folder):
            with naming(folder):
                _link_others(staged, folder, gone)  # what came in the meantime
                sync_folder(folder.parent)
        else:
            _one_by_one(folder, contents, gone)
    finally:
        shutil.rmtree(staged, ignore_errors=True)  # what was there before


def _works_in(folder: Path) -> bool:
    """Tell whether this process would find itself in a folder that is gone."""
    try:
        return Path.cwd().is_relative_to(folder)
    except OSError:
        return False


def _one_by_one(folder: Path, contents: Mapping[str, bytes], gone: set[str]) -> None:
    """Have all on the disk, then let the old files go and the new ones appear."""
    parts = {name: temporary(folder) for name in contents}
    try:
        for name, part in parts.items():
            with naming(folder / name):
                write_file(part, contents[name])
        last = list(contents)[-1]
        with naming(folder):
            for name in (last, *gone.difference(contents)):
                (folder / name).unlink(missing_ok=True)
            for name, part in parts.items():
                os.replace(part, folder / name)
            sync_folder(folder)
    finally:
        for part in parts.values():
            with suppress(OSError):
                os.unlink(part)


def _link_others(source: Path, target: Path, gone: Collection[str] = ()) -> None:
    """Take what else a folder holds into another one, without a copy."""
    with os.scandir(source) as entries:
        for entry in entries:
            to = target / entry.name
            if entry.name in gone or (to.exists() and not entry.is_dir()):
                continue
            if entry.is_dir(follow_symlinks=False):
                to.mkdir(exist_ok=True)
                shutil.copymode(entry.path, to)
                _link_others(Path(entry.path), to)
            else:
                try:
                    os.link(entry.path, to, follow_symlinks=False)
                except (OSError, NotImplementedError):
                    shutil.copy2(entry.path, to, follow_symlinks=False)


def _swapped(one: Path, other: Path) -> bool:
    """Let two folders change places in one step, and say whether that can be done."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        return False
    here, there = os.fsencode(one), os.fsencode(other)
    return not libc.renameat2(AT_FDCWD, here, AT_FDCWD, there, RENAME_EXCHANGE)
