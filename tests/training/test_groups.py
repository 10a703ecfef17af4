"""Groups of ages, whatever people call them."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.training.groups import TEN_GROUPS, parse_groups, single_years


def test_the_ten_groups_hold_every_age_once():
    groups = parse_groups(TEN_GROUPS)
    found = groups.of(np.arange(117))
    starts = [0, 2, 4, 9, 14, 19, 25, 35, 45, 59]
    assert [int(np.argmax(found == code)) for code in range(10)] == starts
    assert (np.diff(found) >= 0).all() and found.min() == 0 and found.max() == 9


def test_ages_are_completed_years_and_may_be_in_no_group():
    groups = parse_groups(["Child 0-12", "Adult 18-30"])
    assert groups.of([12.99, 13, 17.9, 18, 30.5, 31, np.nan]).tolist() == [0, -1, -1, 1, 1, -1, -1]


def test_a_group_stands_for_the_mean_of_its_faces_or_for_its_middle():
    groups = parse_groups(["Baby 0-1", "Child 2-9", "Old 60-"])
    assert groups.years([2, 4]).tolist() == [1.0, 3.0, 70.5]
    assert (np.diff(parse_groups(TEN_GROUPS).years([1, 58, 59, 100])) > 0).all()


def test_single_years_stand_for_themselves():
    years = single_years()
    assert years.years([30.0, 30.0]).tolist() == list(range(101))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["0-12"], "two or more"),
        (["0-12", "old"], "'old'"),
        (["13-20", "0-12"], "ascending"),
        (["0-12", "12-20"], "ascending"),
        (["0-", "20-30"], "ascending"),
        (["A 9-2", "B 10-20"], "ascending"),
        (["A 0-2", "A 3-4"], "a name of its own"),
    ],
)
def test_anything_else_is_refused(texts, said):
    with pytest.raises(UsageError, match=said):
        parse_groups(texts)
