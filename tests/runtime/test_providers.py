"""A provider that is named is used, or refused with the reason and the fix; never replaced in silence."""

import logging
import types

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from small_models import identity, make_model

from portable_layers.errors import InferenceError, ProviderError
from runtime import InferenceEngine
from runtime.backends import cuda
from runtime.backends import onnxruntime as backend
from runtime.providers import parse_providers

X = np.arange(6, dtype=np.float32).reshape(3, 2)
NO_CUDA = cuda.cuda_problem(onnxruntime)
without_cuda = pytest.mark.skipif(NO_CUDA is None, reason="CUDA can be used here")


@pytest.fixture
def gpu_build(monkeypatch):
    """onnxruntime as it looks when the GPU wheel is installed and its provider cannot be loaded."""
    module = types.ModuleType("onnxruntime")
    module.__dict__.update(vars(onnxruntime))
    module.get_available_providers = lambda: [
        "TensorrtExecutionProvider",
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ]
    monkeypatch.setattr(backend, "import_onnxruntime", lambda: module)
    monkeypatch.setattr(cuda, "driver_problem", lambda: None)
    return module


@without_cuda
@pytest.mark.parametrize(
    "providers", ["cuda", ["cuda"], ["cuda", "cpu"], "tensorrt", "CUDAExecutionProvider"]
)
def test_a_gpu_that_cannot_be_used_is_refused_with_reason_and_fix(providers):
    with pytest.raises(ProviderError) as raised:
        InferenceEngine(identity(), providers)
    message = str(raised.value)
    assert "cannot be used here" in message
    assert "Fix: " in message


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="a GPU build")
def test_the_cpu_build_is_named_as_the_reason():
    with pytest.raises(
        ProviderError, match=r"build without CUDAExecutionProvider.*pip uninstall onnxruntime && pip"
    ):
        InferenceEngine(identity(), "cuda")
    with pytest.raises(ProviderError, match="onnxruntime-openvino"):
        InferenceEngine(identity(), "openvino")


def test_two_wheels_in_one_folder_are_named_as_the_reason(monkeypatch):
    monkeypatch.setattr(cuda, "_installed", lambda *names: set(names))
    cpu_only = types.SimpleNamespace(get_available_providers=lambda: ["CPUExecutionProvider"])
    assert "both installed" in str(cuda.build_problem(cpu_only, cuda.CUDA))


@without_cuda
@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("providers", ["cuda", ["cuda", "cpu"], ["tensorrt", "cuda", "cpu"]])
def test_a_provider_that_onnxruntime_drops_is_noticed(gpu_build, providers):
    with pytest.raises(ProviderError, match=r"libonnxruntime_providers_\w+\.so.*Fix: "):
        InferenceEngine(identity(), providers)


@without_cuda
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_auto_takes_the_cpu_where_cuda_fails_and_says_so(gpu_build, caplog):
    with caplog.at_level(logging.INFO, "runtime"):
        engine = InferenceEngine(identity())
    assert engine.providers == ("cpu",)
    assert "running on the CPU: provider 'cuda' cannot be used here" in caplog.text
    np.testing.assert_array_equal(engine.run(X), X)


@pytest.mark.parametrize(
    ("raised", "expected"), [(RuntimeError, ProviderError), (ValueError, InferenceError)]
)
def test_a_provider_that_raises_is_told_from_a_model_that_does(gpu_build, raised, expected):
    def refuse(*args, **kwargs):
        raise raised("CUDA failure 101: invalid device ordinal")

    gpu_build.InferenceSession = refuse
    with pytest.raises(expected, match="invalid device ordinal"):
        InferenceEngine(identity(), [("cuda", {"device_id": 99}), "cpu"])


def test_nodes_left_to_the_cpu_are_listed_unless_the_cpu_is_allowed():
    placed = {
        "CUDAExecutionProvider": [("conv", "Conv")],
        "CPUExecutionProvider": [("shape", "Shape"), ("split", "StringSplit"), ("", "LSTM")],
    }
    with pytest.raises(
        ProviderError, match=r"2 of the model's nodes: split \(StringSplit\), \(unnamed\) \(LSTM\)\. Fix"
    ):
        backend._refuse_stray(["cuda"], placed)
    backend._refuse_stray(["cuda"], {**placed, "CPUExecutionProvider": [("shape", "Shape")]})
    with pytest.raises(ProviderError, match="1 of the model's nodes"):
        backend._refuse_stray(["cuda"], {"CPUExecutionProvider": [("join", "Concat")]})


@pytest.mark.parametrize(("status", "devices", "usable"), [(0, 1, True), (0, 0, False), (100, 0, False)])
def test_the_driver_is_asked_for_devices(monkeypatch, status, devices, usable):
    def count(pointer):
        pointer._obj.value = devices
        return 0

    driver = types.SimpleNamespace(cuInit=lambda flags: status, cuDeviceGetCount=count)
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: driver)
    problem = cuda.driver_problem()
    assert (problem is None) is usable
    assert usable or "--gpus all" in str(problem)


def test_a_missing_driver_is_the_reason(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(cuda.ctypes, "CDLL", missing)
    assert "driver cannot be loaded" in str(cuda.driver_problem())


def test_what_preloading_prints_is_not_printed(capsys):
    module = types.ModuleType("chatty")
    module.preload_dlls = lambda: print("Failed to load\n libcudart.so.13")
    assert cuda.preload_libraries(module) == "Failed to load libcudart.so.13"
    assert capsys.readouterr().out == ""


def test_names_and_options_are_read_and_checked():
    assert [p.name for p in parse_providers(["CUDAExecutionProvider", "cpu"])] == ["cuda", "cpu"]
    assert parse_providers([("cuda", {"device_id": 1}), "cpu"])[0].options == {"device_id": 1}
    bad = [
        "gpu",
        "",
        [],
        ["cpu", "cpu"],
        ["auto", "cpu"],
        ["reference", "cpu"],
        [("cuda",)],
        [3],
        ("cuda", {}),
    ]
    for providers in bad:
        with pytest.raises(ProviderError):
            parse_providers(providers)


@pytest.mark.gpu
@pytest.mark.skipif(NO_CUDA is not None, reason=str(NO_CUDA))
class TestCuda:
    def test_named_listed_and_automatic_cuda_runs(self):
        a = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
        model = make_model(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            [("x", TensorProto.FLOAT, ["n", 64])],
            [("y", TensorProto.FLOAT, ["n", 64])],
            {"w": a},
        )
        expected = InferenceEngine(model, "cpu").run(a)
        for providers in ("cuda", ["cuda", "cpu"], [("cuda", {"device_id": 0}), "cpu"], "auto"):
            engine = InferenceEngine(model, providers)
            assert engine.providers == ("cuda",)
            np.testing.assert_allclose(engine.run(a), expected, rtol=1e-2, atol=1e-2)  # TF32 matrix products

    def test_a_device_that_is_not_there_is_refused(self):
        with pytest.raises(ProviderError):
            InferenceEngine(identity(), [("cuda", {"device_id": 99})])

    def test_strings_need_the_cpu_to_be_allowed(self):
        model = make_model(
            [helper.make_node("StringConcat", ["x", "x"], ["y"])],
            [("x", TensorProto.STRING, ["n"])],
            [("y", TensorProto.STRING, ["n"])],
        )
        with pytest.raises(ProviderError, match="StringConcat"):
            InferenceEngine(model, "cuda")
        engine = InferenceEngine(model, ["cuda", "cpu"])
        assert engine.providers == ("cpu",)
        assert engine.run(["a"]).tolist() == ["aa"]
