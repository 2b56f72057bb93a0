"""Says in a few words what a file is, so that an error can name what was found."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from portable_layers.errors import ArchiveError

# What `describe` calls a file without a known signature, as ONNX files are.
UNKNOWN = "a file of an unknown kind"
_SIGNATURES = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip-compressed file"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"version https://git-lfs", "a Git LFS pointer (fetch the real file with `git lfs pull`)"),
    (b"<", "an HTML or XML document"),
    (b"{", "a JSON document"),
)


def describe(path: Path) -> str:
    """What lies at `path`, as a phrase: "an HDF5 file", "an empty file", "a TensorFlow SavedModel folder".

    Raises:
        ArchiveError: nothing is there, or it cannot be read.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return _describe_folder(path)
        if not stat.S_ISREG(mode):
            return "not a regular file"
        with open(path, "rb") as file:
            head = file.read(32)
    except FileNotFoundError:
        raise ArchiveError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{path} cannot be read: {_reason(error)}") from None
    return _describe_head(head)


def open_file(path: Path, kind: str, expected: str) -> BinaryIO:
    """Opens `path`, unbuffered, after a look at its first bytes has shown that it is `kind`.

    Args:
        path: the file.
        kind: the phrase that `describe` gives for the right files.
        expected: what the error says should have been there.

    Raises:
        ArchiveError: nothing is there, it cannot be read, or it is of another kind.
    """
    if (found := describe(path)) != kind:
        raise ArchiveError(f"{path} is {found}; {expected} was expected")
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {_reason(error)}") from None


def _describe_folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return "a TensorFlow SavedModel folder"
    if (path / "config.json").exists():
        return "a folder (an unzipped Keras model)"
    return "a folder"


def _describe_head(head: bytes) -> str:
    if not head:
        return "an empty file"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    return UNKNOWN


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
