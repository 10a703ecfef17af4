"""A change of one parameter makes exactly those results stale that depend on it."""

import dataclasses
import hashlib
import json

import pytest

from age_audit.core.config import PRESETS
from age_audit.pipeline import recipe as recipes
from age_audit.pipeline.recipe import METHOD_VERSIONS, Recipe, step_key

STEPS = ("align", "crop", "estimate", "explain", "landmarks", "activations")
BASE = Recipe(aligned=True, estimator="dex-wrn", precision="float32", preset="published", seed=42)

AFTER_CROP = {"crop", "estimate", "explain", "landmarks", "activations"}
OF_THE_MODEL = {"estimate", "explain", "activations"}
OF_THE_EXPLANATION = {"explain", "activations"}


def keys(recipe, content="aa"):
    return {step: getattr(recipe, f"{step}_key")(content) for step in STEPS}


def changed(before, after):
    return {step for step in STEPS if before[step] != after[step]}


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({}, set()),
        ({"aligned": False}, AFTER_CROP),
        ({"estimator": "cydral-resnet10"}, OF_THE_MODEL),
        ({"precision": "bfloat16"}, OF_THE_MODEL),
        ({"preset": "audit"}, OF_THE_EXPLANATION),
        ({"seed": 43}, OF_THE_EXPLANATION),
    ],
)
def test_a_change_of_the_recipe(change, stale):
    assert changed(keys(BASE), keys(dataclasses.replace(BASE, **change))) == stale


def test_another_image():
    assert changed(keys(BASE, "aa"), keys(BASE, "ab")) == set(STEPS)


@pytest.mark.parametrize(
    ("step", "stale"),
    [
        ("align", set(STEPS)),
        ("crop", AFTER_CROP),
        ("estimate", {"estimate"}),
        ("explain", OF_THE_EXPLANATION),
        ("landmarks", {"landmarks", "activations"}),
        ("activations", {"activations"}),
    ],
)
def test_a_new_version_of_a_step(monkeypatch, step, stale):
    before = keys(BASE)
    monkeypatch.setitem(METHOD_VERSIONS, step, METHOD_VERSIONS[step] + 1)
    assert changed(before, keys(BASE)) == stale


def test_alignment_reaches_only_runs_that_align(monkeypatch):
    before = keys(dataclasses.replace(BASE, aligned=False))
    monkeypatch.setitem(METHOD_VERSIONS, "align", METHOD_VERSIONS["align"] + 1)
    assert changed(before, keys(dataclasses.replace(BASE, aligned=False))) == {"align"}


def test_another_landmark_model(monkeypatch):
    unaligned = dataclasses.replace(BASE, aligned=False)
    before, before_unaligned = keys(BASE), keys(unaligned)
    monkeypatch.setattr(recipes, "LANDMARK_MODEL_SHA256", "00")
    assert changed(before, keys(BASE)) == set(STEPS)
    assert changed(before_unaligned, keys(unaligned)) == {"align", "landmarks", "activations"}


@pytest.mark.parametrize("parameter", [field.name for field in dataclasses.fields(PRESETS["published"])])
def test_every_parameter_of_the_explanation_counts(monkeypatch, parameter):
    before = keys(BASE)
    other = dataclasses.replace(PRESETS["published"], **{parameter: "another"})
    monkeypatch.setitem(PRESETS, "published", other)
    assert changed(before, keys(BASE)) == OF_THE_EXPLANATION


def test_weights_of_ones_own(tmp_path):
    def model(folder, content):
        path = tmp_path / folder / "net.keras"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return keys(dataclasses.replace(BASE, estimator=str(path)))

    before = model("here", b"weights")
    assert changed(before, model("moved", b"weights")) == set()
    assert changed(before, model("here", b"retrained")) == OF_THE_MODEL


def test_all_keys_differ():
    assert len(set(keys(BASE).values())) == len(STEPS)


def test_step_key_is_a_hash_of_step_version_input_and_parameters(monkeypatch):
    monkeypatch.setitem(METHOD_VERSIONS, "crop", 7)
    text = b'["crop", 7, "aa", {"a": 1, "b": 2}]'
    assert step_key("crop", "aa", {"b": 2, "a": 1}) == hashlib.sha256(text).hexdigest()[:32]


def test_variants_tell_estimators_precisions_and_presets_apart():
    assert BASE.estimate_variant == "dex-wrn|float32"
    assert BASE.explain_variant == "dex-wrn|float32|published"
    other = Recipe(True, "a/b/net.keras", "bfloat16", "audit", 1)
    object.__setattr__(other, "estimator_parameters", {"name": "net.keras"})  # no such file here
    assert other.explain_variant == "net.keras|bfloat16|audit"


def test_json_holds_everything_but_the_preset():
    recipe = Recipe(False, "cydral-resnet10", "float32", "audit", 7)
    assert Recipe(**json.loads(recipe.to_json()), preset="audit") == recipe
    assert "preset" not in json.loads(recipe.to_json())
