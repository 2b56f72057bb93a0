"""Reads HDF5 arrays that are stored in chunks, compressed with deflate or not.

Keras writes none, but tools that shrink a file do. libhdf5 finds the chunks; they are decoded here, because
its filters read past the end of a damaged chunk.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
from h5py import h5d, h5z

from converters.zip_reader import ByteRange
from portable_layers.errors import ArchiveError

FILTERS = (h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE)


def filters(dataset: h5d.DatasetID) -> list[int]:
    """The codes of the filters of an array, in the order in which they were applied."""
    creation = dataset.get_create_plist()
    return [creation.get_filter(index)[0] for index in range(creation.get_nfilters())]


def read_chunks(dataset: h5d.DatasetID, source: ByteRange, values: np.ndarray, where: str) -> None:
    """Fills `values`, which has the shape and the stored dtype of the array, from the array's chunks.

    Raises:
        ArchiveError: a chunk is missing or damaged.
    """
    steps = dataset.get_create_plist().get_chunk()
    codes = filters(dataset)
    stored: list[h5d.StoreInfo] = []
    dataset.chunk_iter(stored.append)
    counts = [-(-size // step) for size, step in zip(values.shape, steps, strict=True)]
    missing = set(np.ndindex(*counts))
    for chunk in stored:
        index = tuple(start // step for start, step in zip(chunk.chunk_offset, steps, strict=True))
        if index not in missing:
            raise ArchiveError(f"{where} is damaged: a chunk lies outside of it or is there twice")
        missing.remove(index)
        data = _decoded(
            source.read(chunk.byte_offset, chunk.size), codes, chunk.filter_mask, values.dtype, steps
        )
        if data is None:
            raise ArchiveError(f"{where} is damaged: a chunk cannot be decoded")
        target = values[tuple(slice(i * step, (i + 1) * step) for i, step in zip(index, steps, strict=True))]
        target[...] = data[tuple(slice(size) for size in target.shape)]
    if missing:
        raise ArchiveError(f"{where} has parts that were never written")


def _decoded(
    data: bytes, codes: list[int], skipped: int, dtype: np.dtype, shape: tuple[int, ...]
) -> np.ndarray | None:
    size = math.prod(shape) * dtype.itemsize
    for position, code in reversed(list(enumerate(codes))):
        if skipped >> position & 1:
            continue
        if code == h5z.FILTER_DEFLATE:
            try:
                data = zlib.decompressobj().decompress(data, size + 1)
            except zlib.error:
                return None
        elif len(data) == size:  # shuffled: all first bytes, then all second bytes, ...
            data = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
    return np.frombuffer(data, dtype).reshape(shape) if len(data) == size else None
