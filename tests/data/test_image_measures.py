<<<<<<< HEAD
"""Measures of pictures: found wherever they lie, read as numbers, joined to estimates by name."""

import gzip
import json

=======
"""What the data set's audit found, as a frame."""

import json

import numpy as np
>>>>>>> h-lead
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
<<<<<<< HEAD
from age_audit.data.image_measures import images_of, read_image_measures, with_image_measures

ROWS = [
    {"fname": "b.jpg", "age_real": 30, "grey": False, "brisque": None, "cluster": 0, "reason": None},
    {"fname": "a.jpg", "age_real": 31, "grey": None, "brisque": None, "cluster": None, "reason": "unreadable"},
]


def written(folder, rows=ROWS, dataset="mine", packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(rows).encode()
    name = f"metadataset_{dataset}_images.json"
    (folder / f"{name}{'.gz' * packed}").write_bytes(gzip.compress(content) if packed else content)
    return folder


def test_what_nobody_measured_is_no_number_and_what_did_not_fail_has_no_reason(tmp_path):
    frame = read_image_measures(written(tmp_path), "mine")
    assert frame["fname"].tolist() == ["b.jpg", "a.jpg"] and frame["reason"].tolist() == ["", "unreadable"]
    assert frame["brisque"].dtype == float and frame["brisque"].isna().all()
    assert (str(frame["cluster"].dtype), str(frame["grey"].dtype)) == ("Int64", "boolean")


@pytest.mark.parametrize("rows", [{}, [1], [{"age_real": 3}], [{"fname": 3}]])
def test_what_is_no_list_of_pictures_is_refused(tmp_path, rows):
    with pytest.raises(UsageError, match="expected a list of objects with an fname each"):
        read_image_measures(written(tmp_path, rows), "mine")


def test_estimates_of_pictures_that_were_measured(tmp_path):
    measures = read_image_measures(written(tmp_path), "mine").assign(brisque=[20.0, 40.0])
    estimates = pd.DataFrame({"fname": ["a.jpg", "c.jpg"], "age_real": [32, 33], "age_estimation": [40.0, 50.0]})
    frame = with_image_measures(estimates, measures)
    assert frame[["fname", "age_real", "brisque"]].to_numpy().tolist() == [["a.jpg", 32, 40.0]]


@pytest.mark.parametrize("packed", [False, True])
def test_they_are_found_below_packed_or_not_and_the_nearest_first(tmp_path, packed):
    near = written(tmp_path / "near", packed=packed)
    written(tmp_path / "far" / "away")
    written(tmp_path / "other", dataset="mine_too")
    assert images_of(tmp_path, "mine") == images_of(near, "mine") == near


def test_none_and_several_are_refused(tmp_path):
    with pytest.raises(UsageError, match="found none; write it by age-audit dataset"):
        images_of(tmp_path, "mine")
    folders = [written(tmp_path / name) for name in ("one", "two")]
    with pytest.raises(UsageError, match=f"found {folders[0]} and {folders[1]}"):
        images_of(tmp_path, "mine")
    (folders[0] / "metadataset_mine_images.json.gz").write_bytes(b"")  # beside the plain file: one and the same
    assert images_of(folders[0], "mine") == folders[0]
=======
from age_audit.data.image_measures import clusters_of, read_image_measures, with_image_measures

ROWS = [
    {"fname": "a.jpg", "grey": False, "luminance": 90.5, "yaw": None, "cluster": 0, "reason": None},
    {"fname": "b.jpg", "grey": None, "luminance": None, "yaw": None, "cluster": None, "reason": "picture/truncated"},
]


def written(folder, content):
    (folder / "metadataset_mine_images.json").write_text(json.dumps(content))
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
>>>>>>> h-lead
