"""The README and CONTRIBUTING: their Python runs, the commands exist, the table is what is registered."""

import re
import shlex
from pathlib import Path

import pytest

from models import supported
from runtime import cli

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text()
CONTRIBUTING = README.with_name("CONTRIBUTING.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT + CONTRIBUTING, re.S)
COMMANDS = re.findall(r"^\$ portable-layers (.*)$", TEXT, re.M)


@pytest.fixture
def demo(tmp_path, monkeypatch, keras):
    """A folder like the one that `make demo` leaves, with an untrained network."""
    import numpy as np

    from models import digits

    monkeypatch.chdir(tmp_path)
    Path("demo").mkdir()
    digits.build(keras).save("demo/model.keras")
    images = np.random.default_rng(0).uniform(size=(360, 8, 8, 1)).astype("float32")
    np.savez("demo/test.npz", image=images)
    assert cli.main(["export", "demo/model.keras", "--no-verify"]) == 0


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_the_python_runs(demo, snippet):
    exec(compile(snippet, str(README), "exec"), {})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(demo, command, capsys):
    assert cli.main(shlex.split(command)) == 0
    # The first words of each line that the README shows are those that are printed.
    shown = TEXT.partition(f"$ portable-layers {command}\n")[2].partition("```")[0]
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()] == [
        line.split()[0] for line in printed.splitlines()
    ]


def test_the_paths_exist():
    paths = re.findall(
        r"`((?:portable_layers|converters|runtime|models|tests)/[\w/]*(?:\.py)?)`", TEXT + CONTRIBUTING
    )
    assert len(paths) > 10
    assert [path for path in paths if not (README.parent / path).exists()] == []


def test_all_commands_of_the_program_are_shown():
    names = {module.__name__.rpartition(".")[2].rstrip("_") for module in cli.COMMANDS}
    assert names == set(re.findall(r"portable-layers (\w+)", TEXT)) & names


def test_the_table_is_up_to_date():
    assert supported.updated(TEXT) == TEXT, "run: python -m models.supported"
