"""What the data set's audit found, as a frame."""

import json

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
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
