"""Write the tables of doc/results.md from the rows in benchmarks/kept.

    python benchmarks/results.py            # after --json benchmarks/kept/NAME.json
    python benchmarks/results.py --check    # fails if the page says something else

From ``<!-- benchmarks/fits/real_group.py -->`` to ``<!-- end -->`` the page holds the
command, the machine and the tables of kept/real_group.json, if that is there; a word
after the script, as in ``recovery.py maps``, is that of kept/recovery_maps.json.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import re
import sys
from importlib import import_module
from pathlib import Path

from _run import ROOT

PAGE, KEPT = ROOT / "doc" / "results.md", ROOT / "benchmarks" / "kept"
LIST = ROOT / "benchmarks" / "README.md"
BLOCK = re.compile(r"(<!-- (\S+\.py)( \w+)? -->\n).*?(<!-- end -->)", re.DOTALL)


def file_of(script, word):
    """Name the file of rows behind a block."""
    return KEPT / f"{Path(script).stem}{(word or '').replace(' ', '_')}.json"


def fill(found):
    """Give what a block should hold: itself, if no rows are kept."""
    start, script, word, end = found.groups()
    file = file_of(script, word)
    if not file.exists():
        return found[0]
    report = json.loads(file.read_text())
    if report["quick"]:
        raise SystemExit(f"{file} is of a smoke run: its figures mean nothing.")
    sys.path.insert(0, str((ROOT / script).parent))
    tables = import_module(Path(script).stem).tables(report["rows"])
    made = "; ".join(dict.fromkeys(row["made"] for row in report["rows"]))
    missing = "".join(f"; no {k}: {why}" for k, why in report["skipped"].items())
    return f"{start}\n    {report['command']}\n\n{made}{missing}.\n\n{tables}\n\n{end}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    before = PAGE.read_text()
    known = {file_of(script, word) for _, script, word, _ in BLOCK.findall(before)}
    scripts = [script for _, script, _, _ in BLOCK.findall(before)]
    if absent := [script for script in scripts if not (ROOT / script).is_file()]:
        raise SystemExit(f"{PAGE} has blocks of no script: {', '.join(absent)}.")
    listed = LIST.read_text()
    found = (ROOT / "benchmarks").glob("*/[!_]*.py")
    names = [file.relative_to(ROOT).as_posix() for file in found]
    if unlisted := [name for name in names if name not in listed]:
        raise SystemExit(f"{LIST} has no line for {', '.join(unlisted)}.")
    if lost := [file.name for file in KEPT.glob("*.json") if file not in known]:
        raise SystemExit(f"{PAGE} has no block for {', '.join(lost)}.")
    after = BLOCK.sub(fill, before)
    if check and after != before:
        raise SystemExit(f"{PAGE} differs from benchmarks/kept: run results.py.")
    if not check:
        PAGE.write_text(after)


if __name__ == "__main__":
    main()
