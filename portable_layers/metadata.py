"""The metadata properties that an exported ONNX model carries; without a word on what is in them.

A module of its own, since the engine reads models without loading what builds them.
"""

# JSON: the Keras config, and how each initializer is made of Keras variables (see `model_file`).
METADATA_KEY = "portable_layers"
METADATA_VERSION = 1
# A second property, in models with stateful layers: JSON, the output of each state by its input.
STATES_KEY = "portable_layers.states"
# A third one, in models with operators that ONNX Runtime itself lacks: the package that has them.
REQUIRES_KEY = "portable_layers.requires"
EXTENSIONS_DOMAIN, EXTENSIONS_PACKAGE = "ai.onnx.contrib", "onnxruntime-extensions"
