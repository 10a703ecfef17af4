"""Groups out of columns, age ranges out of ages."""

import numpy as np

from age_audit.core import groups


def test_age_ranges_are_inclusive_and_count_completed_years():
    ages = [0, 12, 12.5, 12.999, 13, 18, 19, 25, 26, 100, 100.5, 101, 116, -1, np.nan, None]
    labels = list(groups.age_range_of(ages))
    assert labels[:4] == ["0–12"] * 4
    assert labels[4:6] == ["13–18"] * 2
    assert labels[6:8] == ["19–25"] * 2
    assert labels[8:11] == ["26–100"] * 3
    assert all(label is np.nan for label in labels[11:])
