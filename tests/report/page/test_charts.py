"""Pictures as SVG: what is drawn where, and that no text can become an element."""

from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from age_audit.report.page import charts
from tests.report.page.made import HOSTILE


def test_text_and_attributes_are_escaped_and_elements_are_not_twice():
    inner = charts.tag("title", HOSTILE)
    outer = charts.tag("g", inner, aria_label='"><b>', class_="x")
    assert isinstance(outer, Markup)
    found = ElementTree.fromstring(str(outer))
    assert found.attrib == {"aria-label": '"><b>', "class": "x"}
    assert [(child.tag, child.text) for child in found] == [("title", HOSTILE)]


def test_scales_and_their_round_numbers():
    scale = charts.Scale(-10, 30, 100, 0)
    assert [scale(value) for value in (-10, 10, 30)] == [100, 50, 0]
    assert scale.ticks() == [-10, 0, 10, 20, 30]
    assert charts.Scale(0, 1, 0, 1).ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert charts.Scale(0, 977, 0, 1).ticks() == [0, 200, 400, 600, 800]


def test_points_without_a_number_are_left_out():
    scales = charts.Scale(0, 10, 0, 100), charts.Scale(0, 10, 100, 0)
    found = ElementTree.fromstring(charts.line(scales, [0, 5, 10], [0, np.nan, 10], "a"))
    assert found.attrib["points"] == "0.0,100.0 100.0,0.0"
    area = ElementTree.fromstring(charts.band(scales, [0, 5, 10], [0, np.nan, 4], [2, 3, 6]))
    assert area.attrib["points"] == "0.0,100.0 100.0,60.0 100.0,40.0 0.0,80.0"


def test_a_strip_has_its_dot_and_interval_in_proportion():
    found = ElementTree.fromstring(charts.strip(5, 2.5, 10, (0, 10), null=0))
    drawn = {child.attrib["class"]: child.attrib for child in found}
    assert drawn["dot"]["cx"] == "80" and (drawn["whisker"]["x1"], drawn["whisker"]["x2"]) == ("43", "154")
    assert drawn["null"]["x1"] == "6"


@pytest.mark.parametrize(("value", "look"), [(1.0, "more s5"), (-1.0, "less s5"), (0.21, "more s1"), (-0.5, "less s3")])
def test_heatmaps_have_one_colour_a_sign_and_five_shades(value, look):
    values = np.zeros((2, 2))
    values[0, 1] = value
    found = ElementTree.fromstring(charts.heatmap(values, 1.0, "alt"))
    assert [(path.attrib["class"], path.attrib["d"]) for path in found] == [(look, "M1 0h1v1h-1z")]


def test_squares_of_a_cloud_are_darkest_where_most_points_are():
    scales = charts.Scale(0, 10, 0, 100), charts.Scale(0, 10, 100, 0)
    found = ElementTree.fromstring(charts.density(scales, np.array([1, 1, 1, 1, 9.0]), np.array([1, 1, 1, 1, 9.0])))
    assert {path.attrib["class"]: path.attrib["d"] for path in found} == {
        "d4": "M80.0 0.0h20.0v20.0h-20.0z",
        "d8": "M0.0 80.0h20.0v20.0h-20.0z",
    }
