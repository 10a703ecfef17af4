"""What the data set's audit found, as a frame."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.data.image_measures import clusters_of, images_of, read_image_measures, with_image_measures

ROWS = [
    {"fname": "a.jpg", "grey": False, "luminance": 90.5, "yaw": None, "cluster": 0, "reason": None},
    {"fname": "b.jpg", "grey": None, "luminance": None, "yaw": None, "cluster": None, "reason": "picture/truncated"},
]


def written(folder, content, dataset="mine", packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content).encode()
    path = folder / f"metadataset_{dataset}_images.json{'.gz' * packed}"
    path.write_bytes(gzip.compress(text) if packed else text)
    return folder


def test_measures_are_numbers_and_what_failed_has_none(tmp_path):
    frame = read_image_measures(written(tmp_path, ROWS), "mine")
    assert frame["reason"].tolist() == ["", "picture/truncated"]
    assert frame["luminance"].dtype == frame["yaw"].dtype == float and np.isnan(frame.loc[1, "luminance"])
    assert frame["cluster"].isna().tolist() == frame["grey"].isna().tolist() == [False, True]


@pytest.mark.parametrize("content", [{"a.jpg": {}}, [1], [{"name": "a.jpg"}], [{"fname": None}]])
def test_what_is_no_list_of_pictures_is_refused(tmp_path, content):
    with pytest.raises(UsageError, match="expected a list of objects with an fname each"):
        read_image_measures(written(tmp_path, content), "mine")


def test_an_empty_list_has_no_pictures(tmp_path):
    assert len(read_image_measures(written(tmp_path, []), "mine")) == 0


def test_estimates_keep_their_labels_and_get_the_measures(tmp_path):
    measures = read_image_measures(written(tmp_path, ROWS), "mine").assign(age_real=99)
    estimates = pd.DataFrame({"fname": ["c.jpg", "a.jpg"], "age_real": [1, 2]})
    found = with_image_measures(estimates, measures)
    assert found[["fname", "age_real", "luminance"]].to_numpy().tolist() == [["a.jpg", 2, 90.5]]


def test_who_has_no_cluster_is_alone(tmp_path):
    measures = read_image_measures(written(tmp_path, ROWS), "mine")
    assert clusters_of(pd.Series(["b.jpg", "a.jpg", "z.jpg", "a.jpg"]), measures).tolist() == [-1, 0, -3, 0]


def test_of_pictures_of_one_name_the_one_that_was_read_counts(tmp_path):
    other = {"fname": "a.jpg", "luminance": None, "cluster": None, "reason": "read/duplicate-name"}
    unread = {"fname": "c.jpg", "luminance": None, "cluster": None, "reason": "read/unreadable"}
    for rows in ([other, *ROWS, unread], [*ROWS, unread, other]):
        measures = read_image_measures(written(tmp_path, rows), "mine")
        estimates = pd.DataFrame({"fname": ["c.jpg", "a.jpg"]})
        assert with_image_measures(estimates, measures)["luminance"].tolist() == [
            pytest.approx(np.nan, nan_ok=True),
            90.5,
        ]
        assert clusters_of(estimates["fname"], measures).tolist() == [-1, 0]


def test_a_name_that_was_measured_twice_is_refused(tmp_path):
    measures = read_image_measures(written(tmp_path, [*ROWS, ROWS[0]]), "mine")
    for taken in (lambda: clusters_of(measures["fname"], measures), lambda: with_image_measures(measures, measures)):
        with pytest.raises(UsageError, match=r"expected each file name once, got 'a.jpg' again"):
            taken()


@pytest.mark.parametrize("packed", [False, True])
def test_they_are_found_below_packed_or_not_and_the_nearest_first(tmp_path, packed):
    near = written(tmp_path / "near", ROWS, packed=packed)
    written(tmp_path / "far" / "away", ROWS)
    written(tmp_path / "other", ROWS, dataset="mine_too")
    assert images_of(tmp_path, "mine") == images_of(near, "mine") == near
    assert read_image_measures(near, "mine")["fname"].tolist() == ["a.jpg", "b.jpg"]


def test_none_and_several_are_refused(tmp_path):
    with pytest.raises(UsageError, match="found none; write it by age-audit dataset"):
        images_of(tmp_path, "mine")
    folders = [written(tmp_path / name, ROWS) for name in ("one", "two")]
    with pytest.raises(UsageError, match=f"found {folders[0]} and {folders[1]}"):
        images_of(tmp_path, "mine")
    written(folders[0], ROWS, packed=True)  # beside the plain file: one and the same
    assert images_of(folders[0], "mine") == folders[0]


@pytest.mark.parametrize("name", ["entropy", "yaw", "cluster", "reason", "face_luminance"])
def test_a_label_called_like_a_measure_is_refused_when_they_are_joined(tmp_path, name):
    measures = read_image_measures(written(tmp_path, ROWS), "mine").assign(**{name: 1.0})
    estimates = pd.DataFrame({"fname": ["a.jpg"], "camera": ["phone"], name: ["dark"]})
    with pytest.raises(UsageError, match=f"no measure of a picture is called like, got '{name}'; rename"):
        with_image_measures(estimates, measures)
    assert "camera" in with_image_measures(estimates.drop(columns=name), measures)
