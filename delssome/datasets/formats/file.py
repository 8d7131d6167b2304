"""What readers share: a file checked, and one clear error whatever comes of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["MAX_BYTES", "BadFileError", "check_size", "extension", "need", "reading"]

# A scan of 10 000 frames and 1000 regions has 80 MB. What claims more than this is
# damaged, or no matrix of regions.
MAX_BYTES = 2**30

# Names of CIFTI files have two ends.
DOUBLE = (".ptseries.nii", ".pconn.nii", ".pscalar.nii", ".dtseries.nii", ".dconn.nii")


class BadFileError(ValueError):
    """A file that cannot be used, said in full: what a library raised is not."""


def extension(path: Path) -> str:
    """Give the end of a name that tells the format, in lower case.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        Such as ".csv" or ".ptseries.nii".
    """
    name = path.name.lower()
    return next((end for end in DOUBLE if name.endswith(end)), path.suffix.lower())


@contextmanager
def reading(path: Path, kind: str, remedy: str) -> Iterator[None]:
    """Check a file before it is opened, and turn what comes out into one error.

    Parameters
    ----------
    path : Path
    kind : str
        What the file should be, such as "NumPy file of numbers".
    remedy : str
        What to do if it is not.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    BadFileError
        If it is empty, a folder, or anything went wrong within.
    """
    if path.is_dir():
        raise BadFileError(f"{path} is a folder; give a file.")
    if path.stat().st_size == 0:
        raise BadFileError(f"{path} is empty; write it again.")
    try:
        yield
    except (BadFileError, ImportError, PermissionError):
        raise
    except Exception as error:  # a damaged file can raise anything
        said = str(error) or type(error).__name__
        raise BadFileError(
            f"{path} is damaged or no {kind} ({said}); {remedy}."
        ) from error


def check_size(n_bytes: int, name: str) -> None:
    """Refuse what is too large before memory is asked for: a header can lie.

    Parameters
    ----------
    n_bytes : int
        That the file says it holds.
    name : str
        File, or file and array.
    """
    if not 0 <= n_bytes <= MAX_BYTES:
        raise BadFileError(
            f"{name} says that it holds {n_bytes / 2**30:.3g} GiB, more than the "
            f"{MAX_BYTES / 2**30:g} GiB that are read; it is damaged, or no matrix of "
            "regions: write it again."
        )


def need(module: str, what: str) -> Any:
    """Import a package that is installed on wish.

    Parameters
    ----------
    module : str
    what : str
        What it is needed for.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        That says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{what} needs {module}, which is not installed; install it with: "
            'pip install "delssome[files]"'
        ) from error
