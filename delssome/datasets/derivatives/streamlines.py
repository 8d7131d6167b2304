"""SC as QSIRecon, DSI Studio and MRtrix write it: which matrix, and whose labels."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from delssome.connectome.names import some
from delssome.datasets.derivatives.bids import File
from delssome.datasets.formats.beside import choose
from delssome.datasets.formats.labelled import Labelled, as_connectome
from delssome.datasets.formats.matlab import keys_of_mat, read_mat
from delssome.datasets.formats.matrices import read_table
from delssome.files import BadFileError

__all__ = ["Matrix", "choose_measure", "find_matrices", "read_sc"]


class Matrix(NamedTuple):
    """A matrix of a subject, not read yet.

    Attributes
    ----------
    file : File
    key : str or None
        Name of the array in the file, None if it has one.
    measure : str
        What it measures, such as "radius2_count".
    """

    file: File
    key: str | None
    measure: str


def find_matrices(files: Sequence[File], atlas: str | None) -> list[Matrix]:
    """Find the matrices of one atlas.

    Parameters
    ----------
    files : sequence of File
        Of one subject.
    atlas : str or None

    Returns
    -------
    list of Matrix
    """
    found = []
    for file in files:
        ours = atlas is None or file.atlas in (atlas, None)
        if file.end == ".mat" and file.suffix == "connectivity" and ours:
            for key in keys_of_mat(file.path):
                measure = _measure(key, atlas, file)
                if measure is not None:
                    found.append(Matrix(file, key, measure))
        elif file.atlas == atlas and _is_table(file):
            words = [
                file.entities[e] for e in ("meas", "stat", "desc") if e in file.entities
            ]
            found.append(Matrix(file, None, "_".join([*words, file.suffix])))
    return found


def choose_measure(
    matrices: Sequence[Matrix], wanted: str | None, where: str
) -> str | None:
    """Choose what is to be SC, or ask.

    Parameters
    ----------
    matrices : sequence of Matrix
        Of all subjects.
    wanted : str or None
        A measure, the name of an array, or a pattern of a measure ("sift*count").
    where : str
        For errors.

    Returns
    -------
    str or None
        None: there is no matrix.
    """
    there = sorted({matrix.measure for matrix in matrices})
    if wanted is None:
        # Lengths of tracts are no strength of a connection.
        strengths = [name for name in there if "length" not in name]
        if len(strengths) > 1 or (there and not strengths):
            raise ValueError(
                f"{where} has {some(there, 30)}; say which is SC, by sc_key= (--key on "
                "the command line)."
            )
        return strengths[0] if strengths else None
    fits = sorted({m.measure for m in matrices if wanted in (m.key, m.measure)})
    fits = fits or [name for name in there if fnmatchcase(name, wanted)]
    if len(fits) != 1:
        found = f"fits {some(fits, 30)}" if fits else "fits none"
        raise ValueError(
            f"sc_key={wanted!r} must fit one matrix of {where}, but it {found}; there "
            f"{'are ' + some(there, 30) if there else 'is none'}."
        )
    return fits[0]


def read_sc(matrix: Matrix, atlas: tuple[File, Any] | None) -> Labelled:
    """Read a matrix and find the names of its regions.

    Parameters
    ----------
    matrix : Matrix
    atlas : (File, DataFrame) or None
        Table of the atlas, which names the rows of a matrix without labels.

    Returns
    -------
    Labelled
        Square; without names where nothing says them.
    """
    path = matrix.file.path
    if matrix.key is None:
        # Tables of BIDS have a header, those of MRtrix have none.
        header = True if matrix.file.end == ".tsv" else None
        table = as_connectome(read_table(path, header=header), str(path))
    else:
        ours = [
            key
            for key in keys_of_mat(path)
            if key == matrix.key or "connectivity" not in key
        ]
        name = f"{path}: {matrix.key}"
        arrays = read_mat(path, ours)
        table = as_connectome(choose(path, arrays, matrix.key), name)
    if table.regions is not None or atlas is None:
        return table
    file, regions = atlas
    n = len(table.values)
    if len(regions) != n or list(regions["index"]) != list(range(1, n + 1)):
        raise BadFileError(
            f"{path} has {n} regions and no names, but {file.path} has "
            f"{len(regions)}, numbered {regions['index'].iloc[0]} to "
            f"{regions['index'].iloc[-1]}; give a matrix with labels, or of all "
            "regions."
        )
    names = tuple(regions["label"])
    return table._replace(rows=names, columns=names).noted(
        f"sc has no labels; its rows are taken in the order of the index of "
        f"{file.path.name}."
    )


def _measure(key: str, atlas: str | None, file: File) -> str | None:
    """Give what an array measures, None if it is no matrix of this atlas."""
    name = r".+?" if atlas is None else re.escape(atlas)
    match = re.fullmatch(rf"(?:atlas_)?{name}_(.+)_connectivity", key)
    if match:
        return match[1]
    # DSI Studio: one matrix, and the atlas in the name of the file.
    return key if key == "connectivity" and file.atlas == atlas else None


def _is_table(file: File) -> bool:
    if file.suffix == "connectome":
        return file.end in (".csv", ".tsv", ".txt")
    of_dwi = file.path.parent.name == "dwi"
    return file.suffix == "relmat" and of_dwi and file.end == ".tsv"
