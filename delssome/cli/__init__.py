"""The command line: ``delssome demo``, ``fit``, ``population`` and so on.

A command is a module with a function ``run``, loaded when it is called for: help and
errors of usage come at once.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module

from delssome.cli.config import with_config
from delssome.cli.console import log_on_stderr, readable_warnings
from delssome.cli.parser import make_parser
from delssome.exceptions import InfeasibleSpaceError
from delssome.streams import lenient_streams

__all__ = ["main"]

# Commands that keep what is done, and start from there.
RESUMED = ("train", "population", "pooled")


@lenient_streams()
def main(argv: Sequence[str] | None = None) -> int:
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
    args = Namespace(command=None)
    try:
        given = with_config(sys.argv[1:] if argv is None else argv)
        args = make_parser().parse_args(given)
        with readable_warnings(), log_on_stderr():
            import_module(f"delssome.cli.{args.command}").run(args)
    except SystemExit as request:  # --help, --version
        return int(request.code or 0)
    except (
        ValueError,
        TypeError,
        OSError,
        ImportError,
        InfeasibleSpaceError,
    ) as error:
        message = " ".join(str(error).split())
        print(f"delssome: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        more = "; the same command goes on" if args.command in RESUMED else ""
        print(f"delssome: interrupted{more}", file=sys.stderr)
        return 130
    return 0
