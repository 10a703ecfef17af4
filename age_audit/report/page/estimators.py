"""Section on several estimators of the same faces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.audit.errors.baselines import ONE_AGE
from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.nist import mean_over_cells
from age_audit.audit.errors.several_estimators import cumulative_scores, in_common
from age_audit.core.measures import ACCURACY, CS_5, MAE, SIGNED_ERROR
from age_audit.core.randomness import Resampling
from age_audit.data.results import Results
from age_audit.report.page import charts
from age_audit.report.page.errors import copies_in, with_copies
from age_audit.report.page.parts import Chart, Claim, Section, Table, verdict
from age_audit.report.words import filled

LOOKS = "abcdefg"  # of curves, in the style sheet


def side_by_side(
    compared: Mapping[str, Results], resampling: Resampling, images: pd.DataFrame | None = None
) -> Section:
    """Several estimators on the faces that all of them have."""
    first = next(iter(compared))
    frames = in_common({name: with_copies(results.predictions, images) for name, results in compared.items()})
    if len(frames) < 2:
        text = ["There are results of one estimator only in this folder, so that there is nothing to stand beside it."]
        return Section("estimators", "Estimators", "One estimator, so nothing to compare", text, missing=True)
    rows = [_row(name, compared[name], frame, resampling) for name, frame in frames.items()]
    table = pd.DataFrame(rows)
    n = len(frames[first])
    marked = np.array([bool(compared[name].mark) for name in table["estimator"]])
    judged = table if marked.all() else table[~marked]
    best = judged.loc[judged[MAE.key].idxmin()]
    scores = cumulative_scores({name: compared[name].predictions for name in frames})
    whose = "of these" if len(judged) == len(table) else "of those not trained on these faces"
    finding = (
        f"On the same {n:,} faces {best['estimator']} is nearest {whose}: off by {best[MAE.key]:.1f} years on average"
    )
    text = [
        "An estimator that was trained on these very faces is marked: its errors on new faces are larger.",
        "MAE as NIST states it is the mean over both sexes and each year from 18 to 30, all counted alike. On other "
        "photos than NIST's it is not comparable with NIST's tables.",
    ]
    shown = {"estimator": "estimator", "n": "faces", MAE.key: "MAE (years)", SIGNED_ERROR.key: "signed error (years)"}
    shown |= {CS_5.key: "within 5 years, %", "as_nist_states_it": "MAE, as NIST states it (years)"}
    digits = {MAE.key: 1, SIGNED_ERROR.key: 1, CS_5.key: 0, "as_nist_states_it": 1}
    others = judged[judged["estimator"] != best["estimator"]]
    beyond = bool((others[f"{MAE.key}_low"] > best[f"{MAE.key}_high"]).all())
    sentence = f"{finding}{'' if beyond else '; its interval overlaps with another one'}."
    claims = [Claim(sentence, verdict(beyond), "estimators-table", int(best.name))]
    tables = [
        Table(
            "estimators-table",
            "Estimators on the same faces",
            table,
            shown,
            digits,
            strip=MAE.key,
            folded=False,
            percent=[CS_5.key],
        ),
        Table("cumulative-scores", "Share of faces within so many years of the label", scores),
    ]
    return Section("estimators", "Estimators", finding, text, [_scores(scores)], tables, claims)


def _row(name: str, results: Results, frame: pd.DataFrame, resampling: Resampling) -> dict:
    row = {"estimator": name, "n": len(frame)}
    for measure in estimates_of(frame, [], resampling=resampling, clusters=copies_in(frame)).to_dict("records"):
        if measure["measure"] != ACCURACY.key:
            ends = {f"{measure['measure']}_{end}": measure[end] for end in ("low", "high")}
            row |= {measure["measure"]: measure["value"]} | ends
    found = mean_over_cells(frame, resampling=resampling) if "gender_real" in frame else {}
    row["as_nist_states_it"] = found.get(MAE.key, np.nan)
    row |= {f"as_nist_states_it_{end}": found.get(end, np.nan) for end in ("low", "high")}
    return row


def _scores(scores: pd.DataFrame) -> Chart:
    scales = charts.plane((0, 20), (0, 1))
    marks, looks, names = [], {}, [name for name in scores["estimator"].unique() if name != ONE_AGE]
    for place, name in enumerate([*names, ONE_AGE]):
        rows = scores[scores["estimator"] == name]
        looks[name] = LOOKS[place % len(LOOKS)] if name != ONE_AGE else "equal"
        marks.append(charts.line(scales, rows["years"], rows["share"], looks[name]))
    at_five = scores[scores["years"] == 5].set_index("estimator")["share"]
    alt = "Curves that rise with the years allowed. Within 5 years: " + "; ".join(
        filled("{}: {:.0%}", name, share) for name, share in at_five.items()
    )
    titles = "years between estimate and label", "share of faces"
    svg = charts.picture(scales, marks, titles, f"{alt}.", percent=True) + charts.legend(looks.items())
    return Chart(svg, "Share of faces whose estimate lies within so many years of the label.")
