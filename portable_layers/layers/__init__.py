"""The layers, named and behaving as in `keras.layers`."""

from portable_layers.input_spec import InputSpec
from portable_layers.layer import Layer
from portable_layers.layers.convolutional.conv import Conv1D, Conv2D, Conv3D
from portable_layers.layers.convolutional.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
from portable_layers.layers.convolutional.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from portable_layers.layers.convolutional.separable_conv import SeparableConv1D, SeparableConv2D
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.input_layer import Input, InputLayer

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "SeparableConv1D",
    "SeparableConv2D",
]
