"""Count what the house rules ask for: types, lengths, imports, names of one model.

Functions are measured without docstrings, nested ones too. Compiled code of inferred
types (delssome/simd, modules called stages or algebra) is not among the untyped.
`files_naming_fic`: those of the package, without models/fic.py and datasets, whose code
or messages name a parameter or state of FIC; docstrings and comments are not counted.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import ast
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import time
from importlib import import_module
from statistics import median

from _run import ROOT, Seconds, interleaved, main, middle, over, table

FIC_NAMES = re.compile(r"(?<![A-Za-z0-9])(w_EE|w_EI|w_IE|r_E|S_E|S_I)(?![A-Za-z0-9])")
INFERRED = re.compile(r"/simd/|(stages|algebra)\.py$")
# What was seen here before, and elsewhere: pyRiemann, diffrax, tvboptim.
SEEN = """\
files / lines; median file; longest | 76 / 14.3k; 147; 610 | \
53 / 19.0k; 205; 1336 | 63 / 16.5k; 140; 1543 | 75 / 19.8k; 158; 1956
functions; median; over 60 lines; longest | 570; 8; 8; 107 | \
502; 7; 8; 102 | 532; 7; 27; 758 | 667; 7; 29; 427
most arguments of one constructor | 27 | 15 | 18 | 13
return annotations; errors of `mypy --check-untyped-defs` | 0 of 570; 206 | - | \
typed | partly
CI: systems x Pythons; release workflow | 1 x 1; none | 3 x 3; yes | 1 x 2; yes | \
2 x 4; yes
benchmarks: scripts, lines, parsers | 20, 3.7k, 19 | none | 7 | none"""


def read(folder):
    """Give the text of every Python file."""
    files = sorted((ROOT / folder).rglob("*.py"))
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def functions(node, name, public=True):
    """Give all functions below a node: name, node, and whether it is public."""
    for child in ast.iter_child_nodes(node):
        own, seen = getattr(child, "name", ""), public
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            seen = public and not own.startswith("_")
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name}:{own}", child, seen
            seen = False  # what is nested
        yield from functions(child, name, seen)


def untyped(node):
    """Tell whether an argument or the result has no type."""
    a = node.args
    given = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
    types = [x.annotation for x in given if x and x.arg not in ("self", "cls")]
    return None in (*types, node.returns)


def length(node):
    """Give the lines of a function without its docstring."""
    doc, lines = docstring(node), node.end_lineno - node.lineno + 1
    return lines if doc is None else lines - (doc.end_lineno - doc.lineno + 1)


def docstring(node):
    """Give the node of a docstring, or None."""
    first = getattr(node, "body", None) or [None]
    first = first[0] if isinstance(first, list) else None
    text = isinstance(getattr(getattr(first, "value", None), "value", None), str)
    return first.value if isinstance(first, ast.Expr) and text else None


def names_fic(tree):
    """Tell whether code or messages, not docstrings, name FIC's own."""
    docs = {docstring(node) for node in ast.walk(tree)}
    return any(
        isinstance(text := getattr(node, field, None), str) and FIC_NAMES.search(text)
        for node in ast.walk(tree)
        if node not in docs
        for field in ("id", "attr", "arg", "name", "value")
    )


def arguments():
    """Give the number of arguments of every estimator and component."""
    import delssome

    found = {}
    packages = [m.name for m in pkgutil.iter_modules(delssome.__path__) if m.ispkg]
    for package in ("delssome", *(f"delssome.{name}" for name in packages)):
        module = import_module(package)
        for name in getattr(module, "__all__", ()):
            own = getattr(module, name)
            if inspect.isclass(own) and hasattr(own, "get_params"):
                found[name] = len(inspect.signature(own).parameters)
    return found


def imports(quick):
    """Time imports and the help text in fresh processes, in turns."""

    def fresh(*options):
        def run():
            wall, cpu = time.perf_counter(), sum(os.times()[2:4])
            command = [sys.executable, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
            return Seconds(time.perf_counter() - wall, sum(os.times()[2:4]) - cpu)

        return run

    contestants = {
        "sklearn": fresh("-c", "import sklearn"),
        "import": fresh("-c", "import delssome"),
        "help": fresh("-m", "delssome", "--help"),
        "use": fresh("-c", "from delssome import MeanFieldFitter"),
    }
    interleaved(contestants, 1)  # files are read
    times = interleaved(contestants, 2 if quick else 11)
    row = {
        f"{k}_seconds": middle([wall for wall, _ in own]) for k, own in times.items()
    }
    for name in ("import", "help", "use"):
        for suffix, which in (("", 0), ("_cpu", 1)):
            ratio = over(times[name], times["sklearn"], which)
            row[f"{name}_over_sklearn{suffix}"] = ratio[0]
    return row


def mypy_errors():
    """Count errors of mypy, in bodies without annotations too."""
    command = [sys.executable, "-m", "mypy", "--check-untyped-defs", "-p", "delssome"]
    command += ["--cache-dir", os.devnull]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = re.search(r"Found (\d+) errors?", done.stdout)
    if found is None and "Success" not in done.stdout:
        raise RuntimeError(f"mypy did not run: {done.stdout}{done.stderr}")
    return int(found[1]) if found else 0


def toy_model_lines(text):
    """Count the lines of the model that the contract test writes, its constant TOY."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TOY":
            lines = ast.literal_eval(node.value).splitlines()
            return sum(bool(line.strip()) for line in lines)
    return None


def measure(run):
    own, tests, benchmarks = map(read, ("delssome", "tests", "benchmarks"))
    lines = {name: len(text.splitlines()) for name, text in own.items()}
    found = [f for name, text in own.items() for f in functions(ast.parse(text), name)]
    lengths = [(length(node), name) for name, node, _ in found]
    missing = [n for n, x, public in found if public and untyped(x)]
    missing = [name for name in missing if not INFERRED.search(name.split(":")[0])]
    naming = {k for k, text in (own | tests).items() if names_fic(ast.parse(text))}
    apart = ("delssome/models/fic.py", "delssome/datasets/")
    constructors = arguments()
    workflows = "".join(f.read_text() for f in (ROOT / ".github").rglob("*.y*ml"))
    return {
        "fitter_parameters": constructors["MeanFieldFitter"],
        "untyped_public_functions": len(missing),
        "mypy_untyped_defs_errors": mypy_errors(),
        **imports(run.quick),
        "longest_function": max(lengths)[0],
        "longest_function_name": max(lengths)[1],
        "files_over_400": [name for name, n in lines.items() if n > 400],
        "benchmark_lines": sum(len(x.splitlines()) for x in benchmarks.values()),
        "benchmark_scripts": sum("/_" not in name for name in benchmarks),
        "benchmark_parsers": sum("\n    parser = " in x for x in benchmarks.values()),
        "toy_model_lines": toy_model_lines(
            tests.get("tests/models/test_contract.py", "")
        ),
        "files_naming_fic": sorted(
            x for x in naming & set(own) if not x.startswith(apart)
        ),
        "tests_naming_fic": sorted(naming & set(tests)),
        "untyped": missing,
        "untyped_leaves_out": INFERRED.pattern,
        "files": [
            len(own),
            sum(lines.values()),
            median(lines.values()),
            max(lines.values()),
        ],
        "functions": [len(found), median(n for n, _ in lengths)],
        "functions_over_60": sorted(name for n, name in lengths if n > 60),
        "return_annotations": sum(node.returns is not None for _, node, _ in found),
        "most_arguments": max((n, name) for name, n in constructors.items()),
        "ci": [
            len(set(re.findall(r"\b(ubuntu|macos|windows)-", workflows))),
            len(set(re.findall(r"\b3\.1\d\b", workflows))),
            "yes" if "pypi" in workflows else "none",
        ],
    }


def tables(rows):
    r = rows[0]
    ours = (
        "{} / {}; {:.0f}; {}".format(*r["files"]),
        f"{r['functions'][0]}; {r['functions'][1]:.0f}; {len(r['functions_over_60'])}; "
        f"{r['longest_function']}",
        "{} (`{}`)".format(*r["most_arguments"]),
        f"{r['return_annotations']} of {r['functions'][0]}; "
        f"{r['mypy_untyped_defs_errors']}",
        "{} x {}; {}".format(*r["ci"]),
        f"{r['benchmark_scripts']}, {r['benchmark_lines']}, {r['benchmark_parsers']}",
    )
    seen = (line.split(" | ", 1) for line in SEEN.splitlines())
    lines = [f"{x[0]} | {y} | {x[1]}" for x, y in zip(seen, ours, strict=True)]
    return table(" | here | here before | pyRiemann | diffrax | tvboptim", lines)


if __name__ == "__main__":
    main(measure, tables, summary=lambda rows: rows[0])
