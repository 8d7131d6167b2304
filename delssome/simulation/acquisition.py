"""What must match the scan: repetition time, frames, FCD window, burn-in, step."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from delssome.utils import Component

__all__ = ["Acquisition"]


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
        one below it that divides `tr`, so that frames fall exactly on TRs.

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
    """

    tr: float = 0.72
    n_frames: int = 1200
    window: int | None = None
    burn_in: float = 144.0
    warm_up: float = 30.0
    dt: float = 0.006

    def __post_init__(self) -> None:
        """Check all settings."""
        for name in ("tr", "dt"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} must be a positive time in seconds, "
                    f"got {getattr(self, name)!r}."
                )
        for name in ("burn_in", "warm_up"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} must be a time in seconds, not negative, "
                    f"got {getattr(self, name)!r}."
                )
        if self.dt > self.tr:
            raise ValueError(f"dt={self.dt!r} must not be longer than tr={self.tr!r}.")
        if int(self.n_frames) != self.n_frames or self.n_frames < 3:
            raise ValueError(
                f"n_frames must be an integer of at least 3, got {self.n_frames!r}."
            )
        if not 2 <= self.fcd_window < self.n_frames:
            raise ValueError(
                f"window must be at least 2 frames and fewer than "
                f"n_frames={self.n_frames}, got {self.fcd_window}"
                f"{' (a minute)' if self.window is None else ''}; "
                "set window, or use a longer scan."
            )

    @property
    def fcd_window(self) -> int:
        """Frames in a window of the FC dynamics."""
        return round(60.0 / self.tr) if self.window is None else int(self.window)

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
