"""Mutants of files: what cosmic-ray's operators make of them, less what cannot matter.

Left out, by rule and not by hand:

- what tells people something (`raise`, `assert`, ``warn(...)``, ``logger...``), `zip`'s
  ``strict=True``, which asserts, types (annotations, their names, blocks for type
  checkers), `__all__`, imports, lines marked ``pragma: no cover``;
- decorators that only save time (`cache`, `lru_cache`, `kept`) and what they are given;
- arithmetic operators in place of others than arithmetic ones, and bitwise operators
  in place of others than bitwise ones (the first use would raise);
- what Python does not compile, or not without a warning, or compiles to the same.

One mutant of each place in a file comes first, then the others. The order is that of
hashes of the lines alone, so that what changes elsewhere in a file changes no choice.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import ast
import re
import warnings
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

# Operators that need to be told names of variables.
WITH_ARGUMENTS = ("VariableReplacer", "VariableInserter")
SAVE_TIME = ("cache", "lru_cache", "kept")
SPEAKING = ast.Raise | ast.Assert | ast.Import | ast.ImportFrom
LEFT_OUT = {
    ast.Call: ("warn", "logger"),
    ast.If: ("TYPE_CHECKING",),
    ast.Assign: ("__all__", "Array", "Params", "Result", "Band"),
}
BITWISE = ("RShift", "LShift", "BitOr", "BitAnd", "BitXor")


class Mutant(NamedTuple):
    """A change of a file."""

    file: str
    line: int
    operator: str
    occurrence: int

    def source(self, root):
        """Give the changed file, None if it is none that can be run, or no change."""
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.plugins import get_operator

        before = (root / self.file).read_text()
        operator = get_operator(f"core/{self.operator}")()
        after = mutate_code(before, operator, self.occurrence)
        try:
            if ast.dump(ast.parse(after)) == ast.dump(ast.parse(before)):
                return None
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                compile(after, self.file, "exec")
        except SyntaxError:
            return None
        return after


def draw(root, files):
    """Give mutants in an order of chance that is always the same.

    Parameters
    ----------
    root : pathlib.Path
    files : list of str

    Yields
    ------
    Mutant, str
        With the source of the changed file.
    """
    found = sorted(each for file in files for each in _of_file(root, file))
    places, others = set(), []
    for _, place, mutant in found:
        if place in places:
            others.append(mutant)
        elif source := mutant.source(root):
            places.add(place)
            yield mutant, source
    for mutant in others:
        if source := mutant.source(root):
            yield mutant, source


def _of_file(root, file):
    """Give (hash, place, mutant) of all that the rules leave."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    text = Path(root / file).read_text()
    lines, tree = text.splitlines(), get_ast(text)
    spans, silent = _left_out(ast.parse(text)), set()
    silent |= {k for k, x in enumerate(lines, 1) if "pragma: no cover" in x}
    nodes = list(ast_nodes(tree))
    for name in operator_names():
        short = name.removeprefix("core/")
        if short in WITH_ARGUMENTS or _mixes(short):
            continue
        operator, occurrence = get_operator(name)(), 0
        for node in nodes:
            for start, _end in operator.mutation_positions(node):
                inside = any(a <= start < b for a, b in spans)
                if not inside and start[0] not in silent:
                    line = lines[start[0] - 1].strip()
                    column = start[1] - lines[start[0] - 1].index(line)
                    # Equal lines of a file differ by what follows them.
                    after = "".join(lines[start[0] : start[0] + 2])
                    said = f"{file} {line} {after} {column} {short} {occurrence % 2}"
                    key = sha256(said.encode()).hexdigest()
                    mutant = Mutant(file, start[0], short, occurrence)
                    yield key, (file, *start), mutant
                occurrence += 1


def _mixes(operator):
    """Say whether an arithmetic operator stands for a bitwise one, or the reverse."""
    kinds = re.fullmatch(r"ReplaceBinaryOperator_(\w+)_(\w+)", operator)
    return bool(kinds) and (kinds[1] in BITWISE) != (kinds[2] in BITWISE)


def _left_out(tree):
    """Give spans, (line, column) from and to, of what the rules leave out."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, SPEAKING) or _root(node) in LEFT_OUT.get(type(node), ()):
            found.append(node)
        elif isinstance(node, ast.AnnAssign | ast.arg):
            found.append(node.annotation)
        elif isinstance(node, ast.Call):
            found += [k.value for k in node.keywords if k.arg == "strict"]
        elif isinstance(node, ast.FunctionDef):
            found.append(node.returns)
            # A decorator begins with its sign.
            found += [d for d in node.decorator_list if _root(d) in SAVE_TIME]
    return [
        ((n.lineno, n.col_offset - 1), (n.end_lineno, n.end_col_offset))
        for n in found
        if n is not None
    ]


def _root(node):
    """Give the first name of a condition, an assignment, a call or an attribute."""
    for part in ("test", "targets", "func", "value"):
        if hasattr(node, part) and not isinstance(node, ast.Constant):
            inside = getattr(node, part)
            return _root(inside[0] if isinstance(inside, list) else inside)
    return getattr(node, "id", None)
