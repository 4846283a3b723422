"""The polynomial coefficients of `kernels.loss` are what Remez' exchange gives, to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.maths.polynomials import EXP, LOG
from tests.helpers.coefficients import exp_coefficients, exp_error, log_coefficients, log_error

CASES = [
    pytest.param(exp_coefficients, exp_error, EXP, 6e-20, 1e-18, id="exp"),
    pytest.param(log_coefficients, log_error, LOG, 5e-17, 5.5e-17, id="log1p"),
]


@pytest.mark.parametrize(("made_anew", "error_of", "constants", "least", "rounded"), CASES)
def test_the_constants_are_as_exact_as_a_minimax_polynomial(
    made_anew, error_of, constants, least, rounded
):
    """`loss` claims errors of 5e-20 and 5e-17 before rounding of the coefficients, 7e-19 and 5e-17
    after it; half a unit in the last place of the result is 5e-17 and more."""
    coefficients, error = made_anew()
    assert error < least
    assert len(constants) == len(coefficients)
    assert error_of(constants) < rounded
    assert error_of([float(c) for c in coefficients]) < rounded
    np.testing.assert_allclose(constants, [float(c) for c in coefficients], rtol=1e-3)


@pytest.mark.parametrize(("made_anew", "error_of", "constants", "least", "rounded"), CASES)
def test_a_wrong_digit_is_seen(made_anew, error_of, constants, least, rounded):
    for k in range(len(constants)):
        wrong = [c * (1.0 + 1e-3 * (i == k)) for i, c in enumerate(constants)]
        assert error_of(wrong) > rounded
