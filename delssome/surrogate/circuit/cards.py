"""Weights on disk, and the card that says what they are."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from delssome._version import __version__
from delssome.files import write_atomically

__all__ = ["WEIGHTS", "digest", "read_weights", "write_weights"]

WEIGHTS = Path(__file__).parent / "weights"
# Counts the forms of the network that read each other's weights.
ARCHITECTURE = 4

State = dict[str, torch.Tensor]


def digest(state: State) -> str:
    """SHA-256 of weights as they are written."""
    return hashlib.sha256(_serialise(state)).hexdigest()


def write_weights(
    folder: Path | str, name: str, state: State, card: Mapping[str, Any]
) -> None:
    """Write weights and their card.

    Parameters
    ----------
    folder : path
    name : str
        Of both files.
    state : dict of str to tensor
    card : dict
        What it should say beside version, architecture and hash; JSON.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
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
    state : dict of str to tensor
    card : dict
    """
    folder = Path(folder)
    card = json.loads((folder / f"{name}.json").read_text())
    weights = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(weights).hexdigest() != card["sha256"]:
        raise ValueError(
            f"{folder / name}.safetensors is not the file that its card "
            f"{name}.json describes (SHA-256 differs); fetch both again."
        )
    if card.get("architecture") != ARCHITECTURE:
        raise ValueError(
            f"{folder / name}.safetensors holds weights of another version of the "
            f"network (card: architecture {card.get('architecture')}, not "
            f"{ARCHITECTURE}); train them again (`delssome train`)."
        )
    return load_tensors(weights), card


def _serialise(state: State) -> bytes:
    return save_tensors({name: x.cpu() for name, x in state.items()})
