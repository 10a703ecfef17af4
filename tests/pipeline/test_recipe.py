"""A change of one parameter makes exactly those results stale that depend on it."""

import dataclasses
import hashlib

import pytest

from age_audit.core.config import PRESETS, BoxParameters
from age_audit.pipeline import recipe as recipes
from age_audit.pipeline import steps as table
from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.steps import step_key

STEPS = ("align", "crop", "estimate", "explain", "landmarks", "activations", "boxes", "region_years")
BASE = Recipe(aligned=True, estimator="dex-wrn", precision="float32", preset="published", seed=42)

AFTER_CROP = {"crop", "estimate", "explain", "landmarks", "activations", "boxes", "region_years"}
OF_THE_MODEL = {"estimate", "explain", "activations", "boxes", "region_years"}
OF_THE_EXPLANATION = {"explain", "activations", "boxes", "region_years"}


def keys(recipe, content="aa"):
    return {step: recipe.key(step, content) for step in STEPS}


def raise_version(monkeypatch, step, version):
    monkeypatch.setitem(table.STEPS, step, dataclasses.replace(table.STEPS[step], version=version))


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
        ({"box_landmarks": 478}, {"boxes"}),
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
        ("landmarks", {"landmarks", "activations", "boxes", "region_years"}),
        ("activations", {"activations"}),
        ("boxes", {"boxes"}),
        ("region_years", {"region_years"}),
    ],
)
def test_a_new_version_of_a_step(monkeypatch, step, stale):
    before = keys(BASE)
    raise_version(monkeypatch, step, 99)
    assert changed(before, keys(BASE)) == stale


def test_alignment_reaches_only_runs_that_align(monkeypatch):
    before = keys(dataclasses.replace(BASE, aligned=False))
    raise_version(monkeypatch, "align", 2)
    assert changed(before, keys(dataclasses.replace(BASE, aligned=False))) == {"align"}


def test_another_landmark_model(monkeypatch):
    unaligned = dataclasses.replace(BASE, aligned=False)
    before, before_unaligned = keys(BASE), keys(unaligned)
    for module in (recipes, table):
        monkeypatch.setattr(module, "LANDMARK_MODEL_SHA256", "00")
    assert changed(before, keys(BASE)) == set(STEPS)
    assert changed(before_unaligned, keys(unaligned)) == {"align", "landmarks", "activations", "boxes", "region_years"}


def another(parameters, name):
    """The same parameters, with another value of one that is allowed."""
    given = getattr(parameters, name)
    others = {"target": "age", "hidden": "mean-colour", "design": "paley", "threshold": "li"}
    others |= {"settled_by": "false-discovery-rate", "num_samples": 101, "until_settled": 0.5}
    if name not in others:
        others[name] = not given if isinstance(given, bool) else given * 0.9
    return dataclasses.replace(parameters, **{name: others[name]})


@pytest.mark.parametrize("parameter", [field.name for field in dataclasses.fields(PRESETS["published"])])
def test_every_parameter_of_the_explanation_counts(monkeypatch, parameter):
    before = keys(BASE)
    monkeypatch.setitem(PRESETS, "published", another(PRESETS["published"], parameter))
    assert changed(before, keys(BASE)) == OF_THE_EXPLANATION


@pytest.mark.parametrize("parameter", [field.name for field in dataclasses.fields(BoxParameters)])
def test_every_parameter_of_boxes_counts(monkeypatch, parameter):
    before = keys(BASE)
    other = another(BoxParameters(), parameter)
    monkeypatch.setattr(recipes, "BoxParameters", lambda: other)
    assert changed(before, keys(BASE)) == {"boxes"}


def test_weights_of_ones_own(tmp_path):
    def model(folder, content):
        path = tmp_path / folder / "net.keras"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return keys(dataclasses.replace(BASE, estimator=str(path)))

    before = model("here", b"weights")
    assert changed(before, model("moved", b"weights")) == set()
    assert changed(before, model("here", b"retrained")) == OF_THE_MODEL


# What ledgers hold. A key that changes here makes every ledger compute that step, and all after it, again.
CONTENT = "0123456789abcdef" * 4
KNOWN = {
    Recipe(True, "dex-wrn", "float32", "published", 42): {
        "align": "eff6143b79047aabd89c9e1d763ce2fb",
        "crop": "a9191383037449b00d272f6584a9ea27",
        "estimate": "27337ec1a3262cbe36a65b3c4cb1970e",
        "explain": "5953b26173ae11979c613e45e1f5c825",
        "landmarks": "14eae1e7ffa9822c6b6ea26292db4616",
        "activations": "b9332b3817e540a7bd469ea17f7ce5d0",
        "boxes": "b143b15fdff97429bc453fb63c0f606f",
        "region_years": "915dda74dadfe43a01538a37054fe0d9",
    },
    Recipe(False, "cydral-resnet10", "float32", "audit", 7, 512): {
        "align": "eff6143b79047aabd89c9e1d763ce2fb",
        "crop": "f629c2187432d3956a9f289c71ac72dc",
        "estimate": "6856267285b9d5a1508ed425783b4f78",
        "explain": "c7d7a05cd06472bf49521142c62465fc",
        "landmarks": "938965a53b1e54caf2f6e50fe1345f83",
        "activations": "aaf15f32cc6dac7dd9451dd189b61a5b",
        "boxes": "58e749ddec1f65e194e4f4c6f92d9636",
        "region_years": "b0196b265a6a292968c9f3da0d72684b",
    },
}


@pytest.mark.parametrize("recipe", KNOWN, ids=lambda recipe: recipe.preset)
def test_keys_of_existing_ledgers(recipe):
    assert keys(recipe, CONTENT) == KNOWN[recipe]
    assert recipe.key("read", CONTENT) == CONTENT


def test_what_came_later_than_ledgers_is_stated_only_where_it_is_not_as_it_was():
    assert not {"settled_by", "until_settled"} & set(BASE.explain_parameters)
    audit = Recipe(True, "dex-wrn", "float32", "audit", 42, samples=1024)
    assert audit.explain_parameters["settled_by"] == "false-discovery-rate"
    assert "until_settled" not in audit.explain_parameters
    until = dataclasses.replace(audit, until_settled=0.9)
    assert until.explain_parameters["until_settled"] == 0.9
    assert until.explain_variant == audit.explain_variant + "|until 0.9 settled"
    assert changed(keys(audit), keys(until)) == OF_THE_EXPLANATION


def test_a_new_arithmetic_of_settling_reaches_only_results_by_it(monkeypatch):
    """Explanations in ledgers from before it are not taken for new ones, and all others stay."""
    audit = dataclasses.replace(BASE, preset="audit")
    alone = dataclasses.replace(PRESETS["audit"], settled_by="interval")
    before = keys(audit), keys(dataclasses.replace(audit, method="rise")), keys(BASE)
    monkeypatch.setattr(recipes, "SETTLED_VERSION", 3)
    assert changed(before[0], keys(audit)) == OF_THE_EXPLANATION
    assert changed(before[1], keys(dataclasses.replace(audit, method="rise"))) == OF_THE_EXPLANATION
    assert changed(before[2], keys(BASE)) == set()
    monkeypatch.setitem(PRESETS, "audit", alone)
    assert "settled_version" not in audit.explain_parameters


def test_a_new_version_of_a_method():
    audit = dataclasses.replace(BASE, preset="audit")
    occlusion, cam = (dataclasses.replace(audit, method=name).explain_parameters for name in ("occlusion", "grad-cam"))
    assert occlusion["method_version"] == 3 and "method_version" not in cam


def test_all_keys_differ():
    assert len(set(keys(BASE).values())) == len(STEPS)


def test_step_key_is_a_hash_of_step_version_input_and_parameters(monkeypatch):
    raise_version(monkeypatch, "crop", 7)
    text = b'["crop", 7, "aa", {"a": 1, "b": 2}]'
    assert step_key("crop", "aa", {"b": 2, "a": 1}) == hashlib.sha256(text).hexdigest()[:32]


def test_variants_tell_estimators_precisions_and_presets_apart():
    assert {step: BASE.variant(step) for step in table.STEPS} == {
        "read": "",
        "align": "",
        "crop": "",
        "estimate": "dex-wrn|float32",
        "explain": "dex-wrn|float32|published",
        "landmarks": "",
        "activations": "dex-wrn|float32|published",
        "boxes": "dex-wrn|float32|published",
        "region_years": "dex-wrn|float32|published",
        "picture": "published",
        "face": "published",
    }
    other = Recipe(True, "a/b/net.keras", "bfloat16", "audit", 1)
    object.__setattr__(other, "estimator_parameters", {"name": "net.keras"})  # no such file here
    assert other.variant("explain") == "net.keras|bfloat16|audit"


def test_the_maker_is_known_without_the_files_of_the_estimator():
    recipe = Recipe(True, "a/b/net.keras", "float32", "audit", 42, method="grad-cam", target="over:18")
    assert recipe.maker == ("net.keras", "audit", "grad-cam", "over:18")
    assert BASE.maker == (BASE.estimator_parameters["name"], "published", "lime", "top-class")
