"""Commands and their options: nothing but argparse is loaded for them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from argparse import Action, ArgumentParser, BooleanOptionalAction
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from delssome._version import __version__

__all__ = ["make_parser"]


FILES = (
    "Files are csv, tsv, txt, npy, npz, mat, CIFTI of parcels or a zip of TVB, one "
    "matrix each. Names of regions in them are used: all is aligned by name. "
    "--derivatives takes what XCP-D and QSIRecon wrote, as it is."
)


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def make_parser() -> ArgumentParser:
    """Make the parser; what it parses has the name of the module to run, `command`.

    Returns
    -------
    argparse.ArgumentParser
        Of which errors of usage are a ValueError.
    """
    parser = _Parser(
        prog="delssome",
        description="Fit mean-field brain models to functional MRI, verified by "
        "simulation.",
    )
    parser.add_argument(
        "--version", action="version", version=f"delssome {__version__}"
    )
    commands = parser.add_subparsers(
        required=True, metavar="{demo,fit,posterior,population,pooled,study,train}"
    )
    _describe_demo(
        commands.add_parser("demo", help="fit synthetic data with known truth")
    )
    _describe_train(
        commands.add_parser(
            "train",
            help="train a network for a model of your own, or the shipped one anew",
        )
    )
    _describe_fit(
        commands.add_parser(
            "fit",
            help="fit your own data",
            description=FILES,
        )
    )
    _describe_posterior(
        commands.add_parser(
            "posterior",
            help="say what your own data know: draws and intervals",
            description=FILES,
        )
    )
    _describe_population(
        commands.add_parser(
            "population",
            help="fit every subject of a folder on its own, and go on after a kill",
            description=FILES,
        )
    )
    _describe_pooled(
        commands.add_parser(
            "pooled",
            help="infer what differs between scans from all of them at once",
            description=FILES,
        )
    )
    _describe_study(
        commands.add_parser(
            "study",
            help="ask the maps of a population: effects of a formula, and norms",
        )
    )
    return parser


def _describe_demo(command: ArgumentParser) -> None:
    command.set_defaults(command="demo")
    add = command.add_argument
    add("--n-rois", type=int, help="number of regions (68)")
    add("--quick", action="store_true", help="seconds instead of minutes, a worse fit")
    _add_common(command, out="delssome-demo")


def _describe_train(command: ArgumentParser) -> None:
    command.set_defaults(command="train")
    add = command.add_argument
    add(
        "--model",
        help="fine-tune for this model, such as FILE.py:CLASS, in minutes; without, "
        "the shipped network is trained anew, in hours",
    )
    add("--out", type=Path, default=Path("delssome-weights"), help="folder to write")
    add("--corpus", type=Path, help="folder of the shards (OUT/corpus)")
    add("--steps", type=int, help="steps of training (10000, 1500 with --model)")
    add("--quick", action="store_true", help="two groups, few steps: of no use")
    add("--n-jobs", type=int, default=2, help="processes that label (2)")
    add("--seed", type=int, default=0, help="seed of the training (0)")
    add = command.add_argument_group("with --model").add_argument
    add("--groups", type=int, help="synthetic groups of each round (8)")
    add("--n-rois", type=int, help="regions of all groups (40 to 90)")
    add("--tr", type=float, help="repetition time (s) of all groups (many scans)")
    add("--n-frames", type=int, help="frames of their scans; with --tr")
    _add_scan(add)


def _describe_fit(command: ArgumentParser) -> None:
    command.set_defaults(command="fit")
    _add_inputs(command)
    _add_search(command)
    _add_brain(command)
    _add_common(command)


def _describe_posterior(command: ArgumentParser) -> None:
    command.set_defaults(command="posterior")
    _add_inputs(command)
    add = command.add_argument_group("posterior").add_argument
    add(
        "--surrogate",
        choices=["deep", "linear"],
        help="what gives expected FC: the shipped network, corrected by theory (deep), "
        "or theory alone (linear); default: the first of these that serves the model",
    )
    _add_sampler(add)
    _add_simulator(add)
    _add_brain(command)
    _add_common(command)


def _describe_population(command: ArgumentParser) -> None:
    command.set_defaults(command="population")
    _add_inputs(command, "each fitted on its own")
    _add_people(command)
    _add_search(command)
    add = command.add_argument_group("posteriors").add_argument
    add("--posterior", action="store_true", help="draws and intervals in place of fits")
    _add_sampler(add)
    add = command.add_argument_group("cluster").add_argument
    add("--scheduler", metavar="ADDRESS", help="Dask scheduler that takes the fits")
    _add_brain(command)
    _add_common(command)


def _describe_pooled(command: ArgumentParser) -> None:
    command.set_defaults(command="pooled")
    _add_inputs(command, "all at once")
    _add_people(command)
    add = command.add_argument_group("effects").add_argument
    add(
        "--formula",
        help='how columns of the participants enter, such as "age + sex + C(site)"',
    )
    add(
        "--affects",
        nargs="+",
        metavar="PARAMETER",
        help="parameters that they may move, such as w_EI (all that are searched)",
    )
    add("--interval", type=float, default=0.95, help="probability of intervals (0.95)")
    _add_brain(command)
    _add_common(command)


def _describe_study(command: ArgumentParser) -> None:
    command.set_defaults(command="study")
    add = command.add_argument
    add(
        "--population",
        metavar="FOLDER",
        required=True,
        help="what delssome population wrote",
    )
    add(
        "--formula",
        help="effects of columns of population.csv on the maps, such as "
        '"group + age + mean_fd"',
    )
    add("--random", metavar="COLUMN", help="whose groups have levels of their own")
    add("--norms", metavar="COLUMN", help="norms of the mean map over this, as age")
    add("--sex", metavar="COLUMN", help="of norms (all alike)")
    add("--site", metavar="COLUMN", help="of norms (all alike)")
    _add_brain(command)
    _add_common(command)


def _add_people(command: ArgumentParser) -> None:
    add = command.add_argument_group("subjects").add_argument
    add(
        "--participants",
        metavar="FILE",
        help="table with participant_id (participants.tsv of --derivatives)",
    )
    add(
        "--store",
        metavar="FOLDER",
        help="what is done already, to go on from (OUT/kept)",
    )


def _add_sampler(add: Callable[..., Action]) -> None:
    add(
        "--n-scans",
        type=float,
        help="scans whose average the data are: bounds the noise (not known)",
    )
    add("--interval", type=float, default=0.9, help="probability of intervals (0.9)")
    add("--n-particles", type=int, default=400, help="particles of the sampler (400)")
    add("--n-draws", type=int, default=1600, help="draws to keep, at least (1600)")


def _add_inputs(command: ArgumentParser, each: str = "fitted as a group") -> None:
    add = command.add_argument_group("data").add_argument
    add("--sc", metavar="FILE", help="structural connectivity, regions x regions")
    add("--bold", metavar="FILE", nargs="+", help="runs, frames x regions; with --tr")
    add("--fc", metavar="FILE", help="functional connectivity; with --fcd")
    add("--fcd", metavar="FILE", help="cumulative FCD distribution over [-1, 1]")
    add("--folder", help=f"a folder of subjects, {each}; with --tr")
    add(
        "--derivatives",
        metavar="FOLDER",
        help="BOLD of parcels as XCP-D writes it, and SC as QSIRecon does (there, or "
        f"in --sc FOLDER), {each}",
    )
    for what in ("atlas", "session", "task", "space"):
        add(f"--{what}", help=f"{what} of --derivatives, where there are several")
    add(
        "--regions",
        metavar="PATTERN",
        help="regions of --derivatives: a regular expression of names, or of a column "
        "of the atlas (atlas_name=Schaefer)",
    )
    add(
        "--drop",
        choices=["regions", "subjects"],
        help="leave out regions without a signal, in all subjects, or the subjects",
    )
    add("--key", help="array of --sc, or measure of --derivatives, of several")
    add(
        "--header",
        action=BooleanOptionalAction,
        help="whether the first row of a text names columns (as it shows)",
    )
    add(
        "--maps",
        metavar="FILE",
        help="heterogeneity maps, regions x maps; or desikan, glasser, schaefer_100 to "
        "_1000: T1w/T2w and the FC gradient, as the package brainspace ships them",
    )
    add(
        "--gradients",
        type=int,
        default=0,
        metavar="N",
        help="further maps: first N gradients of the FC (0)",
    )
    add(
        "--region-names",
        metavar="FILE",
        help="text, one name a line (those in the files)",
    )
    add(
        "--sc-transform",
        choices=["log", "log_weights", "none"],
        default="log",
        help="log for streamline counts (default), log_weights for weights of any "
        "unit (SIFT2, percent), none for ratings and logarithms",
    )
    add("--density", type=float, help="strongest share of SC's connections to keep")
    add("--min-weight", type=float, help="weakest connection of SC to keep")
    add = command.add_argument_group("scan").add_argument
    add("--tr", type=float, help="repetition time (s)")
    add("--n-frames", type=int, help="frames to simulate (as scanned)")
    add(
        "--hcp",
        action="store_true",
        help="with --fc and --fcd: the scan of the Human Connectome Project, 1200 "
        "frames at a TR of 0.72 s",
    )
    _add_scan(add)
    add = command.add_argument_group("model").add_argument
    add(
        "--departure",
        type=float,
        default=0.0,
        help="how far regions depart from the maps, each on its own: standard "
        "deviation as a share of the ranges, such as 0.1; inf: as far as they like (0)",
    )
    add(
        "--model",
        default="fic",
        help="fic (default), mfm, hopf, linear, wilsoncowan, or a model class of your "
        "own: FILE.py:CLASS",
    )
    add(
        "--map-signs",
        type=int,
        nargs="+",
        choices=[-1, 0, 1],
        help="required sign of each map, of models that have map_signs, such as fic",
    )


def _add_scan(add: Callable[..., Action]) -> None:
    add("--window", type=int, help="frames in an FCD window (a minute)")
    add("--burn-in", type=float, help="simulated before the first frame (144 s)")
    add("--warm-up", type=float, help="before that, without haemodynamics (30 s)")
    add("--dt", type=float, help="largest integration step (that of the model)")
    add(
        "--band",
        type=_edge,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="band (Hz) that a pipeline kept of the data by a Butterworth filter "
        "forwards and backwards, such as 0.01 0.08; none: no limit there (no filter)",
    )
    add("--filter-order", type=int, help="order of that filter (2, as of XCP-D)")
    add(
        "--global-signal",
        action="store_true",
        default=None,
        help="the global signal was regressed out of the data",
    )


def _edge(text: str) -> float | None:
    """Read an end of a band."""
    return None if text.lower() == "none" else float(text)


def _add_search(command: ArgumentParser) -> None:
    add = command.add_argument_group("search").add_argument
    add(
        "--surrogate",
        choices=["deep", "linear", "none"],
        help="rank candidates by the shipped network (deep) or by theory (linear), or "
        "simulate all (none); default: the first of these that serves the model",
    )
    add("--weights", metavar="FOLDER", help="a network of your own, of delssome train")
    add(
        "--popsize",
        type=int,
        help="candidates in a generation (64 by the network if nothing of the search "
        "is given, else 100)",
    )
    add("--max-iter", type=int, help="generations in a search (80 likewise, else 100)")
    add(
        "--n-restarts", type=int, help="independent searches (5 by the network, else 1)"
    )
    add("--n-finalists", type=int, help="candidates verified (5 of 40, or 20)")
    _add_simulator(add)


def _add_simulator(add: Callable[..., Action]) -> None:
    add("--n-repeats", type=int, default=3, help="simulations per candidate (3)")
    add("--device", default="cpu", help="cpu (default) or cuda")


def _add_brain(command: ArgumentParser) -> None:
    add = command.add_argument_group("figures").add_argument
    add(
        "--brain",
        metavar="ATLAS",
        nargs="+",
        help="draw maps and effects on the brain: desikan, glasser, schaefer_100 to "
        "_1000, a label volume, a .dlabel.nii, two .annot or .label.gii, left and "
        "right; or a csv or tsv of names, x, y and z (MNI, mm), for a glass brain",
    )
    add("--surface", metavar="FILE", nargs=2, help="left and right, of another --brain")


def _add_common(command: ArgumentParser, out: str | None = None) -> None:
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
    add("--config", metavar="FILE", help="TOML of options; those given here win")
    add("--n-jobs", type=int, default=-1, help="workers (-1: all cores)")
