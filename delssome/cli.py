"""The command line: ``delssome demo``, ``delssome fit`` and ``delssome train``."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import logging
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from delssome._version import __version__
from delssome.connectome import (
    check_fc,
    check_fcd_cdf,
    check_sc,
    group_average,
    matrix_to_edges,
    n_rois_from_width,
    pack_subjects,
)
from delssome.costs import COST_NAMES, Target
from delssome.exceptions import InfeasibleSpaceError
from delssome.fitting import MeanFieldFitter
from delssome.maps import fc_gradients
from delssome.models import check_maps
from delssome.observables import average_runs, check_bold
from delssome.reporting import (
    check_out,
    figures,
    summary,
    summary_text,
    tables,
    write_results,
)
from delssome.simulation import Acquisition, SimulationEvaluator

__all__ = ["main"]

# A minute or two on two cores.
DEMO = {
    "cohort": {"n_subjects": 8},
    "scan": {},
    "fit": {"popsize": 64, "max_iter": 60},
}
QUICK = {
    "cohort": {"n_subjects": 2},
    "scan": {"n_frames": 100, "window": 20, "burn_in": 36.0, "warm_up": 6.0},
    "fit": {
        "surrogate": "linear",  # scans are too short for the network
        "popsize": 8,
        "max_iter": 2,
        "n_repeats": 1,
        "n_finalists": 2,
    },
}


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments. None: those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 2 wrong input, 130 interrupted.
    """
    try:
        with _readable_warnings(), _log_on_stderr():
            args = _parser().parse_args(argv)
            args.command(args)
    except SystemExit as request:  # --help, --version
        return request.code or 0
    except (ValueError, TypeError, OSError, InfeasibleSpaceError) as error:
        message = " ".join(str(error).split())
        print(f"delssome: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("delssome: interrupted", file=sys.stderr)
        return 130
    return 0


def demo(args):
    """Fit a synthetic group whose parameters are known."""
    from delssome.datasets import make_cohort

    started = time.perf_counter()
    out = check_out(args.out, args.overwrite)
    settings = QUICK if args.quick else DEMO
    n_rois = args.n_rois or (10 if args.quick else 68)
    scan = Acquisition(**settings["scan"])
    n_subjects = settings["cohort"]["n_subjects"]
    _say(
        f"1/3 make   {n_subjects} synthetic subjects with known parameters, {n_rois} "
        f"regions; {_describe(scan)}"
    )
    cohort = make_cohort(
        n_rois=n_rois,
        acquisition=scan,
        n_jobs=args.n_jobs,
        random_state=args.seed,
        **settings["cohort"],
    )
    fitter = MeanFieldFitter(
        cohort.maps,
        acquisition=scan,
        map_signs=(-1, 1),
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
        **settings["fit"],
    )
    _fit_and_write(fitter, cohort.X, cohort.region_names, out, started, cohort)


def fit(args):
    """Fit the user's files."""
    started = time.perf_counter()
    out = check_out(args.out, args.overwrite)
    _check_data_options(args)
    X, n_fcd_bins, scan = _read_folder(args) if args.folder else _read_files(args)
    n_rois = n_rois_from_width(X.shape[1], n_fcd_bins)
    maps = _maps(args, X, n_rois, n_fcd_bins)
    region_names = _region_names(args.region_names, n_rois)
    fitter = MeanFieldFitter(
        maps,
        None if args.surrogate == "none" else args.surrogate,
        popsize=args.popsize,
        max_iter=args.max_iter,
        n_restarts=args.n_restarts,
        n_repeats=args.n_repeats,
        n_finalists=args.n_finalists,
        acquisition=scan,
        n_fcd_bins=n_fcd_bins,
        sc_transform=None if args.sc_transform == "none" else args.sc_transform,
        map_signs=None if args.map_signs is None else tuple(args.map_signs),
        device=args.device,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )
    subjects = f"{len(X)} subjects as a group" if len(X) > 1 else "1 subject or group"
    _say(
        f"1/3 read   {subjects}, {n_rois} regions, "
        f"{0 if maps is None else maps.shape[1]} maps; {_describe(scan)}"
    )
    _fit_and_write(fitter, X, region_names, out, started)


def train(args):
    """Make the weights of the deep surrogate anew."""
    from delssome.surrogate import CorpusSettings, corpus_groups
    from delssome.surrogate import train as train_surrogate

    groups, settings, n_steps = None, CorpusSettings(), args.steps
    if args.quick:
        groups, n_steps = [corpus_groups()[:2]], min(n_steps, 50)
        settings = CorpusSettings(
            popsize=8,
            n_generations=4,
            n_spread=12,
            n_edge=4,
            n_samples=1,
            n_simulated=2,
        )
    started = time.perf_counter()
    _say("label candidates of synthetic groups, train, and again where searches led")
    train_surrogate(
        args.out,
        args.corpus,
        groups=groups,
        settings=settings,
        n_steps=n_steps,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )
    _say(f"weights and card in {args.out}, {time.perf_counter() - started:.0f} s")


def _fit_and_write(fitter, X, region_names, out, started, cohort=None):
    """Fit, print the table and write the folder; a cohort knows the truth."""
    how = {
        None: "simulated",
        "deep": "predicted by the network",
        "linear": "predicted by theory",
    }[fitter.surrogate]
    _say(
        f"2/3 fit    CMA-ES, restarts of {fitter.max_iter} generations of "
        f"{fitter.popsize} candidates, every one {how}; then the best "
        f"{fitter.n_finalists} are simulated afresh"
    )
    said = []
    with _listening(said):
        fitter.fit(X)
    truth = None if cohort is None else cohort.ei_ratio.mean(axis=0)
    results = summary(fitter, truth)
    if cohort is not None:
        results["truth"]["costs"] = _costs_of(fitter, cohort.group_theta)
    _say(f"\n{summary_text(results)}\n")
    scan = fitter.acquisition_
    results = {
        "delssome": __version__,
        "random_state": fitter.random_state,
        "n_subjects": len(X),
        "n_rois": len(region_names),
        "acquisition": {**asdict(scan), "window": scan.fcd_window, "dt": scan.step},
        "warnings": said,
        **results,
    }
    files = write_results(
        out,
        tables(fitter, region_names, truth),
        figures(fitter, region_names, truth),
        results,
    )
    _say(f"3/3 write  {', '.join(path.name for path in files)} in {out}")
    _say(f"done in {time.perf_counter() - started:.0f} s")


def _costs_of(fitter, theta):
    """Simulate other coefficients as `fit` does its winner and give their costs."""
    simulator = SimulationEvaluator(
        fitter.model_,
        fitter.acquisition_,
        n_fcd_bins=fitter.n_fcd_bins,
        n_repeats=fitter.n_repeats,
    )
    target = Target(fitter.sc_, matrix_to_edges(fitter.fc_), fitter.fcd_cdf_)
    rng = np.random.default_rng(fitter.random_state)
    evaluation = simulator.evaluate(fitter.space_.expand(theta), target, rng)
    costs = dict(zip(COST_NAMES, evaluation.costs[0].tolist(), strict=True))
    return {**costs, "total": float(evaluation.total[0])}


@contextmanager
def _listening(said):
    """Keep what is warned of, while it is shown as ever."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def keep_and_show(message, *args, **kwargs):
            said.append(str(message))
            show(message, *args, **kwargs)

        warnings.showwarning = keep_and_show
        yield


def _say(text):
    """Print at once, also into a pipe."""
    print(text, flush=True)


def _read_matrix(path):
    from delssome.datasets import read_matrix

    return read_matrix(path)


def _check_data_options(args):
    """Refuse combinations of files that make no sense, before any is read."""
    if args.folder:
        if args.sc or args.bold or args.fc or args.fcd:
            raise ValueError("--folder goes without --sc, --bold, --fc and --fcd.")
    elif not args.sc:
        raise ValueError("give --sc, with --bold or with --fc and --fcd; or --folder.")
    elif bool(args.bold) == bool(args.fc or args.fcd):
        raise ValueError("give either --bold, or --fc and --fcd.")
    elif bool(args.fc) != bool(args.fcd):
        raise ValueError("--fc and --fcd go together.")
    if (args.folder or args.bold) and args.tr is None:
        given = "--folder" if args.folder else "--bold"
        raise ValueError(f"{given} needs --tr, the repetition time in seconds.")
    if args.fc and (args.tr is None) != (args.n_frames is None):
        raise ValueError(
            "--fc and --fcd need both --tr and --n-frames of the scan, or neither: "
            "then those of the Human Connectome Project."
        )


def _read_folder(args):
    """Read a folder of subjects: packed array, bins, scan."""
    from delssome.datasets import read_subjects

    data = read_subjects(
        args.folder, tr=args.tr, n_frames=args.n_frames, window=args.window
    )
    return data.X, data.fcd_cdf.shape[1], _acquisition(args, data.acquisition)


def _read_files(args):
    """Read one subject or group from its files: packed array, bins, scan."""
    sc = check_sc(_read_matrix(args.sc), args.sc)
    read = _from_bold if args.bold else _from_statistics
    fc, cdf, scan = read(args, len(sc))
    return pack_subjects(sc, fc, cdf), cdf.shape[-1], scan


def _from_bold(args, n_rois):
    """Average FC (Fisher's z) and FCD distribution over runs."""
    runs = [_read_matrix(path) for path in args.bold]
    for path, run in zip(args.bold, runs, strict=True):
        if run.ndim != 2 or run.shape[1] != n_rois:
            raise ValueError(
                f"{path} must have one row a frame and one column for each of the "
                f"{n_rois} regions of --sc, got shape {run.shape}."
            )
    shortest = min(map(len, runs))
    scan = Acquisition(tr=args.tr, n_frames=shortest, window=args.window)
    scan = _acquisition(args, scan)
    if any(len(run) != shortest for run in runs):
        _say(f"note: runs differ in length; the shortest has {shortest} frames")
    runs = [
        check_bold(run, scan.fcd_window, path)
        for path, run in zip(args.bold, runs, strict=True)
    ]
    return *average_runs(runs, scan.fcd_window), scan


def _from_statistics(args, n_rois):
    """Read FC and FCD distribution as they are."""
    fc = check_fc(_read_matrix(args.fc), args.fc)
    if fc.shape != (n_rois, n_rois):
        raise ValueError(
            f"{args.fc} must have the shape of --sc, {(n_rois, n_rois)}, "
            f"got {fc.shape}."
        )
    cdf = _read_matrix(args.fcd)
    if cdf.size != max(cdf.shape):
        raise ValueError(
            f"{args.fcd} must hold one row or column, the cumulative distribution of "
            f"the FCD, got shape {cdf.shape}."
        )
    cdf = check_fcd_cdf(cdf.ravel(), args.fcd)
    if args.tr is None:
        _say("note: no --tr and --n-frames: those of the Human Connectome Project")
        return fc, cdf, _acquisition(args, Acquisition())
    scan = Acquisition(tr=args.tr, n_frames=args.n_frames, window=args.window)
    return fc, cdf, _acquisition(args, scan)


def _acquisition(args, scan):
    """Give the scan with what the options say instead."""
    names = ("n_frames", "window", "burn_in", "warm_up", "dt")
    given = {n: getattr(args, n) for n in names if getattr(args, n) is not None}
    return replace(scan, **given)


def _maps(args, X, n_rois, n_fcd_bins):
    """Give maps of a file, then gradients of the average FC; None without either."""
    maps = [] if args.maps is None else [check_maps(_read_matrix(args.maps), n_rois)]
    if args.gradients:
        fc = group_average(X, n_fcd_bins).fc
        like = -maps[0][:, 0] if maps else None  # as the published pair of maps
        maps.append(fc_gradients(fc, args.gradients, like=like))
    if not maps:
        _say(
            "note: without --maps or --gradients all regions have the same parameters: "
            "a poor fit, and a flat E/I map"
        )
        return None
    return np.hstack(maps)


def _region_names(path, n_rois):
    if path is None:
        width = len(str(n_rois))
        return [f"region_{k:0{width}d}" for k in range(1, n_rois + 1)]
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != n_rois:
        raise ValueError(
            f"--region-names {path} must hold one name a line for each of the "
            f"{n_rois} regions, got {len(names)}."
        )
    return names


def _describe(scan):
    return (
        f"scan of {scan.n_frames} frames, TR {scan.tr:g} s, FCD window "
        f"{scan.fcd_window} frames, burn-in {scan.burn_in:g} s"
    )


@contextmanager
def _readable_warnings():
    """Show a warning as one line that does not break the progress bar."""

    def show(message, category, filename, lineno, file=None, line=None):
        text = " ".join(str(message).split())
        tqdm.write(f"delssome: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _log_on_stderr():
    """Show what the package logs, such as that a kernel is being compiled."""
    logger = logging.getLogger("delssome")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("delssome: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser():
    parser = _Parser(
        prog="delssome",
        description="Fit mean-field brain models to functional MRI, verified by "
        "simulation.",
    )
    parser.add_argument(
        "--version", action="version", version=f"delssome {__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="{demo,fit,train}")

    command = commands.add_parser("demo", help="fit synthetic data with known truth")
    command.set_defaults(command=demo)
    add = command.add_argument
    add("--n-rois", type=int, help="number of regions (68)")
    add("--quick", action="store_true", help="seconds instead of minutes, a worse fit")
    _add_common(command, out="delssome-demo")

    command = commands.add_parser(
        "train", help="train the network of surrogate='deep' anew, from nothing"
    )
    command.set_defaults(command=train)
    add = command.add_argument
    add("--out", type=Path, default=Path("delssome-weights"), help="folder to write")
    add("--corpus", type=Path, help="folder of the shards (OUT/corpus)")
    add("--steps", type=int, default=10_000, help="steps of training (10000)")
    add("--quick", action="store_true", help="two groups, few steps: of no use")
    add("--n-jobs", type=int, default=2, help="processes that label (2)")
    add("--seed", type=int, default=0, help="seed of the training (0)")

    command = commands.add_parser(
        "fit",
        help="fit your own data",
        description="Files are csv, tsv, txt, npy, npz or mat, one matrix each; names "
        "at the top and the left of a table are left out.",
    )
    command.set_defaults(command=fit)
    add = command.add_argument_group("data").add_argument
    add("--sc", metavar="FILE", help="structural connectivity, regions x regions")
    add("--bold", metavar="FILE", nargs="+", help="runs, frames x regions; with --tr")
    add("--fc", metavar="FILE", help="functional connectivity; with --fcd")
    add("--fcd", metavar="FILE", help="cumulative FCD distribution over [-1, 1]")
    add("--folder", help="a folder of subjects, fitted as a group; with --tr")
    add("--maps", metavar="FILE", help="heterogeneity maps, regions x maps")
    add(
        "--gradients",
        type=int,
        default=0,
        metavar="N",
        help="further maps: first N gradients of the FC (0)",
    )
    add("--region-names", metavar="FILE", help="text, one name a line")
    add = command.add_argument_group("scan").add_argument
    add("--tr", type=float, help="repetition time (s)")
    add("--n-frames", type=int, help="frames to simulate (as scanned)")
    add("--window", type=int, help="frames in an FCD window (a minute)")
    add("--burn-in", type=float, help="simulated before the first frame (144 s)")
    add("--warm-up", type=float, help="before that, without haemodynamics (30 s)")
    add("--dt", type=float, help="largest integration step (0.006 s)")
    add = command.add_argument_group("model and search").add_argument
    add(
        "--sc-transform",
        choices=["log", "none"],
        default="log",
        help="log for streamline counts (default), none for weights",
    )
    add(
        "--map-signs",
        type=int,
        nargs="+",
        choices=[-1, 0, 1],
        help="sign of the correlation of w_EI with each map",
    )
    add(
        "--surrogate",
        choices=["deep", "linear", "none"],
        default="deep",
        help="rank candidates by the shipped network (deep, default) or by theory "
        "(linear), or simulate all (none)",
    )
    add("--popsize", type=int, default=100, help="candidates in a generation (100)")
    add("--max-iter", type=int, default=100, help="generations in a search (100)")
    add(
        "--n-restarts", type=int, help="independent searches (5 by the network, else 1)"
    )
    add("--n-repeats", type=int, default=3, help="simulations per candidate (3)")
    add("--n-finalists", type=int, default=20, help="candidates verified (20)")
    add("--device", default="cpu", help="cpu (default) or cuda")
    _add_common(command)
    return parser


def _add_common(command, out=None):
    add = command.add_argument
    add(
        "--out",
        metavar="FOLDER",
        default=out,
        required=out is None,
        help="folder for the results" + (f" ({out})" if out else ""),
    )
    add("--overwrite", action="store_true", help="write into a folder that has files")
    add("--seed", type=int, default=0, help="seed of search and noise (0)")
    add("--n-jobs", type=int, default=-1, help="workers (-1: all cores)")
