"""Named arrays in .npy and .npz files, without pickle."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from portable_layers.errors import InputError
from runtime.files import atomic_write
from runtime.signature import TensorInfo


def read_arrays(path: str | os.PathLike[str]) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a .npy file, or the arrays of a .npz file by name.

    Raises:
        InputError: the file is neither, is damaged, or holds pickled objects.
        OSError: it cannot be read.
    """
    # Opened here, so that a file that cannot be opened is told from one that cannot be understood.
    with open(path, "rb") as file:
        try:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            arrays = {name: loaded[name] for name in loaded.files}
        except Exception as error:  # of damaged bytes numpy, zipfile and the tokenizer each raise their own
            raise _unreadable(path, error) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise _unreadable(path, f"member {name!r} is no array")
    return arrays


def read_inputs(path: str | os.PathLike[str], inputs: Sequence[TensorInfo]) -> dict[str, np.ndarray]:
    """A model's inputs from a .npz file, or from a .npy file where the model takes one.

    Args:
        path: the file.
        inputs: what the model takes; only the names and dtypes are used.

    Raises:
        InputError: the file cannot be understood, or holds one array for several inputs.
        OSError: it cannot be read.
    """
    loaded = read_arrays(path)
    if not isinstance(loaded, dict):
        required = [info.name for info in inputs if info.required]
        if len(required) != 1:
            raise InputError(
                f"{path} holds one array, the model takes {len(required)} inputs: "
                f"save them by name with numpy.savez: {', '.join(required)}"
            )
        loaded = {required[0]: loaded}
    dtypes = {info.name: info.dtype for info in inputs}
    return {
        name: restore_dtype(array, dtypes[name]) if name in dtypes else array
        for name, array in loaded.items()
    }


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a .npz file, whole or not at all.

    Strings become unicode arrays. numpy stores bfloat16 and the 8 bit floats as raw bytes;
    `restore_dtype` gives them their dtype back.

    Raises:
        InputError: a string ends in a zero character, which a unicode array drops.
        OSError: the file cannot be written.
    """
    # Not numpy.savez: it cannot store an array whose name is that of one of its own arguments.
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _storable(name, array), allow_pickle=False)


def restore_dtype(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Read the raw bytes in which numpy stores an `ml_dtypes` dtype as that dtype.

    Any other array comes back as it is.
    """
    if array.dtype.kind == "V" and array.dtype.names is None and dtype.isbuiltin != 1:
        return array.view(dtype) if array.dtype.itemsize == dtype.itemsize else array
    return array


def _unreadable(path: str | os.PathLike[str], reason: object) -> InputError:
    return InputError(
        f"{path} is not a readable .npy or .npz file: {reason}. "
        "Objects are not loaded; save strings as unicode arrays: x.astype(str)"
    )


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "O":
        return array
    strings = array.astype(str)
    if (strings.astype(object) != array).any():
        raise InputError(f"output {name!r} has a string that ends in a zero character, which .npz files drop")
    return strings
