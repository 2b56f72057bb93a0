"""Graph clean-ups."""


def clean(graph) -> None:
    pass
