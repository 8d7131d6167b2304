"""Damaged files and wrong settings: every one of them is to get a clear error."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np

from delssome import CMAES, FIC, Acquisition, Simulator, Verification
from delssome.datasets import read_matrix, read_table
from delssome.evaluation import Evaluation
from delssome.files import pack_arrays, write_atomically
from delssome.fitting.journal import Journal
from delssome.fitting.store import Store
from delssome.study import Norms
from delssome.surrogate import CircuitSurrogate, read_shard
from delssome.surrogate.circuit.cards import WEIGHTS

# Mutations of every file, and of a quick run.
N_MUTATIONS, N_QUICK = 400, 25
CLEAR = (ValueError, TypeError, OSError, ImportError)

WRONG = (np.nan, np.inf, -1, 0, 10.9, "3", True, None, [], 10**9, -np.inf, 1e300)
SETTINGS = {
    Acquisition: ("tr", "n_frames", "window", "burn_in", "warm_up", "dt"),
    CMAES: ("popsize", "max_iter", "sigma0", "n_restarts", "max_seconds"),
    Simulator: ("n_repeats", "backend", "device", "dtype"),
    Verification: ("n_finalists", "validation_fraction", "refine_budget"),
    FIC: ("target_rate", "rate_tolerance", "map_signs", "min_w_EI_sd"),
}


def bad_inputs(quick):
    """Count them, and those that pass for what they are not or end in something raw."""
    found = {"bad_inputs": 0, "bad_inputs_unclear": 0}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (content, read) in _files(Path(folder)).items():
            n = N_QUICK if quick else N_MUTATIONS
            for damaged in _mutations(content, n, np.random.default_rng(len(name))):
                found["bad_inputs"] += 1
                found["bad_inputs_unclear"] += not _clear(name, read, damaged, folder)
    for kind, names in SETTINGS.items():
        for name in names:
            for value in WRONG:
                found["bad_inputs"] += 1
                found["bad_inputs_unclear"] += not _said(kind, name, value)
    return found


def _mutations(content, n, rng):
    """Cut, flip, overwrite, repeat, and leave out."""
    yield b""
    for _ in range(n):
        damaged, k = bytearray(content), int(rng.integers(len(content)))
        length = int(rng.integers(1, 40))
        match rng.integers(5):
            case 0:
                del damaged[k:]
            case 1:
                damaged[k] ^= 1 << int(rng.integers(8))
            case 2:
                damaged[k : k + length] = rng.bytes(length)
            case 3:
                damaged[k:k] = damaged[k : k + length]
            case _:
                del damaged[k : k + length]
        yield bytes(damaged)


def _clear(name, read, content, folder):
    """Tell whether a damaged file is read as it was, or refused with its name."""
    path = Path(folder) / name
    path.write_bytes(content)
    try:
        read(path)
    except CLEAR as error:
        if name in str(error):
            return True
        print("unclear:", name, f"{type(error).__name__}: {error}"[:300], flush=True)
        return False
    except Exception as error:
        print("raw:", name, f"{type(error).__name__}: {error}"[:300], flush=True)
        return False
    return True


def _said(kind, name, value):
    """Tell whether a setting is taken, or refused with its name."""
    try:
        made = kind(**{name: value})
    except (ValueError, TypeError) as error:
        if name in str(error):
            return True
        print("unclear:", kind.__name__, name, value, error, flush=True)
        return False
    except Exception as error:
        print("raw:", kind.__name__, name, value, repr(error), flush=True)
        return False
    # What is taken has to be of use: at least it can be repeated and compared.
    return made == kind(**{name: value}) or value != value  # NaN


def _files(folder):
    """Give whole files, and what reads them."""
    rng = np.random.default_rng(0)
    matrix = rng.random((6, 6))
    matrix += matrix.T
    np.savetxt(folder / "sc.csv", matrix, delimiter=",")
    np.savetxt(folder / "ts.tsv", rng.random((20, 6)), delimiter="\t")
    np.save(folder / "fc.npy", matrix)
    np.savez(folder / "own.npz", sc=matrix)
    from scipy.io import savemat

    savemat(folder / "sc.mat", {"sc": matrix})
    savemat(folder / "packed.mat", {"sc": matrix}, do_compression=True)
    store = Store(folder / "store", {"a": 1})
    store["row"] = {"cost": np.array(1.0), "params": rng.random(40)}
    journal = Journal(folder / "fit.npz", "a")
    _journal(journal)
    write_atomically(folder / "shard.npz", pack_arrays({"sc": matrix[0], "G": matrix}))
    n = 120
    norms = Norms().fit(rng.random(n), rng.uniform(5, 80, n), ["a", "b"] * (n // 2))
    norms.save(folder / "norms.json")
    card = json.loads((WEIGHTS / "circuit.json").read_text())
    weights = WEIGHTS / "circuit.safetensors"

    def of_store(path):
        (folder / "store" / "row.npz").write_bytes(path.read_bytes())
        again = Store(folder / "store", {"a": 1})
        return "row" in again and again["row"]

    def of_card(path):
        (folder / "circuit.safetensors").write_bytes(weights.read_bytes())
        return CircuitSurrogate.load(folder, "circuit")

    def of_weights(path):
        (folder / "circuit.json").write_text(json.dumps(card))
        return CircuitSurrogate.load(folder, "circuit")

    readers = {
        "sc.csv": read_matrix,
        "ts.tsv": read_table,
        "fc.npy": read_matrix,
        "own.npz": read_matrix,
        "sc.mat": read_matrix,
        "packed.mat": read_matrix,
        "fit.npz": lambda path: Journal(path, "a"),
        "shard.npz": read_shard,
        "norms.json": Norms.load,
    }
    files = {k: ((folder / k).read_bytes(), read) for k, read in readers.items()}
    files["row.npz"] = ((folder / "store" / "row.npz").read_bytes(), of_store)
    files["circuit.json"] = (json.dumps(card).encode(), of_card)
    files["circuit.safetensors"] = (weights.read_bytes(), of_weights)
    return files


def _journal(journal):
    found = Evaluation(np.zeros((3, 3)), np.zeros(3))
    journal.evaluate((0, 0, 0), "asked", lambda: found)
