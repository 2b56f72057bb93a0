"""`ops.nn` and `ops.numpy`: the functions again, under the names of Keras's namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

# What no operation class of Keras stands for.
_UNRECORDED = {
    "numpy": (
        "abs bartlett blackman conj empty eye hamming hanning identity kaiser ndim ones tri vectorize zeros".split()
    ),
    "nn": ["hard_swish", "swish"],
}


def namespace(name: str, functions: Mapping[str, Any]) -> SimpleNamespace:
    """The functions that Keras defines in `keras.ops.<name>`.

    Args:
        functions: by name, all that `ops` has.
    """
    own = {
        n: f
        for n, f in functions.items()
        if getattr(f, "keras_class", "").partition(".")[0] == name or n in _UNRECORDED[name]
    }
    return SimpleNamespace(**own)
