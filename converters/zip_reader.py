"""Reads the members of an untrusted zip archive, none of them onto a named file.

Members are read at their offset in the archive, so that a stored (uncompressed) one of any size can be used
in place. The standard library parses the central directory; what it lets through and a model file never
has is refused here: duplicate, encrypted or overlapping members, and members that expand without measure.
"""

from __future__ import annotations

import io
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from portable_layers.errors import ArchiveError

# Keras stores its members uncompressed; trained weights hardly shrink when someone compresses them.
EXPANSION_FLOOR = 64 << 20
MAX_EXPANSION = 100
MAX_MEMBERS = 65_536
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_BLOCK = 1 << 20


def is_bomb(declared: int, stored: int) -> bool:
    """Whether `stored` bytes that declare to be `declared` bytes are not worth believing."""
    return declared > EXPANSION_FLOOR and declared > MAX_EXPANSION * stored


class ByteRange:
    """A window of `size` bytes on an open file. Several threads may read it and others on the same file.

    Args:
        file: the open file, unbuffered.
        start: where the window begins in the file.
        size: its length in bytes.
        where: what the errors call it, e.g. "model.keras: model.weights.h5".
        lock: held while the file is positioned and read; one a file.
    """

    def __init__(self, file: BinaryIO, start: int, size: int, where: str, lock: threading.Lock):
        self.file, self.start, self.size, self.where, self.lock = file, start, size, where, lock

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fills `target` (contiguous, of bytes) with the bytes at `offset`.

        Raises:
            ArchiveError: the window does not reach that far, or the file has been closed or cut short.
        """
        if offset < 0 or offset + len(target) > self.size:
            raise ArchiveError(
                f"{self.where} is cut short: it has {self.size} bytes, not {offset + len(target)}"
            )
        done = 0
        try:
            with self.lock:
                self.file.seek(self.start + offset)
                while done < len(target):  # one call reads 2 GiB at most
                    count = self.file.readinto(target[done:])  # type: ignore[attr-defined]
                    if not count:
                        raise ArchiveError(f"{self.where} is cut short: the file changed while it was read")
                    done += count
        except (OSError, ValueError) as error:
            if isinstance(error, ArchiveError):
                raise
            closed = "the archive has been closed" if self.file.closed else str(error)
            raise ArchiveError(f"{self.where} cannot be read: {closed}") from None

    def read(self, offset: int, size: int) -> bytes:
        """The `size` bytes at `offset`; errors as in `read_into`."""
        if offset < 0 or offset + size > self.size:  # before memory is taken for them
            raise ArchiveError(f"{self.where} is cut short: {size} bytes at {offset} were expected")
        data = bytearray(size)
        self.read_into(offset, memoryview(data))
        return bytes(data)

    def blocks(self) -> Iterator[memoryview]:
        """The bytes from first to last in blocks, each valid until the next."""
        buffer = memoryview(bytearray(_BLOCK))
        for offset in range(0, self.size, _BLOCK):
            block = buffer[: min(_BLOCK, self.size - offset)]
            self.read_into(offset, block)
            yield block


class ZipReader:
    """The members of a zip archive, by name.

    Args:
        file: the open file, unbuffered; it stays open while members are read.
        where: what the errors call the archive, usually its path.

    Raises:
        ArchiveError: it is truncated or not safe to read.
    """

    def __init__(self, file: BinaryIO, where: str):
        self.where, self._file, self._lock = where, file, threading.Lock()
        size = file.seek(0, io.SEEK_END)
        self._whole = ByteRange(file, 0, size, where, self._lock)
        self._spilled: list[BinaryIO] = []
        try:
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
            cut = f"{error}" == "File is not a zip file"  # although it begins as one
            reason = "it ends before its list of members" if cut else error
            raise ArchiveError(f"{where} is a truncated or damaged zip archive: {reason}") from None
        self._infos = self._checked(infos)

    def _checked(self, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        if len(infos) > MAX_MEMBERS:
            raise ArchiveError(f"{self.where} has {len(infos)} members; at most {MAX_MEMBERS} are read")
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = info.filename
            problem = None
            if info.flag_bits & 0x41:
                problem = "is encrypted"
            elif name in members:
                problem = "is there twice"
            elif name != info.orig_filename or "\\" in name or not name.isprintable():
                problem = "has a name that is not a plain path"
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                problem = "uses an unusual compression; stored or deflated was expected"
            elif info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
                problem = "is stored but declares two sizes"
            elif is_bomb(info.file_size, info.compress_size):
                problem = f"declares {info.file_size} bytes, but only {info.compress_size} are stored"
            if problem:
                raise ArchiveError(f"{self.where} is not safe to read: member {name!r} {problem}")
            members[name] = info
        end = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            if info.header_offset < end:
                raise ArchiveError(
                    f"{self.where} is not safe to read: member {info.filename!r} overlaps another"
                )
            end = info.header_offset + _LOCAL_HEADER.size + info.compress_size
        return members

    def names(self) -> list[str]:
        """The members' names in the order of the archive, without those of folders."""
        return [name for name in self._infos if not name.endswith("/")]

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a member whose checksum has been found right.

        Raises:
            ArchiveError: it is damaged, or declares more than `limit` bytes.
        """
        info = self._infos[name]
        if info.file_size > limit:
            raise ArchiveError(f"{self.where}: {name} has {info.file_size} bytes; at most {limit} are read")
        return b"".join(bytes(block) for block in self._verified(info))

    def range(self, name: str, verify: bool = True) -> ByteRange:
        """The member as a window: in place if it is stored, on an unnamed temporary file if it is deflated.

        Args:
            name: the member.
            verify: whether a stored member is read once to check its checksum (a deflated one always is).

        Raises:
            ArchiveError: it is damaged.
        """
        info = self._infos[name]
        where = f"{self.where}: {name}"
        if info.compress_type == zipfile.ZIP_STORED:
            if verify:
                for _ in self._verified(info):
                    pass
            return self._stored(info)
        try:
            file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed with the archive
            self._spilled.append(file)
            for block in self._verified(info):
                file.write(block)
        except OSError as error:
            raise ArchiveError(f"{where} cannot be decompressed: {error.strerror or error}") from None
        return ByteRange(file, 0, info.file_size, where, threading.Lock())

    def close(self) -> None:
        """Closes what the archive opened itself, not the file it was given."""
        for file in self._spilled:
            file.close()

    def _stored(self, info: zipfile.ZipInfo) -> ByteRange:
        """The window on the member's bytes as they are in the archive."""
        header = _LOCAL_HEADER.unpack(self._whole.read(info.header_offset, _LOCAL_HEADER.size))
        name_size, extra_size = header[-2:]
        name_at = info.header_offset + _LOCAL_HEADER.size
        name = self._whole.read(name_at, name_size)
        encoding = "utf-8" if info.flag_bits & 0x800 else "cp437"
        if header[0] != b"PK\x03\x04" or name != info.orig_filename.encode(encoding, "replace"):
            raise ArchiveError(
                f"{self.where} is damaged: the header of {info.filename!r} is not where it should be"
            )
        start = name_at + name_size + extra_size
        if start + info.compress_size > self._whole.size:
            raise ArchiveError(f"{self.where} is cut short: {info.filename!r} reaches beyond its end")
        return ByteRange(self._file, start, info.compress_size, f"{self.where}: {info.filename}", self._lock)

    def _verified(self, info: zipfile.ZipInfo) -> Iterator[memoryview | bytes]:
        """The member's bytes, decompressed and in blocks; raises at the end if the checksum is another."""
        stored = self._stored(info)
        blocks = stored.blocks() if info.compress_type == zipfile.ZIP_STORED else _inflated(stored)
        size = checksum = 0
        for block in blocks:
            size += len(block)
            if size > info.file_size:
                break
            checksum = zlib.crc32(block, checksum)
            yield block
        if size != info.file_size or checksum != info.CRC:
            raise ArchiveError(
                f"{stored.where} is damaged: its size or checksum is not what the archive says"
            )


def _inflated(stored: ByteRange) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for block in stored.blocks():
            pending: bytes | memoryview = block
            while pending and not inflate.eof:
                yield inflate.decompress(pending, _BLOCK)
                pending = inflate.unconsumed_tail
        while not inflate.eof and (tail := inflate.decompress(b"", _BLOCK)):
            yield tail
    except zlib.error as error:
        raise ArchiveError(f"{stored.where} is damaged: {error}") from None
