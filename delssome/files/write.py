"""Writing: a file appears whole or not at all, and stays where the power fails."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import errno
import io
import os
import platform
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from delssome.files.read import SEAL, naming, seal_of

__all__ = [
    "clear_leftovers",
    "make_folder",
    "pack_arrays",
    "sync_folder",
    "temporary",
    "write_atomically",
    "write_file",
    "write_if_missing",
]

# Names of what is not whole yet: machine, process, chance.
PREFIX, SUFFIX = ".delssome-", ".part"
LEFTOVER = re.compile(r"\.delssome-([0-9a-f]{8})-(\d+)-[0-9a-f]+\.part")
# Seconds after which what another machine left behind is nobody's.
FORGOTTEN = 7 * 24 * 3600.0
# What file systems answer that cannot sync a folder, or know no links.
UNABLE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS}


def write_atomically(path: Path | str, content: bytes) -> None:
    """Write bytes to a file that appears whole or not at all, and stays.

    Parameters
    ----------
    path : path
    content : bytes

    Raises
    ------
    OSError
        With the name of the file; what was there before is there still.
    """
    path = Path(path)
    with naming(path), _appearing(path, content) as part:
        os.replace(part, path)
        sync_folder(path.parent)


def write_if_missing(path: Path | str, content: bytes) -> None:
    """Write bytes to a file as `write_atomically` does, if there is none yet.

    Of two processes that want to, one does.

    Parameters
    ----------
    path : path
    content : bytes
    """
    path = Path(path)
    if path.exists():
        return
    with naming(path), _appearing(path, content) as part:
        try:
            os.link(part, path)
        except FileExistsError:
            return
        except OSError as error:
            if error.errno not in {*UNABLE, errno.EPERM, errno.EMLINK}:
                raise
            os.replace(part, path)  # a file system without links
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those that it is in, if need be.

    Parameters
    ----------
    folder : Path
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _appearing(path: Path, content: bytes) -> Iterator[Path]:
    """Write a temporary file, and remove it if it is there still at the end."""
    part = temporary(path.parent)
    try:
        write_file(part, content)
        yield part
    finally:
        with suppress(OSError):
            os.unlink(part)


def temporary(folder: Path) -> Path:
    """Name what is not whole yet, such that it is known whose it is."""
    machine = f"{crc32(platform.node().encode()):08x}"
    name = f"{PREFIX}{machine}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    return folder / name


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and see it on the disk; its mode is as of any other."""
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, how, 0o666)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """See the names of a folder on the disk, where that can be asked for."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
    finally:
        os.close(handle)


def pack_arrays(arrays: Mapping[str, Any]) -> bytes:
    """Give the bytes of a npz file, sealed; the same arrays make the same.

    Parameters
    ----------
    arrays : dict of str to array-like
        Numbers and strings; no objects, which only a pickle could hold.

    Returns
    -------
    bytes
    """
    packed = {name: np.asarray(array) for name, array in arrays.items()}
    packed[SEAL] = np.array(seal_of(packed))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in packed.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return content.getvalue()


def clear_leftovers(folder: Path | str) -> None:
    """Remove what writers left behind that were killed.

    Parameters
    ----------
    folder : path
        What processes that live are writing there stays.
    """
    mine = f"{crc32(platform.node().encode()):08x}"
    with suppress(OSError):
        for path in Path(folder).glob(f"{PREFIX}*{SUFFIX}"):
            match = LEFTOVER.fullmatch(path.name)
            if match is None:
                continue
            machine, process = match.groups()
            with suppress(OSError):
                old = time.time() - path.lstat().st_mtime > FORGOTTEN
                if old or (machine == mine and not _lives(int(process))):
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink()


def _lives(process: int) -> bool:
    if os.name != "posix":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
