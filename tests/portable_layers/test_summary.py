"""The summary is Keras's, character by character."""

from __future__ import annotations

import pytest
from model_catalogue import CATALOGUE
from two_worlds import worlds

import portable_layers as pl


def text_of(model, **options) -> str:
    printed: list[str] = []
    model.summary(print_fn=printed.append, **options)
    return "".join(printed)


@pytest.fixture(params=CATALOGUE.values(), ids=CATALOGUE)
def models(request, keras, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return [request.param(world) for world in worlds(keras)]


@pytest.mark.parametrize(
    "options",
    [{}, {"expand_nested": True, "show_trainable": True}, {"line_length": 70}],
    ids=["plain", "expanded", "narrow"],
)
def test_the_summary_is_that_of_keras(models, options):
    ours, theirs = (text_of(model, **options) for model in models)
    if "CLONE" not in theirs:  # the names of tensors without one count on otherwise
        assert ours == theirs


def test_a_model_that_is_not_built_says_so(keras, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def claim(world):
        dense = world.fw.layers.Dense
        return text_of(world.fw.Sequential([dense(2, name="one"), dense(3, name="two")], name="model"))

    ours, theirs = (claim(world) for world in worlds(keras))
    assert "?" in ours
    assert "0 (unbuilt)" in ours
    assert ours == theirs


def test_a_subclassed_model_lists_its_layers():
    x = pl.Input((3,))

    class Subclassed(pl.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.hidden = pl.layers.Dense(4, name="hidden")
            self.head = pl.Model(x, pl.layers.Dense(2, name="head_dense")(x), name="head")

        def call(self, inputs):
            return self.head(self.hidden(inputs)[:, :3])

    model = Subclassed(name="mine")
    model(x)
    text = text_of(model, expand_nested=True)
    assert [word in text for word in ("mine", "hidden", "head", "└ head_dense")] == [True] * 4
    assert "Total params: 24 (96.00 B)" in text


def test_a_line_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match=r"line_length is too small for 3 columns\. Received: 8"):
        pl.Sequential([pl.Input((3,)), pl.layers.Dense(1)]).summary(line_length=8)


def test_the_summary_is_printed(capsys):
    pl.Sequential([pl.Input((3,)), pl.layers.Dense(1)], name="small").summary()
    assert 'Model: "small"' in capsys.readouterr().out
