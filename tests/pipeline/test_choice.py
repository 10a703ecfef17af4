"""Which recipe stage 2 takes; tests/pipeline/test_explanations.py runs both stages."""

import json
from dataclasses import replace

import pytest

from age_audit.core.config import Stage2Config
from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import write_metadataset
from age_audit.pipeline.choice import choose_recipe, fits, remember, remembered, stage1_options, stated_recipe
from age_audit.pipeline.export import describe
from age_audit.pipeline.recipe import Recipe
from age_audit.store.ledger import Ledger

LIME = Recipe(True, "face-api", "float32", "audit", 42)
FEW = replace(LIME, samples=64)
GRAD_CAM = replace(LIME, method="grad-cam", target="female")
OTHER = replace(LIME, estimator="dex-wrn")
ALL = (
    LIME,
    FEW,
    GRAD_CAM,
    OTHER,
    replace(LIME, target="over:18"),
    replace(LIME, seed=7, until_settled=0.5, samples=512),
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "out") as ledger:
        yield ledger


def config(tmp_path, **options):
    return Stage2Config(tmp_path / "out", tmp_path / "meta", preset="audit", **options)


def stated(recipe, ledger):
    return json.loads(json.dumps(describe(recipe, "utkface", ledger)))


@pytest.mark.parametrize("recipe", ALL, ids=stage1_options)
def test_a_recipe_is_known_again_by_what_its_metadatasets_state(recipe, ledger):
    assert [other for other in ALL if fits(other, stated(recipe, ledger))] == [recipe]
    assert stated_recipe(stated(recipe, ledger)) == recipe
    assert fits(recipe, stated(recipe, ledger) | {"explanation": {}}) and fits(recipe, {})


def test_the_arithmetic_counts(ledger):
    assert not fits(replace(OTHER, precision="bfloat16"), stated(OTHER, ledger))


def test_recipes_are_remembered_once_each_in_the_order_of_the_last_runs(ledger, tmp_path):
    for recipe in (LIME, GRAD_CAM, FEW, replace(LIME, seed=7)):  # of one variant the ledger holds the last alone
        remember(ledger, recipe)
    assert remembered(ledger, config(tmp_path)) == [GRAD_CAM, FEW, replace(LIME, seed=7)]


def test_a_file_of_another_estimator_may_be_gone(ledger, tmp_path):
    (tmp_path / "mine.keras").write_bytes(b"weights")
    remember(ledger, replace(LIME, estimator=str(tmp_path / "mine.keras")))
    remember(ledger, LIME)
    (tmp_path / "mine.keras").unlink()
    write_metadataset(tmp_path / "meta", "utkface", "masks", {}, describe(LIME, "utkface", ledger))
    assert choose_recipe(ledger, config(tmp_path)) == LIME


def test_in_a_folder_of_no_one_the_last_that_has_these_options(ledger, tmp_path):
    for recipe in (GRAD_CAM, FEW, LIME):
        remember(ledger, recipe)
    assert choose_recipe(ledger, config(tmp_path)) == LIME
    assert choose_recipe(ledger, config(tmp_path, samples=64)) == FEW
    with pytest.raises(
        UsageError, match=r"audit for face-api, .*lime of age; --preset audit --samples 64 .*got --preset"
    ):
        choose_recipe(ledger, config(tmp_path, samples=65))


def test_what_the_folder_is_of_before_what_came_last(ledger, tmp_path):
    write_metadataset(tmp_path / "meta", "utkface", "masks", {}, describe(GRAD_CAM, "utkface", ledger))
    remember(ledger, LIME)
    command = "--estimator face-api --preset audit --explainer grad-cam --target female with the same folders again"
    with pytest.raises(UsageError, match=rf"found those by face-api, preset audit, lime of age .*{command}"):
        choose_recipe(ledger, config(tmp_path))
    for recipe in (GRAD_CAM, FEW):
        remember(ledger, recipe)
    assert choose_recipe(ledger, config(tmp_path)) == GRAD_CAM
    with pytest.raises(UsageError, match=r"which are --preset audit for .*grad-cam of female; got .*--samples 64: say"):
        choose_recipe(ledger, config(tmp_path, samples=64))


def test_nothing_was_explained(ledger, tmp_path):
    with pytest.raises(UsageError, match=r"to have explained faces in .*, it has not; run analysis_1_method\.py first"):
        choose_recipe(ledger, config(tmp_path))
