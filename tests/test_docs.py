"""The generated pages are those of the installed Keras, so that a new release shows up here."""

from __future__ import annotations

from docs import coverage


def test_the_coverage_page_is_up_to_date(keras):
    assert coverage.page() == coverage.PAGE.read_text(), "run: python -m docs.coverage"


def test_every_reason_is_for_a_name_that_keras_has_and_we_have_not(keras):
    states = {f"{module}.{name}": state for module, name, state in coverage.rows()}
    assert coverage.REFUSED.keys() <= states.keys()
    assert not [key for key in coverage.REFUSED if states[key].startswith("yes")]
    assert coverage.NOTES.keys() <= states.keys()


def test_only_what_is_refused_is_missing_outside_of_the_layers(keras):
    missing = [n for m, n, state in coverage.rows() if m != "layers" and not state.startswith("yes")]
    assert not missing
