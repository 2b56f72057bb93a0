"""The layers, named and behaving as in `keras.layers`."""

from portable_layers.input_spec import InputSpec
from portable_layers.layer import Layer
from portable_layers.layers.applications.convnext import LayerScale, StochasticDepth
from portable_layers.layers.applications.inception_resnet_v2 import CustomScaleLayer
from portable_layers.layers.convolutional.conv import Conv1D, Conv2D, Conv3D
from portable_layers.layers.convolutional.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
from portable_layers.layers.convolutional.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from portable_layers.layers.convolutional.separable_conv import SeparableConv1D, SeparableConv2D
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.identity import Identity
from portable_layers.layers.core.input_layer import Input, InputLayer
from portable_layers.layers.core.masking import Masking
from portable_layers.layers.core.wrapper import Wrapper
from portable_layers.layers.normalization.batch_normalization import BatchNormalization
from portable_layers.layers.normalization.group_normalization import GroupNormalization
from portable_layers.layers.normalization.layer_normalization import LayerNormalization
from portable_layers.layers.normalization.rms_normalization import RMSNormalization
from portable_layers.layers.normalization.spectral_normalization import SpectralNormalization
from portable_layers.layers.normalization.unit_normalization import UnitNormalization
from portable_layers.layers.preprocessing.normalization import Normalization
from portable_layers.layers.preprocessing.rescaling import Rescaling
from portable_layers.layers.recurrent.bidirectional import Bidirectional
from portable_layers.layers.recurrent.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from portable_layers.layers.recurrent.gru import GRU
from portable_layers.layers.recurrent.gru_cell import GRUCell
from portable_layers.layers.recurrent.lstm import LSTM
from portable_layers.layers.recurrent.lstm_cell import LSTMCell
from portable_layers.layers.recurrent.rnn import RNN
from portable_layers.layers.recurrent.simple_rnn import SimpleRNN
from portable_layers.layers.recurrent.simple_rnn_cell import SimpleRNNCell
from portable_layers.layers.recurrent.stacked_rnn_cells import StackedRNNCells
from portable_layers.layers.recurrent.time_distributed import TimeDistributed
from portable_layers.layers.regularization.activity_regularization import ActivityRegularization
from portable_layers.layers.regularization.dropout import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Bidirectional",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "CustomScaleLayer",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "LSTMCell",
    "Layer",
    "LayerNormalization",
    "LayerScale",
    "Masking",
    "Normalization",
    "RMSNormalization",
    "Rescaling",
    "SeparableConv1D",
    "SeparableConv2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StochasticDepth",
    "TimeDistributed",
    "UnitNormalization",
    "Wrapper",
]
