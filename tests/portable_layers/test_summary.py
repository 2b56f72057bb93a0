"""`model.summary()`: the numbers are Keras's."""

import re

import pytest
from keras_files import small_model

import portable_layers as pl


def text_of(model, **arguments):
    lines = []
    model.summary(print_fn=lines.append, **arguments)
    assert len(lines) == 1
    return lines[0]


def numbers(text):
    """The lines of totals, as `(name, parameters, size)`."""
    return re.findall(r"(Total|Trainable|Non-trainable) params: ([\d,]+) \(([^)]+)\)", text)


@pytest.fixture
def nested():
    inner = small_model(name="inner")
    inner.trainable = False
    x = pl.Input((4,), name="x")
    return pl.Model(x, pl.layers.Dense(5, name="top")(inner(x)), name="outer")


def test_totals_and_rows_are_those_of_keras(nested, keras):
    from converters import to_keras

    ours, theirs = text_of(nested, line_length=100), text_of(to_keras(nested), line_length=100)
    assert numbers(ours) == numbers(theirs)
    assert len(numbers(ours)) == 3
    for row in ("inner (Functional)", "top (Dense)", "(None, 5)"):
        assert row in ours
        assert row in theirs


def test_nested_layers_and_trainability_are_shown_on_demand(nested):
    assert "hidden" not in text_of(nested)
    text = text_of(nested, expand_nested=True, show_trainable=True, line_length=100)
    assert re.search(r"  hidden \(Dense\) +│ \(None, 8\) +│ +40 │ N", text)
    assert re.search(r"│ top \(Dense\) +│ \(None, 5\) +│ +20 │ Y", text)


def test_what_is_not_built_says_so(capsys):
    pl.Sequential([pl.layers.Dense(3)], name="later").summary()
    printed = capsys.readouterr().out
    assert 'Model: "later"' in printed
    assert "0 (unbuilt)" in printed
