"""The subcommands of `portable-layers`, one file each.

A command is a module with two functions:

* `add_parser(subparsers) -> ArgumentParser` declares its name, help and arguments;
* `run(args) -> int` does the work and gives the exit code. What it needs beyond the standard
  library is imported inside, so that `portable-layers --help` stays instant.

To add one, write the module and name it in `COMMANDS`, in the order in which `--help` lists them.
"""

from runtime.commands import export, import_, inspect, run, verify

COMMANDS = (export, import_, verify, run, inspect)
