"""What figures of a gate show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.gate.curves import gate_curves
from age_audit.audit.gate.rates import bands, gate_rates, single_years
from age_audit.core.errors import UsageError
from age_audit.core.policy import Policy
from age_audit.figures import style
from age_audit.figures.gate import passes_by_age, rates_along_threshold, rates_of_groups

JUDGED = {"pass from 18": Policy(age=18), "pass from 25": Policy(age=18, buffer=7)}


@pytest.fixture
def faces():
    """40 faces of each year of 10 to 30, of three groups, the last with few; by age, a fortieth more passes at 18."""
    rows = []
    for age in range(10, 31):
        passing = 40 if age > 25 else age
        rows += [(age, 20.0 if i < passing else 12.0, ("Asian", "Other")[i % 2]) for i in range(40)]
    rows += [(16, 30.0, "Indian")] * 12 + [(17, 30.0, "African")] * 3
    frame = pd.DataFrame(rows, columns=["age_real", "age_estimation", "group"])
    return frame.assign(group=pd.Categorical(frame["group"], ["Asian", "African", "Indian", "Other"]))


def by_policy(make):
    return pd.concat([make(of).assign(policy=name) for name, of in JUDGED.items()], ignore_index=True)


def lines(axes):
    return [line for line in axes.lines if len(line.get_xdata()) > 2 and line.get_linestyle() != "None"]


def test_passes_by_age_are_shares_that_pass_on_both_sides_of_the_limit(faces):
    faces = faces[faces["group"].isin(["Asian", "Other"])]
    years = single_years(Policy(age=18, buffer=7))
    figure = passes_by_age(by_policy(lambda of: gate_rates(faces, of, ages=years)), 18, "A finding")
    first, second = lines(figure.axes[0])
    drawn = dict(zip(first.get_xdata(), first.get_ydata(), strict=True))
    assert drawn[15] == pytest.approx(100 * 15 / 40) and drawn[20] == pytest.approx(100 * 20 / 40)
    assert drawn[30] == 100 and max(second.get_ydata()) == 0  # nobody looks 25
    assert style.overlapping_texts(figure) == [] and style.title_of(figure) == "A finding"


def test_passes_by_age_of_nobody_is_a_figure_all_the_same(faces):
    table = by_policy(lambda of: gate_rates(faces[:0], of))
    assert lines(passes_by_age(table, 18, "Nothing").axes[0]) == []


def test_curves_of_groups(faces):
    curves = gate_curves(faces, Policy(age=18), ["group"], ["group"], range(5, 41))
    figure = rates_along_threshold(curves, ["13–17", "18–22"], "A finding", [18, 25])
    young, old = figure.axes
    assert "13–17: pass" in young.get_title(loc="left") and "18–22: do not pass" in old.get_title(loc="left")
    drawn = {line.get_color(): line for line in lines(young)}
    looks = style.group_look(["Asian", "African", "Indian", "Other"])
    assert len(drawn) == 4  # African are three, and have no number
    assert drawn[looks["Indian"]["color"]].get_linewidth() == style.THIN_LINE
    indian = dict(zip(*drawn[looks["Indian"]["color"]].get_data(), strict=True))
    assert indian[30] == 100 and indian[31] == 0
    marked = [line.get_xdata()[0] for line in young.lines if len(line.get_xdata()) == 2]
    assert marked == [18, 25] and {18, 25} <= set(young.get_xticks()) and 20 not in young.get_xticks()
    assert style.overlapping_texts(figure) == []


def test_groups_with_few_faces_are_hollow_and_those_below_ten_have_no_mark(faces):
    table = by_policy(lambda of: gate_rates(faces, of, ["group"], ["group"], bands(of)))
    figure = rates_of_groups(table, ["13–17", "18–22"], "A finding")
    young = figure.axes[0]
    labels = [text.get_text() for text in young.get_yticklabels()]
    assert labels == ["Asian", "African", "Indian", "Other", "all faces"]
    sizes = [text.get_text() for text in young.texts]
    assert sizes == ["n = 100", "n < 10", "n = 12", "n = 100", "n = 215"]
    marks = [line for line in young.lines if line.get_marker() not in ("None", "")]
    hollow = [line for line in marks if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in hollow] == [[100.0], [100.0]]  # of both policies, Indian
    full = [line for line in marks if line.get_markerfacecolor() != "white"]
    assert [len(line.get_xdata()) for line in full] == [3, 3]
    expected = table[(table["policy"] == "pass from 18") & (table["ages"] == "13–17") & (table["group"] == "Asian")]
    assert full[0].get_xdata()[0] == pytest.approx(100 * expected["share"].iloc[0])
    assert figure.get_figwidth() == style.FULL and style.overlapping_texts(figure) == []


@pytest.mark.parametrize("draw", [lambda t: passes_by_age(t, 18, ""), lambda t: rates_of_groups(t, ["13–17"], "")])
def test_a_missing_column_is_named(faces, draw):
    with pytest.raises(UsageError, match="policy"):
        draw(gate_rates(faces, Policy()))


def test_a_missing_threshold_is_named(faces):
    table = gate_curves(faces, Policy(), thresholds=np.array([18.0])).drop(columns="threshold")
    with pytest.raises(UsageError, match="threshold"):
        rates_along_threshold(table.assign(group="all"), ["13–17"], "")
