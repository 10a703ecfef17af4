"""The picture of one face, read back from its artists."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.figures import style
from age_audit.figures.one_face import LONGEST_TITLE, PANELS, face_panel
from age_audit.regions.polygons import REGION_NAMES, REGIONS
from age_audit.regions.scores import score_regions

# Sixteen square superpixels, numbered row by row: the weights fall from +3 to -4.5 years.
SEGMENTS = np.kron(np.arange(16).reshape(4, 4), np.ones((56, 56), dtype=int))
WEIGHTS = 3 - 0.5 * np.arange(16)
CLASSES = np.arange(81.0)


def attribution_of(weights, target="expected_age", settled=None):
    positive = weights > 0 if settled is None else settled & (weights > 0)
    return Attribution(SEGMENTS, weights, target, positive[SEGMENTS], ~positive[SEGMENTS], settled=settled, score=0.71)


def estimate_of(shares):
    """From {age: share}."""
    probabilities = np.zeros((1, len(CLASSES)))
    probabilities[0, list(shares)] = list(shares.values())
    return AgeEstimate(probabilities @ CLASSES, probabilities, CLASSES)


@pytest.fixture(scope="module")
def face(crops):
    """Crop and landmarks of one portrait."""
    return crops[0], landmarks_on_crop(crops[0])[0]


@pytest.fixture
def draw(face):
    """Draws that portrait; an argument is replaced by naming it."""
    crop, landmarks = face

    def drawn(attribution=None, **changed):
        attribution = attribution_of(WEIGHTS) if attribution is None else attribution
        given = {
            "crop": crop,
            "estimate": estimate_of({30: 0.5, 40: 0.5}),
            "landmarks": landmarks,
            "scores": score_regions(attribution.positive_mask, landmarks),
            "title": "a face",
            "label_age": 37,
            "preset": "audit",
        }
        return face_panel(attribution=attribution, **(given | changed))

    return drawn


def axes_of(figure):
    return {axes.get_label(): axes for axes in figure.axes}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def ticks(axes):
    return {text.get_text() for text in axes.get_xticklabels()}


def test_four_panels_come_first_and_name_what_they_show(draw):
    figure = draw()
    assert tuple(axes.get_label() for axes in figure.axes[:4]) == PANELS
    assert [axes.get_title(loc="left") for axes in figure.axes[:4]] == [
        "a face",
        "Weight of each superpixel",
        "Positive mask and regions",
        "Distribution over age classes",
    ]


def test_a_plain_age_has_no_distribution_and_no_spread(draw):
    plain = AgeEstimate(np.array([104.25]), np.zeros((1, 0)), np.zeros(0))
    axes = axes_of(draw(estimate=plain))["distribution"]
    assert axes.get_title(loc="left") == "A plain age, without distribution"
    assert legend(axes) == ["estimated age 104.2 years", "documented age 37 years"]
    assert not axes.patches and list(axes.get_yticks()) == []
    assert axes.get_xlim()[1] > 104.25


def test_crop_with_its_ages(draw, face):
    # Half 30, half 40: 35 years expected, 2 below the documented 37.
    axes = axes_of(draw())["crop"]
    np.testing.assert_array_equal(axes.images[0].get_array(), face[0])
    assert texts(axes) == ["35.0 years", "estimated age", "documented 37 years, error −2.0", "preset audit"]


def test_documented_age_0_is_an_age_and_none_is_not(draw):
    assert "documented 0 years, error +35.0" in texts(axes_of(draw(label_age=0))["crop"])
    figure = axes_of(draw(label_age=None))
    assert "documented age unknown" in texts(figure["crop"])
    assert not any("documented" in entry for entry in legend(figure["distribution"]))


@pytest.mark.parametrize("preset", ["published", "audit"])
def test_weights_in_years_on_symmetric_limits(draw, preset):
    figure = axes_of(draw(preset=preset))
    picture = figure["superpixels"].images[0]
    assert picture.get_clim() == (-4.5, 4.5)
    np.testing.assert_array_equal(picture.get_array(), WEIGHTS[SEGMENTS])
    assert figure["weights"].get_xlim() == (-4.5, 4.5)
    assert figure["weights"].get_xlabel() == "years of expected age"
    assert {"−2", "0", "+2"} <= ticks(figure["weights"])
    assert ("explained on the crop scaled to 0–1" in texts(figure["superpixels"])) == (preset == "published")


def test_weights_of_a_class_name_the_class_by_its_age(draw):
    # The classes of this estimator stand for 10, 12, ... years: the third is 14.
    estimate = replace(estimate_of({2: 0.25, 60: 0.75}), classes=CLASSES * 2 + 10)
    figure = axes_of(draw(attribution_of(WEIGHTS * 1e-6, "class:2"), estimate=estimate))
    assert figure["weights"].get_xlabel() == "probability of class 14 years × 10⁻⁶"
    assert {"−2", "0", "+2"} <= ticks(figure["weights"])
    assert legend(figure["distribution"])[-1] == "explained: class 14 years"
    assert figure["distribution"].get_lines()[-1].get_xdata() == [14]
    assert {bar.get_width() for bar in figure["distribution"].patches} == {2}


def test_unsettled_superpixels_have_a_hatch_and_no_colour(draw):
    settled = np.arange(16) % 4 == 1
    figure = axes_of(draw(attribution_of(WEIGHTS, settled=settled)))
    axes = figure["superpixels"]
    # The largest settled weight is that of superpixel 13: 3 - 6.5.
    assert axes.images[0].get_clim() == (-3.5, 3.5)
    np.testing.assert_array_equal(axes.images[0].get_array() != 0, settled[SEGMENTS])
    assert [c.hatches for c in axes.collections if hasattr(c, "hatches")] == [["///"]]
    assert legend(axes) == ["unsettled (false discovery rate 5 %)"]
    assert texts(axes) == ["4 of 16 settled, local linear model R² 0.71"]


def test_everything_settled_has_no_hatch(draw):
    axes = axes_of(draw(attribution_of(WEIGHTS, settled=np.full(16, True))))["superpixels"]
    assert axes.get_legend() is None
    assert all(isinstance(artist, LineCollection) for artist in axes.collections)


@pytest.mark.parametrize("settled", [None, np.full(16, False)])
def test_all_zero_weights_and_an_empty_mask(draw, settled, tmp_path):
    figure = draw(attribution_of(WEIGHTS * 0, settled=settled))
    named = axes_of(figure)
    assert named["superpixels"].images[0].get_clim() == (-1, 1)
    assert texts(named["superpixels"])[-1].endswith("every weight is 0")
    assert legend(named["regions"])[0] == "mask (empty)"
    assert "shares" not in named
    style.save_figure(figure, tmp_path, "zero")


def test_no_landmarks_leave_the_mask_alone(draw):
    figure = axes_of(draw(landmarks=None, scores=None))
    assert texts(figure["regions"]) == ["no landmarks found"]
    assert legend(figure["regions"]) == ["mask"]
    assert "shares" not in figure


def test_regions_are_drawn_and_the_largest_listed_with_both_shares(draw):
    attribution = attribution_of(np.where(np.arange(16) < 4, 1.0, -1.0))  # the uppermost quarter: outer regions only
    figure = axes_of(draw(attribution))
    assert legend(figure["regions"]) == ["mask", "facial", "outer"]
    assert texts(figure["regions"]) == ["1", "2", "3"]
    rows = texts(figure["shares"])
    assert rows[:2] == ["of the mask", "of the region"]
    assert rows[2:4] == ["1", "above the brows"]
    assert set(rows[3::4]) == {"above the brows", "left of the face", "right of the face"}
    bars = [bar.get_width() for bar in figure["shares"].patches]
    assert bars[0] == max(bars[::2])


def test_at_most_five_regions_are_listed_largest_first(draw):
    scores = {f"activation_{region}_pct_of_feature": 0.5 for region in REGIONS}
    scores |= {f"activation_{region}_from_all": i / 100 for i, region in enumerate(REGIONS)}
    rows = texts(axes_of(draw(scores=scores))["shares"])[2:]
    assert rows[1::4] == [REGION_NAMES[region] for region in REGIONS[:-6:-1]]
    assert rows[2::4] == ["12 %", "11 %", "10 %", "9 %", "8 %"]
    assert rows[3::4] == ["50 %"] * 5


def test_outer_outlines_follow_the_canvas_and_shared_edges_are_drawn_once(draw):
    outer, _ = [c for c in axes_of(draw())["regions"].collections if c.get_path_effects()]
    edges = [tuple(map(tuple, edge)) for edge in outer.get_segments()]
    assert len(edges) == len(set(edges))
    assert {((0, 0), (0, 224)), ((0, 0), (224, 0)), ((0, 224), (224, 224)), ((224, 0), (224, 224))} <= set(edges)


def test_landmarks_off_the_crop_and_empty_polygons_are_drawn(draw, face, tmp_path):
    for landmarks in (face[1] + 190, np.full((68, 2), 100)):
        figure = draw(landmarks=landmarks, scores=score_regions(attribution_of(WEIGHTS).positive_mask, landmarks))
        assert axes_of(figure)["regions"].get_xlim() == (-1.5, 224.5)
        style.save_figure(figure, tmp_path, "off")


def test_distribution_marks_its_mean_its_spread_and_the_documented_age(draw):
    # Half 30, half 40: mean 35, standard deviation 5.
    axes = axes_of(draw())["distribution"]
    np.testing.assert_array_equal([bar.get_height() for bar in axes.patches][30:41:10], [0.5, 0.5])
    expected, spread, documented = axes.get_lines()
    assert [*expected.get_xdata(), *spread.get_xdata(), *documented.get_xdata()] == [35, 35, 30, 40, 37, 37]
    assert legend(axes) == [
        "expected age 35.0 years",
        "spread ± 5.0 years (standard deviation)",
        "documented age 37 years",
    ]
    assert axes.get_xlabel() == "age (years)"
    assert axes.get_ylabel() == "probability of the age class"


def test_a_documented_age_beyond_the_classes_is_in_view(draw):
    assert axes_of(draw(label_age=104))["distribution"].get_xlim()[1] > 104


def test_long_titles_stay_over_their_panel(draw):
    figure = draw(title="26_1_0_20170116174525125" * 3)
    text = figure.axes[0].get_title(loc="left")
    assert len(text) == LONGEST_TITLE
    title = figure.axes[0].findobj(lambda artist: isinstance(artist, Text) and artist.get_text() == text)[0]
    assert title.get_window_extent(FigureCanvasAgg(figure).get_renderer()).x1 < figure.axes[1].get_window_extent().x0


def test_nothing_written_below_a_panel_reaches_the_next_or_leaves_the_figure(draw):
    figure = draw(attribution_of(WEIGHTS * 1e-6, "class:80"), preset="published", label_age=100.5)
    renderer = FigureCanvasAgg(figure).get_renderer()
    edges = [axes.get_window_extent().x0 for axes in figure.axes[1:4]] + [figure.bbox.x1]
    for axes, right in zip(figure.axes[:4], edges, strict=True):
        parts = [*axes.texts, *([axes.get_legend()] if axes.get_legend() else [])]
        boxes = [part.get_window_extent(renderer) for part in parts]
        assert max(box.x1 for box in boxes) < right
        assert min(box.y0 for box in boxes) > 0


def test_same_face_gives_the_same_bytes_whatever_the_users_settings(draw, tmp_path):
    settled = np.arange(16) % 2 == 0
    first = style.save_figure(draw(attribution_of(WEIGHTS, settled=settled), title="$x$"), tmp_path, "one").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "hatch.linewidth": 4}):
        figure = draw(attribution_of(WEIGHTS, settled=settled), title="$x$")
        second = style.save_figure(figure, tmp_path, "two").read_bytes()
    assert first == second


def test_arguments_are_left_alone(draw, face):
    crop, weights = face[0].copy(), WEIGHTS.copy()
    draw(attribution_of(weights, settled=weights > 1))
    np.testing.assert_array_equal(crop, face[0])
    np.testing.assert_array_equal(weights, WEIGHTS)


def test_what_does_not_fit_is_refused(draw, face):
    two = AgeEstimate(np.zeros(2), np.zeros((2, 81)), CLASSES)
    with pytest.raises(ValueError, match=r"one face.*\(1, 81\).*got uint8.*\(2, 81\)"):
        draw(estimate=two)
    with pytest.raises(ValueError, match=r"uint8 crop.*got float64"):
        draw(crop=face[0] / 255)
    with pytest.raises(ValueError, match=r"superpixels.*\(100, 224\)"):
        draw(replace(attribution_of(WEIGHTS), segments=SEGMENTS[:100]))
    with pytest.raises(ValueError, match="class:0 to class:80, got 'class:81'"):
        draw(attribution_of(WEIGHTS, "class:81"))
    with pytest.raises(UsageError, match="published, audit"):
        draw(preset="best")
