"""What the tests of the commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from keras_files import write_small

from runtime import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a good `small.keras` in it."""
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path / "small.keras")
    return tmp_path


@pytest.fixture
def succeeds(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that ends with exit code 0 and a silent standard error; what it printed."""

    def run(*arguments: object) -> str:
        capfd.readouterr()
        code = cli.main(list(map(str, arguments)))
        out, err = capfd.readouterr()
        assert (code, err) == (0, "")
        return out

    return run


@pytest.fixture
def refuses(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that ends with exit code 2, one line on standard error and no file touched."""

    def run(*arguments: object) -> str:
        before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
        capfd.readouterr()
        code = cli.main(list(map(str, arguments)))
        out, err = capfd.readouterr()
        assert (code, out) == (2, "")
        assert err.startswith("portable-layers: error: ")
        assert err.count("\n") == 1
        assert {name: os.stat(name).st_mtime_ns for name in os.listdir()} == before
        return err

    return run
