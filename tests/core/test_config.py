"""Defaults, presets, and what is refused before any work."""

import dataclasses
from pathlib import Path

import pytest

from age_audit.core.config import (
    PRECISIONS,
    PRESETS,
    STEPS,
    LimeParameters,
    Stage1Config,
    Stage2Config,
    Stage3Config,
    check_doublings,
    parse_age_ranges,
    settled_rule,
)
from age_audit.core.errors import UsageError
from age_audit.estimators import registry
from age_audit.explain import EXPLAINERS

STAGES = (Stage1Config, Stage2Config, Stage3Config)


def test_preset_published_is_the_study_as_it_was_run():
    assert dataclasses.asdict(PRESETS["published"]) == {
        "kernel_size": 4,
        "max_dist": 200,
        "ratio": 0.2,
        "num_samples": 100,
        "kernel_width": 0.25,
        "ridge_alpha": 1.0,
        "rescale": True,
        "target": "top-class",
        "hidden": "black",
        "design": "random",
        "seed_from_image": False,
        "settled_only": False,
        "confidence": 0.95,
        "settled_by": "interval",
        "until_settled": 0.0,
    }


def test_preset_audit_changes_what_the_method_got_wrong():
    published, audit = (dataclasses.asdict(PRESETS[name]) for name in ("published", "audit"))
    assert {name: value for name, value in audit.items() if value != published[name]} == {
        "num_samples": 256,
        "rescale": False,
        "target": "expected-age",
        "hidden": "mean-colour",
        "design": "paley",
        "seed_from_image": True,
        "settled_only": True,
        "settled_by": "false-discovery-rate",
    }


def test_the_default_is_the_study():
    config = Stage1Config()
    assert (config.preset, config.estimator, config.seed, config.steps) == ("published", "dex-wrn", 42, STEPS)
    assert PRESETS[config.preset] == LimeParameters()


def test_precisions_are_those_that_estimators_know():
    assert PRECISIONS == registry.PRECISIONS


@pytest.mark.parametrize("stage", [Stage2Config, Stage3Config])
def test_stages_agree_on_where_things_are(stage):
    shared = {field.name for field in dataclasses.fields(stage)} & {"output", "metadatasets", "dataset", "preset"}
    assert {"metadatasets", "dataset", "preset"} <= shared
    assert {name: getattr(stage(), name) for name in shared} == {name: getattr(Stage1Config(), name) for name in shared}


@pytest.mark.parametrize("stage", STAGES)
def test_configs_are_frozen(stage):
    with pytest.raises(dataclasses.FrozenInstanceError):
        stage().dataset = "other"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\\b", "a\nb", "a\0b"])
def test_names_that_would_leave_the_folder(stage, name):
    with pytest.raises(UsageError, match="expected --dataset to be a plain name without folders") as error:
        stage(dataset=name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", ["utkface", "my faces", "v1.2", "größe"])
def test_plain_names(stage, name):
    assert stage(dataset=name).dataset == name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "Audit"}, "expected preset to be one of published, audit, got 'Audit'"),
        ({"precision": "float16"}, "expected precision to be one of float32, bfloat16, auto, got 'float16'"),
        ({"steps": ("crop", "detect")}, "expected step to be one of align, crop, estimate, explain, got 'detect'"),
        ({"steps": ()}, "expected at least one step of align, crop, estimate, explain, got none"),
        ({"workers": 0}, "expected --workers to be at least 1, got 0"),
        ({"limit": 0}, "expected --limit to be at least 1, got 0"),
        ({"sample": -1}, "expected --sample to be at least 1, got -1"),
        ({"seed": -1}, "expected --seed to be between 0 and 4294967295, got -1"),
        ({"seed": 2**32}, "expected --seed to be between 0 and 4294967295, got 4294967296"),
    ],
)
def test_stage_1_refuses(given, message):
    with pytest.raises(UsageError) as error:
        Stage1Config(**given)
    assert str(error.value) == message


def test_stage_1_takes_the_least_and_the_most():
    config = Stage1Config(limit=1, sample=1, workers=1, seed=2**32 - 1, steps=("align",), images=Path("x"))
    assert (config.limit, config.sample, config.seed) == (1, 1, 4294967295)


UNTIL = {"preset": "audit", "samples": 1024}


@pytest.mark.parametrize("stage", [Stage1Config, Stage2Config])
def test_until_settled_wants_a_share_a_bound_and_a_preset_that_settles(stage):
    assert stage(**UNTIL, until_settled=0.9).until_settled == 0.9
    assert stage(**UNTIL, until_settled=1.0).until_settled == 1
    for share in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(UsageError, match="--until-settled to be above 0 and at most 1, such as"):
            stage(**UNTIL, until_settled=share)
    with pytest.raises(UsageError, match="no --until-settled with --preset published, which settles nothing"):
        stage(samples=1024, until_settled=0.9)
    with pytest.raises(UsageError, match="expected --samples beside --until-settled"):
        stage(preset="audit", until_settled=0.9)


def test_until_settled_wants_samples_that_doubling_comes_to():
    for samples in (1, 100, 256, 512, 4096):
        check_doublings(samples)
    for samples, named in ((257, "256 or 512"), (1000, "512 or 1024"), (768, "512 or 1024"), (4095, "2048 or 4096")):
        with pytest.raises(UsageError, match=f"doubled, such as {named}.* got {samples}"):
            check_doublings(samples)
    with pytest.raises(UsageError, match="got 1000"):
        Stage1Config(preset="audit", samples=1000, until_settled=0.9)


def test_what_settled_means_is_told_by_the_provenance():
    audit, published = (dataclasses.asdict(PRESETS[name]) for name in ("audit", "published"))
    assert settled_rule(audit) == "settled: at most 5 % of a face's settled signs are expected to be wrong"
    assert settled_rule(published) == settled_rule({}) == ""
    for method in ("occlusion", "grad-cam", "random"):
        assert settled_rule(dataclasses.asdict(EXPLAINERS[method].presets["audit"])) == ""
    for method in ("kernel-shap", "rise"):  # always leave out what is not settled, whichever rule they follow
        assert settled_rule(dataclasses.asdict(EXPLAINERS[method].presets["audit"])).startswith("settled: ")
    older = {"settled_only": True, "confidence": 0.9}  # says no rule: made before there were two
    assert settled_rule(older) == "settled: the 90 % interval of its weight, taken by itself, excludes 0"


@pytest.mark.parametrize("given", [{"preset": "x"}, {"workers": 0}, {"format": "csv"}])
def test_stage_2_refuses(given):
    with pytest.raises(UsageError, match=f"{next(iter(given))} to be"):
        Stage2Config(**given)


def test_stage_3_refuses():
    with pytest.raises(UsageError, match="preset to be one of published, audit, got 'x'"):
        Stage3Config(preset="x")


def test_age_ranges():
    assert Stage1Config().ranges == Stage3Config().ranges == ((0, 12), (13, 18), (19, 25), (26, 100))
    assert parse_age_ranges(["0-12", " 13–17 ", "25 - 100"]) == ((0, 12), (13, 17), (25, 100))
    assert Stage3Config(age_ranges=("5-5",)).ranges == ((5, 5),)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "got none"),
        (("0-12", "12-17"), "none overlapping another.*got 0-12, 12-17"),
        (("13-17", "0-12"), "in ascending order.*got 13-17, 0-12"),
        (("12-0",), "got '12-0'"),
        (("0-12", "adult"), "got 'adult'"),
        (("-5-3",), "got '-5-3'"),
    ],
)
@pytest.mark.parametrize("config", [Stage1Config, Stage3Config])
def test_other_age_ranges_are_refused(config, given, words):
    with pytest.raises(UsageError, match=words):
        config(age_ranges=given)
