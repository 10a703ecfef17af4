"""Sections on how wrong estimates are: along age, for whom, beside guesses that see no face, beside other estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from age_audit.audit.errors.along_age import age_slope, estimates_by_age, with_exact_age
from age_audit.audit.errors.baselines import ESTIMATOR, ONE_AGE, OWN_AGE, constant_guesses
from age_audit.audit.errors.equal_ages import standardised_within
from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.lost_faces import lost_faces
from age_audit.audit.errors.nist import mean_over_cells
from age_audit.audit.errors.several_estimators import cumulative_scores, in_common
from age_audit.audit.errors.stated_spread import spread_coverage
from age_audit.audit.gate.rates import LEAST_SHOWN
from age_audit.core.groups import ALL, age_range_of, real_ages
from age_audit.core.measures import ACCURACY, CS_5, MAE, SIGNED_ERROR
from age_audit.core.randomness import Resampling
from age_audit.data.results import Results
from age_audit.report.page import charts
from age_audit.report.page.parts import CHANCE, Chart, Claim, Section, Table, percent, row_of, verdict, years
from age_audit.report.words import filled, heading

BANDS = (0, 3, 7, 13, 19, 26, 36, 46, 61, 76, 101)  # years at which bands of age begin
# How groups are compared: which column of the table, and in words.
VIEWS = {"adjusted": ("standardised", "age-adjusted"), "plain": ("crude", "unadjusted")}
LOOKS = "abcdefg"  # of curves, in the style sheet


def with_bands(results: Results) -> pd.DataFrame:
    """Every estimated face, its band of age and, for comparisons at equal ages, its year."""
    faces = results.predictions
    lowest, highest = real_ages(faces)
    return faces.assign(
        age_band=age_range_of(lowest, results.bands(BANDS), highest),
        age_year=age_range_of(lowest, results.bands(range(102)), highest),
    )


def along_age(faces: pd.DataFrame, resampling: Resampling) -> Section:
    """Estimates against labelled ages."""
    overall = estimates_of(faces, [], resampling=resampling)
    bands = estimates_of(faces, ["age_band"], resampling=resampling)
    exact = with_exact_age(faces)
    row = overall.set_index("measure").loc[MAE.key]
    finding = f"An estimate is off by {years(row['value'], row['low'], row['high'])} on average"
    text, pictures, tables = [], [], []
    claims = [Claim(f"{finding}.", verdict(True, n=row["n"]), "errors", row_of(overall, measure=MAE.key))]
    slope, low, high = age_slope(faces)
    if np.isfinite([slope, low, high]).all():
        text.append(
            filled("With each year of labelled age the estimate rises by {:.2f} years ({:.2f} to {:.2f}); ", slope, low, high)
            + "1 would be an estimator that errs alike at all ages."
        )
    if len(exact):
        by_age = estimates_by_age(exact)
        pictures.append(_cloud(exact, by_age))
        tables.append(Table("estimates-by-age", "Estimates at each labelled age", by_age, digits=1))
    told = bands.query("measure == @SIGNED_ERROR.key and few_faces == False").dropna(subset="value")
    if len(told):
        pictures.append(_signed(told))
        for place, words in ((0, "youngest"), (-1, "oldest")):
            claims.append(_side(bands, told.iloc[place], words))
    tables = [
        Table("errors", "Errors over all faces", overall, ["measure", "n", "value", "low", "high"], folded=False),
        Table("errors-along-age", "Errors in bands of labelled age", bands, ["age_band", "measure", "n", "value", "low", "high"]),
        *tables,
    ]
    return Section("ages", "Estimate against age", finding, text, pictures, tables, claims)


def _side(bands: pd.DataFrame, row: pd.Series, words: str) -> Claim:
    beyond = row["low"] > 0 or row["high"] < 0
    side = f"too {'old' if row['value'] > 0 else 'young'}"
    size = sorted((abs(row["low"]), abs(row["high"])))
    sentence = f"The {words}, labelled {row['age_band']} years, are judged {years(abs(row['value']), *size)} {side} on average"
    if not beyond:
        sentence = f"The {words}, labelled {row['age_band']} years, are judged neither too old nor too young for certain"
    where = {"age_band": row["age_band"], "measure": SIGNED_ERROR.key}
    return Claim(f"{sentence}.", verdict(beyond, n=row["n"]), "errors-along-age", row_of(bands, **where))


def _cloud(exact: pd.DataFrame, by_age: pd.DataFrame) -> Chart:
    most = 10 * np.ceil(max(exact["age_real"].max(), exact["age_estimation"].max(), 10) / 10)
    scales = charts.plane((0, most), (0, most))
    middle = by_age["age_mean"]
    marks = [
        charts.density(scales, exact["age_real"].to_numpy(), exact["age_estimation"].to_numpy()),
        charts.line(scales, (0, most), (0, most), "equal"),
        charts.line(scales, middle, by_age["p10"], "edge"),
        charts.line(scales, middle, by_age["p90"], "edge"),
        charts.line(scales, middle, by_age["median"], "a"),
    ]
    alt = filled(
        "A cloud of {:,} faces. Median estimates lie between {:.0f} and {:.0f} years, at labelled ages from {:.0f} to {:.0f}.",
        len(exact), by_age["median"].min(), by_age["median"].max(), exact["age_real"].min(), exact["age_real"].max(),
    )  # fmt: skip
    svg = charts.picture(scales, marks, ("labelled age (years)", "estimate (years)"), alt, look="cloud")
    return Chart(
        svg,
        "Each square: how many faces. Thick line: the median estimate at that age; dashed: the middle 80 %; "
        "dotted: where estimate and label are equal.",
    )


def _signed(told: pd.DataFrame) -> Chart:
    ends = [[float(part) for part in str(band).split("–")] for band in told["age_band"]]
    middles = [(low + high + 1) / 2 for low, high in ends]
    reach = 5 * np.ceil(np.nanmax(np.abs(told[["value", "low", "high"]].to_numpy())) / 5)
    scales = charts.plane((0, 10 * np.ceil((ends[-1][1]) / 10)), (-reach, reach))
    rows = [
        (at, row["value"], row["low"], row["high"], f"{row['age_band']} years: {years(row['value'], row['low'], row['high'], '+')}, n = {row['n']:,}")
        for at, (_, row) in zip(middles, told.iterrows(), strict=True)
    ]  # fmt: skip
    marks = [charts.line(scales, scales_ends(scales), (0, 0), "equal"), charts.line(scales, middles, told["value"], "a")]
    alt = "A line along age: " + "; ".join(words for *_, words in rows) + "."
    titles = "labelled age (years)", "mean error (years): above 0 judged too old, below 0 too young"
    return Chart(
        charts.picture(scales, [*marks, *charts.dots(scales, rows, "a")], titles, alt),
        "Mean of estimate less label in bands of age, with 95 % intervals.",
    )


def scales_ends(scales: tuple[charts.Scale, charts.Scale]) -> tuple[float, float]:
    """Where x begins and ends."""
    return scales[0].low, scales[0].high


def for_whom(results: Results, faces: pd.DataFrame, resampling: Resampling) -> Section:
    """Errors of groups at equal ages and as they are, and whose faces were not found."""
    tables, claims, wide = [], [], {}
    used = {name: column for name, column in results.features.items() if column in faces and faces[column].notna().any()}
    groups = sum(faces[column].nunique() for column in used.values())
    for name, column in used.items():
        table = standardised_within(faces, column, "age_year", resampling=resampling)
        wide[name] = standardised_within(
            faces, column, "age_year", measures=[MAE.key],
            resampling=replace(resampling, confidence=1 - (1 - resampling.confidence) / max(1, groups)),
        )  # fmt: skip
        tables += [_groups_table(name, column, table, view) for view in VIEWS]
        claims += _group_claims(name, column, table, wide[name])
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
    sure = [claim for claim in claims if claim.verdict != CHANCE and claim.table.startswith("groups")]
    finding = sure[0].sentence.rstrip(".") if sure else "No group is told apart from all faces at equal ages"
    text = [
        "Groups of a data set differ in age, and errors differ with age. So each group is given the ages of all faces "
        "(age-adjusted); what it is without that stands beside it (unadjusted).",
        "A group is a label that somebody, or a model, gave to a picture. A difference is one of the estimator on these "
        "pictures and labels, not of people.",
    ]
    if not used:
        finding, text = "Nothing is known of groups", ["The labels have no group, such as race or gender, to compare by."]
    return Section("groups", "For whom?", finding, text, (), tables, claims, "groups" if used else "")


def _groups_table(name: str, column: str, table: pd.DataFrame, view: str) -> Table:
    number, words = VIEWS[view]
    table = table.rename(columns={"low": "standardised_low", "high": "standardised_high"})
    shown = {column: name, "n": "faces", number: f"MAE, {words} (years)"}
    if number == "standardised":
        shown["difference"] = "less all faces (years)"
    key = f"groups-{name}" if number == "standardised" else f"groups-{name}-{words}"
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
    beyond, adjusted = (
        bool(one["difference_low"] > 0 or one["difference_high"] < 0) for one in (row, sure)
    )
    words = "larger" if row["difference"] > 0 else "smaller"
    size = sorted((row["difference_low"], row["difference_high"]), key=abs)
    sentence = f"At equal ages errors are {words} for faces labelled {row[column]} than for all, by {years(abs(row['difference']), *map(abs, size))}"
    if not beyond:
        interval = years(row["difference"], row["difference_low"], row["difference_high"], "+")
        sentence = f"At equal ages no group by {name} is told apart from all faces; {row[column]} is furthest, by {interval}"
    return [Claim(f"{sentence}.", verdict(beyond, adjusted, row["n"]), f"groups-{name}", int(row.name))]


def _lost_claims(lost: pd.DataFrame) -> list[Claim]:
    share = lost.loc[0]
    claims = []
    if share["images"]:
        sentence = f"Of {share['images']:,} pictures {percent(share['share'], share['share_low'], share['share_high'])} ended without an estimate."
        claims.append(Claim(sentence, verdict(True, n=share["images"]), "lost-faces", 0))
    groups = lost[(lost["feature"] != ALL) & ~lost["few_faces"] & lost["p_holm"].notna()]
    if len(groups):
        row = groups.loc[groups["share"].idxmax()]
        shares = percent(row["share"], row["share_low"], row["share_high"])
        sentence = f"Most often no face is found where {heading(row['feature'])} is {row['group']}: {shares}."
        sure = verdict(row["p_value"] <= 0.05, row["p_holm"] <= 0.05, row["images"])
        claims.append(Claim(sentence, sure, "lost-faces", int(row.name)))
    return claims


def beside_guesses(faces: pd.DataFrame, resampling: Resampling) -> Section:
    """What "90 % accuracy" is worth: guesses that see no face."""
    table = constant_guesses(faces, resampling=resampling)
    all_ages = table[table["age_range"] == ALL].set_index("guess")
    own, one = all_ages.loc[ESTIMATOR], all_ages.loc[OWN_AGE]
    beside = all_ages.loc[ONE_AGE]
    text = [
        "Accuracy is sometimes stated as (100 − error in years) / 100, and read as a share of right answers. It is none: "
        f"one and the same age for every face, the median, has {beside[ACCURACY.key]:.3f}.",
        "Neither guess sees a face. The second is told which age range the label is in, and answers the median age there.",
    ]
    finding = f"An accuracy of {own[ACCURACY.key]:.3f} is no share of right answers: one age for every face has {beside[ACCURACY.key]:.3f}"
    claims = []
    if np.isfinite([one[ACCURACY.key], one["low"], one["high"]]).all():
        finding = f"The accuracy is {own[ACCURACY.key]:.3f}; a guess that sees no face, but is told the age range, has {one[ACCURACY.key]:.3f}"
        words = "nearer" if one["estimator_ahead"] < 0 else "further off"
        size = sorted((one["low"], one["high"]), key=abs)
        beyond = one["low"] > 0 or one["high"] < 0
        sentence = f"A guess that is told only the age range is {words} than the estimator, by {years(abs(one['estimator_ahead']), *map(abs, size))}"
        if not beyond:
            sentence = "A guess that is told only the age range is about as near as the estimator"
        claims = [Claim(f"{sentence}.", verdict(beyond, n=one["n"]), "guesses", row_of(table, age_range=ALL, guess=OWN_AGE))]
    shown = {"guess": "who answers", "n": "faces", ACCURACY.key: "“accuracy”", MAE.key: "MAE (years)", CS_5.key: "within 5 years, %"}
    digits = {ACCURACY.key: 3, MAE.key: 1, CS_5.key: 0}
    tables = [
        Table("guesses", "The estimator beside guesses that see no face", table, shown, digits, table["age_range"] == ALL, folded=False, percent=[CS_5.key])
    ]  # fmt: skip
    spread = spread_coverage(faces)
    if spread is not None:
        claims.append(_spread_claim(spread))
        tables.append(Table("stated-spread", "How often the label lies within the spread that the estimator states", spread))
        text.append("The estimator states how sure it is, as a spread around each estimate. The last table says how often that is true.")
    return Section("accuracy", "Is it accurate?", finding, text, (), tables, claims)


def _spread_claim(spread: pd.DataFrame) -> Claim:
    row = spread.loc[row_of(spread, by=ALL, deviations=1)]
    beyond = not row["low"] <= row["expected"] <= row["high"]
    words = "less sure" if row["share"] > row["expected"] else "surer"
    sentence = f"Its stated spread (± 1 standard deviation) holds the label of {percent(row['share'], row['low'], row['high'])} of faces; "
    sentence += f"68 % would be expected: it is {words} than it should be." if beyond else "68 % would be expected."
    return Claim(sentence, verdict(beyond, n=row["n"]), "stated-spread", int(row.name))


def side_by_side(compared: Mapping[str, Results], resampling: Resampling) -> Section:
    """Several estimators on the faces that all of them have."""
    first = next(iter(compared))
    frames = in_common({name: results.predictions for name, results in compared.items()})
    if len(frames) < 2:
        text = ["There are results of one estimator only in this folder, so that there is nothing to stand beside it."]
        return Section("estimators", "Estimators", "One estimator, so nothing to compare", text)
    rows = [_row(name, compared[name], frame, resampling) for name, frame in frames.items()]
    table = pd.DataFrame(rows)
    n = len(frames[first])
    fresh = table[[not compared[name].mark for name in table["estimator"]]]
    best = (fresh if len(fresh) else table).pipe(lambda rows: rows.loc[rows[MAE.key].idxmin()])
    scores = cumulative_scores({name: compared[name].predictions for name in frames})
    whose = "of those not trained on these faces" if len(fresh) < len(table) else "of these"
    finding = f"On the same {n:,} faces {best['estimator']} is nearest {whose}: off by {best[MAE.key]:.1f} years on average"
    text = [
        "An estimator that was trained on these very faces is marked: its errors on new faces are larger.",
        "MAE as NIST states it is the mean over both sexes and each year from 18 to 30, all counted alike. On other photos "
        "than NIST's it is not comparable with NIST's tables.",
    ]  # fmt: skip
    shown = {"estimator": "estimator", "n": "faces", MAE.key: "MAE (years)", SIGNED_ERROR.key: "signed error (years)"}
    shown |= {CS_5.key: "within 5 years, %", "as_nist_states_it": "MAE, as NIST states it (years)"}
    digits = {MAE.key: 1, SIGNED_ERROR.key: 1, CS_5.key: 0, "as_nist_states_it": 1}
    others = fresh[fresh["estimator"] != best["estimator"]]
    beyond = bool((others[f"{MAE.key}_low"] > best[f"{MAE.key}_high"]).all())
    claims = [Claim(f"{finding}.", verdict(beyond), "estimators-table", int(best.name))]
    if not beyond:
        claims = [Claim(f"{finding}; its interval overlaps with another one's.", CHANCE, "estimators-table", int(best.name))]
    tables = [
        Table("estimators-table", "Estimators on the same faces", table, shown, digits, strip=MAE.key, folded=False, percent=[CS_5.key]),
        Table("cumulative-scores", "Share of faces within so many years of the label", scores),
    ]
    return Section("estimators", "Estimators", finding, text, [_scores(scores)], tables, claims)


def _row(name: str, results: Results, frame: pd.DataFrame, resampling: Resampling) -> dict:
    row = {"estimator": name, "n": len(frame)}
    for measure in estimates_of(frame, [], resampling=resampling).to_dict("records"):
        if measure["measure"] != ACCURACY.key:
            ends = {f"{measure['measure']}_{end}": measure[end] for end in ("low", "high")}
            row |= {measure["measure"]: measure["value"]} | ends
    found = mean_over_cells(frame, resampling=resampling) if "gender_real" in frame else {}
    row["as_nist_states_it"] = found.get(MAE.key, np.nan)
    row |= {f"as_nist_states_it_{end}": found.get(end, np.nan) for end in ("low", "high")}
    return row


def _scores(scores: pd.DataFrame) -> Chart:
    scales = charts.plane((0, 20), (0, 1))
    marks, names = [], [name for name in scores["estimator"].unique() if name != ONE_AGE]
    for place, name in enumerate([*names, ONE_AGE]):
        rows = scores[scores["estimator"] == name]
        marks.append(charts.line(scales, rows["years"], rows["share"], LOOKS[place % len(LOOKS)] if name != ONE_AGE else "equal"))
    at_five = scores[scores["years"] == 5].set_index("estimator")["share"]
    alt = "Curves that rise with the years allowed. Within 5 years: " + "; ".join(
        filled("{}: {:.0%}", name, share) for name, share in at_five.items()
    )
    titles = "years between estimate and label", "share of faces"
    legend = charts.legend([(name, LOOKS[place % len(LOOKS)]) for place, name in enumerate(names)] + [(ONE_AGE, "equal")])
    return Chart(charts.picture(scales, marks, titles, f"{alt}.", percent=True) + legend, "Share of faces whose estimate lies within so many years of the label.")
