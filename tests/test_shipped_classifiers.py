"""What trained classifiers said of their test part: complete, of the same faces, and the page has the table of that."""

import numpy as np
import pytest

from age_audit.training.comparison import read_predictions
from age_audit.training.evaluate import PROBABILITY
from age_audit.training.losses import group_said
from tools import ship_classifiers as shipping

INDEX = shipping.read_index()


def test_every_file_is_in_the_index():
    assert INDEX
    assert {path.name for path in shipping.FOLDER.iterdir()} == {"index.json", *(f"{run}.csv.gz" for run in INDEX)}


@pytest.mark.parametrize("run", INDEX)
def test_predictions_are_distributions_over_the_groups(run):
    table = read_predictions(shipping.FOLDER / f"{run}.csv.gz")
    told = table[[f"{PROBABILITY}{name}" for name in INDEX[run]["groups"]]].to_numpy()
    assert len(table) == INDEX[run]["faces"]["test"]
    assert told.sum(axis=1) == pytest.approx(np.ones(len(table)), abs=1e-4)
    said = np.asarray(group_said(told, INDEX[run]["options"]["loss"]))
    assert (said == table["group_estimated"].cat.codes).mean() > 0.999  # but for ties that were rounded
    assert (told @ INDEX[run]["years"]) == pytest.approx(table["age_estimation"], abs=0.05)


def test_all_are_of_the_same_faces_and_were_taught_by_the_same():
    assert len({INDEX[run]["split_sha256"][part] for run in INDEX for part in ("train",)}) == 1
    assert len({tuple(read_predictions(shipping.FOLDER / f"{run}.csv.gz")["fname"]) for run in INDEX}) == 1


def test_the_table_of_the_page_is_that_of_the_files():
    page = shipping.PAGE.read_text(encoding="utf-8")
    written = page.partition(shipping.BEGIN)[2].partition(shipping.END)[0].strip().splitlines()
    assert written == shipping.table()
