"""What figures of summed masks show, read back from their artists."""

import numpy as np
from matplotlib.figure import Figure

from age_audit.plotting.heatmaps import LIMITS, draw_heatmaps


def test_a_panel_for_each_group_on_one_scale():
    heatmaps = {"Asian": np.array([[1.0, -1], [-3, -5]]), "Other": np.full((2, 2), np.nan)}
    figure = Figure()
    draw_heatmaps(figure, heatmaps, {"Asian": "n = 12", "Other": "n = 0"}, "sum of masks")
    one, none, scale = figure.axes
    assert [one.get_title(), none.get_title()] == ["Asian (n = 12)", "Other (n = 0)"]
    np.testing.assert_array_equal(one.images[0].get_array(), heatmaps["Asian"])
    assert one.images[0].get_clim() == LIMITS
    assert [text.get_text() for text in none.texts] == ["no heatmap"] and not none.images
    assert scale.get_ylabel() == "sum of masks"


def test_no_groups():
    figure = Figure()
    draw_heatmaps(figure, {}, {}, "sum of masks")
    assert figure.axes == []
