"""Reads HDF5 weight files that nobody vouches for.

A weight file is a tree of groups with plain arrays at its leaves. HDF5 can hold much more: links into other
files, arrays assembled from other files, terabytes of zeros in a few bytes, Python objects. Everything of
that sort is refused when the file is opened, before any of it is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import h5py
from h5py import h5d, h5g, h5l, h5o, h5s, h5t, h5z

from converters.hdf5_chunks import FILTERS, filters
from converters.hdf5_texts import TextReader
from converters.lazy_array import HDF5_ERRORS, LazyArray
from converters.zip_reader import ByteRange, is_bomb
from portable_layers.errors import ArchiveError

MAX_DEPTH = 128
MAX_PATH_LENGTH = 4096
_MAX_CHUNK = 1 << 20


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
            layout = self._file.id.get_create_plist()
            unusual = layout.get_userblock() or layout.get_sizes() != (8, 8)
        except HDF5_ERRORS as error:
            raise ArchiveError(f"{self.where} is a truncated or damaged HDF5 file: {error}") from None
        if unusual:
            self.close()
            raise ArchiveError(f"{self.where} is not laid out as plain HDF5 files are")
        self._texts = TextReader(source)
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
        try:
            return self._texts.read(self._groups[path], name, path)
        except ArchiveError:
            raise
        except HDF5_ERRORS as error:
            raise ArchiveError(f"{self.where}: attribute {name!r} of {path} is damaged: {error}") from None

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
                    self.arrays[name] = LazyArray(name, child, self._source, self._noted_dtype(name, child))
                else:
                    raise self._unsafe(name, "is neither a group nor an array")
            pending.extend(reversed(children))
        if budget < 0:
            raise self._unsafe("its arrays", "declare more bytes than the file has")

    def _noted_dtype(self, path: str, dataset: h5d.DatasetID) -> str | None:
        """What Keras notes beside values of a dtype that HDF5 does not know."""
        if dataset.get_type().get_class() != h5t.OPAQUE:
            return None
        noted = self._texts.read(dataset, "dtype", path)
        return noted[0] if noted else None

    def _children(self, path: str, group: h5g.GroupID) -> Iterator[tuple[str, h5py.h5.ObjectID]]:
        names: list[bytes] = []
        group.links.iterate(names.append)
        for raw in names:
            try:
                name = f"{path}/{raw.decode()}" if path else raw.decode()
            except UnicodeDecodeError:
                raise self._unsafe(repr(raw), "is not a name in UTF-8") from None
            if not name.isprintable():
                raise self._unsafe(repr(name), "is not a plain name")
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
    codes = filters(dataset)
    if any(code not in FILTERS for code in codes):
        return "uses a compression other than deflate"
    if h5z.FILTER_DEFLATE in codes:
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
