"""Model cards (Mitchell et al. 2019): what an estimator is, what it is for, and how wrong it was, for whom.

Every number is computed from results when the card is made; none is written by hand.
"""

from __future__ import annotations

import pandas as pd

from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.stated_spread import spread_coverage
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL
from age_audit.core.measures import CS_5, MAE, SIGNED_ERROR
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.data.results import Results
from age_audit.estimators.entries import ENTRIES
from age_audit.report.formats import markdown_text
from age_audit.report.words import filled, heading

SHOWN = {MAE.key: ".1f", SIGNED_ERROR.key: "+.1f", CS_5.key: ".0%"}
USE = (
    "To audit it: research on how wrong facial age estimators are, and for whom. Never for a decision on a person: "
    "labels of age, gender and race are what somebody saw in a picture, and a single estimate is far off."
)


def model_card(results: Results, *, resampling: Resampling) -> str:
    """The card of the estimator that made these results, as Markdown.

    Parameters
    ----------
    results : Results
        Predictions of labelled faces.
    resampling : Resampling
        How intervals are drawn.

    Raises
    ------
    UsageError
        If no face has a label and an estimate.

    Examples
    --------
    >>> from age_audit.core.paths import ROOT
    >>> from age_audit.data.results import find_results
    >>> found = find_results(ROOT / "metadatasets", "ssr-net", "published", "utkface")
    >>> print(model_card(found, resampling=Resampling(seed=42, draws=200)).splitlines()[0])
    ## ssr-net
    """
    frame = results.predictions.dropna(subset=["age_real", "age_estimation"])
    if frame.empty:
        raise UsageError(f"expected faces with a label and an estimate in {results.folder}, found none")
    tables = [estimates_of(frame, [], resampling=resampling).assign(feature="", group="all faces")]
    for feature in ("age_range", *results.features.values()):
        found = estimates_of(frame, [feature], resampling=resampling)
        tables.append(found.assign(feature=heading(feature), group=found[feature].astype(str)))
    return "\n".join([*_about(results, frame), "", *_table(pd.concat(tables))])


def _about(results: Results, frame: pd.DataFrame) -> list[str]:
    entry, stated = ENTRIES.get(results.estimator), results.provenance
    precision = stated.get("estimator", {}).get("precision", "precision not stated")
    trained = entry.trained_on if entry else "training data not known here"
    gives = "a distribution over ages" if frame.get("age_spread", pd.Series(dtype=float)).notna().any() else "an age"
    gives += " and a gender" if frame.get("probability_female", pd.Series(dtype=float)).notna().any() else ""
    total = results.images_total
    lost = f"; {total - len(frame):,} of {total:,} pictures got no estimate" if total else ""
    lines = [
        f"## {markdown_text(results.estimator)}{results.mark}",
        "",
        f"- **Is**: {trained}; weights {results.weights_hash or 'not stated'}, {precision}. It gives {gives}.",
        f"- **For**: {USE}",
        f"- **Measured on**: {len(frame):,} faces of {markdown_text(results.dataset)}, "
        f"{'aligned and cropped' if results.aligned else 'cropped without alignment'}{lost}.",
    ]
    if results.label_origin:
        lines.append(f"- **Beware**: {results.label_origin}")
    coverage = spread_coverage(frame)
    if coverage is not None:
        lines.append(_spread(coverage))
    return lines


def _table(rows: pd.DataFrame) -> list[str]:
    lines = [
        "| | faces | mean absolute error, years | mean signed error, years | within 5 years |",
        "|---|---|---|---|---|",
    ]
    for (feature, group), of_group in rows.groupby(["feature", "group"], sort=False):
        by_measure = of_group.set_index("measure")
        n = int(by_measure["n"].iloc[0])
        few = " (few)" if n < FEW_FACES else ""
        cells = [_cell(by_measure.loc[key], kind) for key, kind in SHOWN.items()]
        name = markdown_text(f"{feature}: {group}".removeprefix(": "))
        lines.append(f"| {name} | {n:,}{few} | {' | '.join(cells)} |")
    return lines


def _spread(coverage: pd.DataFrame) -> str:
    row = coverage[(coverage["by"] == ALL) & (coverage["deviations"] == 1)].iloc[0]
    told = "- **Does it know how sure it is?** The real age lies within one stated standard deviation of {share:.0%} "
    told += "of faces ({low:.0%} to {high:.0%}); were its stated spread right, it would be {expected:.0%}."
    return filled(told, known=row.to_dict())


def _cell(row: pd.Series, kind: str) -> str:
    return filled(f"{{:{kind}}} ({{:{kind}}} to {{:{kind}}})", row["value"], row["low"], row["high"])
