"""The keys of what our ONNX files carry in their metadata; light to import, for who only reads it."""

from __future__ import annotations

# JSON: the model's Keras config, and how each initializer is made of Keras variables (model_file.py).
METADATA_KEY = "portable_layers"
# In models with stateful layers, JSON: the output of each state by its input.
STATES_KEY = "portable_layers.states"
