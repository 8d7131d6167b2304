"""Time the simulation and FCD, and other simulators beside them on the same work.

Contestants run in processes of their own, pinned to the same cores, and take turns in
every round; medians over rounds, with the smallest and largest. Compilation comes
before and is reported apart. Peers (see `_peers.py`) take part where installed.

    python benchmarks/simulation.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import joblib
import numba
import numpy as np
import torch
from _peers import PEERS, installed
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

import delssome
from delssome import FIC, Acquisition
from delssome.connectome import prepare_sc
from delssome.datasets import make_cohort
from delssome.observables import fcd_histogram
from delssome.simulation import simulate
from delssome.simulation.evaluator import _batch_size

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "desikan68"
BATCHES = (1, 16, 32, 100, 128)
WINDOW, N_BINS = 83, 10_000
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PATIENCE = 180.0  # seconds after which a contestant counts as lost
# Frames of the fused backend for every frame of the others.
FUSED_FRAMES = 10


# The work ---------------------------------------------------------------------------


def load_connectome(folder):
    """Give a prepared connectome of 68 regions and its name."""
    file = folder / "desikan68_group_trainvali.npz"
    if file.exists():
        return prepare_sc(np.load(file)["sc_train"]), "desikan68, training group"
    scan = Acquisition(tr=0.72, n_frames=100, burn_in=0, warm_up=0)
    cohort = make_cohort(1, acquisition=scan, random_state=0)
    return prepare_sc(cohort.sc[0]), "synthetic cohort"


def random_connectome(n_rois, rng):
    """Give a connectome with as many connections as a measured one."""
    counts = rng.lognormal(3.0, 2.0, (n_rois, n_rois))
    counts *= rng.random((n_rois, n_rois)) < 0.28
    counts[np.arange(n_rois), np.arange(n_rois) - 1] = 100.0
    return prepare_sc(np.maximum(counts, counts.T) * (1 - np.eye(n_rois)))


def make_params(sc, n_simulations, rng):
    """Draw parameters of moderate coupling; w_EI is 1, as the peers have it."""
    shape = (n_simulations, len(sc))
    largest = np.abs(np.linalg.eigvalsh(sc)).max()
    return {
        "w_EE": rng.uniform(1.3, 1.5, shape),
        "w_EI": np.ones(shape),
        "G": rng.uniform(0.1, 0.6, n_simulations) / largest,
        "sigma": rng.uniform(0.004, 0.006, shape),
    }


def short_scan(n_frames):
    """Give a scan of nothing but full steps: 120 a frame, haemodynamics in each."""
    return Acquisition(n_frames=n_frames, window=2, burn_in=0, warm_up=0)


def mean_gating(simulation):
    return float(simulation.averages["S_E"].mean())


class SimulationTask:
    """One of our backends, through the public function, at any batch."""

    def __init__(self, backend, sc, n_frames, batches, workers=1):
        self.backend, self.sc, self.workers = backend, sc, workers
        self.scan = short_scan(n_frames)
        self.params = make_params(sc, max(batches), np.random.default_rng(0))
        started = time.perf_counter()
        result = self.simulate(slice(0, max(batches)))
        first = time.perf_counter() - started
        for batch in batches:
            self(batch)
        self.info = {
            "version": delssome.__version__,
            "precision": str(result.bold.dtype),
            "haemodynamics": "Balloon every 6 ms",
            "mean_S_E": mean_gating(result),
            "first_call_seconds": first,
        }

    def simulate(self, part):
        """Simulate a slice of the parameters."""
        return simulate(
            FIC(),
            {name: values[part] for name, values in self.params.items()},
            self.sc,
            self.scan,
            np.arange(part.start, part.stop)[:, None],
            backend=self.backend,
        )

    def __call__(self, batch):
        """Simulate the first parameters, on all workers."""
        if self.workers == 1:
            return self.simulate(slice(0, batch))
        # As the evaluator of candidates shares a batch among threads.
        size = _batch_size(batch, 1)
        parts = [slice(k, min(k + size, batch)) for k in range(0, batch, size)]
        with threadpool_limits(1, user_api="blas"):
            return Parallel(n_jobs=self.workers, prefer="threads")(
                delayed(self.simulate)(part) for part in parts
            )


class PeerTask:
    """Another simulator, at the settings that suit it best."""

    def __init__(self, name, sc, n_frames, choices):
        scan = short_scan(n_frames)
        params = make_params(sc, 128, np.random.default_rng(0))
        params = FIC().dependent(params, sc)
        n_steps = n_frames * scan.steps_per_frame
        peer = PEERS[name][0](sc, scan.step, params, n_steps, choices)
        self.run, self.info = peer["run"], peer["info"]
        self.info["region_steps"] = peer["region_steps"]
        if not np.isfinite(self.info["mean_S_E"]):
            raise RuntimeError("its simulations diverged")

    def __call__(self, _):
        """Run once."""
        return self.run()


class CompileTask:
    """First and second call in a fresh process."""

    def __init__(self, sc, batch):
        scan, seeds = short_scan(3), np.arange(batch)[:, None]
        params = make_params(sc, batch, np.random.default_rng(0))
        seconds = []
        for _ in range(2):
            started = time.perf_counter(), time.process_time()
            simulate(FIC(), params, sc, scan, seeds, backend="fused")
            seconds.append(
                [time.perf_counter() - started[0], time.process_time() - started[1]]
            )
        self.info = {"wall": seconds[0][0] - seconds[1][0]}
        self.info["cpu"] = seconds[0][1] - seconds[1][1]


class FCDTask:
    """FCD histograms of simulated scans, ours and by brute force."""

    def __init__(self, sc, n_scans):
        scan = Acquisition(burn_in=36.0, window=WINDOW)
        params = make_params(sc, n_scans, np.random.default_rng(0))
        seeds = np.arange(n_scans)[:, None]
        result = simulate(FIC(), params, sc, scan, seeds, backend="fused")
        self.bold, self.turn = result.bold[:, 0], 0
        differences, moved = [], []
        for bold in self.bold:
            ours = fcd_histogram(bold, WINDOW, N_BINS)
            theirs = brute_force_histogram(bold)
            cdfs = [np.cumsum(counts) / counts.sum() for counts in (ours, theirs)]
            differences.append(float(np.abs(cdfs[0] - cdfs[1]).max()))
            moved.append(float(np.abs(ours - theirs).sum() / 2 / theirs.sum()))
        self.info = {
            "max_cdf_difference": max(differences),
            "share_of_pairs_in_another_bin": max(moved),
            "shape": list(self.bold.shape[1:]),
            "precision": str(self.bold.dtype),
        }

    def __call__(self, how):
        """Histogram one of the scans, ours or by brute force."""
        bold = self.bold[self.turn % len(self.bold)]
        if how == "brute":
            return brute_force_histogram(bold)
        self.turn += 1
        return fcd_histogram(bold, WINDOW, N_BINS)


def brute_force_histogram(bold):
    """Do the same with NumPy alone: correlate every window, then the windows."""
    upper = np.triu_indices(bold.shape[1], 1)
    windows = [
        np.corrcoef(bold[k : k + WINDOW].T)[upper]
        for k in range(len(bold) - WINDOW + 1)
    ]
    values = np.corrcoef(windows)[np.triu_indices(len(windows), 1)]
    return np.histogram(values, bins=N_BINS, range=(-1, 1))[0]


class ScalingTask:
    """Simulation or FCD of one size, with the memory it takes."""

    def __init__(self, what, n_rois, n_frames, batch):
        rng = np.random.default_rng(0)
        if what == "simulate":
            sc = random_connectome(n_rois, rng)
            task = SimulationTask("fused", sc, 3, (batch,))
            task.scan = short_scan(n_frames)
            self.run = lambda: task(batch)
        else:
            noise = rng.standard_normal((batch, n_frames, n_rois), dtype=np.float32)
            bold = noise.cumsum(axis=1)
            fcd_histogram(bold[0, : WINDOW + 2], WINDOW)
            self.run = lambda: fcd_histogram(bold, WINDOW, N_BINS)
        self.info = {"before": peak_memory()}

    def __call__(self, _):
        """Run once."""
        return self.run()


def peak_memory():
    """Give the largest memory this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


TASKS = {
    task.__name__: task
    for task in (SimulationTask, PeerTask, CompileTask, FCDTask, ScalingTask)
}


# Processes ----------------------------------------------------------------------------


def serve(pipe, threads, task, arguments):
    """Set a task up, then time it whenever asked. Peers may print: not here."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2) if task == "PeerTask" else (1,):
        os.dup2(nowhere, stream)
    torch.set_num_threads(threads)
    try:
        work = TASKS[task](**arguments)
        pipe.send(("ready", work.info))
        while (key := pipe.recv()) is not None:
            if key == "peak":
                pipe.send(peak_memory())
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            work(key)
            pipe.send((time.perf_counter() - wall, time.process_time() - cpu))
    except EOFError:
        pass
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}".splitlines()[0]))


class Worker:
    """A process on given cores that runs one task."""

    def __init__(self, cores, task, threads=None, **arguments):
        threads = len(cores) if threads is None else threads
        context = multiprocessing.get_context("spawn")
        self.pipe, child = context.Pipe()
        self.process = context.Process(
            target=serve, args=(child, threads, task, arguments), daemon=True
        )
        with placed(cores, threads):
            self.process.start()
        child.close()
        self.status = None

    def wait(self, patience=PATIENCE):
        """Wait until it is set up; its `info`, or in `error` why it is not."""
        if self.status is None:
            self.status, answer = self.receive(patience)
            self.info = answer if self.status == "ready" else {}
            self.error = answer if self.status == "failed" else None
        return self

    def receive(self, patience=PATIENCE):
        """Give the next answer, or why there is none."""
        try:
            if self.pipe.poll(patience):
                return self.pipe.recv()
            self.process.terminate()
            return "failed", f"no answer within {patience:.0f} s"
        except (EOFError, ConnectionResetError):
            self.process.join()
            return "failed", f"ended with code {self.process.exitcode}"

    def ask(self, key):
        """Have the task run once."""
        self.pipe.send(key)

    def close(self):
        """End the process."""
        with suppress(OSError):
            self.pipe.send(None)
        self.process.join(PATIENCE)


@contextmanager
def placed(cores, threads):
    """Give processes started inside their cores and numbers of threads."""
    wanted = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if threads == 1:
        wanted["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    before = {name: os.environ.get(name) for name in wanted}
    own_cores = allowed_cores()
    os.environ.update(wanted)
    if own_cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if own_cores:
            os.sched_setaffinity(0, own_cores)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def allowed_cores():
    """Give the cores this process may use; empty where they cannot be chosen."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Row:
    """One line of the table: workers that run at the same time, and their timings."""

    def __init__(self, name, cores, workers, key, region_steps, **info):
        self.name, self.cores, self.key = name, cores, key
        self.workers, self.region_steps, self.info = workers, region_steps, info
        self.wall, self.cpu = [], []

    def measure(self):
        """Time one round."""
        for worker in self.workers:
            worker.ask(self.key)
        started = time.perf_counter()
        answers = [worker.receive() for worker in self.workers]
        elapsed = time.perf_counter() - started
        if any(answer[0] == "failed" for answer in answers):
            raise RuntimeError(f"{self.name}: {answers}")
        self.wall.append(answers[0][0] if len(answers) == 1 else elapsed)
        self.cpu.append(sum(cpu for _, cpu in answers))

    @property
    def speed(self):
        """Region-steps per second, round by round."""
        return self.region_steps / np.array(self.wall)

    @property
    def speed_per_cpu(self):
        """Region-steps per second of all cores together."""
        return self.region_steps / np.array(self.cpu)

    def report(self):
        """Give what goes into the file."""
        return {
            "name": self.name,
            "cores": self.cores,
            "batch": self.key,
            "processes": len(self.workers),
            "region_steps": self.region_steps,
            **summary("region_steps_per_second", self.speed),
            **summary("region_steps_per_cpu_second", self.speed_per_cpu),
            "wall_seconds": self.wall,
            "cpu_seconds": self.cpu,
            **self.info,
        }


def summary(name, values):
    """Give the median under a name and the range beside it."""
    if values is None:
        return {name: None, f"{name}_spread": None}
    values = np.asarray(values, dtype=float)
    spread = [float(values.min()), float(values.max())]
    return {name: float(np.median(values)), f"{name}_spread": spread}


def take_turns(rows, n_rounds):
    for _ in range(n_rounds):
        for row in rows:
            row.measure()


# The parts of the benchmark -----------------------------------------------------------


def time_compilation(sc, cores, n_repeats, folder):
    """Time the compilation of the wide kernel, and loading it from the cache.

    Leaves a full cache behind: the narrow kernel is compiled for what follows, too.
    """
    cold, warm = [], []
    for repeat in range(n_repeats):
        os.environ["DELSSOME_CACHE"] = f"{folder}/{repeat}"
        cold.append(once(cores, "CompileTask", sc=sc, batch=32))
        warm.append(once(cores, "CompileTask", sc=sc, batch=32))
    once(cores, "CompileTask", sc=sc, batch=16)
    return {
        **summary("cold_compile_seconds", [x["wall"] for x in cold]),
        **summary("cold_compile_cpu_seconds", [x["cpu"] for x in cold]),
        **summary("warm_load_seconds", [x["wall"] for x in warm]),
        **summary("warm_load_cpu_seconds", [x["cpu"] for x in warm]),
    }


def once(cores, task, **arguments):
    """Run the set-up of a task in a process of its own and give its answer."""
    worker = Worker(cores, task, **arguments).wait()
    worker.close()
    if worker.error:
        raise RuntimeError(f"{task}: {worker.error}")
    return worker.info


def time_simulation(sc, cores, batches, n_frames, n_rounds, quick):
    """Time all contestants on one core and on two, in turns."""
    one, both = cores[-1:], cores[-2:]
    rows, notes, workers = [], {}, []

    # A call of the fused backend should last as long as the others': a hiccup of the
    # machine would outweigh it.
    frames = {"fused": FUSED_FRAMES * n_frames, "torch": n_frames}

    def ours(backend, on, **options):
        workers.append(
            Worker(
                on,
                "SimulationTask",
                backend=backend,
                sc=sc,
                n_frames=frames[backend],
                batches=batches,
                **options,
            )
        )
        return workers[-1]

    def add(backend, worker_list, n_cores, how):
        name = f"delssome {backend}"
        n_steps = frames[backend] * short_scan(n_frames).steps_per_frame
        for batch in batches:
            work = batch * n_steps * len(sc) * len(worker_list)
            info = worker_list[0].info | {"how": how}
            rows.append(Row(name, n_cores, worker_list, batch, work, **info))

    fused, eager = ours("fused", one), ours("torch", one)
    two = len(both) == 2
    if two:
        fused_two = ours("fused", both, threads=1, workers=2)
        if not quick:
            eager_other = ours("torch", both[:1])
    for worker in workers:
        if worker.wait().error:
            raise RuntimeError(worker.error)
    add("fused", [fused], 1, "1 thread")
    add("torch", [eager], 1, "1 thread")
    if two:
        add("fused", [fused_two], 2, "2 threads (joblib)")
    if two and not quick:
        add("torch", [eager, eager_other], 2, "2 processes")
        # Threads that share small matrix products can stall on cores in use.
        eager_two = ours("torch", both).wait(60.0)
        if eager_two.error:
            notes["torch, 2 threads"] = eager_two.error
            print(f"torch with 2 threads left out: {eager_two.error}")
        else:
            add("torch", [eager_two], 2, "2 threads (torch)")

    for name, (_, choices, quick_choices) in PEERS.items():
        if installed(name) is None:
            notes[name] = "not installed"
            print(f"{name}: not installed, so null")
            continue

        def peer(on, choices, name=name):
            workers.append(
                Worker(
                    on,
                    "PeerTask",
                    name=name,
                    sc=sc,
                    n_frames=n_frames,
                    choices=choices,
                )
            )
            return workers[-1].wait()

        alone = peer(one, quick_choices if quick else choices)
        if alone.error:
            notes[name] = alone.error
            print(f"{name}: failed, so null ({alone.error})")
            continue
        info = dict(alone.info)
        work, batch = info.pop("region_steps"), info.pop("batch")
        chosen = [info["settings"]]
        rows.append(Row(name, 1, [alone], batch, work, how="1 thread", **info))
        if two and not quick:
            other = peer(both[:1], chosen)
            together = peer(both, chosen)
            if not together.error:
                rows.append(
                    Row(name, 2, [together], batch, work, how="2 threads", **info)
                )
            if not other.error:
                rows.append(
                    Row(
                        name,
                        2,
                        [alone, other],
                        batch,
                        2 * work,
                        how="2 processes",
                        **info,
                    )
                )
    take_turns(rows, n_rounds)
    for worker in workers:
        worker.close()
    return rows, notes


def time_fcd(sc, cores, n_scans, n_rounds):
    worker = Worker(cores[-1:], "FCDTask", sc=sc, n_scans=n_scans).wait()
    if worker.error:
        raise RuntimeError(worker.error)
    rows = [Row(how, 1, [worker], how, 1) for how in ("ours", "brute")]
    take_turns(rows, n_rounds)
    worker.close()
    ours, brute = rows
    return worker.info | {
        **summary("fcd_cpu_seconds", ours.cpu),
        **summary("fcd_wall_seconds", ours.wall),
        **summary("brute_force_cpu_seconds", brute.cpu),
        **summary("brute_force_over_ours", np.divide(brute.cpu, ours.cpu)),
    }


def time_scaling(cores, n_repeats):
    """Time and measure memory against regions, frames and batch, on one core."""
    sizes = [
        *(("simulate", "regions", n, 50, 32) for n in (50, 100, 200, 400)),
        *(("simulate", "frames", 68, n, 16) for n in (300, 600, 1200)),
        *(("simulate", "batch", 68, 100, n) for n in (16, 32, 64, 128, 256)),
        *(("fcd", "regions", n, 1200, 1) for n in (50, 100, 200, 400)),
        *(("fcd", "frames", 68, n, 1) for n in (300, 600, 1200)),
        *(("fcd", "batch", 68, 300, n) for n in (16, 32, 64, 128, 256)),
    ]
    results = []
    for what, varied, n_rois, n_frames, batch in sizes:
        size = {"n_rois": n_rois, "n_frames": n_frames, "batch": batch}
        worker = Worker(cores[-1:], "ScalingTask", what=what, **size).wait()
        if worker.error:
            raise RuntimeError(worker.error)
        row = Row(what, 1, [worker], "size", 1)
        take_turns([row], n_repeats)
        worker.ask("peak")
        peak = worker.receive()
        worker.close()
        results.append(
            {
                "what": what,
                "varied": varied,
                **size,
                **summary("wall_seconds", row.wall),
                **summary("cpu_seconds", row.cpu),
                "peak_mib": peak,
                "above_start_mib": peak - worker.info["before"],
            }
        )
    return results


# The report ---------------------------------------------------------------------------


def find(rows, name, cores, batch=None):
    """Give the row, the fastest if there are several ways, or None."""
    found = [
        row
        for row in rows
        if row.name == name and row.cores == cores and batch in (None, row.key)
    ]
    return max(found, key=lambda row: np.median(row.speed), default=None)


def ratio(upper, lower, speed="speed"):
    """Give the ratios of speeds, round by round."""
    if upper is None or lower is None:
        return None
    return getattr(upper, speed) / getattr(lower, speed)


def headline(rows, fcd):
    fused = find(rows, "delssome fused", 1, 128)
    small = find(rows, "delssome fused", 1, 16)
    torch_row = find(rows, "delssome torch", 1, 100)
    pairs = {
        "fused_over_torch_batch100_one_core": (
            find(rows, "delssome fused", 1, 100),
            torch_row,
        ),
        "fused_over_tvboptim_one_core": (fused, find(rows, "tvboptim", 1)),
        "fused_over_cubnm_one_core": (fused, find(rows, "cubnm", 1)),
        "two_cores_over_one": (find(rows, "delssome fused", 2, 128), fused),
        "batch16_over_batch128_time_per_simulation": (fused, small),
    }
    report = summary("region_steps_per_second_one_core", fused.speed)
    for name, pair in pairs.items():
        report |= summary(name, ratio(*pair))
    # On a machine in use, CPU seconds are the steadier measure.
    report |= summary("region_steps_per_cpu_second_one_core", fused.speed_per_cpu)
    for name, pair in pairs.items():
        report |= summary(f"{name}_per_cpu_second", ratio(*pair, "speed_per_cpu"))
    names = ("fcd_cpu_seconds", "fcd_cpu_seconds_spread")
    return report | {name: fcd[name] for name in names}


def span(values, unit=1.0, digits=1):
    """Write a median and its range."""
    low, middle, high = (
        f"{f(values) / unit:.{digits}f}" for f in (np.min, np.median, np.max)
    )
    return f"{middle} [{low}-{high}]"


def print_rows(rows):
    print(
        f"\n{'contestant':16}{'cores':>6}{'batch':>6}  {'how':20}"
        f"{'M region-steps/s':>24}{'per CPU-s':>24}{'fused 128 / it':>24}"
    )
    for n_cores in (1, 2):
        fused = find(rows, "delssome fused", n_cores, 128)
        for row in rows:
            if row.cores != n_cores:
                continue
            print(
                f"{row.name:16}{row.cores:6}{row.key:6}  {row.info['how']:20}"
                f"{span(row.speed, 1e6):>24}{span(row.speed_per_cpu, 1e6):>24}"
                f"{span(ratio(fused, row), digits=2):>24}"
            )
    for name in dict.fromkeys(row.name for row in rows):
        info = next(row.info for row in rows if row.name == name)
        details = (
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in info.items()
            if key != "how"
        )
        print(f"{name}: {', '.join(details)}")


def print_scaling(results):
    print(
        f"\n{'what':10}{'varied':9}{'regions':>8}{'frames':>8}{'batch':>7}"
        f"{'wall s':>24}{'CPU s':>10}{'peak MiB':>10}{'above start':>13}"
    )
    for x in results:
        low, high = x["wall_seconds_spread"]
        wall = f"{x['wall_seconds']:.3f} [{low:.3f}-{high:.3f}]"
        print(
            f"{x['what']:10}{x['varied']:9}{x['n_rois']:8}{x['n_frames']:8}"
            f"{x['batch']:7}{wall:>24}{x['cpu_seconds']:10.3f}{x['peak_mib']:10.0f}"
            f"{x['above_start_mib']:13.0f}"
        )


def describe_machine():
    """Give the processor, the cores, the load, and the versions."""
    cpu = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("model name"))
        cpu = line.split(":", 1)[1].strip()
    return {
        "cpu": cpu,
        "simd": numba.core.config.CPU_NAME or numba_cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load_average": os.getloadavg()[0],
        "versions": {
            "python": platform.python_version(),
            "delssome": delssome.__version__,
            "commit": commit(),
            "numpy": np.__version__,
            "numba": numba.__version__,
            "torch": torch.__version__,
            "joblib": joblib.__version__,
            **{name: installed(name) for name in (*PEERS, "jax")},
        },
    }


def numba_cpu():
    """Give the processor type for which kernels are compiled."""
    import llvmlite.binding

    return llvmlite.binding.get_host_cpu_name()


def commit():
    """Give the commit of the working tree, marked if files have changed."""
    command = ["git", "describe", "--always", "--dirty"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--frames", type=int, default=20, help="120 steps each")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--no-scaling", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    quick = args.quick

    started = time.perf_counter()
    machine = describe_machine()
    cores = allowed_cores() or list(range(os.cpu_count()))
    sc, connectome = load_connectome(args.data)
    print(
        f"{machine['cpu']} ({machine['simd']}), load {machine['load_average']:.2f}, "
        f"connectome: {connectome}\n{machine['versions']}"
    )
    with tempfile.TemporaryDirectory() as folder:
        compiled = time_compilation(sc, cores[-1:], 1 if quick else 5, folder)
        rows, notes = time_simulation(
            sc,
            cores,
            (16, 100, 128) if quick else BATCHES,
            min(args.frames, 10) if quick else args.frames,
            5 if quick else args.repeats,
            quick,
        )
        fcd = time_fcd(sc, cores, 1 if quick else 4, 5 if quick else 8)
        scaling = []
        if not (quick or args.no_scaling):
            scaling = time_scaling(cores, 5)

    report = {
        **headline(rows, fcd),
        "notes": notes,
        "compile": compiled,
        "fcd": fcd,
        "rows": [row.report() for row in rows],
        "scaling": scaling,
        "connectome": connectome,
        "n_rois": len(sc),
        "threads": {"one_core": 1, "two_cores": 2},
        "machine": machine,
        "command": " ".join(["python benchmarks/simulation.py", *sys.argv[1:]]),
        "quick": quick,
        "load_average_end": os.getloadavg()[0],
    }
    print_rows(rows)
    print("\nCompilation and FCD, in seconds on one core:")
    for part in (compiled, fcd):
        for name, value in part.items():
            if name.endswith("_spread"):
                low, high = value
                name = name.removesuffix("_spread")
                print(f"  {name}: {part[name]:.3f} [{low:.3f}-{high:.3f}]")
    print(
        f"  largest difference from the CDF of the brute force: "
        f"{fcd['max_cdf_difference']:.2g}"
    )
    if scaling:
        print_scaling(scaling)
    print("\nHeadline, median [range]:")
    for name in [key for key in report if f"{key}_spread" in report]:
        if report[name] is None:
            print(f"  {name}: null")
        else:
            low, high = report[f"{name}_spread"]
            print(f"  {name}: {report[name]:.4g} [{low:.4g}-{high:.4g}]")
    print(f"{time.perf_counter() - started:.0f} s in all")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
