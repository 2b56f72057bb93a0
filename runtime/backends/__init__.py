"""The runtimes that can execute a model, one file each."""
