"""The variables of a `.keras` file, by the path of the object that owns them.

Keras writes one HDF5 group an object, laid out by attribute names (`layers/dense`, `optimizer`, the model
itself at the empty path), and in it a group `vars` with the arrays `0`, `1`, ... and the object's name.
A sharded store spreads them over several HDF5 files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

import h5py
import ml_dtypes
import numpy as np

from converters.hdf5_reader import Hdf5Reader, LazyArray
from portable_layers.errors import ArchiveError, WeightsError

VARS = "vars"


class WeightStore:
    """The variables in one or several HDF5 files.

    Attributes:
        names: the names of the objects that have one, by path: `{"layers/dense": "my_dense"}`. They are those
            of the instance that was saved; the paths are what identifies an object.

    Raises:
        ArchiveError: the files hold no Keras variables, or one variable twice.
    """

    def __init__(self, shards: Sequence[Hdf5Reader]):
        self.names: dict[str, str] = {}
        self._variables: dict[str, dict[str, LazyArray]] = {}
        self._shards = shards
        for shard in shards:
            self._add(shard)

    def _add(self, shard: Hdf5Reader) -> None:
        owners = {group: owner for group in shard.groups() if (owner := _owner(group)) is not None}
        if not owners:
            raise ArchiveError(
                f"{shard.where} is an HDF5 file without Keras variables (groups named {VARS!r})"
            )
        for group, owner in owners.items():
            if name := shard.texts(group, "name"):
                self.names[owner] = name[0]
        for path, array in shard.arrays.items():
            if (place := _place(path)) is None:
                raise ArchiveError(f"{shard.where}: {path} is in no group of variables (named {VARS!r})")
            owner, key = place
            if key in self._variables.setdefault(owner, {}):
                raise ArchiveError(f"{shard.where}: {path} is in another shard too")
            self._variables[owner][key] = array

    def paths(self) -> list[str]:
        """The paths that hold variables; the model's own is ""."""
        return list(self._variables)

    def variables(self, path: str) -> dict[str, LazyArray]:
        """The variables of the object at `path`, numbered ones in the order of their numbers; often none."""
        found = self._variables.get(path)
        if found is None:  # Keras 2.13 called the folder by another name
            found = self._variables.get(path.replace("layers", "_layer_checkpoint_dependencies"), {})
        return dict(sorted(found.items(), key=lambda item: (not item[0].isdecimal(), item[0].zfill(9))))

    @property
    def nbytes(self) -> int:
        """The size of all variables in bytes."""
        return sum(array.nbytes for arrays in self._variables.values() for array in arrays.values())

    def close(self) -> None:
        """Closes the files; their arrays can no longer be read."""
        for shard in self._shards:
            shard.close()


def write_variables(
    file: IO[bytes],
    weights: Mapping[str, Sequence[np.ndarray] | Mapping[str, np.ndarray]],
    names: Mapping[str, str],
) -> None:
    """Writes variables as one HDF5 file, laid out as Keras reads them.

    Args:
        file: where to; open for reading and writing, and empty.
        weights: the arrays by the path of their owner; a sequence is numbered.
        names: the owners' names by path.

    Raises:
        ArchiveError: a path or key has an empty part, or a part that means something else in HDF5.
        WeightsError: an array is of a dtype that Keras does not load.
    """
    with h5py.File(file, "w") as store:
        for path in dict.fromkeys([*names, *weights]):
            _check_path(path, "path", empty=True)
            group = store.create_group(f"{path}/{VARS}" if path else VARS)
            if path in names:
                group.attrs["name"] = names[path]
            arrays = weights.get(path, ())
            items = arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays)
            for key, value in items:
                _check_path(str(key), f"variable of {path or 'the model'}")
                array = np.asarray(value)
                if array.dtype.kind not in "biufc" and array.dtype != ml_dtypes.bfloat16:
                    raise WeightsError(f"{path}/{key} is of dtype {array.dtype}, which Keras does not load")
                dataset = group.create_dataset(str(key), data=array)
                if array.dtype == ml_dtypes.bfloat16:
                    dataset.attrs["dtype"] = "bfloat16"


def _check_path(path: str, what: str, empty: bool = False) -> None:
    parts = path.split("/")
    if (path or not empty) and any(part in ("", ".", "..", VARS) or "\0" in part for part in parts):
        raise ArchiveError(f"{path!r} cannot be the {what}: its parts are plain names, none of them {VARS!r}")


def _place(path: str) -> tuple[str, str] | None:
    """Splits "layers/dense/vars/0" into "layers/dense" and "0"; None if it is in no `vars`."""
    before, found, key = f"/{path}".rpartition(f"/{VARS}/")
    return (before.strip("/"), key) if found else None


def _owner(group: str) -> str | None:
    """The path whose variables the group holds; None if it is another sort of group."""
    return group[: -len(VARS)].rstrip("/") if f"/{group}".endswith(f"/{VARS}") else None
