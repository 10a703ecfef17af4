"""Section on the data set: whose faces, how sure their labels are, and what that does to the verdict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from age_audit.audit.dataset.duplicates import label_disagreement
from age_audit.audit.dataset.heaping import AGES, WHIPPLE, WHIPPLE_OLD, heaping
from age_audit.audit.dataset.label_noise import tipping_points, tipping_sentence
from age_audit.audit.dataset.quality_and_error import error_by_quality_band
from age_audit.audit.errors.several_estimators import follows_age, label_doubts
from age_audit.audit.sample import faces_by_age
from age_audit.core.groups import ALL
from age_audit.core.measures import MAE
from age_audit.core.paths import file_stem
from age_audit.core.randomness import Resampling
from age_audit.data.image_measures import with_image_measures
from age_audit.data.results import Results, one_of_each
from age_audit.report.page import charts
from age_audit.report.page.errors import copies_in
from age_audit.report.page.parts import Chart, Claim, Section, Table, percent, row_of, verdict, years
from age_audit.report.words import filled

QUALITY = "brisque"  # how disturbed a picture is: the higher, the worse
NO_MEASURES = (
    "The pictures were not measured (age-audit dataset does that), so nothing is said of their quality, of copies, and "
    "of how far labels of copies disagree."
)


def data_set(
    results: Results, faces: pd.DataFrame, compared: Mapping[str, Results], images: pd.DataFrame | None,
    resampling: Resampling,
) -> Section:  # fmt: skip
    """Ages, labels and pictures.

    Parameters
    ----------
    results : Results
    faces : DataFrame
        Its estimated faces with ``age_year``.
    compared : mapping of str to Results
        All estimators of the data set: where they agree against a label, it is in doubt.
    images : DataFrame, optional
        What was measured of the pictures.
    resampling : Resampling
    """
    text, tables, claims = [results.label_origin], [], []
    pictures = [_ages(results.images)] if results.images["age_real"].notna().any() else []
    features = [column for column in results.features.values() if column in results.images]
    sample = faces_by_age(results.images, features[:2], 5)
    tables.append(Table("sample", "Pictures by age and group", sample))
    heaps = heaping(results.images, resampling=resampling)
    tables.append(Table("heaping", "Do labels prefer round ages? (Whipple: 100 is no preference)", heaps, digits=1))
    claims += _heaping_claims(heaps, results.images["age_real"])
    for name, column in results.features.items():
        if column in faces and faces[column].dropna().unique().size > 1:
            noise = tipping_points(faces, column, "age_year", clusters=copies_in(faces))
            caption = f"How noisy labels would have to be to make the gap by {name} alone"
            tables.append(Table(f"label-noise-{file_stem(name)}", caption, noise))
            claims += _noise_claims(noise, name)
    claims += _doubt_claims(compared, tables)
    if images is None:
        text.append(NO_MEASURES)
    else:
        claims += _copies_claims(images, results, tables, resampling)
        claims += _quality_claims(faces, images, tables, resampling)
    nothing = f"{len(results.images):,} pictures; the labels are taken as they are"
    finding = next((claim.sentence.rstrip(".") for claim in claims if claim.table == "copies"), nothing)
    text = [line for line in text if line]
    return Section("data", "The data set and its labels", finding, text, pictures, tables, claims)


def _ages(images: pd.DataFrame) -> Chart:
    counts = np.floor(images["age_real"].dropna()).astype(int).value_counts().sort_index()
    scales = charts.plane((0, 10 * np.ceil((counts.index.max() + 1) / 10)), (0, counts.max()))
    alt = f"Bars for each year of age, most at {counts.idxmax()} years: {counts.max():,} of {counts.sum():,} pictures."
    svg = charts.picture(scales, [charts.bars(scales, counts.index, counts)], ("labelled age (years)", "pictures"), alt)
    caption = "Pictures at each labelled age. Peaks at round ages: somebody guessed, or a source prefers them."
    return Chart(svg, caption)


def _heaping_claims(heaps: pd.DataFrame, ages: pd.Series) -> list[Claim]:
    """Of the oldest years of which labels reach both ends: where they end at 90, over a fifth of 63–92 are round."""
    reached = [name for name in (WHIPPLE_OLD, WHIPPLE) if ages.min() <= AGES[name][0] and ages.max() >= AGES[name][1]]
    if not reached:
        return []
    row = heaps[heaps["measure"] == reached[0]].iloc[0]
    beyond = not row["low"] <= row["expected"] <= row["high"]
    words = "are rounder than chance" if row["value"] > row["expected"] else "avoid round ages"
    sentence = f"Labels of {row['ages']} years {words if beyond else 'prefer no round ages for certain'}: "
    told = "Whipple's index is {:.0f} ({:.0f} to {:.0f}), where 100 is no preference."
    sentence += filled(told, row["value"], row["low"], row["high"])
    return [Claim(sentence, verdict(beyond, n=row["n"]), "heaping", int(row.name))]


def _noise_claims(noise: pd.DataFrame, name: str) -> list[Claim]:
    told = noise[~noise["few_faces"] & noise["gap_low"].notna()]
    if told.empty:
        return []
    row = told.loc[told["gap"].abs().idxmax()]
    beyond = row["gap_low"] > 0 or row["gap_high"] < 0
    rest = "; less noise than that cannot make it alone." if beyond else "."
    sentence = f"By {name}, at equal ages, {tipping_sentence(row)}{rest}"
    # A statement about what noise could do, which nobody has measured: never more than tentative.
    return [Claim(sentence, verdict(beyond, adjusted=False), f"label-noise-{file_stem(name)}", int(row.name))]


def _doubt_claims(compared: Mapping[str, Results], tables: list[Table]) -> list[Claim]:
    fresh = {name: compared[name].predictions for name in one_of_each(compared) if not compared[name].mark}
    fresh = {name: frame for name, frame in fresh.items() if follows_age(frame)}
    if len(fresh) < 2:
        return []
    doubts = label_doubts(fresh)
    judged = doubts[doubts["estimators"] >= 2]
    doubtful = judged[judged["label_doubt"]].reset_index()
    known = next(iter(fresh.values()))[["fname", "age_real"]]
    counts = pd.DataFrame([{"labels": len(judged), "in_doubt": len(doubtful)}])
    tables.append(Table("doubts", "Labels that all estimators contradict", counts))
    listed = doubtful.merge(known, on="fname").drop(columns="label_doubt")
    tables.append(Table("doubtful-labels", "These labels, by file name", listed, digits=0))
    sentence = (
        f"{len(doubtful):,} of {len(judged):,} labels are in doubt: {len(fresh)} estimators agree within five years "
        "and are twenty years or more from the label. That they agree does not prove them right."
    )
    return [Claim(sentence, verdict(True, adjusted=False), "doubts", 0)]


def _copies_claims(images: pd.DataFrame, results: Results, tables: list[Table], resampling: Resampling) -> list[Claim]:
    table = label_disagreement(images, [], ranges=results.ranges, resampling=resampling)
    tables.append(Table("copies", "How far labels of copies of one picture disagree", table, digits=2))
    where = {"copies": "exact", "label": "age", "age_range": ALL}
    try:
        differing = row_of(table, **where, measure="share_differing")
        apart = row_of(table, **where, measure="mean_difference")
    except LookupError:
        return []
    share, mean = table.loc[differing], table.loc[apart]
    if not np.isfinite([share["value"], share["low"], mean["low"]]).all():
        return []
    told = percent(share["value"], share["low"], share["high"])
    sentence = f"Of {share['pairs']:,} pairs of equal pictures {told} carry two different ages."
    further = f"Over all these pairs, ages are {years(mean['value'], mean['low'], mean['high'])} apart on average."
    sure = verdict(True, n=share["pairs"])
    return [Claim(sentence, sure, "copies", differing), Claim(further, sure, "copies", apart)]


def _quality_claims(faces, images, tables: list[Table], resampling: Resampling) -> list[Claim]:
    measured = with_image_measures(faces.drop(columns="cluster", errors="ignore"), images)
    if QUALITY not in measured or measured[QUALITY].nunique() < 5:
        return []
    options = {"resampling": resampling, "clusters": copies_in(measured)}
    table = error_by_quality_band(measured, [QUALITY], ages="age_year", **options)
    table = table[table["measure"] == MAE.key].reset_index(drop=True)
    caption = "Error in each fifth of picture quality, best (lowest BRISQUE) first"
    tables.append(Table("picture-quality", caption, table, digits=1))
    bands = table[(table["group"] == ALL) & table["equal_age_low"].notna()]
    if len(bands) < 2:
        return []
    best, worst = bands.iloc[0], bands.iloc[-1]
    apart = best["equal_age_high"] < worst["equal_age_low"] or worst["equal_age_high"] < best["equal_age_low"]
    sentence = "At equal ages the error is " + " and ".join(
        f"{years(row['equal_age'], row['equal_age_low'], row['equal_age_high'])} on the {which} fifth of pictures"
        for which, row in (("best", best), ("worst", worst))
    )
    words = "" if apart else "; these are not told apart"
    sure = verdict(bool(apart), n=min(best["n"], worst["n"]))
    return [Claim(f"{sentence}{words}.", sure, "picture-quality", int(worst.name))]
