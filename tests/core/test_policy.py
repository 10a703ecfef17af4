"""Policies check themselves."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.policy import Policy


def test_the_estimate_that_is_asked_for():
    assert Policy().ask_below == 18 and Policy(age=21, buffer=3.5).ask_below == 24.5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"age": 0}, "expected age to be a whole number, at least 1 and at most 120, such as 18, got 0"),
        ({"age": 17.5}, "expected age to be a whole number"),
        ({"buffer": -1}, "expected buffer to be a number, at least 0"),
        ({"not_found": "maybe"}, "expected not_found to be one of refuse, error, pass, got 'maybe'"),
        ({"name": ""}, "expected name to be a text"),
    ],
)
def test_what_is_no_policy_is_refused(given, told):
    with pytest.raises(UsageError, match=told):
        Policy(**given)
