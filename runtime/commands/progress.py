"""Progress of long work, shown on a terminal and nowhere else."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO


def track_steps(steps: range, description: str) -> Iterable[int]:
    """The steps, with a bar that advances with them."""
    if not sys.stderr.isatty():
        return steps
    from rich.console import Console
    from rich.progress import track

    return track(steps, description=description, console=Console(stderr=True), transient=True)


@contextmanager
def stages() -> Iterator[Callable[[str], None]]:
    """Yields a function that says which stage the work is in; it appears beside a spinner."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    # A stream of its own: inside of `quiet_libraries`, standard error leads nowhere.
    stream: TextIO
    try:
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w")
    except (OSError, io.UnsupportedOperation):
        stream = sys.stderr
    try:
        with Console(file=stream).status("") as status:
            yield lambda text: status.update(text)
    finally:
        if stream is not sys.stderr:
            stream.close()
