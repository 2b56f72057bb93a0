"""The layers, named and behaving as in `keras.layers`."""

from portable_layers.input_spec import InputSpec
from portable_layers.layer import Layer
from portable_layers.layers.activations.activation import Activation
from portable_layers.layers.activations.elu import ELU
from portable_layers.layers.activations.leaky_relu import LeakyReLU
from portable_layers.layers.activations.prelu import PReLU
from portable_layers.layers.activations.relu import ReLU
from portable_layers.layers.activations.softmax import Softmax
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.input_layer import Input, InputLayer
from portable_layers.layers.merging.concatenate import Concatenate, concatenate
from portable_layers.layers.merging.dot import Dot, dot
from portable_layers.layers.merging.elementwise import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from portable_layers.layers.pooling.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from portable_layers.layers.pooling.average_pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
)
from portable_layers.layers.pooling.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from portable_layers.layers.pooling.max_pooling import MaxPooling1D, MaxPooling2D, MaxPooling3D
from portable_layers.layers.reshaping.cropping import Cropping1D, Cropping2D, Cropping3D
from portable_layers.layers.reshaping.flatten import Flatten
from portable_layers.layers.reshaping.permute import Permute
from portable_layers.layers.reshaping.repeat_vector import RepeatVector
from portable_layers.layers.reshaping.reshape import Reshape
from portable_layers.layers.reshaping.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from portable_layers.layers.reshaping.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D

__all__ = [
    "ELU",
    "Activation",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Concatenate",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "Dot",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "Softmax",
    "Subtract",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
