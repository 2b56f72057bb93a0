"""The forms in which a model is handed over: a file, bytes, a proto, or an object that exports itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portable_layers.errors import ArchiveError

if TYPE_CHECKING:
    import onnx

_LARGEST_MESSAGE = 2**31 - 1  # protobuf's limit for one serialized message


class ModelSource:
    """A model before it is loaded.

    Args:
        model: the path of an ONNX file, its bytes, an `onnx.ModelProto`, or any object with a
            method `to_onnx()` that gives one.

    Raises:
        ArchiveError: the file is missing, a folder, or a Keras archive.
        TypeError: anything else.
    """

    def __init__(self, model: Any):
        if hasattr(model, "to_onnx"):
            model = model.to_onnx()
        self.path: Path | None = None
        self._bytes: bytes | None = None
        self._proto: onnx.ModelProto | None = None
        if isinstance(model, str | os.PathLike):
            self.path = _existing(Path(model))
        elif isinstance(model, bytes | bytearray | memoryview):
            self._bytes = bytes(model)
        elif hasattr(model, "SerializeToString"):
            self._proto = model
        else:
            raise TypeError(
                "a model is a path, bytes, an onnx.ModelProto or an object with to_onnx(). "
                f"Received: {type(model).__name__}"
            )

    def __str__(self) -> str:
        return "the model" if self.path is None else str(self.path)

    @contextmanager
    def loadable(self) -> Iterator[str | bytes]:
        """The path or the bytes that a runtime loads, valid inside the block."""
        if self.path is not None:
            yield str(self.path)
        elif self._bytes is not None:
            yield self._bytes
        else:
            content = self._serialized()
            if content is not None:
                yield content
                return
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                yield self._spilled(Path(folder, "model.onnx"))

    def proto(self, weights: bool = True) -> onnx.ModelProto:
        """The model as a proto.

        Args:
            weights: whether to read the external data of a file.

        Raises:
            ArchiveError: the bytes are not those of an ONNX model.
        """
        if self._proto is not None:
            return self._proto
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

        try:
            if self.path is not None:
                return onnx.load(self.path, load_external_data=weights)
            return onnx.load_from_string(self._bytes or b"")
        except DecodeError as error:
            raise ArchiveError(f"{self} is not an ONNX model: {error}") from error

    def _serialized(self) -> bytes | None:
        """The bytes of the proto, None when it is larger than one message can be."""
        from google.protobuf.message import EncodeError

        assert self._proto is not None
        try:
            content = self._proto.SerializeToString()
        except (EncodeError, ValueError):
            return None
        return content if len(content) <= _LARGEST_MESSAGE else None

    def _spilled(self, path: Path) -> str:
        """Write the proto with its weights beside it."""
        import onnx

        copy = onnx.ModelProto()
        copy.CopyFrom(self._proto)  # onnx moves the weights out of the proto that it saves
        onnx.save(copy, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)
        return str(path)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ArchiveError(f"there is no file {path}")
    if path.is_dir():
        raise ArchiveError(f"{path} is a folder, expected an ONNX file")
    if path.suffix in (".keras", ".h5", ".hdf5"):
        raise ArchiveError(f"{path} is a Keras file, expected an ONNX file: portable-layers export {path}")
    return path
