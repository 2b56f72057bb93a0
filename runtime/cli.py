"""The command line, `portable-layers`.

Exit codes: 0 done; 1 the answer is no; 2 unusable input; 130 interrupted. An error is one line on
standard error; `--debug` shows the traceback above it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from runtime.commands import COMMANDS

PROGRAM = "portable-layers"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        args = build_parser().parse_args(arguments)
        code = args.command(args)
        sys.stdout.flush()  # a reader that went away is noticed here, not after the interpreter's end
        return code
    except SystemExit as end:  # how argparse ends --help, --version and a usage error
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        return _fail("interrupted", arguments, 130)
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _fail(_described(error), arguments, 2)


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command in it; `args.command` is the function to call."""
    parser = _Parser(prog=PROGRAM, description="Keras models as ONNX: convert, run, verify.")
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    _add_debug(parser)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        subparser = module.add_parser(subparsers)
        _add_debug(subparser)
        subparser.set_defaults(command=module.run)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors are one line, too."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: error: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Print the version; reading it is left until it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None):
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib import metadata

        try:
            version = metadata.version(PROGRAM)
        except metadata.PackageNotFoundError:
            version = "(not installed)"
        print(f"{PROGRAM} {version}")
        parser.exit(0)


def _add_debug(parser: argparse.ArgumentParser) -> None:
    # No default: the one of a subparser would overwrite what was given before the command.
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )


def _described(error: Exception) -> str:
    from portable_layers.errors import PortableLayersError

    text = str(error)
    if isinstance(error, PortableLayersError) and text:
        return text
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or text or type(error).__name__}"
    return f"{type(error).__name__}: {text}"


def _fail(message: str, arguments: Sequence[str], code: int) -> int:
    if "--debug" in arguments:
        traceback.print_exc()
    print(f"{PROGRAM}: error: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
