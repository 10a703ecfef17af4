"""Section on groups: errors at equal ages and as they are, and whose faces are not found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from age_audit.audit.errors.equal_ages import standardised_within
from age_audit.audit.errors.lost_faces import lost_faces
from age_audit.audit.gate.rates import LEAST_SHOWN
from age_audit.core.groups import ALL, real_ages
from age_audit.core.measures import MAE
from age_audit.core.paths import file_stem
from age_audit.core.randomness import Resampling
from age_audit.data.results import Results
from age_audit.report.page.errors import copies_in
from age_audit.report.page.parts import FIRM, Claim, Section, Table, counted, percent, row_of, verdict, years
from age_audit.report.words import heading

# How groups are compared: which column of the table, and in words.
VIEWS = {"adjusted": ("standardised", "age-adjusted"), "plain": ("crude", "unadjusted")}


def for_whom(results: Results, faces: pd.DataFrame, resampling: Resampling) -> Section:
    """Errors of groups at equal ages and as they are, and whose faces were not found."""
    tables, claims = [], []
    used = {name: column for name, column in results.features.items() if column in faces if faces[column].notna().any()}
    groups = sum(faces[column].nunique() for column in used.values())
    for name, column in used.items():
        copies = copies_in(faces)
        table = standardised_within(faces, column, "age_year", resampling=resampling, clusters=copies)
        wide = standardised_within(
            faces, column, "age_year", measures=[MAE.key], clusters=copies,
            resampling=replace(resampling, confidence=1 - (1 - resampling.confidence) / max(1, groups)),
        )  # fmt: skip
        tables += [_groups_table(name, column, table, view) for view in VIEWS]
        claims += _group_claims(name, column, table, wide)
    lost = lost_faces(results.document)
    lost = lost.rename(columns={"low": "share_low", "high": "share_high"})
    lost_rows = lost["images"] >= LEAST_SHOWN
    tables.append(
        Table(
            "lost-faces", "Pictures without an estimate", lost,
            {"feature": "of", "group": "group", "images": "pictures", "share": "no estimate, %", "p_holm": "p (Holm)"},
            digits={"share": 1}, rows=lost_rows, strip="share", folded=False, percent=["share"],
        )
    )  # fmt: skip
    claims += _lost_claims(lost)
    # Of many groups that are alike the furthest is often apart at 95 %: a heading wants what allows for their number.
    sure = [claim for claim in claims if claim.verdict == FIRM and claim.table.startswith("groups")]
    finding = sure[0].sentence.rstrip(".") if sure else "No group is surely told apart from all faces at equal ages"
    text = [
        "Groups of a data set differ in age, and errors differ with age. So each group is given the ages of all faces "
        "(age-adjusted); the switch shows groups as they are (unadjusted).",
        "A group is a label that somebody, or a model, gave to a picture. A difference is one of the estimator on "
        "these pictures and labels, not of people.",
        "Of several groups that are all alike one is now and then told apart at 95 %: such a one is called tentative, "
        "and is often chance. Firm is what holds when the number of groups is allowed for.",
    ]
    far = int((np.isfinite(real_ages(faces)[0]) & faces["age_year"].isna().to_numpy()).sum())
    if far:
        text.append(
            f"{counted(far, 'face')} labelled over 100 years, or with a range of ages that fits in no band, "
            "can be compared at no equal age and are left out of these tables. A face without a label is in none of "
            "its groups."
        )
    if not used:
        finding = "Nothing is known of groups"
        text = ["The labels have no group, such as race or gender, to compare by."]
    special = "groups" if used else ""
    return Section("groups", "For whom?", finding, text, (), tables, claims, special, missing=not used)


def _groups_table(name: str, column: str, table: pd.DataFrame, view: str) -> Table:
    number, words = VIEWS[view]
    table = table.rename(columns={"low": "standardised_low", "high": "standardised_high"})
    shown = {column: name, "n": "faces", number: f"MAE, {words} (years)"}
    if number == "standardised":
        shown["difference"] = "less all faces (years)"
    key = f"groups-{file_stem(name)}" if number == "standardised" else f"groups-{file_stem(name)}-{words}"
    return Table(
        key, f"Mean absolute error (MAE) by {name}, {words}", table, shown, 1, table["measure"] == MAE.key, number,
        folded=False, view=view,
    )  # fmt: skip


def _group_claims(name: str, column: str, table: pd.DataFrame, wide: pd.DataFrame) -> list[Claim]:
    """Of the group that is furthest from all faces."""
    mae = table[(table["measure"] == MAE.key) & table["difference"].notna() & ~table["few_faces"]]
    if mae.empty:
        return []
    row = mae.loc[mae["difference"].abs().idxmax()]
    sure = wide.loc[row_of(wide, **{column: row[column]})]
    beyond, adjusted = (bool(one["difference_low"] > 0 or one["difference_high"] < 0) for one in (row, sure))
    ends = row["difference_low"], row["difference_high"]
    if beyond:
        words = "larger" if row["difference"] > 0 else "smaller"
        by = years(abs(row["difference"]), *sorted(map(abs, ends)))
        sentence = f"At equal ages errors are {words} for faces labelled {row[column]} than for all, by {by}"
    else:
        by = years(row["difference"], *ends, "+")
        sentence = f"At equal ages no group by {name} is told apart from all faces; {row[column]} is furthest, by {by}"
    return [Claim(f"{sentence}.", verdict(beyond, adjusted, row["n"]), f"groups-{file_stem(name)}", int(row.name))]


def _lost_claims(lost: pd.DataFrame) -> list[Claim]:
    share = lost.loc[0]
    claims = []
    if share["images"] >= LEAST_SHOWN:
        told = percent(share["share"], share["share_low"], share["share_high"])
        sentence = f"Of {share['images']:,} pictures {told} ended without an estimate."
        claims.append(Claim(sentence, verdict(True, n=share["images"]), "lost-faces", 0))
    groups = lost[(lost["feature"] != ALL) & ~lost["few_faces"] & lost["p_holm"].notna()]
    if groups["share"].max() > groups["share"].min():
        row = groups.loc[groups["share"].idxmax()]
        shares = percent(row["share"], row["share_low"], row["share_high"])
        sentence = f"Most often no face is found where {heading(row['feature'])} is {row['group']}, in {shares}."
        sure = verdict(row["p_value"] <= 0.05, row["p_holm"] <= 0.05, row["images"])
        claims.append(Claim(sentence, sure, "lost-faces", int(row.name)))
    return claims
