"""Keeping the log lines of TensorFlow and ONNX Runtime away from the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries(debug: bool = False) -> Iterator[None]:
    """What native libraries write to standard error inside the block is dropped.

    TensorFlow writes before its log level can be set, straight to the file descriptor, so it is the
    descriptor that is pointed elsewhere. Errors are exceptions, which are not touched by this; output
    for the user goes to a stream of `terminal_stream`.

    Args:
        debug: leave everything as it is.
    """
    for name, value in (
        ("TF_CPP_MIN_LOG_LEVEL", "3"),
        ("GRPC_VERBOSITY", "ERROR"),
        ("GLOG_minloglevel", "3"),
    ):
        os.environ.setdefault(name, value)
    if debug:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
