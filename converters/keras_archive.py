"""Reads and writes `.keras` files without Keras and without TensorFlow.

A `.keras` file is a zip archive with `metadata.json`, `config.json`, the variables in `model.weights.h5`
(or in shards listed in `model.weights.json`), and files such as vocabularies under `assets/`. The layout is
that of `keras.src.saving.saving_lib`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from converters.file_kinds import open_file
from converters.hdf5_reader import Hdf5Reader
from converters.strict_json import parse_json_object
from converters.weight_store import WeightStore, write_variables
from converters.zip_reader import ZipReader
from portable_layers.errors import ArchiveError

METADATA, CONFIG, ASSETS = "metadata.json", "config.json", "assets/"
WEIGHTS, SHARDS, NPZ_WEIGHTS = "model.weights.h5", "model.weights.json", "model.weights.npz"
KERAS_VERSION = "3.15.1"  # of the format that is written
EXPECTED = "a .keras archive (zip)"
MAX_JSON = 128 << 20
MAX_ASSET = 2 << 30


class KerasArchive:
    """An open `.keras` file; use it as a context manager. Made by `KerasArchive.open`.

    Attributes:
        path: where the file is.
        metadata: Keras's note of its version and the date; empty if there is none.
        config: the model's config as Keras wrote it.
        weights: the variables; checked and listed at the first use.
        assets: the files under `assets/`, by their path below it; read when asked for.
    """

    def __init__(self, path: Path, file: BinaryIO, verify: bool):
        self.path, self._file, self._verify = path, file, verify
        self._members = members = ZipReader(file, str(path))
        if CONFIG not in members:
            raise ArchiveError(_not_keras(path, members))
        if not any(name in members for name in (WEIGHTS, SHARDS)):
            raise ArchiveError(_no_weights(path, members))
        self.config: dict[str, Any] = self._json(CONFIG)
        self.metadata: dict[str, Any] = self._json(METADATA) if METADATA in members else {}
        self.assets: Mapping[str, bytes] = _Assets(members)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: bool = True) -> KerasArchive:
        """Opens a `.keras` file for reading.

        Args:
            path: the file.
            verify: whether the checksum of the weights is checked before they are used (about 25 ms for
                100 MB). A wrong bit in a weight shows nowhere else.

        Raises:
            ArchiveError: it is missing, truncated, of another kind, or unsafe to read.
        """
        path = Path(path)
        file = open_file(path, "a zip archive", EXPECTED)
        try:
            return cls(path, file, verify)
        except BaseException:
            file.close()
            raise

    @cached_property
    def weights(self) -> WeightStore:
        """The variables.

        Raises:
            ArchiveError: their file is damaged, or unsafe to read.
        """
        readers: list[Hdf5Reader] = []
        try:
            for name in self._shard_names():
                readers.append(Hdf5Reader(self._members.range(name, self._verify)))
            return WeightStore(readers)
        except BaseException:
            for reader in readers:
                reader.close()
            raise

    def close(self) -> None:
        """Closes the file; arrays that have been read stay valid, others can no longer be read."""
        if "weights" in self.__dict__:
            self.weights.close()
        self._members.close()
        self._file.close()

    def __enter__(self) -> KerasArchive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _json(self, name: str) -> dict[str, Any]:
        return parse_json_object(self._members.read(name, MAX_JSON), f"{self.path}: {name}")

    def _shard_names(self) -> list[str]:
        if WEIGHTS in self._members:
            return [WEIGHTS]
        index = self._json(SHARDS).get("weight_map")
        where = f"{self.path}: {SHARDS}"
        if not isinstance(index, dict):
            raise ArchiveError(f"{where} has no weight_map")
        names: dict[str, None] = {}
        for group, files in index.items():
            for name in files if isinstance(files, list) else [files]:
                if not isinstance(name, str) or name not in self._members:
                    raise ArchiveError(f"{where} places {group!r} in {name!r}, which is not in the archive")
                names[name] = None
        return list(names)


def write_keras_archive(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    weights: Mapping[str, Sequence[np.ndarray] | Mapping[str, np.ndarray]],
    names: Mapping[str, str] | None = None,
    assets: Mapping[str, bytes] | None = None,
    keras_version: str = KERAS_VERSION,
) -> None:
    """Writes a `.keras` file that `keras.models.load_model` opens.

    It is written beside its place and then renamed, so that a failure leaves the old file as it was.

    Args:
        path: the file, replaced if there is one.
        config: the model's config, as `keras.saving.serialize_keras_object` gives it.
        weights: the variables of each object by its path, e.g. `{"layers/dense": [kernel, bias]}`; a mapping
            names them itself. The path of the model is "".
        names: the objects' names by path; objects without variables may have one too.
        assets: files for `assets/`, by their path below it, e.g. "layers/string_lookup/vocabulary.txt".
        keras_version: the version of Keras whose format the config follows.

    Raises:
        ArchiveError: the config is not JSON, a path is not plain, or the file cannot be written.
        WeightsError: an array is of a dtype that Keras does not load.
    """
    path, assets = Path(path), assets or {}
    if path.suffix != ".keras":
        raise ArchiveError(f"{path} cannot be written: Keras opens only names that end in .keras")
    try:
        config_json = json.dumps(config)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArchiveError(f"{path} cannot be written: the config is not JSON: {error}") from None
    parse_json_object(config_json, f"{path}: {CONFIG}")
    for name in assets:
        check_asset_name(name, str(path))
    metadata = {"keras_version": keras_version, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with (
            open(beside, "xb") as file,
            zipfile.ZipFile(file, "w") as archive,
            tempfile.TemporaryFile(dir=path.parent) as hdf5,
        ):
            write_variables(hdf5, weights, names or {})
            archive.writestr(METADATA, json.dumps(metadata))
            archive.writestr(CONFIG, config_json)
            hdf5.seek(0)
            with archive.open(WEIGHTS, "w", force_zip64=True) as member:
                shutil.copyfileobj(hdf5, member, 1 << 20)
            for name, data in assets.items():
                archive.writestr(ASSETS + name, data)
        os.replace(beside, path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)


class _Assets(Mapping[str, bytes]):
    def __init__(self, members: ZipReader):
        self._members = members
        self._names = [name.removeprefix(ASSETS) for name in members.names() if name.startswith(ASSETS)]
        for name in self._names:
            check_asset_name(name, members.where)

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        return self._members.read(ASSETS + name, MAX_ASSET)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def check_asset_name(name: str, where: str) -> None:
    """Raises ArchiveError unless `name` is a plain relative path with forward slashes."""
    plain = PurePosixPath(name).as_posix() == name and "\\" not in name and "\0" not in name
    if not plain or not name or name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
        raise ArchiveError(f"{where} is not safe to read: asset {name!r} is not a plain relative path")


def _not_keras(path: Path, members: ZipReader) -> str:
    names = members.names()
    if any(name.endswith("/data.pkl") for name in names):
        found = "a PyTorch checkpoint"
    elif names and all(name.endswith(".npy") for name in names):
        found = "a NumPy .npz file"
    else:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        found = f"a zip archive without {CONFIG} (it holds {shown or 'nothing'})"
    return f"{path} is {found}; a .keras archive with {METADATA}, {CONFIG} and {WEIGHTS} was expected"


def _no_weights(path: Path, members: ZipReader) -> str:
    if NPZ_WEIGHTS in members:
        return (
            f"{path} keeps its weights in {NPZ_WEIGHTS}, which are Python pickles and unsafe to read; "
            f"{WEIGHTS} was expected (save the model again without weights_format='npz')"
        )
    return f"{path} has a {CONFIG} but no weights; {WEIGHTS} or {SHARDS} was expected"
