"""One array from a file, with its names or without, whatever the format."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.datasets.formats.beside import choose
from delssome.datasets.formats.cifti import CIFTI, read_cifti
from delssome.datasets.formats.conn import of_conn
from delssome.datasets.formats.file import extension
from delssome.datasets.formats.gifti import read_gifti
from delssome.datasets.formats.labelled import Labelled, as_connectome
from delssome.datasets.formats.matlab import read_mat
from delssome.datasets.formats.npy import read_npy, read_npz
from delssome.datasets.formats.numbers import numeric
from delssome.datasets.formats.sidecar import read_tr
from delssome.datasets.formats.text import read_text
from delssome.datasets.formats.tvb import read_tvb
from delssome.files import BadFileError

__all__ = [
    "ARCHIVES",
    "FORMATS",
    "read_archive",
    "read_connectome",
    "read_matrix",
    "read_table",
]


def read_archive(path: Path) -> dict[str, Any]:
    """Read all arrays of a .npz or .mat file, dict of str to array.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to ndarray
    """
    return read_npz(path) if extension(path) == ".npz" else read_mat(path)


def _of_archive(path: Path, key: str | None) -> Labelled:
    arrays = read_archive(path)
    return of_conn(path, arrays, key) or choose(path, arrays, key)


def _of_npy(path: Path) -> Labelled:
    return Labelled(numeric(read_npy(path), str(path)))


TEXT, ARCHIVES = (".csv", ".tsv", ".txt", ".1d"), (".npz", ".mat")
# Readers by ending: of files that hold one array, and of those that hold several.
ALONE = {".npy": _of_npy, ".gii": read_gifti, **dict.fromkeys(CIFTI, read_cifti)}
BY_KEY = {**dict.fromkeys(ARCHIVES, _of_archive), ".zip": read_tvb}
FORMATS = (*TEXT, *ALONE, *BY_KEY)


def read_matrix(
    path: str | os.PathLike[str], key: str | None = None, *, header: bool | None = None
) -> NDArray[np.float64]:
    """Read one numeric array from a file, without its names.

    Parameters
    ----------
    path : str or path-like
        Of any format that :func:`read_table` reads.
    key, header
        As :func:`read_table` takes them.

    Returns
    -------
    ndarray
        float64; two-dimensional from text files.

    See Also
    --------
    read_table : The names as well.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome.datasets import read_matrix
    >>> file = Path(mkdtemp(), "sc.csv")
    >>> np.savetxt(file, [[0, 9, 4], [9, 0, 2], [4, 2, 0]], delimiter=",")
    >>> read_matrix(file)
    array([[0., 9., 4.],
           [9., 0., 2.],
           [4., 2., 0.]])
    """
    return read_table(path, key, header=header).values


def read_table(
    path: str | os.PathLike[str], key: str | None = None, *, header: bool | None = None
) -> Labelled:
    """Read one numeric array from a file, and the names at its edges.

    Parameters
    ----------
    path : str or path-like
        - .csv, .tsv, .txt, .1D: numbers separated by commas, semicolons, tabs or
          spaces, with or without a row of names at the top, or in a comment (#) above
          them, and a column of names at the left; "n/a" is NaN.
        - .npy, .npz, .mat: with labels that stand beside the matrix, or as the CONN
          toolbox writes them, time courses in cells or Fisher's z. A .mat of version
          7.3 needs h5py.
        - .ptseries.nii, .pconn.nii, .pscalar.nii: parcellated CIFTI; needs nibabel.
        - .gii: one matrix, as micapipe writes them; needs nibabel.
        - .zip: connectivity of The Virtual Brain.
    key : str, default=None
        Name of the array in a file of several. None: there must be only one.
    header : bool, default=None
        Whether the first row of a text names the columns. None: as the table shows;
        where it may be either, an error asks.

    Returns
    -------
    Labelled
        ``values`` (ndarray, float64), ``rows`` and ``columns`` (tuple of str, or
        None), ``regions`` (the names of those that are regions, or None), ``tr`` (s,
        or None: of a CIFTI series, or of the .json beside) and ``notes``, what was
        done, in words.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        If the file is damaged, ambiguous, or holds something else: with its name and
        what to do.
    ImportError
        If a package is missing that the format needs.

    Notes
    -----
    A first row of numbers is a header where it rises (1, 2, 3, ... or codes of an
    atlas) and is unlike the rows below; a note says so.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome.datasets import read_table
    >>> file = Path(mkdtemp(), "bold.tsv")
    >>> bold = np.random.default_rng(0).standard_normal((60, 3))
    >>> np.savetxt(file, bold, header="L_V1 L_M1 R_V1", comments="")
    >>> table = read_table(file)
    >>> table.values.shape, table.columns, table.tr
    ((60, 3), ('L_V1', 'L_M1', 'R_V1'), None)
    """
    path = Path(path)
    end = extension(path)
    if end not in FORMATS and not end.endswith(".nii"):
        raise BadFileError(f"{path} must end in one of {', '.join(FORMATS)}.")
    if end in BY_KEY:
        table = BY_KEY[end](path, key)
    elif key is not None:
        raise BadFileError(f"{path} holds one array without a name; leave out key.")
    elif end in TEXT:
        table = read_text(path, header)
    else:  # dense CIFTI is told what to do
        table = ALONE.get(end, read_cifti)(path)
    return table if table.tr is not None else table._replace(tr=read_tr(path))


def read_connectome(
    path: str | os.PathLike[str], key: str | None = None, *, header: bool | None = None
) -> Labelled:
    """Read a square matrix of regions: SC or FC.

    Parameters
    ----------
    path, key, header
        As :func:`read_table` takes them.

    Returns
    -------
    Labelled
        As of :func:`read_table`. Rows named in another order than the columns are
        brought into theirs, and a triangle alone, as tck2connectome writes it, is
        mirrored; ``notes`` says so.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome.datasets import read_connectome
    >>> file = Path(mkdtemp(), "sc.csv")
    >>> sc = [[0, 9, 4], [9, 0, 2], [4, 2, 0]]
    >>> np.savetxt(file, sc, delimiter=",", header="L_V1,L_M1,R_V1", comments="")
    >>> read_connectome(file).regions
    ('L_V1', 'L_M1', 'R_V1')
    """
    return as_connectome(read_table(path, key, header=header), str(path))
