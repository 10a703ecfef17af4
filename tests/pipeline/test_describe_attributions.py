"""Descriptions of attributions, by hand and from a real run."""

import re

import numpy as np
import pytest

import analysis_1_method
import analysis_2_evaluate
from age_audit.core.schema import Attribution
from tests.pipeline.processes import stage_arguments
from tools import describe_attributions
from tools.describe_attributions import AREAS, areas_table, weights_table


def attribution(weights, settled=None, half_width=None):
    """Four superpixels, a quarter of the picture each; what is settled, or all, is in a mask by its sign."""
    weights = np.array(weights, dtype=float)
    segments = np.repeat(np.arange(4), 4).reshape(4, 4)
    shown = np.ones(4, dtype=bool) if settled is None else np.array(settled)
    interval = None if half_width is None else np.stack([weights - half_width, weights + half_width], axis=1)
    positive, negative = (weights > 0) & shown, (weights < 0) & shown
    return Attribution(
        segments=segments,
        weights=weights,
        target="age",
        positive_mask=positive[segments],
        negative_mask=negative[segments],
        interval=interval,
        settled=None if settled is None else shown,
        intercept=0.0,
        score=1.0,
    )


def test_weights_by_hand():
    told = weights_table(
        [
            attribution([6, -3, 0.5, -0.1], [True, True, False, False], 0.2),
            attribution([-4, -1.5, 1, 0.5], [True, False, False, False], 0.4),
        ]
    )
    assert told["faces"] == 2 and told["superpixels a face, median"] == 4
    assert told["weight of a superpixel, median over faces of the median"] == pytest.approx((1.75 + 1.25) / 2)
    assert told["largest weight of a face, median"] == 5
    assert told["superpixels a face above 1, mean"] == 2
    assert told["superpixels a face above 2, mean"] == 1.5
    assert told["superpixels a face above 5, mean"] == 0.5
    assert told["settled, share of superpixels"] == 3 / 8
    assert told["settled, of those above the median weight of their face"] == 3 / 4
    assert told["settled, of the others"] == 0
    assert told["half width of a weight's interval, median"] == pytest.approx(0.3)
    assert told["area positive, mean"] == 1 / 8 and told["area negative, mean"] == 1 / 4
    assert told["area unsettled, mean"] == 5 / 8
    assert told["faces without a positive pixel"] == 1


def test_what_was_not_asked_is_not_told():
    told = weights_table([attribution([1, 2, -3, -4])])
    assert told[[name for name in told.index if name.startswith("settled")]].isna().all()
    assert np.isnan(told["half width of a weight's interval, median"])
    assert told["area unsettled, mean"] == 0


def test_areas_by_hand():
    kinds = ("from_all", "pct_of_feature")
    columns = [f"activation_{region}_{kind}" for regions in AREAS.values() for region in regions for kind in kinds]
    first, second = dict.fromkeys(columns, 0.1), dict.fromkeys(columns, 0.2)
    first["activation_eye_l_pct_of_feature"] = 0.5
    second |= {name: float("nan") for name in second if name.endswith("from_all")}  # no positive pixel
    table = areas_table([first, second])
    assert list(table.index) == list(AREAS)
    assert table.loc["nose"].tolist() == pytest.approx([0.1, 0.15])
    assert table.loc["eyes (left + right, without inner)"].tolist() == pytest.approx([0.2, (0.35 + 0.15) / 2])


@pytest.mark.long
def test_a_run_is_described(eight_photos, tmp_path, capsys):
    assert analysis_1_method.main(stage_arguments(1, eight_photos, tmp_path, "--preset", "audit", "--limit", "3")) == 0
    assert analysis_2_evaluate.main(stage_arguments(2, eight_photos, tmp_path, "--preset", "audit")) == 0
    capsys.readouterr()
    given = ["--output", str(tmp_path / "out"), "--metadatasets", str(tmp_path / "meta")]
    given += ["--estimator", "cydral-resnet10"]
    assert describe_attributions.main([*given, "--preset", "audit"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^faces +2$", told, re.M)
    with pytest.raises(SystemExit):
        describe_attributions.main([*given, "--preset", "published"])
    assert "expected attributions of cydral-resnet10|float32|published" in capsys.readouterr().err
