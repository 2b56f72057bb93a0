"""All of keras.ops is there or has a reason, and docs/ops.md says which; a new Keras shows up here."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import portable_layers as pl
from docs.ops import PAGE, names, page
from portable_layers import ops
from portable_layers.errors import UnsupportedLayerError
from portable_layers.model import model_from_config
from portable_layers.ops.dispatch import OPERATIONS
from portable_layers.ops.unsupported import REASONS, reason_for

NAMESPACES = ("image", "linalg", "nn", "numpy")
MODULES = ("core", "numpy", "nn", "math", "linalg", "image", "einops")
# Base classes that no function makes.
ABSTRACT = {"SegmentReduction"}


def _public(module: object) -> set[str]:
    return {n for n in dir(module) if not n.startswith("_")} - set(NAMESPACES)


def test_every_name_is_mapped_or_has_a_reason(keras: ModuleType) -> None:
    assert set(names()) == _public(keras.ops) | {f"image.{n}" for n in _public(keras.ops.image)}
    assert not [n for n in REASONS if hasattr(ops, n)]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_namespaces(keras: ModuleType, namespace: str) -> None:
    ours, theirs = (_public(getattr(o, namespace)) for o in (ops, keras.ops))
    missing = {n for n in theirs - set(REASONS) if not hasattr(getattr(ops, namespace), n)}
    assert not missing
    assert namespace in ("image", "linalg") or not ours - theirs


def test_every_operation_class_is_known(keras: ModuleType) -> None:
    unknown = []
    for name in MODULES:
        module = importlib.import_module(f"keras.src.ops.{name}")
        for class_name, cls in vars(module).items():
            if not (isinstance(cls, type) and issubclass(cls, keras.Operation)):
                continue
            if cls.__module__ != module.__name__ or class_name in ABSTRACT:
                continue
            known = OPERATIONS.get(class_name)
            if known is None and reason_for(class_name, {}) is None:
                unknown.append(class_name)
            if known is not None and known.keras_module != cls.__module__:
                unknown.append(f"{class_name} of {cls.__module__}")
    assert not unknown


def test_the_document_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m docs.ops"


def _config(keras: ModuleType, build: object) -> dict:
    x = keras.Input((4, 3))
    outputs = build(keras.ops, x)  # type: ignore[operator]
    return keras.saving.serialize_keras_object(keras.Model(x, outputs))


def test_an_unmapped_operation_is_refused_with_its_reason(keras: ModuleType) -> None:
    config = _config(keras, lambda o, x: [o.real(o.polar(x, x))])
    with pytest.raises(UnsupportedLayerError) as caught:
        model_from_config(config)
    (layer,) = caught.value.layers
    assert (layer.path, layer.class_name, layer.reason) == ("polar", "Polar", REASONS["polar"])


def test_an_option_without_a_form_is_refused_with_its_reason(keras: ModuleType) -> None:
    config = _config(
        keras, lambda o, x: list(o.ctc_decode(x, o.cast(x[:, 0, 0], "int32"), strategy="beam_search"))
    )
    with pytest.raises(UnsupportedLayerError, match="beam search"):
        model_from_config(config)


def test_a_recorded_call_of_a_lambda_is_refused(keras: ModuleType) -> None:
    x = pl.Input((3,))
    model = pl.Model(x, ops.map(lambda t: t * 2, x))
    with pytest.warns(UserWarning, match="cannot be turned into a Keras model again"):
        proto = model.to_onnx()
    assert proto.graph.output[0].type.tensor_type.elem_type == 1
    with pytest.raises(pl.errors.SerializationError, match=r"[Ll]ambda"):
        model.get_config()
