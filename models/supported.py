"""The table of supported layers in the README, made from what is registered.

python -m models.supported            # rewrites the table
python -m models.supported --check    # exit code 1 if it is not up to date
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import portable_layers as pl
from portable_layers.registry import classes

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- supported: begin -->\n", "<!-- supported: end -->\n"
# Keras's folders, as its documentation calls them.
KINDS = {
    "core": "Core",
    "convolutional": "Convolution",
    "pooling": "Pooling",
    "recurrent": "Recurrent",
    "attention": "Attention",
    "normalization": "Normalization",
    "regularization": "Regularization",
    "preprocessing": "Preprocessing",
    "reshaping": "Reshaping",
    "merging": "Merging",
    "activations": "Activations",
    "applications": "Of `keras.applications`",
}


def table() -> str:
    """The table in Markdown: a row a folder of layers."""
    found: dict[str, set[str]] = defaultdict(set)
    for cls in classes().values():
        package, _, rest = cls.__module__.partition(".layers.")
        if package == pl.__name__ and cls.__name__ in pl.layers.__all__:
            found[rest.partition(".")[0]].add(cls.__name__)
    names = sorted(found, key=lambda kind: (list(KINDS).index(kind) if kind in KINDS else len(KINDS), kind))
    rows = [f"| {KINDS.get(kind, kind.capitalize())} | {', '.join(sorted(found[kind]))} |" for kind in names]
    models = "| Models | functional, `Sequential`, nested and subclassed ones; shared layers; several inputs and outputs |"
    return "\n".join(["| | |", "|---|---|", models, *rows]) + "\n"


def updated(text: str) -> str:
    """The README with today's table in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def main(check: bool) -> int:
    """Rewrite the table, or say whether that would change it."""
    text = README.read_text()
    if check:
        return int(updated(text) != text)
    README.write_text(updated(text))
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
