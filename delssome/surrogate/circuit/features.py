"""What the heads of the network read of circuits, brought to the order of one."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from delssome.simd.cache import announce
from delssome.simulation import Acquisition
from delssome.surrogate.circuit import algebra
from delssome.surrogate.circuit.circuits import Circuit

__all__ = [
    "BAND",
    "MIX",
    "N_FC",
    "N_SCAN",
    "describe_fc",
    "is_regressed",
    "scale",
    "scan_features",
]

Array = NDArray[Any]
T = TypeVar("T", bound=Any)  # a tensor or an array

N_FC, N_SCAN = 43, 7
# Numbers that describe FC and, among them, those of each view of its signals.
N_NUMBERS, N_VIEW = 30, 7
# Modes of decay a and b share power as the integral of 1 / ((a + iw) (b - iw)) over the
# band of BOLD. A rate (1/s) added to the diagonal stands for the slow end of the band:
# with f = 1 / (a + BAND) and the numbers of MIX for scans of any TR and length, it is
# nearly u_a u_b + v_a v_b, v = MIX[1] BAND f**2 and u = f + MIX[0] BAND f**2.
BAND, MIX = 0.17, (-0.88, 1.55)
# The same for the slow part of the band, as a share of what is learned for the whole,
# and for its fast part (1/s).
SLOWER, FASTER = 0.4, 0.25
# The scan that features are relative to, in seconds: window, duration and TR.
USUAL_SCAN = (60.0, 864.0, 0.72)
# Frequencies (Hz) between which BOLD has its power, whatever the band.
SLOWEST, FASTEST = 0.003, 0.3
USUAL_N_ROIS = 68


def scan_features(acquisition: Acquisition) -> Array:
    """Describe a scan, (7,): window, duration and TR on a logarithmic scale, pipeline.

    Of the pipeline the limits of the band, likewise, the order of the filter and, last,
    1 if the global signal was regressed out.
    """
    tr = acquisition.tr
    seconds = (acquisition.fcd_window * tr, acquisition.n_frames * tr, tr)
    low, high = acquisition.band or (None, None)
    filtered = acquisition.band is not None
    pipeline = [
        np.log1p((low or 0.0) / SLOWEST),
        np.log(min(high or FASTEST, 0.5 / tr, FASTEST) / FASTEST),
        np.log2(acquisition.filter_order) - 1.0 if filtered else 0.0,
        float(acquisition.global_signal),
    ]
    described = [*np.log(np.divide(seconds, USUAL_SCAN)), *pipeline]
    return np.array(described, dtype=np.float32)


def is_regressed(scan: Any) -> bool:
    """Tell whether the global signal was regressed out of a scan, as described."""
    return bool(scan[-1] > 0.5)


def describe_fc(
    circuit: Circuit[T], slow: T, power: T, mix: T, regressed: bool
) -> tuple[T, T, T, T]:
    """Give FC of circuits and what describes it: compiled, or of tensors in torch.

    Parameters
    ----------
    circuit : Circuit
    slow, power : (n, n_rois)
        What is added to decay, and the corrected power of the noise (1/s).
    mix : (2,)
    regressed : bool
        Whether the sum over regions is taken out of their signals.

    Returns
    -------
    edges : (n, n_edges)
        Upper triangle.
    sd, share : (n, n_rois)
        Standard deviations, and shares of regions in the first mode of FC.
    described : (n, 43)
    """
    given = circuit.sc, circuit.reach, circuit.decay, slow, power
    if not isinstance(slow, np.ndarray):
        return _in_torch(given, mix, regressed)
    n, n_rois = slow.shape
    shapes = [(n, n_rois * (n_rois - 1) // 2), (n, n_rois), (n, n_rois)]
    shapes.append((n, N_NUMBERS))
    found: Any = [np.empty(shape, dtype=np.float32) for shape in shapes]
    rates = np.array([SLOWER, FASTER], dtype=np.float32)
    announce(algebra.describe, "the linear algebra of the network")
    algebra.describe(*given, mix, rates, regressed, *found)
    edges, sd, share, numbers = found
    scaled = scale(np, numbers.astype(np.float64), share)
    return edges, sd, share, scaled.astype(np.float32)


def _in_torch(given: Any, mix: Any, regressed: bool) -> Any:
    import torch

    from delssome.surrogate.circuit import plain

    sc, reach, decay, slow, power = given
    edges, sd, share, numbers = plain.describe(
        sc, reach, decay, slow, power, mix, (SLOWER, FASTER), regressed
    )
    scaled = scale(torch, numbers.double(), share).to(sd.dtype)
    return edges, sd, share, scaled


def scale(xp: Any, numbers: T, share: T) -> T:
    """Bring the numbers that describe FC to the order of one, (n, n_described).

    Parameters
    ----------
    xp : module
        NumPy or torch, of whose kind all else is.
    numbers : (n, 30)
        Double precision.
    share : (n, n_rois)
    """
    n_rois = share.shape[1]
    mean, pattern, third, fourth, rows, largest, decay, trace, trace2 = numbers[:, :9].T
    rows, largest = rows / n_rois**2, largest / n_rois
    row_mean = (1.0 + (n_rois - 1) * mean) / n_rois
    square = numbers[:, 12] / n_rois**2
    size = xp.log(xp.ones_like(mean) * n_rois / USUAL_N_ROIS)
    described = [
        mean,
        xp.sqrt(pattern + 1e-6),
        xp.sign(third) * (xp.abs(third) + 1e-30) ** (1 / 3),
        (fourth + 1e-6) ** 0.25,
        xp.sqrt((rows - row_mean**2).clip(min=0.0) + 1e-6),
        (rows / xp.abs(mean).clip(min=1e-3)).clip(max=5.0),
        largest,
        xp.log((square - largest**2).clip(min=1e-6)) / 4,
        n_rois * xp.square(share).sum(1) - 1.0,
        xp.log(decay.clip(min=0.0) + 1e-2) / 2,
        xp.log((trace / n_rois).clip(min=1e-2)),
        xp.log((trace2 / numbers[:, 12]).clip(min=1e-2)),
        size,
    ]
    for k in range(9, N_NUMBERS, N_VIEW):
        described += _scale_view(xp, numbers[:, k : k + N_VIEW], pattern, n_rois)
    return xp.stack(described, -1)


def _scale_view(xp: Any, numbers: T, pattern: T, n_rois: int) -> list[T]:
    """Compare the variance over edges, the pattern, with the noise in windows."""
    whole = pattern * n_rois * (n_rois - 1)
    noise, along, *traces, of_mean = numbers.T
    rest = (noise - of_mean).clip(min=1e-4)
    ratios = [
        noise,
        pattern / noise,
        along / whole,
        along * (n_rois / whole) ** 2,
        *(trace / n_rois**power for power, trace in enumerate(traces, 1)),
        of_mean,
        pattern / rest,
    ]
    return [xp.log(xp.abs(ratio) + 1e-9) for ratio in ratios]
