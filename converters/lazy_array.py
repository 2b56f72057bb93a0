"""An array in an HDF5 file that is read when it is asked for."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
from h5py import h5d, h5s, h5t

from converters.hdf5_chunks import read_chunks
from converters.zip_reader import ByteRange
from portable_layers.errors import ArchiveError

# What libhdf5 raises through h5py when a file is damaged, besides what h5py raises on its own.
HDF5_ERRORS = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    AttributeError,
)
_EXTENSION_DTYPES = {
    name: np.dtype(getattr(ml_dtypes, name))
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3", "int4", "uint4")
}


class LazyArray:
    """An array in a weight file: its shape and dtype are known, its values are read when asked for.

    Attributes:
        path: where it is in the HDF5 file, e.g. "layers/dense/vars/0".
        shape: its shape.
        dtype: the dtype that `read` gives, in native byte order; `ml_dtypes.bfloat16` for bfloat16.
    """

    def __init__(self, path: str, dataset: h5d.DatasetID, source: ByteRange, noted: str | None):
        self.path = path
        self._dataset, self._source = dataset, source
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self._stored_dtype = _stored_dtype(dataset, noted, f"{source.where}: {path}")
        self.dtype = self._stored_dtype.newbyteorder("=")
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize
        contiguous = dataset.get_create_plist().get_layout() == h5d.CONTIGUOUS
        self._offset = dataset.get_offset() if contiguous else None

    def __repr__(self) -> str:
        return f"LazyArray({self.path!r}, shape={self.shape}, dtype={self.dtype})"

    def read(self) -> np.ndarray:
        """The values: a new array, writable, C-contiguous, in native byte order.

        The file is not mapped into memory: Keras saves by truncating the old file, which would change a
        mapped array or end the process.

        Raises:
            ArchiveError: the archive has been closed, or the file is damaged.
        """
        try:
            values = np.empty(self.shape, self._stored_dtype)
        except (MemoryError, ValueError) as error:
            raise ArchiveError(f"{self._source.where}: {self.path} cannot be read: {error}") from None
        if values.nbytes:
            raw = values.reshape(-1).view(np.uint8)
            if self._offset is not None:
                self._source.read_into(self._offset, raw.data)
            else:
                self._read_elsewhere(values)
            if values.dtype == np.bool_:  # any byte but 0 counts as true, numpy knows only 1
                values = (raw != 0).reshape(self.shape)
        return values.astype(self.dtype, copy=False)

    def _read_elsewhere(self, values: np.ndarray) -> None:
        """Reads values that do not lie in one run: in chunks, or in the array's header."""
        where = f"{self._source.where}: {self.path}"
        if not self._dataset.valid:
            raise ArchiveError(f"{self._source.where} cannot be read: the archive has been closed")
        try:
            if self._dataset.get_create_plist().get_layout() == h5d.CHUNKED:
                read_chunks(self._dataset, self._source, values, where)
            else:
                self._dataset.read(h5s.ALL, h5s.ALL, values, mtype=self._dataset.get_type())
        except ArchiveError:
            raise
        except HDF5_ERRORS as error:
            raise ArchiveError(f"{where} is damaged: {error}") from None


def _stored_dtype(dataset: h5d.DatasetID, noted: str | None, where: str) -> np.dtype:
    """The numpy dtype of the values as they are stored.

    numpy's extension dtypes arrive in HDF5 as opaque bytes. Keras notes "bfloat16" beside them in its own
    format and nothing in the older one, where only bfloat16 has two bytes.
    """
    kind = dataset.get_type()
    if kind.get_class() == h5t.OPAQUE:
        # h5py's idea of the dtype is not asked for: it takes any name, "object" too, from the file's tag.
        name = "bfloat16" if noted is None and kind.get_size() == 2 else noted
        dtype = _EXTENSION_DTYPES.get(name or "") if not kind.get_tag() else None
        if dtype is None or dtype.itemsize != kind.get_size():
            raise ArchiveError(
                f"{where} holds opaque values of {kind.get_size()} bytes, of which no dtype is noted"
            )
        return dtype
    dtype = kind.dtype
    if dtype.kind not in "biufc" or dtype.metadata or not kind.equal(h5t.py_create(dtype)):
        raise ArchiveError(
            f"{where} holds values of a kind that no weight has ({dtype}); numbers were expected"
        )
    return dtype
