from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import get_window
from scipy.signal.windows import _windows

from portable_layers.windows import window

# A new window of SciPy shows up here; True marks those that need parameters.
NAMES = [name for name, (_, parameters) in _windows._WIN_FUNCS.items() if parameters is not True]


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_window_is_that_of_scipy(name, periodic):
    for length in (1, 2, 3, 8, 33):
        expected = get_window(name, length, periodic)
        np.testing.assert_allclose(window(name, length, periodic), expected, rtol=0, atol=1e-14)


def test_the_ending_of_a_name_decides_over_the_argument():
    np.testing.assert_array_equal(window("hann_periodic", 8), window("hann", 8, periodic=True))
    np.testing.assert_array_equal(window("hann_symmetric", 8, periodic=True), window("hann", 8))


@pytest.mark.parametrize("name", ["kaiser", "Hann", "", "_periodic"])
def test_a_name_that_scipy_refuses_without_parameters_is_refused(name):
    with pytest.raises(ValueError, match="window"):
        get_window(name, 4)
    with pytest.raises(ValueError, match="Unknown window"):
        window(name, 4)


def test_a_window_has_a_sample():
    with pytest.raises(ValueError, match="length=0"):
        window("hann", 0)
