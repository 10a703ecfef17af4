"""What figures of summed masks show, read back from their artists."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from age_audit.audit.explanations.mean_masks import MeanMask
from age_audit.core.groups import LONGEST_GROUP
from age_audit.figures import style
from age_audit.figures.heatmaps import (
    LIMITS,
    OBSERVING_SCALE,
    POSITIVE_SCALE,
    RAISES_SCALE,
    STUDY_SCALE,
    Panel,
    draw_heatmaps,
    heatmap_grid,
    mean_figure,
    settled_finding,
    study_figure,
)
from age_audit.study.heatmaps import StudyPanel


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


class TestGrid:
    def panels(self):
        square = np.array([[1.0, -1], [-4, 0]])
        empty = np.full((2, 2), np.nan)
        return [[Panel(square, "n = 1"), Panel(empty, "n = 0", "no faces")], [Panel(square, "n = 3")] * 2]

    def test_rows_columns_titles_and_one_scale(self):
        landmarks = np.zeros((68, 2))
        figure = heatmap_grid(self.panels(), ["young", "old"], ["A", "B"], STUDY_SCALE, "title", landmarks, "note")
        first, none, third, fourth, scale = figure.axes
        assert [axes.get_title() for axes in figure.axes[:4]] == ["n = 1", "n = 0", "n = 3", "n = 3"]
        assert [first.get_ylabel(), third.get_ylabel()] == ["young", "old"]
        assert [axes.texts[-1].get_text() for axes in (first, none)] == ["A", "B"]
        assert none.texts[0].get_text() == "no faces" and not none.images and not none.collections
        assert all(axes.images[0].get_clim() == STUDY_SCALE.limits for axes in (first, third, fourth))
        assert all(len(axes.collections) == 1 for axes in (first, third, fourth))  # the outline
        assert scale.get_xlabel() == STUDY_SCALE.label

    def test_no_outline_without_landmarks(self):
        figure = heatmap_grid(self.panels(), ["", ""], ["A", "B"], RAISES_SCALE, "title")
        assert not any(axes.collections for axes in figure.axes[:4])

    @pytest.mark.parametrize(("this_type", "scale"), [("accurate", STUDY_SCALE), ("observing", OBSERVING_SCALE)])
    def test_of_the_study(self, this_type, scale):
        sums = np.array([[2, -2], [0, 2]])
        panels = [
            StudyPanel("0–12", "A", sums, sums.T, 1200, 3),
            StudyPanel("0–12", "B", sums, 0 * sums, 2, 0),
            StudyPanel("13–18", "A", 0 * sums, sums, 0, 3),
            StudyPanel("13–18", "B", 0 * sums, 0 * sums, 0, 0),
        ]
        figure = study_figure(panels, this_type, "title")
        axes = figure.axes
        assert [one.get_title() for one in axes[:4]] == ["n = 1,200 and 3", "n = 2 and 0", "n = 0 and 3", "n = 0 and 0"]
        assert axes[2].get_ylabel() == "13–18 years"
        np.testing.assert_array_equal(axes[0].images[0].get_array(), panels[0].heatmap(this_type))
        assert axes[0].images[0].get_clim() == scale.limits
        words = [one.texts[0].get_text() for one in axes[1:4]]
        assert words == ["no inaccurate\nestimate", "no accurate\nestimate", "no faces"]

    def test_of_the_audit(self):
        share = np.array([[0.5, -0.25]])
        levels = [("0–12", "A"), ("0–12", "B"), ("13–18", "A"), ("13–18", "B")]
        means = [MeanMask({"age_range": age, "race_real": race}, 30, share) for age, race in levels]
        figure = mean_figure(means, "title")
        assert [axes.get_title() for axes in figure.axes[:4]] == ["n = 30"] * 4
        np.testing.assert_array_equal(figure.axes[3].images[0].get_array(), share)
        assert not figure.axes[3].patches and figure.get_supxlabel() == ""
        assert figure.axes[3].images[0].get_clim() == (-1, 1)
        assert "raises the estimate − share where it lowers the estimate" in figure.axes[-1].get_xlabel()
        assert "raises" not in mean_figure(means, "title", scale=POSITIVE_SCALE).axes[-1].get_xlabel()

    def test_few_faces_are_hatched_not_coloured(self):
        levels = [("0–12", "A"), ("0–12", "B")]
        sizes = [(29, np.ones((4, 4))), (0, np.full((4, 4), np.nan))]
        labels = [{"age_range": age, "race_real": race} for age, race in levels]
        figure = mean_figure([MeanMask(who, *size) for who, size in zip(labels, sizes, strict=True)], "title", note="n")
        few, none, _ = figure.axes
        assert not few.images[0].get_array().data.any()  # what is masked is no memory that was left there
        assert few.images[0].get_array().mask.all() and [patch.get_hatch() for patch in few.patches] == ["///"]
        assert none.texts[0].get_text() == "no faces" and not none.patches
        assert figure.get_supxlabel() == "n; hatched: fewer than 30 faces"
        assert style.overlapping_texts(figure) == []

    @pytest.mark.parametrize("count", [1, 3, 5, 7])
    def test_the_longest_names_of_groups_stand_apart(self, count):
        names = [f"{'of many words ' * 3}{i:03d}" for i in range(count)]
        assert {len(name) for name in names} == {LONGEST_GROUP}
        levels = [{"age_range": age, "race_real": name} for age in ("0–12", "13–18") for name in names]
        means = [MeanMask(labels, 30, np.eye(9)) for labels in levels]
        figure = mean_figure(means, "a title of many words " * 6)
        assert style.overlapping_texts(figure) == []
        assert figure.axes[0].texts[-1].get_text().replace("\n", " ") == names[0]

    @pytest.mark.parametrize("columns", [["A"], ["A", "B"], [""]])
    @pytest.mark.parametrize("scale", [RAISES_SCALE, POSITIVE_SCALE, STUDY_SCALE, OBSERVING_SCALE])
    def test_long_titles_and_scales_stay_on_the_page(self, columns, scale):
        panels = [[Panel(np.eye(2), "n = 1")] * len(columns)]
        figure = heatmap_grid(panels, [""], columns, scale, "a title of many words " * 12)
        assert style.overlapping_texts(figure) == []


def test_what_explanations_settle_is_no_finding_of_few_faces():
    shares = {"settled": 0.37, "raises": 0.2, "lowers": 0.17}
    assert settled_finding(shares, 30).startswith("Explanations settle 37 % of the picture")
    assert settled_finding(shares, 8) == "8 explained faces: too few to say how much of a picture explanations settle"
    assert settled_finding({}, 1).startswith("1 explained face: too few")
