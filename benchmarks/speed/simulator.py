"""Time simulation and FCD, and other simulators beside them on the same work.

All take turns on one core. Peers (see `_peers.py`) take part where they are installed,
and a CUDA device where there is one.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from _peers import PEERS

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import interleaved, main, middle, over, span, table

from delssome import FIC, Acquisition
from delssome.connectome import prepare_sc
from delssome.models import Candidates
from delssome.observables import fcd_histogram
from delssome.simulation import simulate

WINDOW, N_BINS, N_ROIS = 83, 10_000, 68


def candidates(n_rois, n):
    """Draw parameters of moderate coupling; w_EI is 1, as the peers have it."""
    rng = np.random.default_rng(0)
    counts = rng.lognormal(3.0, 2.0, (n_rois, n_rois))
    counts *= rng.random((n_rois, n_rois)) < 0.28  # as many connections as measured
    counts[np.arange(n_rois), np.arange(n_rois) - 1] = 100.0
    sc = prepare_sc(np.maximum(counts, counts.T) * (1 - np.eye(n_rois)))
    params = {
        "w_EE": rng.uniform(1.3, 1.5, (n, n_rois)),
        "w_EI": np.ones((n, n_rois)),
        "G": rng.uniform(0.1, 0.6, n) / np.abs(np.linalg.eigvalsh(sc)).max(),
        "sigma": rng.uniform(0.004, 0.006, (n, n_rois)),
    }
    return Candidates(FIC(), params, sc)


def short_scan(n_frames):
    """Give a scan of nothing but full steps: 120 a frame, haemodynamics in each."""
    return Acquisition(n_frames=n_frames, window=2, burn_in=0, warm_up=0)


def ours(quick, n_rois=N_ROIS, n_frames=20, batch=128, **options):
    """Give a function that simulates, and the region-steps of a call."""
    scan, some = short_scan(3 if quick else n_frames), candidates(n_rois, batch)
    some.solved  # noqa: B018, not counted
    work = batch * scan.n_frames * scan.steps_per_frame * n_rois
    seeds = np.arange(batch)[:, None]
    return lambda: simulate(some, scan, seeds, **options), {"work": work}


def peer(quick, name):
    """Give the same of another simulator, at the settings that suit it best."""
    scan, some = short_scan(3 if quick else 20), candidates(N_ROIS, 128)
    n_steps = scan.n_frames * scan.steps_per_frame
    return PEERS[name](some.sc, scan.step, some.solved, n_steps, quick)


def fcd(quick, n_rois=N_ROIS, n_frames=1200, brute=False):
    """Give a function that makes an FCD histogram of a random walk."""
    shape = (100 if quick else n_frames, n_rois)
    bold = (
        np.random.default_rng(0).standard_normal(shape, dtype=np.float32).cumsum(axis=0)
    )

    def histogram(brute=brute):
        return brute_force(bold) if brute else fcd_histogram(bold, WINDOW, N_BINS)

    cdfs = [
        np.cumsum(counts) / counts.sum() for counts in (histogram(), histogram(False))
    ]
    return histogram, {"largest_difference_of_cdfs": np.abs(cdfs[0] - cdfs[1]).max()}


def brute_force(bold):
    """Do the same with NumPy alone: correlate every window, then the windows."""
    upper = np.triu_indices(bold.shape[1], 1)
    starts = range(len(bold) - WINDOW + 1)
    windows = [np.corrcoef(bold[k : k + WINDOW].T)[upper] for k in starts]
    values = np.corrcoef(windows)[np.triu_indices(len(windows), 1)]
    return np.histogram(values, bins=N_BINS, range=(-1, 1))[0]


# A call of the fused backend should last as long as that of the others.
PARTS = {
    "simulators": {
        "fused": (ours, {"n_frames": 200}),
        "fused, batch 16": (ours, {"n_frames": 800, "batch": 16}),
        "torch": (ours, {"batch": 100, "backend": "torch"}),
        "CUDA": (ours, {"n_frames": 100, "batch": 16_384, "device": "cuda"}),
        **{name: (peer, {"name": name}) for name in PEERS},
    },
    "FCD": {"ours": (fcd, {}), "brute force": (fcd, {"brute": True})},
    "sizes": {
        **{
            f"simulation, {n} regions": (ours, {"n_rois": n})
            for n in (50, 100, 200, 400)
        },
        **{f"FCD, {n} regions": (fcd, {"n_rois": n}) for n in (50, 100, 200, 400)},
        **{f"FCD, {n} frames": (fcd, {"n_frames": n}) for n in (300, 600, 1200)},
    },
}


@contextmanager
def last_core():
    """Keep all threads of all contestants to one core, where a system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [max(cores)])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@last_core()
def measure(run, part):
    torch.set_num_threads(1)
    running, found, missing, units = {}, {}, {}, {}
    for name, (make, options) in PARTS[part].items():
        try:
            running[name], found[name] = make(run.quick, **options)
            started = time.perf_counter()
            running[name]()
            found[name]["first_call_seconds"] = time.perf_counter() - started
        except Exception as reason:  # whatever a peer may raise
            missing[name] = f"{type(reason).__name__}: {reason}".split(";")[0]
            found.pop(name, None), running.pop(name, None)
    for name, own in interleaved(running, 2 if run.quick else 7).items():
        # Seconds a unit of work: of the core, which others may use too, or of a device.
        which, work = "device" not in PARTS[part][name][1], found[name].get("work", 1)
        units[name] = [(seconds[which] / work,) for seconds in own]
        found[name] |= {
            "wall_seconds": middle([wall for wall, _ in own]),
            "work_per_second": middle([1.0 / unit for (unit,) in units[name]]),
            "over_first": over(units[name], next(iter(units.values())), 0),
        }
    return {"contestants": found, "missing": missing}


def tables(rows):
    text = []
    for row in rows:
        lines = [
            f"{name} | {span(own['wall_seconds'], '.4f')} | "
            f"{span(own['work_per_second'], '.0f', 1e-6) if 'work' in own else ''} | "
            f"{span(own['over_first']) if row['part'] != 'sizes' else ''} | "
            f"{own['first_call_seconds']:.1f}"
            for name, own in row["contestants"].items()
        ]
        lines += [f"{name} | {why} | | |" for name, why in row["missing"].items()]
        columns = "wall s of a call | million region-steps per CPU second"
        columns += " | times slower than the first | first call, s"
        text.append(table(f"{row['part']} | {columns}", lines))
    return "\n\n".join(text)


def summary(rows):
    found = {row["part"]: row["contestants"] for row in rows}.get("simulators", {})
    return {f"fused_over_{k}": own["over_first"][0] for k, own in found.items()}


if __name__ == "__main__":
    main(measure, tables, summary=summary, part=PARTS)
