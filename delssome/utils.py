"""Checks of settings and writing of files, shared by many."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import sys
import tempfile
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

__all__ = [
    "check_device",
    "check_number",
    "check_surrogate",
    "instance_or_default",
    "make_generator",
    "progress_bar",
    "write_atomically",
]

SURROGATES = ("linear", "deep")


def check_number(name, value, kind, low, high=None):
    """Check that a setting is a number of a kind within closed limits.

    Parameters
    ----------
    name : str
        Name of the setting, for the error.
    value : object
    kind : {numbers.Integral, numbers.Real}
    low : float
    high : float, default=None
        None: no upper limit.
    """
    word = "an integer" if kind is Integral else "a number"
    limits = f"of at least {low}" if high is None else f"between {low} and {high}"
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} must be {word} {limits}, got {value!r}.")
    if not (value >= low and (high is None or value <= high)):
        raise ValueError(f"{name} must be {word} {limits}, got {value!r}.")


def instance_or_default(name, value, kind):
    """Give a setting that has to be of a kind; None is ``kind()``."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise TypeError(
            f"{name} must be a {kind.__name__} or None, got {type(value).__name__}."
        )
    return value


def check_device(device):
    """Give the torch device, or say why it cannot be used."""
    try:
        torch_device = torch.device(device)
        torch.empty(0, device=torch_device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device={device!r} cannot be used ({str(error).splitlines()[0]}); "
            "use 'cpu', or 'cuda' on a machine where torch.cuda.is_available()."
        ) from error
    return torch_device


def check_surrogate(surrogate):
    """Check that a surrogate is None, a name or a fitted estimator that evaluates."""
    if surrogate is None or (isinstance(surrogate, str) and surrogate in SURROGATES):
        return
    if not callable(getattr(surrogate, "evaluate", None)):
        raise TypeError(
            "surrogate must be None (simulate every candidate), 'linear' (linear-noise "
            "theory), 'deep' (shipped networks) or a fitted estimator with an evaluate "
            f"method, such as CircuitSurrogate, got {surrogate!r}."
        )
    check_is_fitted(surrogate)


def make_generator(random_state):
    """Make a NumPy generator from a scikit-learn random state.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None: fresh entropy, where scikit-learn would move the global state.

    Returns
    -------
    numpy.random.Generator
    """
    if random_state is None:
        return np.random.default_rng()
    seed = check_random_state(random_state).randint(2**31, size=4)
    return np.random.default_rng(seed)


def progress_bar(iterable=None, *, total, desc, unit="it", verbose=0):
    """Show progress with the time left: often to who looks on, rarely into a log.

    Parameters
    ----------
    iterable : iterable, default=None
        None: the caller updates the bar.
    total : int
    desc, unit : str
    verbose : int, default=0
        Nothing is shown below 1.

    Returns
    -------
    tqdm
    """
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        disable=verbose < 1,
        mininterval=0.1 if watched else 10.0,
    )


def write_atomically(path, content):
    """Write bytes to a file that appears whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
    content : bytes
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
