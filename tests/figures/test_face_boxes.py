"""The picture of boxed faces, read back from its artists."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.figures import style
from age_audit.figures.face_boxes import COLUMNS, MOST, BoxedFace, face_boxes
from age_audit.regions.boxes import BOX_REGIONS, landmark_boxes

EYE = {"min_x": 60, "min_y": 80, "max_x": 90, "max_y": 100, "label": "left_eye"}
CHEEK = {"min_x": 140, "min_y": 130, "max_x": 170, "max_y": 170, "label": "right_cheek"}
NOWHERE = {"min_x": 0, "min_y": 0, "max_x": 9, "max_y": 224, "label": None}


@pytest.fixture(scope="module")
def face(crops):
    saliency = np.full((224, 224), -3.0)
    saliency[80:100, 60:90] = 5.0
    return BoxedFace(crops[0], saliency, [EYE, CHEEK, NOWHERE], landmarks_on_crop(crops[0])[0], "a face")


def rectangles(axes):
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def sides(patch):
    """In the terms of a box: the first pixel, and the one after the last."""
    x, y = np.array(patch.get_xy()) + 0.5
    return x, y, x + patch.get_width(), y + patch.get_height()


def test_boxes_lie_where_they_are(face):
    figure = face_boxes([face], "found")
    _, plain, boxed, parts = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(COLUMNS)
    assert rectangles(plain) == []
    names = ("min_x", "min_y", "max_x", "max_y")
    assert [sides(patch) for patch in rectangles(boxed)] == [tuple(box[n] for n in names) for box in face.boxes]
    expected = [tuple(box[n] for n in names) for box in landmark_boxes(face.landmarks)]
    assert [sides(patch) for patch in rectangles(parts)] == expected


def test_a_part_looks_the_same_in_both_panels_and_no_two_look_alike(face):
    _, _, boxed, parts = face_boxes([face], "found").axes
    looks = {
        axes: {p.get_label(): (to_hex(p.get_edgecolor()), str(p.get_linestyle())) for p in rectangles(axes)}
        for axes in (boxed, parts)
    }
    assert set(looks[parts]) == set(BOX_REGIONS) and len(set(looks[parts].values())) == len(BOX_REGIONS)
    assert looks[boxed]["left_eye"] == looks[parts]["left_eye"]
    assert looks[boxed]["right_cheek"] == looks[parts]["right_cheek"]


def test_saliency_below_0_is_dark_and_a_map_of_nothing_is_drawn(face):
    def drawn(saliency):
        return np.asarray(
            face_boxes([BoxedFace(**vars(face) | {"saliency": saliency})], "t").axes[1].images[0].get_array()
        )

    shown = drawn(face.saliency)
    assert shown[90, 75].sum() > 2 * shown[10:60, 10:200].sum(axis=-1).max() > 0
    assert np.isfinite(drawn(np.zeros((224, 224)))).all()
    assert np.array_equal(drawn(np.full((224, 224), -1.0)), drawn(np.zeros((224, 224))))


@pytest.mark.parametrize("count", [1, 2, MOST])
def test_faces_below_each_other_fit_a_page(face, count):
    figure = face_boxes([face] * count, "found")
    assert len(figure.axes) == 4 * count
    assert figure.get_figheight() <= style.TALLEST and style.overlapping_texts(figure) == []
    assert style.title_of(figure) == "found"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*(name.replace("_", " ") for name in BOX_REGIONS), "no part"]


def test_the_legend_leaves_out_what_is_not_there(face):
    named = BoxedFace(**vars(face) | {"boxes": [EYE]})
    assert "no part" not in [text.get_text() for text in face_boxes([named], "t").legends[0].get_texts()]


def test_what_does_not_fit_is_refused(face):
    with pytest.raises(ValueError, match="expected 1 to 5 faces a picture, got 6"):
        face_boxes([face] * 6, "t")
    with pytest.raises(ValueError, match="got 0"):
        face_boxes([], "t")
    with pytest.raises(ValueError, match=r"got shapes \(224, 224, 3\) and \(112, 112\)"):
        face_boxes([BoxedFace(**vars(face) | {"saliency": np.zeros((112, 112))})], "t")
    for wrong in ({"saliency": np.full((224, 224), np.nan)}, {"crop": face.crop / 255}):
        with pytest.raises(ValueError, match="a crop of uint8 and a saliency map of finite numbers for a face"):
            face_boxes([BoxedFace(**vars(face) | wrong)], "t")
    with pytest.raises(ValueError, match=r"boxes named after left_eye, .*, or None, got mouth"):
        face_boxes([BoxedFace(**vars(face) | {"boxes": [EYE | {"label": "mouth"}]})], "t")
