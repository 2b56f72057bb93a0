"""Reads HDF5 weight files that nobody vouches for.

A weight file is a tree of groups with plain arrays at its leaves. HDF5 can hold much more: links into other
files, arrays assembled from other files, terabytes of zeros in a few bytes, Python objects. Everything of
that sort is refused when the file is opened, before any of it is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import h5py
import ml_dtypes
import numpy as np
from h5py import h5d, h5g, h5i, h5l, h5o, h5s, h5t, h5z

from converters.zip_reader import ByteRange, is_bomb
from portable_layers.errors import ArchiveError

MAX_DEPTH = 128
MAX_PATH_LENGTH = 4096
_FILTERS = (h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF)
_MAX_CHUNK = 1 << 20
_EXTENSION_DTYPES = {
    name: np.dtype(getattr(ml_dtypes, name))
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3", "int4", "uint4")
}
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


class LazyArray:
    """An array in a weight file: its shape and dtype are known, its values are read when asked for.

    Attributes:
        path: where it is in the HDF5 file, e.g. "layers/dense/vars/0".
        shape: its shape.
        dtype: the dtype that `read` gives, in native byte order; `ml_dtypes.bfloat16` for bfloat16.
    """

    def __init__(self, path: str, dataset: h5d.DatasetID, source: ByteRange):
        self.path = path
        self._dataset, self._source = dataset, source
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self._stored_dtype = _stored_dtype(dataset, f"{source.where}: {path}")
        self.dtype = self._stored_dtype.newbyteorder("=")
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize
        self._offset = _contiguous_offset(dataset, self._stored_dtype)

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
                self._read_converted(values)
            if values.dtype == np.bool_:  # any byte but 0 counts as true, numpy knows only 1
                values = (raw != 0).reshape(self.shape)
        return values.astype(self.dtype, copy=False)

    def _read_converted(self, values: np.ndarray) -> None:
        if not self._dataset.valid:
            raise ArchiveError(f"{self._source.where} cannot be read: the archive has been closed")
        try:
            kind = self._dataset.get_type()
            opaque = kind.get_class() == h5t.OPAQUE  # taken as it is; HDF5 converts the rest to numpy's dtype
            self._dataset.read(h5s.ALL, h5s.ALL, values, mtype=kind if opaque else None)
        except HDF5_ERRORS as error:
            raise ArchiveError(f"{self._source.where}: {self.path} is damaged: {error}") from None


class Hdf5Reader:
    """The arrays and text attributes of an HDF5 file, all of them checked.

    Args:
        source: the bytes of the file.

    Attributes:
        arrays: every array by its path, in the order of the file.

    Raises:
        ArchiveError: it is damaged, or has something that a weight file never has.
    """

    def __init__(self, source: ByteRange):
        self._source, self.where = source, source.where
        try:
            self._file = h5py.File(_FileLike(source), "r")
        except HDF5_ERRORS as error:
            raise ArchiveError(f"{self.where} is a truncated or damaged HDF5 file: {error}") from None
        self._groups: dict[str, h5g.GroupID] = {}
        self.arrays: dict[str, LazyArray] = {}
        try:
            self._walk()
        except ArchiveError:
            self.close()
            raise
        except HDF5_ERRORS as error:
            self.close()
            raise ArchiveError(f"{self.where} is a damaged HDF5 file: {error}") from None

    def close(self) -> None:
        """Closes the file; its arrays can no longer be read."""
        self._file.close()

    def groups(self) -> list[str]:
        """The paths of all groups; the root's is ""."""
        return list(self._groups)

    def __contains__(self, path: str) -> bool:
        return path in self._groups

    def texts(self, path: str, name: str) -> list[str] | None:
        """The attribute `name` of the group at `path`: the text, or the texts of a one-dimensional array.

        Raises:
            ArchiveError: it is not text; a missing one is None.
        """
        where = f"{self.where}: attribute {name!r} of {path or 'the root group'}"
        try:
            attrs = h5py.Group(self._groups[path]).attrs
            if name not in attrs:
                return None
            attr = attrs.get_id(name)
            if len(attr.shape) > 1 or attr.get_storage_size() > self._source.size:
                raise ArchiveError(f"{where} is not a text or a list of texts")
            if 0 in attr.shape:
                return []  # Keras writes an empty list of names as an empty array of floats
            if attr.get_type().get_class() != h5t.STRING:
                raise ArchiveError(f"{where} is not a text or a list of texts")
            values = np.atleast_1d(np.asarray(attrs[name], dtype=object))
            return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
        except HDF5_ERRORS as error:
            if isinstance(error, ArchiveError):
                raise
            raise ArchiveError(f"{where} is damaged: {error}") from None

    def _walk(self) -> None:
        budget = self._source.size  # all arrays together cannot take more than the file has
        seen = set()
        pending: list[tuple[str, h5g.GroupID, int]] = [("", h5g.open(self._file.id, b"/"), 0)]
        while pending:
            path, group, depth = pending.pop()
            self._groups[path] = group
            children = []
            for name, child in self._children(path, group):
                address = h5o.get_info(child).addr
                if address in seen or depth > MAX_DEPTH or len(name) > MAX_PATH_LENGTH:
                    raise self._unsafe(name, "is linked from two places or nested too deep")
                seen.add(address)
                if isinstance(child, h5g.GroupID):
                    children.append((name, child, depth + 1))
                elif isinstance(child, h5d.DatasetID):
                    if problem := _problem(child):
                        raise self._unsafe(name, problem)
                    budget -= child.get_storage_size()
                    self.arrays[name] = LazyArray(name, child, self._source)
                else:
                    raise self._unsafe(name, "is neither a group nor an array")
            pending.extend(reversed(children))
        if budget < 0:
            raise self._unsafe("its arrays", "declare more bytes than the file has")

    def _children(self, path: str, group: h5g.GroupID) -> Iterator[tuple[str, h5py.h5.ObjectID]]:
        names: list[bytes] = []
        group.links.iterate(names.append)
        for raw in names:
            try:
                name = f"{path}/{raw.decode()}" if path else raw.decode()
            except UnicodeDecodeError:
                raise self._unsafe(repr(raw), "is not a name in UTF-8") from None
            if group.links.get_info(raw).type != h5l.TYPE_HARD:
                raise self._unsafe(name, "is a link to another place or another file")
            yield name, h5o.open(group, raw)

    def _unsafe(self, name: str, problem: str) -> ArchiveError:
        return ArchiveError(f"{self.where} is not safe to read: {name} {problem}")


class _FileLike:
    """What h5py wants of a Python file, over a `ByteRange`."""

    def __init__(self, source: ByteRange):
        self._source, self._position = source, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._source.size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, target: memoryview) -> int:
        self._source.read_into(self._position, memoryview(target).cast("B"))
        self._position += len(target)
        return len(target)

    def read(self, size: int) -> bytes:
        data = self._source.read(self._position, size)
        self._position += size
        return data

    def write(self, data: bytes) -> int:
        raise OSError("the file is open for reading only")

    def truncate(self, size: int) -> int:
        raise OSError("the file is open for reading only")

    def flush(self) -> None:
        pass


def _problem(dataset: h5d.DatasetID) -> str | None:
    """What makes a dataset unfit to be read; None if nothing does."""
    creation = dataset.get_create_plist()
    layout = creation.get_layout()
    if layout == h5d.VIRTUAL:
        return "is assembled from other files"
    if layout not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
        return "has an unknown layout"
    if creation.get_external_count():
        return "keeps its values in another file"
    if dataset.get_space().get_simple_extent_type() == h5s.NULL:
        return "has no shape"
    nbytes = math.prod(dataset.shape) * dataset.get_type().get_size()
    stored = dataset.get_storage_size()
    filters = [creation.get_filter(index)[0] for index in range(creation.get_nfilters())]
    if any(code not in _FILTERS for code in filters):
        return "uses a compression that is not built in"
    if h5z.FILTER_DEFLATE in filters or h5z.FILTER_LZF in filters:
        if (nbytes and not stored) or is_bomb(nbytes, stored):
            return f"declares {nbytes} bytes, but only {stored} are stored"
    elif nbytes > stored:
        return f"declares {nbytes} bytes, but only {stored} are stored"
    if layout == h5d.CHUNKED:
        chunk = creation.get_chunk()
        if math.prod(chunk) * dataset.get_type().get_size() > max(nbytes, _MAX_CHUNK):
            return f"has chunks of {chunk}, larger than itself"
        expected = math.prod(-(-size // step) for size, step in zip(dataset.shape, chunk, strict=True))
        if expected > dataset.get_num_chunks():
            return "has parts that were never written"
    return None


def _stored_dtype(dataset: h5d.DatasetID, where: str) -> np.dtype:
    """The numpy dtype of the values as they are stored.

    numpy's extension dtypes arrive in HDF5 as opaque bytes. Keras notes "bfloat16" beside them in its own
    format and nothing in the older one, where only bfloat16 has two bytes.
    """
    kind = dataset.get_type()
    if kind.get_class() == h5t.OPAQUE:
        # h5py's idea of the dtype is not asked for: it takes any name, "object" too, from the file's tag.
        noted = h5py.AttributeManager(h5py.Dataset(dataset)).get("dtype") if not kind.get_tag() else None
        name = "bfloat16" if noted is None and kind.get_size() == 2 else noted
        dtype = _EXTENSION_DTYPES.get(name) if isinstance(name, str) and not kind.get_tag() else None
        if dtype is None or dtype.itemsize != kind.get_size():
            raise ArchiveError(
                f"{where} holds opaque values of {kind.get_size()} bytes, of which no dtype is noted"
            )
        return dtype
    dtype = kind.dtype
    if dtype.kind not in "biufcS" or dtype.hasobject or dtype.metadata or dtype.itemsize != kind.get_size():
        raise ArchiveError(
            f"{where} holds values of a kind that no weight has ({dtype}); numbers were expected"
        )
    return dtype


def _contiguous_offset(dataset: h5d.DatasetID, dtype: np.dtype) -> int | None:
    """Where the values lie in the file as one run of bytes that numpy can take as they are, or None."""
    creation = dataset.get_create_plist()
    if creation.get_layout() != h5d.CONTIGUOUS or h5i.get_file_id(dataset).get_create_plist().get_userblock():
        return None
    kind = dataset.get_type()
    if kind.get_class() != h5t.OPAQUE and not kind.equal(h5t.py_create(dtype)):
        return None
    return dataset.get_offset()
