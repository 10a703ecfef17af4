"""Groups with their intervals, read back from the artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.forests import Quantity, forests_by_age_range

TABLE = pd.DataFrame(
    {
        "age_range": ["0–12", "0–12", "13–18"],
        "gender": ["Male", "Female", "Male"],
        "race": ["Asian", "Asian", "Other"],
        "n": [400, 12, 0],
        "error": [5.0, 7.0, np.nan],
        "error_low": [4.0, 2.0, np.nan],
        "error_high": [6.0, 9.0, np.nan],
        "error_to_overall": [-0.5, 1.5, np.nan],
    }
)


def test_one_line_a_group():
    figure = forests_by_age_range(TABLE, [Quantity("error", "error (years)", "error_to_overall")], "Errors")
    first, second = figure.axes
    reference, male, mark, female, hollow = first.lines
    assert list(reference.get_xdata()) == [5.5, 5.5]
    assert (list(male.get_xdata()), list(mark.get_xdata())) == ([4, 6], [5])
    assert list(female.get_xdata()) == [2, 9] and female.get_linewidth() == style.THIN_LINE < male.get_linewidth()
    assert (mark.get_markerfacecolor(), hollow.get_markerfacecolor()) == (style.RACE_COLOURS["Asian"], "white")
    assert [text.get_text() for text in first.get_yticklabels()] == ["Male, Asian (n = 400)", "Female, Asian (n = 12)"]
    assert second.get_xlabel() == "error (years)"
    assert [text.get_text() for text in second.get_yticklabels()] == ["Male, Other (n = 0)"]


def test_a_number_as_reference():
    axes = forests_by_age_range(TABLE, [Quantity("error", "error", 3.0)], "Errors").axes
    assert [list(panel.lines[0].get_xdata()) for panel in axes] == [[3, 3]] * 2


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match=r"missing column\(s\) error_low"):
        forests_by_age_range(TABLE.drop(columns="error_low"), [Quantity("error", "error")], "Errors")
