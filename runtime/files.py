"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; what was written takes the place of `path` when the block ends well.

    The yielded path has the final file name, in a temporary folder beside the destination, so that
    a sidecar that the file refers to by name (the external data of `model.onnx` in
    `model.onnx.data`) is written next to it under the name that it keeps. Sidecars are moved first,
    then the file itself. When the block raises, everything it wrote is removed and what was at
    `path` before is untouched.

    A destination that is a device or a pipe (`/dev/null`) is written in place.

    Raises:
        OSError: the folder is missing or not writable, `path` is a folder, or the block wrote
            no file.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing at the file that is replaced
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist")
    if target.exists() and not target.is_file():
        yield target
        return
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        written = Path(folder, target.name)
        yield written
        if not written.is_file():
            raise FileNotFoundError(f"nothing was written for {path}")
        sidecars = sorted(entry for entry in Path(folder).iterdir() if entry != written)
        for entry in [*sidecars, written]:
            os.replace(entry, target.parent / entry.name)
