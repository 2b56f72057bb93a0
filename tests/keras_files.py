""".keras files for tests, made without Keras, and ways to spoil them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import portable_layers as pl
from converters import to_keras_file


def small_model(name: str = "small", outputs: int = 1) -> pl.Model:
    """`x` of 4 features to 3 probabilities, with random weights; a second output on demand."""
    x = pl.Input((4,), name="x")
    hidden = pl.layers.Dense(8, activation="relu", name="hidden")(x)
    ends = [pl.layers.Dense(3, activation="softmax", name="classes")(hidden)]
    if outputs == 2:
        ends.append(pl.layers.Dense(2, name="box")(hidden))
    model = pl.Model(x, ends[0] if outputs == 1 else ends, name=name)
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape).astype(w.dtype) for w in model.weights])
    return model


def write_small(path: Path, **arguments: Any) -> pl.Model:
    """The file of a small model, and the model."""
    model = small_model(**arguments)
    to_keras_file(model, path)
    return model


def change_config(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let `change` alter the config of a file in place."""

    def alter(data: bytes) -> bytes:
        config = json.loads(data)
        change(config)
        return json.dumps(config).encode()

    _change_member(path, "config.json", alter)


def change_weights(path: Path, change: Callable[[h5py.File], object]) -> None:
    """Let `change` alter the weight store of a file."""

    def alter(data: bytes) -> bytes:
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "r+") as store:
            change(store)
        return buffer.getvalue()

    _change_member(path, "model.weights.h5", alter)


def layer_config(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The entry of a layer in a model's config."""
    return next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == name)


def _change_member(path: Path, name: str, alter: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members[name] = alter(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
