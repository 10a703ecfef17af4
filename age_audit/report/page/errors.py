"""Sections on how wrong estimates are: along age, and beside guesses that see no face."""

from __future__ import annotations

import numpy as np
import pandas as pd

from age_audit.audit.errors.along_age import age_slope, estimates_by_age, with_exact_age
from age_audit.audit.errors.baselines import ESTIMATOR, ONE_AGE, OWN_AGE, constant_guesses
from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.stated_spread import spread_coverage
from age_audit.core.groups import ALL, age_range_of, cluster_codes, real_ages
from age_audit.core.measures import ACCURACY, CS_5, MAE, SIGNED_ERROR
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.data.image_measures import clusters_of
from age_audit.data.results import Results
from age_audit.report.page import charts
from age_audit.report.page.parts import Chart, Claim, Section, Table, counted, percent, row_of, verdict, years
from age_audit.report.words import filled

BANDS = (0, 3, 7, 13, 19, 26, 36, 46, 61, 76, 101)  # years at which bands of age begin


def with_bands(results: Results) -> pd.DataFrame:
    """Every estimated face, its band of age and, for comparisons at equal ages, its year."""
    faces = results.predictions
    lowest, highest = real_ages(faces)
    return faces.assign(
        age_band=age_range_of(lowest, results.bands(BANDS), highest),
        age_year=age_range_of(lowest, results.bands(range(102)), highest),
    )


def with_copies(faces: pd.DataFrame, images: pd.DataFrame | None) -> pd.DataFrame:
    """With a column ``cluster``, one number for all copies of a picture: as the pictures were measured, or as a column
    of the labels says; without one where neither does.

    Examples
    --------
    >>> with_copies(pd.DataFrame({"cluster": ["a", None, "a"]}), None)["cluster"].tolist()
    [0, 2, 0]
    """
    if images is not None:
        return faces.assign(cluster=clusters_of(faces["fname"], images))
    if "cluster" in faces:
        return faces.assign(cluster=cluster_codes(faces, "cluster"))
    return faces


def copies_in(faces: pd.DataFrame) -> str | None:
    """The column of :func:`with_copies`, if there is one: what every interval of the page asks."""
    return "cluster" if "cluster" in faces else None


def along_age(faces: pd.DataFrame, resampling: Resampling) -> Section:
    """Estimates against labelled ages."""
    copies = copies_in(faces)
    overall = estimates_of(faces, [], resampling=resampling, clusters=copies)
    bands = estimates_of(faces, ["age_band"], resampling=resampling, clusters=copies)
    exact = with_exact_age(faces)
    row = overall.set_index("measure").loc[MAE.key]
    finding = f"An estimate is off by {years(row['value'], row['low'], row['high'])} on average"
    text, pictures, tables = [], [], []
    claims = [Claim(f"{finding}.", verdict(True, n=row["n"]), "errors", row_of(overall, measure=MAE.key))]
    slope, low, high = age_slope(faces, clusters=copies)
    if np.isfinite([slope, low, high]).all():
        words = "With each year of labelled age the estimate rises by {:.2f} years ({:.2f} to {:.2f}); "
        text.append(filled(words, slope, low, high) + "1 would be an estimator that errs alike at all ages.")
    if len(exact):
        by_age = estimates_by_age(exact)
        pictures.append(_cloud(exact, by_age))
        shown = {"age_low": "age from", "age_high": "to", "n": "faces", "median": "median estimate (years)"}
        shown |= {"p10": "10 % are below", "p90": "90 % are below", "share_judged_older": "judged older, %"}
        digits = {"median": 1, "p10": 1, "p90": 1, "share_judged_older": 0}
        caption = "Estimates at each labelled age; of those judged older or younger than labelled, how many older"
        tables.append(Table("estimates-by-age", caption, by_age, shown, digits, percent=["share_judged_older"]))
    told = bands.query("measure == @SIGNED_ERROR.key and few_faces == False").dropna(subset="value")
    if len(told):
        pictures.append(_signed(told))
        for place, words in ((0, "youngest" if len(told) > 1 else "only"), (-1, "oldest"))[: len(told)]:
            claims.append(_side(bands, told.iloc[place], words))
    columns = ["measure", "n", "value", "low", "high"]
    tables = [
        Table("errors", "Errors over all faces (years; shares and accuracy 0–1)", overall, columns, folded=False),
        Table(
            "errors-along-age",
            "Errors in bands of labelled age (years; shares and accuracy 0–1)",
            bands,
            ["age_band", *columns],
        ),
        *tables,
    ]
    return Section("ages", "Estimate against age", finding, text, pictures, tables, claims)


def _side(bands: pd.DataFrame, row: pd.Series, words: str) -> Claim:
    beyond = row["low"] > 0 or row["high"] < 0
    side = f"too {'old' if row['value'] > 0 else 'young'}"
    size = sorted((abs(row["low"]), abs(row["high"])))
    told = f"judged {years(abs(row['value']), *size)} {side} on average"
    told = told if beyond else "neither judged too old nor too young for certain"
    sentence = f"The {words} band of {FEW_FACES} faces or more, {row['age_band']} years, is {told}"
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
    ends = (end for column in (by_age["median"], exact["age_real"]) for end in (column.min(), column.max()))
    words = "A cloud of {}. Median estimates lie between {:.0f} and {:.0f} years, at labels of {:.0f} to {:.0f}."
    alt = filled(words, counted(len(exact), "face"), *ends)
    svg = charts.picture(scales, marks, ("labelled age (years)", "estimate (years)"), alt, look="cloud")
    return Chart(
        svg,
        "Each square: how many faces. Thick line: the median estimate at that age; dashed: the middle 80 %; "
        "dotted: where estimate and label are equal.",
    )


def _signed(told: pd.DataFrame) -> Chart:
    bounds = [[float(part) for part in str(band).split("–")] for band in told["age_band"]]
    middles = [(low + high + 1) / 2 for low, high in bounds]
    reach = 5 * max(1, np.ceil(np.nanmax(np.abs(told[["value", "low", "high"]].to_numpy())) / 5))
    scales = charts.plane((0, 10 * np.ceil(bounds[-1][1] / 10)), (-reach, reach))
    rows = []
    for at, row in zip(middles, told.to_dict("records"), strict=True):
        numbers = row["value"], row["low"], row["high"]
        rows.append((at, *numbers, f"{row['age_band']} years: {years(*numbers, '+')}, n = {row['n']:,}"))
    ends = scales[0].low, scales[0].high
    marks = [charts.line(scales, ends, (0, 0), "equal"), charts.line(scales, middles, told["value"], "a")]
    alt = "A line along age: " + "; ".join(words for *_, words in rows) + "."
    titles = "labelled age (years)", "mean error (years): above 0 judged too old, below 0 too young"
    return Chart(
        charts.picture(scales, [*marks, *charts.dots(scales, rows, "a")], titles, alt),
        "Mean of estimate less label in bands of age, with 95 % intervals.",
    )


def beside_guesses(faces: pd.DataFrame, resampling: Resampling) -> Section:
    """What "90 % accuracy" is worth: guesses that see no face."""
    table = constant_guesses(faces, resampling=resampling, clusters=copies_in(faces))
    all_ages = table[table["age_range"] == ALL].set_index("guess")
    own, told, blind = (all_ages.loc[guess] for guess in (ESTIMATOR, OWN_AGE, ONE_AGE))
    words = "“{:.0%} accuracy” is no share of right answers: one age for every face, the median, has {:.0%}"
    finding, claims = filled(words, own[ACCURACY.key], blind[ACCURACY.key]), []
    if np.isfinite([told[ACCURACY.key], told["low"], told["high"]]).all():
        words = "“{:.0%} accuracy”: a guess that sees no face, but is told the age range, has {:.0%}"
        finding = filled(words, own[ACCURACY.key], told[ACCURACY.key])
        claims.append(_guess_claim(told, row_of(table, age_range=ALL, guess=OWN_AGE)))
    text = [
        "Accuracy is sometimes stated as (100 − error in years) / 100, and read as a share of right answers. It is "
        f"none: one and the same age for every face, the median, has {blind[ACCURACY.key]:.3f}.",
        "Neither guess sees a face. The second is told which age range the label is in, and answers the median "
        "age there.",
    ]
    shown = {"guess": "who answers", "n": "faces", ACCURACY.key: "“accuracy”", MAE.key: "MAE (years)"}
    shown[CS_5.key] = "within 5 years, %"
    digits, rows = {ACCURACY.key: 3, MAE.key: 1, CS_5.key: 0}, table["age_range"] == ALL
    caption = "The estimator beside guesses that see no face"
    tables = [Table("guesses", caption, table, shown, digits, rows, folded=False, percent=[CS_5.key])]
    spread = spread_coverage(faces)
    if spread is not None:
        claims.append(_spread_claim(spread))
        caption = "How often the label lies within the spread that the estimator states"
        tables.append(Table("stated-spread", caption, spread, digits=2))
        text.append("The estimator also states how sure it is, as a spread around each estimate: see the last table.")
    return Section("accuracy", "Is it accurate?", finding, text, (), tables, claims)


def _guess_claim(row: pd.Series, place: int) -> Claim:
    beyond = bool(row["low"] > 0 or row["high"] < 0)
    sentence = "A guess that is told only the age range is about as near as the estimator."
    if beyond:
        words = "nearer" if row["estimator_ahead"] < 0 else "further off"
        by = years(abs(row["estimator_ahead"]), *sorted((abs(row["low"]), abs(row["high"]))))
        sentence = f"A guess that is told only the age range is {words} than the estimator, by {by}."
    return Claim(sentence, verdict(beyond, n=row["n"]), "guesses", place)


def _spread_claim(spread: pd.DataFrame) -> Claim:
    row = spread.loc[row_of(spread, by=ALL, deviations=1)]
    beyond = not row["low"] <= row["expected"] <= row["high"]
    words = "less sure" if row["share"] > row["expected"] else "surer"
    told = percent(row["share"], row["low"], row["high"])
    sentence = f"Its stated spread (± 1 standard deviation) holds the label of {told} of faces; 68 % would be expected"
    sentence += f": it is {words} than it should be." if beyond else "."
    return Claim(sentence, verdict(beyond, n=row["n"]), "stated-spread", int(row.name))
