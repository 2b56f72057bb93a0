"""Archives that are damaged, of another kind or made to harm are refused with one line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import time
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from h5py import h5d, h5s, h5t
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters import strict_json, zip_reader
from converters.keras_archive import KerasArchive, write_keras_archive
from portable_layers.errors import ArchiveError

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)
CONFIG = {"class_name": "Sequential", "config": {"layers": []}}


def read_all(path):
    with KerasArchive.open(path) as archive:
        for owner in archive.weights.paths():
            for lazy in archive.weights.variables(owner).values():
                lazy.read()
        for name in archive.assets:
            archive.assets[name]


def refused(path, pattern):
    started = time.perf_counter()
    with pytest.raises(ArchiveError, match=pattern) as caught:
        read_all(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert time.perf_counter() - started < 5


def archive_of(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_weights(tmp_path, fill):
    """An archive whose weights are what `fill` makes of a group `layers/x/vars`."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file.create_group("layers/x/vars"))
    members = {"config.json": json.dumps(CONFIG), "model.weights.h5": buffer.getvalue()}
    return archive_of(tmp_path / "model.keras", members)


@pytest.fixture
def valid(tmp_path):
    path = tmp_path / "model.keras"
    assets = {"words.txt": b"a b c"}
    write_keras_archive(path, CONFIG, {"layers/x": [VALUES, VALUES]}, {"layers/x": "x"}, assets)
    return path


# Files of another kind


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "is an empty file"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "is a PNG image"),
        (b"\x89HDF\r\n\x1a\n" + b"x" * 50, "is an HDF5 file"),
        (b"\x80\x04x", "is a Python pickle"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html>", "is an HTML or XML document"),
        (b"\x1c\0\0\0TFL3", "is a TensorFlow Lite model"),
        (b"hello", "is a file of an unknown kind"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, data, found):
    (tmp_path / "model.keras").write_bytes(data)
    refused(tmp_path / "model.keras", rf"{found}.*; a \.keras archive \(zip\) was expected$")


def test_missing_files_and_folders(tmp_path):
    refused(tmp_path / "model.keras", "does not exist")
    refused(tmp_path, "is a folder; ")
    (tmp_path / "saved_model.pb").touch()
    refused(tmp_path, "is a TensorFlow SavedModel folder; ")
    os.mkfifo(tmp_path / "pipe.keras")
    refused(tmp_path / "pipe.keras", "is not a regular file")


def test_a_plain_hdf5_file_made_by_h5py(tmp_path):
    with h5py.File(tmp_path / "model.keras", "w") as file:
        file["x"] = VALUES
    refused(tmp_path / "model.keras", "is an HDF5 file")


@pytest.mark.parametrize(
    ("members", "pattern"),
    [
        ({}, "is an empty zip archive"),
        ({"a.txt": "x", "b.txt": "y"}, r"a zip archive without config\.json \(it holds a\.txt, b\.txt\)"),
        ({"model/data.pkl": "x"}, "is a PyTorch checkpoint"),
        ({"a.npy": "x"}, r"is a NumPy \.npz file"),
        ({"config.json": "{}"}, "no weights; model.weights.h5 or model.weights.json was expected"),
        ({"config.json": "{}", "model.weights.npz": "x"}, "Python pickles and unsafe to read"),
        ({"config.json": "{}", "model.weights.h5": ""}, "model.weights.h5 is a truncated or damaged HDF5"),
        ({"config.json": "{}", "model.weights.h5": "text"}, "truncated or damaged HDF5"),
        ({"config.json": "{}", "model.weights.json": "{}"}, "has no weight_map"),
        (
            {"config.json": "{}", "model.weights.json": '{"weight_map": {"/vars": "../other.h5"}}'},
            r"places '/vars' in '\.\./other\.h5', which is not in the archive",
        ),
    ],
)
def test_other_zip_archives(tmp_path, members, pattern):
    refused(archive_of(tmp_path / "model.keras", members), pattern)


def test_weights_without_variables(tmp_path):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["x"] = VALUES
    members = {"config.json": "{}", "model.weights.h5": buffer.getvalue()}
    refused(archive_of(tmp_path / "model.keras", members), "HDF5 file without Keras variables")


# JSON


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "config.json is not valid JSON"),
        ("{", "config.json is not valid JSON"),
        ("[1]", "holds a JSON list; an object was expected"),
        ('{"a": NaN}', "NaN is not allowed"),
        (b'{"a": "\xff"}', "not valid JSON"),
        ('{"a":' * 300 + "1" + "}" * 300, "nested too deep"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"a": ' + "1" * 5000 + "}", "not valid JSON"),
    ],
    ids=["empty", "cut", "list", "nan", "latin", "deep", "very deep", "long number"],
)
def test_bad_json(tmp_path, text, pattern):
    refused(archive_of(tmp_path / "model.keras", {"config.json": text, "model.weights.h5": ""}), pattern)


def test_deep_is_not_too_deep():
    depth = strict_json.MAX_DEPTH
    strict_json.parse_json_object('{"a":' * depth + "1" + "}" * depth, "x")


def test_a_config_that_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("converters.keras_archive.MAX_JSON", 100)
    members = {"config.json": '{"a": "' + "x" * 100 + '"}', "model.weights.h5": ""}
    refused(archive_of(tmp_path / "model.keras", members), "config.json has 109 bytes; at most 100 are read")


# The zip archive


def test_a_truncated_archive(valid):
    data = valid.read_bytes()
    for size in (5, 100, len(data) // 2, len(data) - 1):
        valid.write_bytes(data[:size])
        refused(valid, "truncated or damaged zip archive: it ends before its list of members")


@pytest.mark.parametrize("deflated", [False, True])
def test_a_flipped_bit_in_a_weight(tmp_path, valid, deflated):
    if deflated:
        with zipfile.ZipFile(valid) as source:
            members = {name: source.read(name) for name in source.namelist()}
        archive_of(valid, members, zipfile.ZIP_DEFLATED)
        with zipfile.ZipFile(valid) as source:
            info = source.getinfo("model.weights.h5")
        place = info.header_offset + info.compress_size // 2
    else:
        place = valid.read_bytes().index(VALUES.tobytes()) + 5
    data = bytearray(valid.read_bytes())
    data[place] ^= 1
    valid.write_bytes(data)
    refused(valid, "model.weights.h5 is damaged")


def test_a_duplicate_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("config.json", "{}")
    refused(tmp_path / "model.keras", "member 'config.json' is there twice")


def patch_central(path, name, offset, value):
    """Overwrites a field of a member's entry in the central directory."""
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
    data[start + offset : start + offset + len(value)] = value
    path.write_bytes(data)


def test_an_encrypted_member(valid):
    patch_central(valid, "config.json", 8, struct.pack("<H", 1))
    refused(valid, "member 'config.json' is encrypted")


def test_unusual_compression(tmp_path):
    path = archive_of(tmp_path / "model.keras", {"config.json": "{}"}, zipfile.ZIP_BZIP2)
    refused(path, "unusual compression")


def test_overlapping_members(valid):
    patch_central(valid, "config.json", 42, struct.pack("<I", 0))
    refused(valid, "overlaps another|header of 'config.json' is not where it should be")


def test_a_member_that_declares_too_much(tmp_path):
    members = {"config.json": " " * (80 << 20), "model.weights.h5": ""}
    path = archive_of(tmp_path / "model.keras", members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    refused(path, r"member 'config\.json' declares 83886080 bytes, but only \d+ are stored")


def test_a_member_that_holds_more_than_it_declares(tmp_path):
    path = archive_of(
        tmp_path / "model.keras",
        {"config.json": "{}" + " " * 10_000, "model.weights.h5": ""},
        zipfile.ZIP_DEFLATED,
    )
    patch_central(path, "config.json", 24, struct.pack("<I", 2))
    patch_central(path, "config.json", 16, struct.pack("<I", zlib.crc32(b"{}")))
    refused(path, "config.json is damaged")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:/x", "a//b", "./x"])
def test_asset_names_that_lead_elsewhere(tmp_path, name):
    members = {"config.json": "{}", "model.weights.h5": "", f"assets/{name}": "x"}
    refused(archive_of(tmp_path / "model.keras", members), "is not a plain relative path")


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_reader, "MAX_MEMBERS", 2)
    members = {"config.json": "{}", "model.weights.h5": "", "assets/a": ""}
    refused(archive_of(tmp_path / "model.keras", members), "has 3 members; at most 2 are read")


# HDF5


def external_storage(group):
    group.create_dataset("0", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(group):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/other.h5", "x", (4,))
    group.create_virtual_dataset("0", layout)


def terabytes_of_zeros(group):
    group.create_dataset("0", (1 << 40,), "f4", chunks=(1 << 20,))


def terabytes_compressed(group):
    dataset = group.create_dataset("0", (1 << 40,), "f4", chunks=(1 << 18,), compression="gzip")
    dataset[: 1 << 18] = 0


def never_written(group):
    group.create_dataset("0", (1 << 40,), "f4")


def partly_written(group):
    group.create_dataset("0", (100,), "f4", chunks=(10,), compression="gzip")[:10] = 1


def oversized_chunks(group):
    group.create_dataset("0", data=[1.0, 2.0], chunks=(1 << 18,), maxshape=(None,), compression="gzip")


def opaque(tag, size):
    def fill(group):
        kind = h5t.create(h5t.OPAQUE, size)
        kind.set_tag(tag)
        dataset = h5d.create(group.id, b"0", kind, h5s.create_simple((3,)))
        dataset.write(h5s.ALL, h5s.ALL, np.zeros(3, f"V{size}"), mtype=kind)

    return fill


def other_filter(group):
    group.create_dataset("0", data=VALUES, chunks=(2, 3), fletcher32=True)


def unusual_number(group):
    kind = h5t.STD_I32LE.copy()
    kind.set_precision(24)
    h5d.create(group.id, b"0", kind, h5s.create_simple((2, 3))).write(h5s.ALL, h5s.ALL, VALUES.astype("i4"))


def loop(group):
    group["0"] = VALUES
    group["again"] = group.parent


def one_array_twice(group):
    group["0"] = VALUES
    group["1"] = group["0"]


def deep(group):
    for _ in range(200):
        group = group.create_group("g")


def named_type(group):
    group["0"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("fill", "pattern"),
    [
        (lambda group: group.__setitem__("0", h5py.SoftLink("/layers")), "is a link to another place"),
        (
            lambda group: group.__setitem__("0", h5py.ExternalLink("/o.h5", "/x")),
            "is a link to another place",
        ),
        (external_storage, "keeps its values in another file"),
        (virtual, "is assembled from other files"),
        (terabytes_of_zeros, "declares 4398046511104 bytes, but only 0 are stored"),
        (terabytes_compressed, r"declares 4398046511104 bytes, but only \d+ are stored"),
        (never_written, "declares 4398046511104 bytes, but only 0 are stored"),
        (partly_written, "has parts that were never written"),
        (oversized_chunks, "larger than itself"),
        (lambda group: group.create_dataset("0", data="text"), "a kind that no weight has"),
        (lambda group: group.create_dataset("0", data=h5py.Empty("f4")), "has no shape"),
        (lambda group: group.__setitem__("0", np.zeros(2, [("a", "f4"), ("b", "i8")])), "no weight has"),
        (
            lambda group: group.create_dataset("0", (1,), h5py.vlen_dtype("f4")).__setitem__(0, [1.0]),
            "no weight has",
        ),
        (lambda group: group.create_group("a\nb"), "is not a plain name"),
        (opaque(b"NUMPY:|O", 8), "opaque values of 8 bytes"),
        (opaque(b"", 1), "opaque values of 1 bytes"),
        (other_filter, "uses a compression other than deflate"),
        (unusual_number, "a kind that no weight has"),
        (loop, "is linked from two places"),
        (one_array_twice, "is linked from two places"),
        (deep, "nested too deep"),
        (named_type, "is neither a group nor an array"),
        (lambda group: group.attrs.__setitem__("name", 3), "'name' of layers/x/vars is not a text"),
        (lambda group: group.parent.__setitem__("0", VALUES), "is in no group of variables"),
    ],
)
def test_unsafe_hdf5(tmp_path, fill, pattern):
    refused(with_weights(tmp_path, fill), pattern)


def test_arrays_that_share_their_bytes(tmp_path):
    """Two headers may point to one run of bytes: a small file would grow in memory without end."""

    def fill(group):
        group["0"] = np.arange(4000.0)
        group["1"] = np.arange(4000.0)[::-1].copy()

    path = with_weights(tmp_path, fill)
    with zipfile.ZipFile(path) as archive:
        data = bytearray(archive.read("model.weights.h5"))
    with h5py.File(io.BytesIO(bytes(data))) as file:
        first, second = (file["layers/x/vars"][key].id.get_offset() for key in "01")
    at = data.index(struct.pack("<QQ", second, 32_000))
    data[at : at + 8] = struct.pack("<Q", first)
    data = data[:second]
    data[40:48] = struct.pack("<Q", len(data))  # the end of the file, in the superblock
    archive_of(path, {"config.json": "{}", "model.weights.h5": bytes(data)})
    refused(path, "its arrays declare more bytes than the file has")


def test_filters_and_compact_layout_are_read(tmp_path):
    def fill(group):
        group.create_dataset("0", data=VALUES, chunks=(1, 2), compression="gzip", shuffle=True)
        group.create_dataset("1", data=VALUES, chunks=(2, 3), maxshape=(None, 3))
        group.create_dataset("2", data=VALUES.astype(">f4"), chunks=(2, 2), compression="gzip")
        group.create_dataset("3", data=VALUES > 2, chunks=(2, 2))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5d.COMPACT)
        compact = h5d.create(group.id, b"4", h5t.IEEE_F32BE, h5s.create_simple((2, 3)), plist)
        compact.write(h5s.ALL, h5s.ALL, VALUES)

    with KerasArchive.open(with_weights(tmp_path, fill)) as archive:
        variables = archive.weights.variables("layers/x")
        for key in "0124":
            np.testing.assert_array_equal(variables[key].read(), VALUES)
            assert variables[key].dtype == np.float32
        np.testing.assert_array_equal(variables["3"].read(), VALUES > 2)


# Whatever happens to a file, it is read or refused


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "model.keras"
    weights = {"layers/x": [VALUES, np.array(3)], "layers/y/cell": {"a": np.ones(2, np.float16)}}
    write_keras_archive(path, CONFIG, weights, {"layers/x": "x", "": "model"}, {"words.txt": b"a b c"})
    return path.read_bytes()


def survives(path):
    with contextlib.suppress(ArchiveError):
        read_all(path)


flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8)
relaxed = settings(
    max_examples=200,
    derandomize=True,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@relaxed
@given(flips, st.floats(0, 1))
def test_a_damaged_archive_is_read_or_refused(tmp_path, pristine, places, keep):
    data = bytearray(pristine)
    for place, value in places:
        data[int(place * len(data))] = value
    if keep < 0.3:
        data = data[: int(keep / 0.3 * len(data))]
    (tmp_path / "model.keras").write_bytes(data)
    survives(tmp_path / "model.keras")


@relaxed
@given(flips, st.floats(0, 1))
def test_damaged_weights_with_a_right_checksum_are_read_or_refused(tmp_path, pristine, places, keep):
    with zipfile.ZipFile(io.BytesIO(pristine)) as archive:
        data = bytearray(archive.read("model.weights.h5"))
    for place, value in places:
        data[int(place * len(data))] = value
    if keep < 0.2:
        data = data[: int(keep / 0.2 * len(data))]
    path = archive_of(tmp_path / "model.keras", {"config.json": "{}", "model.weights.h5": bytes(data)})
    survives(path)
