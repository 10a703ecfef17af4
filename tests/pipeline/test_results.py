"""Results by recipe: each recipe reads its own, whatever else the ledger holds."""

import json
from dataclasses import replace

import numpy as np
import pytest

from age_audit.core.config import CropParameters
from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.results import read_face, read_result, read_results
from age_audit.store.ledger import Ledger
from age_audit.store.records import attribution_to_bytes, estimate_to_bytes

RECIPE = Recipe(aligned=True, estimator="dex-wrn", precision="float32", preset="published", seed=42)
AUDIT = replace(RECIPE, preset="audit")
ESTIMATE = AgeEstimate(np.array([30.0, 41.5]), np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([20.0, 50.0]))
LANDMARKS = [[point, 2 * point] for point in range(68)]


def explanation(weights):
    segments = np.array([[0, 0], [1, 1]])
    weights = np.array(weights)
    return Attribution(segments, weights, "expected_age", (weights > 0)[segments], (weights < 0)[segments])


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        for row, image in enumerate(("a.jpg", "b.jpg")):
            opened.record(
                [
                    RECIPE.job("estimate", image, "content").done(estimate_to_bytes(ESTIMATE, row)),
                    RECIPE.job("explain", image, "content").done(attribution_to_bytes(explanation([1.0, -1.0]))),
                    AUDIT.job("explain", image, "content").done(attribution_to_bytes(explanation([2.0, -2.0]))),
                    RECIPE.job("landmarks", image, "content").done(json.dumps(LANDMARKS).encode()),
                ]
            )
        yield opened


@pytest.mark.parametrize(("recipe", "weights"), [(RECIPE, [1, -1]), (AUDIT, [2, -2])])
def test_everything_of_one_face(ledger, recipe, weights):
    found = read_face(ledger, recipe, "b.jpg")
    assert found.estimate.age.tolist() == [41.5]
    assert found.estimate.probabilities.tolist() == [[0.25, 0.75]]
    assert found.attribution.weights.tolist() == weights
    np.testing.assert_array_equal(found.landmarks, LANDMARKS)
    assert found.landmarks.dtype == int


def test_one_step(ledger):
    assert read_result(ledger, RECIPE, "landmarks", "a.jpg") == LANDMARKS
    assert [(image, float(found.age[0])) for image, found in read_results(ledger, AUDIT, "estimate")] == [
        ("a.jpg", 30.0),
        ("b.jpg", 41.5),
    ]
    assert [image for image, _ in read_results(ledger, RECIPE, "explain", {"b.jpg"})] == ["b.jpg"]


def test_another_method_keeps_its_results_apart(monkeypatch):
    from age_audit.explain.registry import EXPLAINERS

    monkeypatch.setitem(EXPLAINERS, "other", EXPLAINERS["lime"])
    monkeypatch.setitem(EXPLAINERS, "drawless", replace(EXPLAINERS["lime"], presets={"published": CropParameters()}))
    other = replace(RECIPE, method="other")
    assert other.variant("explain") == "dex-wrn|float32|published|other"
    assert other.key("explain", "aa") != RECIPE.key("explain", "aa")
    assert other.key("estimate", "aa") == RECIPE.key("estimate", "aa")
    with pytest.raises(UsageError, match="no --samples with drawless"):
        replace(RECIPE, method="drawless", samples=5).key("explain", "aa")


def damage(ledger, step, *images):
    for image in images:
        job = RECIPE.job(step, image, "content")
        ledger.record([job.done(ledger.payload(image, step, job.variant)[:-9])])


def test_damaged_results_are_forgotten_all_at_once(ledger):
    damage(ledger, "explain", "a.jpg", "b.jpg")
    told = r"2 are damaged, one of them that of b\.jpg .*; they are forgotten now: run stage 1 again"
    with pytest.raises(UsageError, match=told) as refusal:
        read_result(ledger, RECIPE, "explain", "b.jpg")
    assert "unsafe" not in str(refusal.value) and "pickle" not in str(refusal.value)
    assert ledger.outcomes("explain", RECIPE.variant("explain")) == {}
    assert [image for image, _ in read_results(ledger, AUDIT, "explain")] == ["a.jpg", "b.jpg"]


def test_a_damaged_result_among_many(ledger):
    damage(ledger, "landmarks", "b.jpg")
    found = read_results(ledger, RECIPE, "landmarks")
    assert next(found) == ("a.jpg", LANDMARKS)
    with pytest.raises(UsageError, match=r"1 are damaged, one of them that of b\.jpg .* run stage 2 again"):
        next(found)
    assert list(ledger.outcomes("landmarks")) == ["a.jpg"]


def test_an_outcome_without_result(ledger):
    ledger.record([RECIPE.job("estimate", "c.jpg", "content").done(None)])
    with pytest.raises(UsageError, match=r"1 are damaged, one of them that of c\.jpg"):
        read_result(ledger, RECIPE, "estimate", "c.jpg")
    assert list(ledger.outcomes("estimate", RECIPE.variant("estimate"))) == ["a.jpg", "b.jpg"]
