"""One definition, two worlds: the same network built by Keras and by portable-layers."""

import json

import numpy as np
import pytest

import portable_layers
from converters import from_keras, verify
from models import digits, digits_demo


def described(model):
    """Every layer with its config and output shape, in JSON's types."""
    layers = [(type(x).__name__, x.get_config(), x.output.shape) for x in model.layers]
    return json.loads(json.dumps([model.name, model.output_shape, layers]))


def test_both_modules_build_the_same_network(keras):
    theirs, ours = digits.build(keras), digits.build(portable_layers)
    assert described(ours) == described(theirs)
    assert [(v.path, v.shape) for v in ours.weights] == [(v.path, tuple(v.shape)) for v in theirs.weights]


def test_weights_move_over_and_the_outputs_agree(keras, tmp_path):
    theirs, ours = digits.build(keras), digits.build(portable_layers)
    ours.set_weights(theirs.get_weights())
    ours.save(tmp_path / "digits.onnx")
    assert verify(theirs, tmp_path / "digits.onnx").passed
    operators = [node.op_type for node in from_keras(theirs).to_onnx().graph.node]
    assert operators.count("Conv") == 2
    assert "Transpose" not in operators


@pytest.mark.slow
def test_the_demo_goes_the_whole_way(keras, tmp_path, capsys):
    digits_demo.main(tmp_path, epochs=1)
    printed = capsys.readouterr().out
    assert printed.count("✓") == 8
    assert "latency on the CPU, 32 images" in printed
    with np.load(tmp_path / "out.npz") as out:
        assert out["digit"].shape == (360, 10)
