"""One subject, or one group, from a file for each array."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Sequence

from sklearn.utils import Bunch

from delssome.datasets.formats.matrices import read_connectome, read_table
from delssome.datasets.formats.sidecar import check_tr, common_tr
from delssome.datasets.subjects.assemble import assemble
from delssome.datasets.subjects.folder import check_cdf, runs_of
from delssome.datasets.subjects.subject import Item, Subject

__all__ = ["read_subject"]

File = str | os.PathLike[str]


def read_subject(
    sc: File,
    bold: File | Sequence[File] | None = None,
    *,
    fc: File | None = None,
    fcd_cdf: File | None = None,
    tr: float | None = None,
    n_frames: int | None = None,
    window: int | None = None,
    n_fcd_bins: int | None = None,
    key: str | None = None,
    header: bool | None = None,
    drop: str | None = None,
    on_unequal: str = "cut",
) -> Bunch:
    """Read one subject, or one group, from a file for each array.

    Parameters
    ----------
    sc : str or path-like
        Structural connectivity, (n_rois, n_rois).
    bold : str or path-like, or sequence of these, default=None
        Runs, (n_frames, n_rois) each. None: `fc` and `fcd_cdf` are given.
    fc, fcd_cdf : str or path-like, default=None
        Functional connectivity (n_rois, n_rois) and the CDF of its dynamics
        (n_fcd_bins,).
    tr : float, default=None
        Repetition time, in seconds. None: as the files of `bold` say.
    n_frames, window, header, on_unequal
        As :func:`read_subjects` takes them.
    n_fcd_bins : int, default=None
        Bins of the FCD CDF. None: those of `fcd_cdf`, or 10 000.
    key : str, default=None
        Name of the array in a file of `sc` that has several.
    drop : {"regions"}, default=None
        Whether to leave out regions without a signal. None: an error names them.

    Returns
    -------
    Bunch
        As of :func:`read_subjects`, with one row.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome.datasets import read_subject
    >>> folder = Path(mkdtemp())
    >>> np.savetxt(folder / "sc.txt", [[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    >>> bold = np.random.default_rng(0).standard_normal((60, 3))
    >>> np.savetxt(folder / "bold.txt", bold)
    >>> data = read_subject(folder / "sc.txt", folder / "bold.txt", tr=2.0)
    >>> data.X.shape, data.acquisition.n_frames
    ((1, 10006), 60)
    """
    if tr is not None:
        check_tr(tr)
    given = (fc is not None, fcd_cdf is not None)
    if any(given) != all(given) or (bold is None) != all(given):
        raise ValueError("give either bold, or fc and fcd_cdf.")
    connectome = Item(str(sc), read_connectome(sc, key, header=header))
    if bold is None:
        assert fc is not None
        assert fcd_cdf is not None
        cdf = read_table(fcd_cdf).values
        cdf = check_cdf(cdf, str(fcd_cdf), n_fcd_bins or cdf.size)
        of_fc = Item(str(fc), read_connectome(fc, header=header))
        subject = Subject(str(sc), connectome, fc=of_fc, fcd_cdf=cdf)
    else:
        paths = [bold] if isinstance(bold, str | os.PathLike) else list(bold)
        if not paths:
            raise ValueError("bold must have at least one file, got none.")
        runs = tuple(
            run
            for path in paths
            for run in runs_of(str(path), read_table(path, header=header))
        )
        tr = common_tr({run.name: run.table.tr for run in runs}, tr)
        if tr is None:
            raise ValueError(
                f"{paths[0]} does not say the repetition time; give tr, in seconds "
                "(--tr on the command line)."
            )
        subject = Subject(str(sc), connectome, runs)
    return assemble(
        [subject],
        str(sc),
        tr=tr,
        n_frames=n_frames,
        window=window,
        n_fcd_bins=n_fcd_bins or 10_000,
        drop=drop,
        on_unequal=on_unequal,
    )
