"""Reads whole-model `.h5` files, Keras 2's format, which Keras 3 still writes, without Keras.

The root has the attributes `model_config` (JSON), `keras_version` and `backend`. The group `model_weights`
lists its layers in the attribute `layer_names`; each layer's group lists its arrays in `weight_names`:
trainable ones first, those of nested layers included. The layout is that of
`keras.src.legacy.saving.legacy_h5_format`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from converters.file_kinds import open_file
from converters.hdf5_reader import Hdf5Reader
from converters.lazy_array import LazyArray
from converters.strict_json import parse_json_object
from converters.zip_reader import ByteRange
from portable_layers.errors import ArchiveError, WeightsError

EXPECTED = "a Keras .h5 model (HDF5)"
WEIGHTS = "model_weights"


class LegacyH5:
    """An open `.h5` model; use it as a context manager. Made by `LegacyH5.open`.

    Attributes:
        path: where the file is.
        config: the model's config as the file has it, with the names of the Keras that wrote it.
        keras_version: that Keras, e.g. "2.15.0"; "1" if the file does not say.
        backend: its backend, e.g. "tensorflow"; None if the file does not say.
        layer_names: the layers in the order of the model, those without weights included.
    """

    def __init__(self, path: Path, file: BinaryIO):
        self.path, self._file = path, file
        size = os.fstat(file.fileno()).st_size
        self._reader = reader = Hdf5Reader(ByteRange(file, 0, size, str(path), threading.Lock()))
        config = reader.texts("", "model_config")
        if not config or WEIGHTS not in reader:
            raise ArchiveError(f"{path} is {_found(reader)}; a whole model (`model.save`) was expected")
        self.config: dict[str, Any] = parse_json_object(config[0], f"{path}: model_config")
        self.keras_version = self._about("keras_version") or "1"
        self.backend = self._about("backend")
        self.layer_names = self._list(WEIGHTS, "layer_names")

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> LegacyH5:
        """Opens a `.h5` model for reading.

        Raises:
            ArchiveError: it is missing, truncated, of another kind, or unsafe to read. The format has no
                checksum: a wrong bit in a weight is not found.
        """
        path = Path(path)
        file = open_file(path, "an HDF5 file", EXPECTED)
        try:
            return cls(path, file)
        except BaseException:
            file.close()
            raise

    def layer_variables(self, name: str) -> dict[str, LazyArray]:
        """A layer's arrays by their names in the file (`dense/kernel:0`), in its order, not read yet.

        Args:
            name: one of `layer_names`, or "top_level_model_weights" for variables of the model itself.

        Raises:
            WeightsError: the file has no such layer.
            ArchiveError: the file lists an array that it does not have, or one twice.
        """
        group = _join(WEIGHTS, name)
        if group not in self._reader:
            raise WeightsError(f"{self.path} has no weights for a layer {name!r}")
        arrays: dict[str, LazyArray] = {}
        for weight in self._list(group, "weight_names"):
            array = self._reader.arrays.get(_join(group, weight))
            if array is None or weight in arrays:
                problem = "which is not in the file" if array is None else "twice"
                raise ArchiveError(f"{self.path}: {group} lists the weight {weight!r}, {problem}")
            arrays[weight] = array
        return arrays

    def layer_weights(self, name: str) -> list[np.ndarray]:
        """A layer's arrays in the file's order; arguments and errors as in `layer_variables`."""
        return [array.read() for array in self.layer_variables(name).values()]

    def close(self) -> None:
        """Closes the file; arrays that have been read stay valid, others can no longer be read."""
        self._reader.close()
        self._file.close()

    def __enter__(self) -> LegacyH5:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _about(self, name: str) -> str | None:
        texts = self._reader.texts("", name) or self._reader.texts(WEIGHTS, name)
        return texts[0] if texts else None

    def _list(self, group: str, name: str) -> list[str]:
        """A list of names; one that is too long for an attribute lies in `name0`, `name1`, ..."""
        names = self._reader.texts(group, name)
        if names is not None:
            return names
        names, number = [], 0
        while (part := self._reader.texts(group, f"{name}{number}")) is not None:
            names += part
            number += 1
        return names


def _join(group: str, name: str) -> str:
    """The path of `name` in `group` as HDF5 understands it, where empty parts and dots mean nothing."""
    return "/".join([group, *(part for part in name.split("/") if part not in ("", "."))])


def _found(reader: Hdf5Reader) -> str:
    if any(group.rpartition("/")[2] == "vars" for group in reader.groups()):
        return "a Keras 3 weights file without a model"
    if reader.texts("", "layer_names") is not None:
        return "a Keras 2 weights file without a model"
    return "an HDF5 file without a Keras model"
