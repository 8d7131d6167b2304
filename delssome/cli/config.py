"""Options from a file, and a file of the options that were in force."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["read_config", "toml_of", "with_config"]

# What is not a setting of a run.
LEFT_OUT = ("command", "config", "overwrite")


def with_config(argv: Sequence[str]) -> list[str]:
    """Put the options of a file before those that were given, which win.

    Parameters
    ----------
    argv : sequence of str
        A command, and options that may have ``--config FILE`` among them.
    """
    finder = ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config")
    found, _ = finder.parse_known_args(argv)
    if found.config is None:
        return list(argv)
    return [argv[0], *read_config(found.config), *argv[1:]]


def read_config(file: str) -> list[str]:
    """Read options from a TOML file, as they stand on a command line.

    Parameters
    ----------
    file : str
        A line an option, by its name without dashes: ``n-jobs = 4``.
    """
    # It loads NumPy, for which help does not wait.
    from delssome.files import BadFileError, read_bytes, reading

    path = Path(file)
    try:
        with reading(path, "TOML", "write options as n-jobs = 4, one a line"):
            given = tomllib.loads(read_bytes(path).decode())
    except (BadFileError, OSError) as error:
        raise ValueError(f"--config {file} cannot be read: {error}") from None
    options: list[str] = []
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, dict):
            raise ValueError(
                f"--config {file}: {name} is a table; options stand at the top, such "
                "as n-jobs = 4."
            )
        if value is True:
            options.append(option)
        elif value is False:
            options += [f"--no-{option[2:]}"] if name == "header" else []
        elif isinstance(value, list):
            options += [option, *map(str, value)]
        else:
            options.append(f"{option}={value}")
    return options


def toml_of(args: Namespace) -> str:
    """Write the options that were in force, defaults with them, for ``--config``.

    Parameters
    ----------
    args : argparse.Namespace
    """
    lines = []
    for name, value in vars(args).items():
        if value is None or name in LEFT_OUT:
            continue
        lines.append(f"{name.replace('_', '-')} = {_toml(value)}\n")
    return "".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if value is None:  # an end of a band
        return '"none"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)
