"""The layers, named and behaving as in `keras.layers`."""

from portable_layers.input_spec import InputSpec
from portable_layers.layer import Layer
from portable_layers.layers.activations.activation import Activation
from portable_layers.layers.activations.elu import ELU
from portable_layers.layers.activations.leaky_relu import LeakyReLU
from portable_layers.layers.activations.prelu import PReLU
from portable_layers.layers.activations.relu import ReLU
from portable_layers.layers.activations.softmax import Softmax
from portable_layers.layers.applications.convnext import LayerScale, StochasticDepth
from portable_layers.layers.applications.inception_resnet_v2 import CustomScaleLayer
from portable_layers.layers.attention.additive_attention import AdditiveAttention
from portable_layers.layers.attention.attention import Attention
from portable_layers.layers.attention.grouped_query_attention import GroupedQueryAttention
from portable_layers.layers.attention.multi_head_attention import MultiHeadAttention
from portable_layers.layers.configs import deserialize, serialize
from portable_layers.layers.convolutional.conv import Conv1D, Conv2D, Conv3D
from portable_layers.layers.convolutional.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
from portable_layers.layers.convolutional.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from portable_layers.layers.convolutional.separable_conv import SeparableConv1D, SeparableConv2D
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.einsum_dense import EinsumDense
from portable_layers.layers.core.embedding import Embedding
from portable_layers.layers.core.identity import Identity
from portable_layers.layers.core.input_layer import Input, InputLayer
from portable_layers.layers.core.masking import Masking
from portable_layers.layers.core.pipeline import Pipeline
from portable_layers.layers.core.reversible_embedding import ReversibleEmbedding
from portable_layers.layers.core.wrapper import Wrapper
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
from portable_layers.layers.normalization.batch_normalization import BatchNormalization
from portable_layers.layers.normalization.group_normalization import GroupNormalization
from portable_layers.layers.normalization.layer_normalization import LayerNormalization
from portable_layers.layers.normalization.rms_normalization import RMSNormalization
from portable_layers.layers.normalization.spectral_normalization import SpectralNormalization
from portable_layers.layers.normalization.unit_normalization import UnitNormalization
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
from portable_layers.layers.preprocessing.auto_contrast import AutoContrast
from portable_layers.layers.preprocessing.category_encoding import CategoryEncoding
from portable_layers.layers.preprocessing.center_crop import CenterCrop
from portable_layers.layers.preprocessing.contrast_limited_adaptive_histogram_equalization import (
    ContrastLimitedAdaptiveHistogramEqualization,
)
from portable_layers.layers.preprocessing.discretization import Discretization
from portable_layers.layers.preprocessing.hashing import HashedCrossing, Hashing
from portable_layers.layers.preprocessing.integer_lookup import IntegerLookup
from portable_layers.layers.preprocessing.max_num_bounding_boxes import MaxNumBoundingBoxes
from portable_layers.layers.preprocessing.mel_spectrogram import MelSpectrogram
from portable_layers.layers.preprocessing.normalization import Normalization
from portable_layers.layers.preprocessing.random_affine import (
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from portable_layers.layers.preprocessing.random_brightness import RandomBrightness, RandomContrast
from portable_layers.layers.preprocessing.random_color import (
    RandomColorDegeneration,
    RandomColorJitter,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from portable_layers.layers.preprocessing.random_crop import RandomCrop
from portable_layers.layers.preprocessing.random_filter import (
    RandomElasticTransform,
    RandomErasing,
    RandomGaussianBlur,
    RandomPerspective,
    RandomSharpness,
)
from portable_layers.layers.preprocessing.random_flip import RandomFlip
from portable_layers.layers.preprocessing.random_policy import AugMix, CutMix, MixUp, RandAugment
from portable_layers.layers.preprocessing.random_tone import (
    Equalization,
    RandomInvert,
    RandomPosterization,
    Solarization,
)
from portable_layers.layers.preprocessing.rescaling import Rescaling
from portable_layers.layers.preprocessing.resizing import Resizing
from portable_layers.layers.preprocessing.stft_spectrogram import STFTSpectrogram
from portable_layers.layers.preprocessing.string_lookup import StringLookup
from portable_layers.layers.preprocessing.text_vectorization import TextVectorization
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
from portable_layers.layers.regularization.alpha_dropout import AlphaDropout
from portable_layers.layers.regularization.dropout import Dropout
from portable_layers.layers.regularization.gaussian import GaussianDropout, GaussianNoise
from portable_layers.layers.regularization.spatial_dropout import (
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from portable_layers.layers.reshaping.cropping import Cropping1D, Cropping2D, Cropping3D
from portable_layers.layers.reshaping.flatten import Flatten
from portable_layers.layers.reshaping.permute import Permute
from portable_layers.layers.reshaping.repeat_vector import RepeatVector
from portable_layers.layers.reshaping.reshape import Reshape
from portable_layers.layers.reshaping.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from portable_layers.layers.reshaping.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D

# Keras's other names for the same classes.
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
GroupQueryAttention = GroupedQueryAttention

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CustomScaleLayer",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "GroupedQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Layer",
    "LayerNormalization",
    "LayerScale",
    "LeakyReLU",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MixUp",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StochasticDepth",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
