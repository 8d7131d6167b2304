"""The model that ``delssome fit`` is asked for, and the fastest way to search it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from delssome import models
from delssome.cli.console import say
from delssome.evaluation import Evaluator
from delssome.models import Model
from delssome.simulation import Acquisition

__all__ = ["choose_surrogate", "fastest_surrogate", "load_model"]


# What a fit takes where the network, which takes seconds, does not serve.
TAKES = {
    "linear": " A fit by theory takes minutes, the more regions the longer.",
    None: " A fit by simulation takes some half an hour of CPU time, unless --popsize "
    "and --max-iter say less.",
}


def load_model(given: str, map_signs: Sequence[int] | None = None) -> Model:
    """Make a model with its default settings.

    Parameters
    ----------
    given : str
        Name of a shipped model, such as "fic", or "FILE.py:CLASS", a subclass of
        :class:`delssome.models.Model` in a file. It is run: name no file that you do
        not trust.
    map_signs : sequence of {-1, 0, 1}, default=None
        Of models that have such a setting.

    Returns
    -------
    Model
    """
    shipped = {name.lower(): kind for name, kind in _model_classes(models).items()}
    file, _, name = given.rpartition(":")
    if given.lower() in shipped:
        kind = shipped[given.lower()]
    elif file.endswith(".py") or given.endswith(".py"):
        kind = _class_of_file(file, name)
    else:
        raise ValueError(
            f"--model must be {', '.join(shipped)} or FILE.py:CLASS, got {given!r}."
        )
    model = kind()
    if map_signs is None:
        return model
    settings = [field.name for field in fields(model)]  # type: ignore[arg-type]
    if "map_signs" not in settings:
        raise ValueError(
            f"--map-signs belongs to models with a setting map_signs, such as fic; the "
            f"{model.name} model has {', '.join(settings)}."
        )
    changes: dict[str, Any] = {"map_signs": tuple(map_signs)}
    return replace(model, **changes)  # type: ignore[type-var]


def _class_of_file(file: str, name: str) -> type[Model]:
    """Find a model class in a file, or say what is wrong with either."""
    if not file or not name:  # "FILE.py" or "FILE.py:"
        raise ValueError(f"--model {file or name} names no class; write FILE.py:CLASS.")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"--model {file}:{name}: there is no file {file}.")
    module = _run(path)
    kind = getattr(module, name, None)
    if kind is None:
        there = ", ".join(_model_classes(module)) or "none"
        raise ValueError(
            f"--model {file}:{name}: there is no class {name} in {file}; models that "
            f"are there: {there}."
        )
    if not (isinstance(kind, type) and issubclass(kind, Model)) or kind is Model:
        raise TypeError(
            f"--model {file}:{name}: {name} is no model; derive it from "
            "delssome.models.Model."
        )
    is_decorated: bool = is_dataclass(kind)
    if not is_decorated:
        raise TypeError(
            f"--model {file}:{name}: the class of a model must be a dataclass; "
            "decorate it with @dataclass(frozen=True)."
        )
    return kind


def _run(path: Path) -> ModuleType:
    """Import a file, so that processes elsewhere can be given what it defines."""
    name = "delssome_model_" + re.sub(r"\W", "_", path.stem)
    spec = spec_from_file_location(name, path)
    assert spec is not None  # a file that ends in .py
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(
            f"--model: {path} fails to be imported with {type(error).__name__}: {error}"
        ) from error
    # Workers know no module of that name. Older joblib has cloudpickle within it.
    for pickling in ("cloudpickle", "joblib.externals.cloudpickle"):
        with suppress(ImportError):
            import_module(pickling).register_pickle_by_value(module)
    return module


def _model_classes(module: ModuleType) -> dict[str, type[Model]]:
    """Models of a module by name, the base class left out."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    }


def choose_surrogate(
    given: str | None,
    model: Model,
    acquisition: Acquisition,
    weights: str | None = None,
) -> str | Evaluator | None:
    """Give what was asked for, or else the fastest that serves the model, and say so.

    Parameters
    ----------
    given : {"deep", "linear", "none", None}
    model : Model
    acquisition : Acquisition
    weights : str, default=None
        Folder of a network of the user's own.

    Returns
    -------
    {"deep", "linear", None} or Evaluator
    """
    if weights is not None:
        if given not in (None, "deep"):
            raise ValueError(f"--weights goes without --surrogate {given}.")
        from delssome.surrogate import CircuitSurrogate

        network = CircuitSurrogate.load(weights, acquisition=acquisition, model=model)
        network.check(model)
        return network
    if given is not None:
        return None if given == "none" else given
    chosen, refusals = fastest_surrogate(model, acquisition)
    why = "".join(f" {reason}" for reason in refusals)
    say(
        f"note: --surrogate {chosen or 'none'} is the fastest that serves the "
        f"{model.name} model.{why}{TAKES.get(chosen, '')}"
    )
    return chosen


def fastest_surrogate(
    model: Model, acquisition: Acquisition
) -> tuple[str | None, list[str]]:
    """Choose what ranks candidates: the network, else theory, else simulation.

    Parameters
    ----------
    model : Model
    acquisition : Acquisition

    Returns
    -------
    surrogate : {"deep", "linear", None}
    refusals : list of str
        Why the faster ones cannot serve the model.
    """
    refusals = []
    for name, check in (("deep", _check_network), ("linear", _check_theory)):
        try:
            check(model, acquisition)
        except (ValueError, TypeError) as error:
            refusals.append(str(error))
        else:
            return name, refusals
    return None, refusals


def _check_network(model: Model, acquisition: Acquisition) -> None:
    from delssome.surrogate import CircuitSurrogate

    reason = CircuitSurrogate.load(acquisition=acquisition).strange(model)
    if reason:
        raise ValueError(reason)


def _check_theory(model: Model, acquisition: Acquisition) -> None:
    from delssome.theory import TheoryEvaluator

    TheoryEvaluator(model, acquisition)
