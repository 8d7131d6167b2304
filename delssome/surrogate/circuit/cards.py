"""Weights on disk, and the card that says what they are."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from delssome._version import __version__
from delssome.files import (
    BadFileError,
    make_folder,
    read_bytes,
    read_json,
    reading,
    write_atomically,
)

__all__ = ["WEIGHTS", "digest", "read_weights", "write_weights"]

WEIGHTS = Path(__file__).parent / "weights"
# Counts the forms of the network that read each other's weights.
ARCHITECTURE = 4

State = Mapping[str, NDArray[Any]]


def digest(state: State) -> str:
    """SHA-256 of weights as they are written."""
    return sha256(_serialise(state)).hexdigest()


def write_weights(
    folder: Path | str, name: str, state: State, card: Mapping[str, Any]
) -> None:
    """Write weights and their card.

    Parameters
    ----------
    folder : path
    name : str
        Of both files.
    state : dict of str to ndarray
    card : dict
        What it should say beside version, architecture and hash; JSON.
    """
    folder = Path(folder)
    make_folder(folder)
    said = {
        "delssome": __version__,
        "architecture": ARCHITECTURE,
        "sha256": digest(state),
        **card,
    }
    write_atomically(folder / f"{name}.safetensors", _serialise(state))
    text = json.dumps(said, indent=2) + "\n"
    write_atomically(folder / f"{name}.json", text.encode())


def read_weights(folder: Path | str, name: str) -> tuple[State, dict[str, Any]]:
    """Read weights and their card, and check that they belong together.

    Parameters
    ----------
    folder : path
    name : str

    Returns
    -------
    state : dict of str to ndarray
    card : dict
    """
    path = Path(folder) / f"{name}.safetensors"
    remedy = "fetch weights and card again, or train them (`delssome train`)"
    card = read_json(path.with_suffix(".json"), "card of a network", remedy)
    with reading(path, "file of weights", remedy):
        weights = read_bytes(path)
        if sha256(weights).hexdigest() != card["sha256"]:
            raise BadFileError(
                f"{path} is not the file that its card {name}.json describes (SHA-256 "
                f"differs); {remedy}."
            )
        if card.get("architecture") != ARCHITECTURE:
            raise BadFileError(
                f"{path} holds weights of another version of the network (card: "
                f"architecture {card.get('architecture')}, not {ARCHITECTURE}); train "
                "them again (`delssome train`)."
            )
        state = load_arrays(weights)
        # Before a network of that size is made.
        if not {"domain", "models"} <= card.keys() or not any(
            card["width"] in x.shape for x in state.values()
        ):
            raise BadFileError(
                f"{path} and its card {name}.json do not go together; {remedy}."
            )
        return state, card


def _serialise(state: State) -> bytes:
    return save_arrays(dict(state))
