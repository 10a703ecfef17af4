"""Which of the explanations in an output folder stage 2 takes: those that the metadatasets folder is of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from age_audit.core.config import Stage1Config, Stage2Config
from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import explained_in, explanation_of, made_by, maker_of
from age_audit.explain.registry import DEFAULT, EXPLAINERS
from age_audit.pipeline.recipe import Recipe
from age_audit.store.ledger import Ledger

# What stage 2 is told of explanations, and how stage 1 spells the rest of a recipe.
OPTIONS = {"preset": "preset", "samples": "samples", "until_settled": "until-settled"}
ALL_OPTIONS = {
    **{"estimator": "estimator", "precision": "precision"},
    **OPTIONS,
    **{"method": "explainer", "target": "target", "seed": "seed"},
}


def remember(ledger: Ledger, recipe: Recipe) -> None:
    """Keep a recipe by which faces were explained, as the last of them; one of the same variant took its place."""
    known = ledger.stated("recipes") or {}
    known.pop(recipe.explain_variant, None)
    fields = asdict(recipe)
    del fields["box_landmarks"]  # which is asked of stage 2
    ledger.set_meta("recipes", json.dumps(known | {recipe.explain_variant: fields}))


def remembered(ledger: Ledger, config: Stage2Config) -> list[Recipe]:
    """The recipes by which faces were explained, the last one last.

    Ledgers of earlier versions kept the last one alone, without what stage 2 is told: it is taken as asked for.

    Raises
    ------
    UsageError
        If there is none, or none but such a one, which has no such preset or samples.
    """
    known = [Recipe(**fields) for fields in (ledger.stated("recipes") or {}).values()]
    if before := ledger.stated("recipe"):
        recipe = Recipe(**before, **_asked(config))
        try:
            _ = recipe.method_parameters
            known.insert(0, recipe)
        except UsageError:
            if not known:
                raise
    if not known:
        raise UsageError(
            f"expected stage 1 to have explained faces in {config.output}, it has not; run analysis_1_method.py first"
        )
    return known


def choose_recipe(ledger: Ledger, config: Stage2Config) -> Recipe:
    """The recipe of the explanations that the metadatasets folder is of; where nothing there says so, the last one.

    Raises
    ------
    UsageError
        If faces were not explained by it, or stage 2 is told another preset or number of samples than it has.
    """
    known = remembered(ledger, config)
    stated = explained_in(config.metadatasets, config.dataset)
    fitting = [recipe for recipe in known if fits(recipe, stated)]
    if not fitting:
        there = "; ".join(dict.fromkeys(f"{recipe.maker} ({stage1_options(recipe)})" for recipe in known))
        raise UsageError(
            f"expected explanations in {config.output} as {config.metadatasets} holds them of {config.dataset}, by "
            f"{maker_of(stated)}, found those by {there}; run analysis_1_method.py "
            f"{stage1_options(stated_recipe(stated))} with the same folders again, which explains no face twice, or "
            "choose the --metadatasets or --dataset of one of those"
        )
    asked = [recipe for recipe in fitting if _asked(recipe) == _asked(config)]
    if not asked:
        had = dict.fromkeys(f"{_spelled(recipe, OPTIONS)} for {recipe.maker}" for recipe in reversed(fitting))
        raise UsageError(
            f"expected options as stage 1 had them for explanations in {config.output}, which are {'; '.join(had)}; "
            f"got {_spelled(config, OPTIONS)}: say so here, or run analysis_1_method.py with these first"
        )
    return asked[-1]


def fits(recipe: Recipe, stated: dict) -> bool:
    """Whether explanations by a recipe are those that a provenance states, as far as it states any."""
    if None in made_by(stated):
        return True
    precision = stated["estimator"].get("precision", recipe.precision)
    if (*recipe.maker[:2], recipe.precision) != (*made_by(stated), precision):
        return False
    ours = explanation_of({"explanation": json.loads(json.dumps(recipe.explain_parameters))})
    return explanation_of(stated) in ({}, ours)


def stated_recipe(stated: dict) -> Recipe:
    """The recipe of explanations that a provenance states."""
    estimator, preset = made_by(stated)
    explanation = explanation_of(stated)
    method = explanation.get("method", DEFAULT)
    usual = EXPLAINERS[method].presets.get(preset) if method in EXPLAINERS else None
    parameters = {"samples": "num_samples", "until_settled": "until_settled", "target": "target"}
    given = {
        name: explanation.get(parameter)
        for name, parameter in parameters.items()
        if explanation.get(parameter, getattr(usual, parameter, None)) != getattr(usual, parameter, None)
    }
    precision = stated["estimator"].get("precision", Stage1Config.precision)
    seed = explanation.get("seed", Stage1Config.seed)
    return Recipe(bool(stated.get("aligned")), estimator, precision, preset, seed, method=method, **given)


def stage1_options(recipe: Recipe) -> str:
    """How stage 1 is asked for a recipe: what is not its default, and always the estimator and the preset.

    Examples
    --------
    >>> stage1_options(Recipe(True, "face-api", "float32", "audit", 42, method="grad-cam", target="female"))
    '--estimator face-api --preset audit --explainer grad-cam --target female'
    """
    usual = {"precision": Stage1Config.precision, "method": DEFAULT, "seed": Stage1Config.seed}
    names = [name for name in ALL_OPTIONS if getattr(recipe, name) != usual.get(name)]
    return _spelled(recipe, names)


def _asked(of: Recipe | Stage2Config) -> dict:
    return {name: getattr(of, name) for name in OPTIONS}


def _spelled(of: Recipe | Stage2Config, names: Iterable[str]) -> str:
    """Options and their values, those without a value left out."""
    values = ((ALL_OPTIONS[name], getattr(of, name)) for name in names)
    return " ".join(f"--{option} {value}" for option, value in values if value is not None)
