"""Reads the text attributes of an HDF5 file.

HDF5 keeps texts of variable length in heaps, and libhdf5 (1.14) believes a heap: a damaged one makes it write
past its buffers or never end. Such texts are therefore looked up here, by the HDF5 file format specification
(version 3.0: IV.A.1.a object headers, IV.A.2.m attributes, III.E global heaps); libhdf5 never sees a heap.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import numpy as np
from h5py import h5a, h5d, h5g, h5o, h5t

from converters.zip_reader import ByteRange
from portable_layers.errors import ArchiveError

_HEADER = struct.Struct("<BxHII4x")  # version, number of messages, references, size
_MESSAGE = struct.Struct("<HHB3x")  # type, size, flags
_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_REFERENCE = struct.Struct("<IQI")  # length, address of the heap, index in it
_HEAP = struct.Struct("<4sB3xQ")  # signature, version, size
_ITEM = struct.Struct("<HH4xQ")  # index, references, size


class TextReader:
    """The text attributes of the objects in an HDF5 file.

    Args:
        source: the bytes of the file, whose addresses and lengths have 8 bytes.
    """

    def __init__(self, source: ByteRange):
        self._source = source
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}
        # Heaps do not overlap, and every text is used once: a file that needs more work than this is a trap.
        self._budget = 4 * source.size + (1 << 20)

    def read(self, owner: h5g.GroupID | h5d.DatasetID, name: str, path: str) -> list[str] | None:
        """The attribute `name` of `owner`: one text, or a one-dimensional array of them.

        Args:
            owner: what has the attribute.
            name: the attribute.
            path: what the errors call the owner.

        Raises:
            ArchiveError: it is something else, or damaged; a missing one is None.
        """
        where = f"{self._source.where}: attribute {name!r} of {path or 'the root group'}"
        if not h5a.exists(owner, name.encode()):
            return None
        attribute = h5a.open(owner, name.encode())
        shape, kind = attribute.shape, attribute.get_type()
        if len(shape) <= 1 and 0 in shape:
            return []  # Keras writes an empty list of names as an empty array of floats
        count = math.prod(shape)
        if kind.get_class() != h5t.STRING or len(shape) > 1 or count * kind.get_size() > self._source.size:
            raise ArchiveError(f"{where} is not a text or a list of texts")
        if kind.is_variable_str():
            try:
                texts = self._variable(h5o.get_info(owner).addr, name.encode(), count)
            except (struct.error, LookupError):
                raise ArchiveError(f"{where} is damaged") from None
        else:
            values = np.empty(shape, f"S{kind.get_size()}")
            attribute.read(values)
            texts = np.atleast_1d(values).tolist()
        try:
            return [text.partition(b"\0")[0].decode() for text in texts]
        except UnicodeDecodeError:
            raise ArchiveError(f"{where} is not text in UTF-8") from None

    def _variable(self, address: int, name: bytes, count: int) -> list[bytes]:
        for data in self._attributes(address):
            found, values = _attribute(data)
            if found == name:
                references = [_REFERENCE.unpack_from(values, i * _REFERENCE.size) for i in range(count)]
                return [self._text(*reference) for reference in references]
        raise KeyError(name)

    def _attributes(self, address: int) -> Iterator[bytes]:
        """The attribute messages of the object header at `address`."""
        version, count, _, size = _HEADER.unpack(self._source.read(address, _HEADER.size))
        if version != 1:
            raise ArchiveError(f"{self._source.where} is in a newer variant of HDF5 than Keras writes")
        blocks = [(address + _HEADER.size, size)]
        for start, size in blocks:
            self._spend(size)
            block, position = self._source.read(start, size), 0
            while position + _MESSAGE.size <= size and count:
                kind, length, flags = _MESSAGE.unpack_from(block, position)
                position += _MESSAGE.size
                data = block[position : position + length]
                position += length
                count -= 1
                if kind == _CONTINUATION:
                    blocks.append(struct.unpack_from("<QQ", data))
                elif kind == _ATTRIBUTE and not flags & 2:  # 2: the message is kept elsewhere
                    yield data

    def _text(self, length: int, address: int, index: int) -> bytes:
        if not length:
            return b""
        if address not in self._heaps:
            self._heaps[address] = self._items(address)
        start, size = self._heaps[address][index]
        self._spend(size)
        return self._source.read(start, size)[:length]

    def _items(self, address: int) -> dict[int, tuple[int, int]]:
        """Where the items of the heap at `address` begin, and their sizes."""
        signature, version, size = _HEAP.unpack(self._source.read(address, _HEAP.size))
        if signature != b"GCOL" or version != 1:
            raise KeyError(address)
        self._spend(size)
        heap = self._source.read(address, size)
        items = {}
        position = _HEAP.size
        while position + _ITEM.size <= size:
            index, _, length = _ITEM.unpack_from(heap, position)
            position += _ITEM.size
            if index == 0:  # the rest is free
                break
            if length > size - position:
                raise KeyError(index)
            items[index] = (address + position, length)
            position += -(-length // 8) * 8
        return items

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise ArchiveError(f"{self._source.where} is not safe to read: its texts share their bytes")


def _attribute(data: bytes) -> tuple[bytes, bytes]:
    """The name of an attribute message and its values, which end it."""
    version, flags, *sizes = struct.unpack_from("<BBHHH", data)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise LookupError(version)
    start = 9 if version == 3 else 8
    name = data[start : start + sizes[0]].partition(b"\0")[0]
    for size in sizes:
        start += -(-size // 8) * 8 if version == 1 else size
    return name, data[start:]
