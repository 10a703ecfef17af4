"""How sure a claim is, and numbers in words."""

import pandas as pd
import pytest

from age_audit.report.page.parts import percent, row_of, verdict


@pytest.mark.parametrize(
    ("asked", "sure"),
    [
        ((True, True, 30), "firm"),
        ((True, True, 29), "tentative"),
        ((True, False, 300), "tentative"),
        ((False, True, 300), "chance"),
        ((False, False, 3), "chance"),
    ],
)
def test_a_claim_is_firm_only_where_all_three_hold(asked, sure):
    assert verdict(*asked) == sure


def test_small_shares_have_a_digit_more():
    assert percent(0.05, 0.01, 0.1) == "5 % (1 to 10 %)"
    assert percent(0.049, 0.01, 0.1) == "4.9 % (1.0 to 10.0 %)"
    assert percent(0, 0, 0.04) == "0 % (0 to 4 %)"


def test_a_row_is_one_or_an_error():
    frame = pd.DataFrame({"group": ["a", "a", "b"], "n": [1, 2, 2]})
    assert row_of(frame, group="a", n=2) == 1
    for where in ({"group": "a"}, {"group": "c"}):
        with pytest.raises(LookupError, match="expected one row"):
            row_of(frame, **where)
