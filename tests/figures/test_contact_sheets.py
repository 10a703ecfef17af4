"""Sheets of made-up faces."""

import numpy as np
import pytest

from age_audit.figures import style
from age_audit.figures.contact_sheets import ACROSS, MOST_LINES, SheetFace, contact_sheet


def face(name, value=12.34, size=(20, 20, 3)):
    return SheetFace(name, value, np.full(size, 90, dtype=np.uint8))


def pictures(figure):
    return [axes for axes in figure.axes if axes.images]


def test_rows_go_on_in_another_line_and_empty_ones_say_so(tmp_path):
    rows = {"lowest": [face(f"{i}.jpg", i) for i in range(ACROSS + 2)], "highest": []}
    figure = contact_sheet(rows, "The darkest", "luminance (0–255)")
    assert len(pictures(figure)) == ACROSS + 2
    assert [axes.get_ylabel() for axes in figure.axes[::ACROSS]] == ["lowest", "", "highest"]
    assert figure.axes[2 * ACROSS].texts[0].get_text() == "no images"
    assert pictures(figure)[3].texts[0].get_text() == "3.0\n3.jpg"
    assert style.overlapping_texts(figure) == []
    style.save_figure(figure, tmp_path, "sheet")


def test_long_names_grey_pictures_and_other_shapes_do_not_touch():
    names = ["26_0_1_20170117134537.jpg.chip.jpg"] * ACROSS
    rows = {"a": [face(name, 1234.5, (30, 10)) for name in names], "b": [face(name, 1, (10, 30, 3)) for name in names]}
    figure = contact_sheet(rows, "Extremes", digits=0)
    assert pictures(figure)[0].texts[0].get_text().startswith("1,234\n26_0_1")
    assert style.overlapping_texts(figure) == []


@pytest.mark.parametrize("count", [0, MOST_LINES + 1])
def test_no_row_or_more_than_a_page(count):
    with pytest.raises(ValueError, match="expected 1 to"):
        contact_sheet({str(i): [] for i in range(count)}, "title")


@pytest.mark.parametrize("image", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused_by_name(image):
    with pytest.raises(ValueError, match=r"a\.jpg as RGB or grey uint8"):
        contact_sheet({"lowest": [SheetFace("a.jpg", 1, image)]}, "title")
