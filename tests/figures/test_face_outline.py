"""Mean landmarks by hand, and the lines of the outline read back from their artists."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from age_audit.figures.face_outline import LINES, draw_face_outline, mean_landmarks


def landmarks_at(offset):
    return np.arange(136, dtype=float).reshape(68, 2) + offset


def test_mean_of_the_faces_asked_for():
    landmarks = {"a": landmarks_at(0), "b": landmarks_at(4), "c": landmarks_at(50)}
    np.testing.assert_array_equal(mean_landmarks(landmarks, ["a", "b", "unknown"]), landmarks_at(2))
    np.testing.assert_array_equal(mean_landmarks(landmarks), landmarks_at(18))
    assert mean_landmarks(landmarks, []) is None and mean_landmarks({}) is None


def test_every_point_is_on_a_line_and_eyes_and_lips_are_closed():
    assert {point for line in LINES.values() for point in line} == set(range(68))
    closed = {name for name, line in LINES.items() if line[0] == line[-1]}
    assert closed == {"eye_l", "eye_r", "lips_outside", "lips_inside"}


def test_lines_join_the_landmarks_and_limits_stay():
    axes = Figure().subplots()
    axes.imshow(np.zeros((224, 224)))
    limits = axes.get_xlim(), axes.get_ylim()
    draw_face_outline(axes, landmarks_at(0))
    (lines,) = axes.collections
    drawn = lines.get_segments()
    assert len(drawn) == len(LINES)
    np.testing.assert_array_equal(drawn[0], landmarks_at(0)[:17])  # the jaw
    assert (axes.get_xlim(), axes.get_ylim()) == limits


def test_nothing_to_draw():
    axes = Figure().subplots()
    assert draw_face_outline(axes, None) is axes and not axes.collections


def test_other_landmarks():
    with pytest.raises(ValueError, match=r"shape \(68, 2\), got \(5, 2\)"):
        draw_face_outline(Figure().subplots(), np.zeros((5, 2)))
