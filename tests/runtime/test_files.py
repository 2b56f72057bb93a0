"""A file is there whole or not at all."""

import os

import numpy as np
import pytest

from portable_layers.errors import InputError
from runtime import atomic_write
from runtime.array_files import read_arrays, restore_dtype, write_arrays


def test_a_file_and_its_sidecar_arrive_together(tmp_path):
    target = tmp_path / "model.onnx"
    with atomic_write(target) as path:
        assert path.name == "model.onnx"
        assert path.parent.parent == tmp_path  # the same file system, so that the move is one step
        path.write_text("graph")
        path.with_name("model.onnx.data").write_text("weights")
        assert not target.exists()
    assert sorted(os.listdir(tmp_path)) == ["model.onnx", "model.onnx.data"]
    assert target.read_text() == "graph"


def test_a_failure_leaves_everything_as_it_was(tmp_path):
    target = tmp_path / "model.onnx"
    target.write_text("before")

    def interrupted():
        with atomic_write(target) as path:
            path.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == ["model.onnx"]
    assert target.read_text() == "before"


def test_a_link_keeps_pointing_at_the_replaced_file(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.bin", tmp_path / "link.bin"
    target.write_text("before")
    link.symlink_to(target)
    with atomic_write(link) as path:
        path.write_text("after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_a_device_is_written_in_place():
    with atomic_write(os.devnull) as path:
        path.write_text("gone")
    assert not os.path.isfile(os.devnull)


def test_impossible_destinations_are_errors(tmp_path):
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path):
        pass
    with pytest.raises(FileNotFoundError, match="does not exist"), atomic_write(tmp_path / "no" / "file"):
        pass
    with pytest.raises(FileNotFoundError, match="nothing was written"), atomic_write(tmp_path / "file"):
        pass
    assert os.listdir(tmp_path) == []


def test_arrays_come_back_as_they_were_written(tmp_path):
    import ml_dtypes

    arrays = {
        "lstm/h_out": np.arange(6.0).reshape(2, 3),
        "file": np.array([True]),
        "allow_pickle": np.array(3),
        "words": np.array(["a", "日本"], object),
        "half": np.array([1.5], ml_dtypes.bfloat16),
        "empty": np.zeros((0, 2), np.float32),
    }
    write_arrays(tmp_path / "out.npz", arrays)
    loaded = read_arrays(tmp_path / "out.npz")
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(restore_dtype(loaded[name], array.dtype), array)


def test_strings_that_npz_would_cut_are_refused(tmp_path):
    with pytest.raises(InputError, match="zero character"):
        write_arrays(tmp_path / "out.npz", {"y": np.array(["a\0"], object)})
    assert os.listdir(tmp_path) == []


def test_what_holds_no_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "pickled.npz", x=np.array([None]))
    np.savez(tmp_path / "good.npz", x=np.arange(1000))
    whole = (tmp_path / "good.npz").read_bytes()
    contents = {
        "empty": b"",
        "text": b"hello",
        "cut": whole[:-100],
        "flipped": whole[:500] + bytes([whole[500] ^ 255]) + whole[501:],
        "npy header": b"\x93NUMPY\x01\x00\x10\x00{'descr': ??????",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in [*contents, "pickled.npz"]:
        with pytest.raises(InputError, match=r"not a readable \.npy or \.npz"):
            read_arrays(tmp_path / name)
    with pytest.raises(OSError, match="nope"):
        read_arrays(tmp_path / "nope")


def test_a_damaged_byte_ends_in_arrays_or_in_our_error(tmp_path):
    np.savez_compressed(tmp_path / "good.npz", x=np.arange(4), words=np.array(["a", "b"]))
    whole = (tmp_path / "good.npz").read_bytes()
    outcomes = set()
    for position in range(len(whole)):
        (tmp_path / "bad.npz").write_bytes(
            whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :]
        )
        try:
            outcomes.add(type(read_arrays(tmp_path / "bad.npz")))
        except InputError as error:
            outcomes.add(type(error))
    assert outcomes == {dict, InputError}
