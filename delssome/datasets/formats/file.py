"""What readers share: ends of names, and packages that are installed on wish."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["extension", "need"]

# Names of CIFTI files have two ends.
DOUBLE = (".ptseries.nii", ".pconn.nii", ".pscalar.nii", ".dtseries.nii", ".dconn.nii")


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
