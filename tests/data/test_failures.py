"""Failures by group, counted by hand."""

from age_audit.core.schema import FaceLabel
from age_audit.data.failures import BETWEEN, count_failures

LABELS = {
    "a.jpg": FaceLabel("a.jpg", 16, "Male", features={"tone": "light"}),
    "b.jpg": FaceLabel("b.jpg", 40, "Female"),
    "c.jpg": FaceLabel("c.jpg", None, "Male"),
    "d.jpg": FaceLabel("d.jpg", None, age_bounds=(10, 20)),
    "e.jpg": FaceLabel("e.jpg", 104),
}
FAILED = {"a.jpg": "crop/no-face", "c.jpg": "align/no-face", "d.jpg": "crop/no-face"}


def test_each_image_is_in_one_group_of_each_feature():
    found = count_failures(LABELS, FAILED, ["gender", "tone"], [(0, 17), (18, 100)])
    assert found["overall"]["by_reason"] == {"align/no-face": 1, "crop/no-face": 2}
    told = {by: {name: (row["images_total"], row["images_failed"]) for name, row in groups.items()}
            for by, groups in found.items() if by != "overall"}  # fmt: skip
    assert told["by_gender"] == {"Female": (1, 0), "Male": (2, 2), "unlabelled": (2, 1)}
    assert told["by_tone"] == {"light": (1, 1), "unlabelled": (4, 2)}
    ages = {"0-17": (1, 1), "18-100": (1, 0), BETWEEN: (1, 1), "over 100": (1, 0), "unlabelled": (1, 1)}
    assert told["by_age_range"] == ages


def test_of_no_image_nothing_is_known():
    assert count_failures({}, {}, [])["overall"]["failed_share_interval95"] == [0, 1]
