"""What must match the scan: TR, frames, FCD window, step, and what a pipeline did."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.models import Model, check_model
from delssome.simulation.pipeline import (
    check_pipeline,
    say_pipeline,
    settle_pipeline,
)
from delssome.utils import Component

__all__ = ["Acquisition"]

# In seconds; what is longer is taken for milliseconds.
LONGEST_TR = 20.0
# Of other times, in seconds, and of frames: what is beyond is a slip.
SHORTEST, LONGEST, MOST_FRAMES = 1e-6, 1e5, 1_000_000
# The published integration step, in seconds.
PUBLISHED_STEP = 0.006
# What came later is said only if it is not the default: an acquisition without it
# keeps the name and the hash by which results on disk are known.
PIPELINE = ("band", "filter_order", "global_signal", "kept")


@dataclass(frozen=True)
class Acquisition(Component):
    """Scan and integration settings of a simulation.

    Parameters
    ----------
    tr : float, default=0.72
        Repetition time, in seconds.
    n_frames : int, default=1200
        Frames kept after the burn-in.
    window : int, default=None
        Frames in a window of the FC dynamics. None: ``round(60 / tr)``, a minute.
    burn_in : float, default=144.0
        Time simulated and discarded before the first frame, in seconds.
    warm_up : float, default=30.0
        Time before that with the haemodynamics frozen, in seconds.
    dt : float, default=0.006
        Largest integration step, in seconds. The step used, `step`, is the largest
        one below it that divides `tr`, so that frames fall exactly on TRs. The default
        gives way to the step of a model that needs a shorter one: see `for_model`.
    band : tuple of two floats, default=None
        Lowest and highest frequency that the pipeline let pass, in Hz; None on a side:
        no limit there. None: it did not filter.
    filter_order : int, default=2
        Of its Butterworth filter, the ``N`` of :func:`scipy.signal.butter`, that ran
        forwards and backwards.
    global_signal : bool, default=False
        Whether the mean over regions was regressed out.
    kept : array-like of bool, shape (n_frames,), default=None
        Frames of the scan as it was that censoring kept. None: all.

    Notes
    -----
    The defaults are the published settings for groups of the Human Connectome
    Project (Zeng et al. 2026).

    Examples
    --------
    >>> from delssome.simulation import Acquisition
    >>> scan = Acquisition(tr=2.0, n_frames=300)
    >>> scan.fcd_window, scan.steps_per_frame, scan.n_windows
    (30, 334, 271)
    >>> Acquisition(tr=2.0, n_frames=300, band=(0.01, 0.1)).processing
    ('band 0.01 to 0.1 Hz (order 2)',)
    """

    tr: float = 0.72
    n_frames: int = 1200
    window: int | None = None
    burn_in: float = 144.0
    warm_up: float = 30.0
    dt: float = PUBLISHED_STEP
    band: tuple[float | None, float | None] | None = None
    filter_order: int = 2
    global_signal: bool = False
    kept: tuple[bool, ...] | None = None

    def __post_init__(self) -> None:
        """Check all settings."""
        self._check_number("tr", Real, SHORTEST)
        if self.tr > LONGEST_TR:
            raise ValueError(
                f"tr is in seconds, at most {LONGEST_TR:g}, got {self.tr!r}; did you "
                f"mean {self.tr / 1000:g}?"
            )
        self._check_number("dt", Real, SHORTEST)
        for name in ("burn_in", "warm_up"):
            self._check_number(name, Real, 0.0, LONGEST)
        if self.dt > self.tr:
            raise ValueError(f"dt={self.dt!r} must not be longer than tr={self.tr!r}.")
        self._check_number("n_frames", Integral, 3, MOST_FRAMES)
        self._check_number("window", Integral, 2)
        if not 2 <= self.fcd_window < self.n_frames:
            raise ValueError(
                f"window must be at least 2 frames and fewer than "
                f"n_frames={self.n_frames}, got {self.fcd_window}"
                f"{' (a minute)' if self.window is None else ''}; "
                "set window, or use a longer scan."
            )
        if not isinstance(self.global_signal, bool | np.bool_):
            raise TypeError(
                "global_signal must be True, it was regressed out, or False, got "
                f"{self.global_signal!r}."
            )
        self._settle("global_signal", bool(self.global_signal))
        self._check_number("filter_order", Integral, 1, 10)  # as of process_bold
        self._settle_pipeline(*settle_pipeline(self.band, self.kept))
        if self.band is not None or self.kept is not None:
            check_pipeline(self)
        if self.kept is not None and all(self.kept):
            self._settle_pipeline(self.band, None)

    def _settle_pipeline(self, band: Any, kept: Any) -> None:
        self._settle("band", band)
        self._settle("kept", kept)

    def said(self) -> dict[str, Any]:
        """Give the settings by which results on disk are known: see `PIPELINE`."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in PIPELINE or getattr(self, field.name) != field.default
        }

    def __repr__(self) -> str:
        """Name all settings, those of the pipeline if there are any."""
        said = {name: repr(value) for name, value in self.said().items()}
        if self.kept is not None:
            said["kept"] = f"<{sum(self.kept)} of {len(self.kept)} frames>"
        return f"Acquisition({', '.join(f'{k}={v}' for k, v in said.items())})"

    def __getstate__(self) -> dict[str, Any]:
        """Give what is pickled and hashed."""
        return self.said()

    def for_model(self, model: Model) -> Self:
        """Give the same scan with the integration step of a model.

        Parameters
        ----------
        model : Model

        Returns
        -------
        Acquisition
            With `dt` of `model.largest_step` at most, if it was left at its default.

        Raises
        ------
        ValueError
            If another `dt` is longer: explicit integration would diverge.
        """
        check_model(model)
        longest = model.largest_step
        if self.step <= longest * (1 + 1e-9):
            return self
        if self.dt == PUBLISHED_STEP:
            return replace(self, dt=longest)
        raise ValueError(
            f"The integration step must be at most {longest} s for the {model.name} "
            f"model, got dt={self.dt!r} in the acquisition: explicit integration "
            "diverges with longer steps. Leave dt out to have the model's own."
        )

    @property
    def processing(self) -> tuple[str, ...]:
        """What a pipeline did, in words; empty if it did nothing."""
        return say_pipeline(self)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Frames that censoring kept, (n_frames,); None: all."""
        return None if self.kept is None else np.array(self.kept)

    def process(self, bold: ArrayLike) -> NDArray[Any]:
        """Do to BOLD what the pipeline did.

        Parameters
        ----------
        bold : array-like of shape (..., n_frames, n_rois)

        Returns
        -------
        ndarray of shape (..., n_frames, n_rois)
            As :func:`~delssome.observables.process_bold` gives it.
        """
        if not self.processing:
            return np.asarray(bold)
        from delssome.observables.processing import process_bold

        return process_bold(
            bold,
            self.tr,
            band=self.band,
            filter_order=self.filter_order,
            global_signal=self.global_signal,
            kept=self.kept,
        )

    def unprocessed(self) -> Self:
        """Give the same scan before the pipeline."""
        return replace(self, band=None, global_signal=False, kept=None)

    @property
    def fcd_window(self) -> int:
        """Frames in a window of the FC dynamics."""
        return round(60.0 / self.tr) if self.window is None else self.window

    @property
    def n_windows(self) -> int:
        """Windows of the FC dynamics in a scan."""
        return self.n_frames - self.fcd_window + 1

    @property
    def steps_per_frame(self) -> int:
        """Integration steps in a repetition time."""
        return int(np.ceil(self.tr / self.dt - 1e-6))

    @property
    def step(self) -> float:
        """Integration step used, in seconds."""
        return self.tr / self.steps_per_frame

    @property
    def burn_in_frames(self) -> int:
        """Frames simulated and discarded."""
        return int(np.ceil(self.burn_in / self.tr - 1e-6))

    @property
    def warm_up_steps(self) -> int:
        """Steps before the haemodynamics start."""
        return int(np.ceil(self.warm_up / self.step - 1e-6))
