"""Section on the gate: who would pass an age limit, who would be refused, and what moving the threshold does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from age_audit.audit.dataset.duplicates import label_disagreement
from age_audit.audit.gate.curves import SURELY, buffers_needed, gate_curves
from age_audit.audit.gate.gaps import AS_THEY_ARE, worst_groups
from age_audit.audit.gate.labels import passes_under_noise
from age_audit.audit.gate.rates import LEAST_SHOWN, bands, within
from age_audit.core.groups import ALL
from age_audit.core.paths import file_stem
from age_audit.core.policy import ERROR, Policy
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import FEW_FACES
from age_audit.data.results import Results
from age_audit.report.page import charts
from age_audit.report.page.errors import copies_in, with_copies
from age_audit.report.page.parts import Chart, Claim, Section, Table, percent, row_of, verdict
from age_audit.report.page.policies import further_tables
from age_audit.report.words import filled

LIMITS = (13, 16, 18, 21)  # years
LIMIT, CHALLENGE = 18, 25  # years: what is shown where no script moves the slider
THRESHOLDS = tuple(range(10, 41))  # years
NAME = "May it guard a door?"
NOISE = 3.0  # years, where copies do not say how far labels scatter
LEAST_PAIRS = 10  # of copies, to say it
EVERYBODY = "all faces"


def may_it_guard(results: Results, faces: pd.DataFrame, images: pd.DataFrame | None, resampling: Resampling) -> Section:
    """False passes and false refusals of all faces and of each group, at every threshold."""
    curves = {limit: _curves(results, faces, limit) for limit in LIMITS}
    usual = curves[LIMIT]
    below, _, near, above, *_ = bands(Policy(age=LIMIT))
    at = {
        (rate.label, threshold): row_of(usual, feature=ALL, ages=rate.label, threshold=threshold)
        for rate in (below, near, above)
        for threshold in (LIMIT, CHALLENGE)
    }
    numbers = {place: usual.loc[row] for place, row in at.items()}
    every = _long(curves)
    every = Table("gate-curves", "Rates at every threshold, of every group and limit", every, rows=[False] * len(every))
    finding, sentences, headline = _said(numbers, below.label, near.label, above.label)
    if not sentences:
        text = [
            f"There are fewer than {LEAST_SHOWN} faces labelled {below.label}, and {above.label}, with an estimate (of "
            f"a label that is a range of ages all has to be): of a limit of {LIMIT} nothing can be said. The table has "
            "what there is of others."
        ]
        return Section("gate", NAME, f"Too few faces near {LIMIT} to say", text, (), [every], missing=True)
    claims = [Claim(words, verdict(True, n=row["n"]), "gate-at-two", 0) for words, row in sentences]
    tables = [_at_two(usual, below.label, near.label, above.label)]
    claims += _worst(results, faces, tables, resampling)
    claims += _buffers(results, faces, tables)
    claims += _labels(results, faces, images, tables, resampling)
    tables += further_tables(faces, with_copies(results.images, images), LIMIT)
    tables.append(every)
    text = [
        f"Somebody passes whose estimate is at least the threshold. Whoever is labelled {below.label} and passes is "
        f"let through falsely; whoever is labelled {LIMIT} or over and does not pass is refused falsely. A threshold "
        "above the limit (a buffer, as in “Challenge 25”) lets fewer children through and refuses more adults. "
        "Faces that are not found are in no rate."
    ]
    data = {
        "json": _json(curves), "limits": LIMITS, "limit": LIMIT, "threshold": CHALLENGE, "thresholds": THRESHOLDS,
        "groups": [_named(*pair) for pair in _groups(usual)], "headline": headline,
    }  # fmt: skip
    return Section("gate", NAME, finding, text, [_chart(usual, below.label, above.label)], tables, claims, "gate", data)


def _said(numbers: dict, below: str, near: str, above: str) -> tuple[str, list[tuple[str, pd.Series]], list[dict]]:
    """Finding, claims with their numbers, and headline: of those ages of which there are faces enough."""
    places = (below, LIMIT), (below, CHALLENGE), (near, CHALLENGE), (above, CHALLENGE)
    low, high, refused, of_all = (numbers[place] for place in places)
    sentences, headline, finding = [], [], ""
    if low["n"] >= LEAST_SHOWN:
        finding = f"{_of(low)} of faces labelled {below} would pass at {LIMIT}, {_of(high)} at {CHALLENGE}"
        words = f"At an estimate of {LIMIT} or more, {_of(low)} of {low['n']:,} faces labelled {below} would pass."
        sentences = [(words, low), (f"At {CHALLENGE} or more, {_of(high)} of them would pass.", high)]
        words = f"of faces labelled {below} would pass where an estimate of {LIMIT} is asked for"
        headline = [{"words": words, "row": low}]
        headline.append({"words": f"of them would still pass where {CHALLENGE} is asked for", "row": high})
    for ages, row in ((near, refused), (above, of_all)):
        if row["n"] >= LEAST_SHOWN:
            told = f"{_of(row)} of faces labelled {ages} would be refused at {CHALLENGE}"
            finding = finding or f"{told}; too few are labelled {below} to say who would pass"
            words = f"At {CHALLENGE} or more, {_of(row)} of {row['n']:,} faces labelled {ages} would be refused."
            sentences.append((words, row))
            then = f"be refused where {CHALLENGE} is asked for" if low["n"] < LEAST_SHOWN else "then be refused"
            if len(headline) in (0, 2):
                headline.append({"words": f"of faces labelled {ages} would {then}", "row": row})
    return finding, sentences, headline


def _of(row: pd.Series) -> str:
    return percent(row["share"], row["low"], row["high"])


def _curves(results: Results, faces: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Of all faces, then of each group of each feature."""
    policy = Policy(age=limit, not_found=ERROR)
    options = {"thresholds": THRESHOLDS, "clusters": copies_in(faces)}
    parts = [gate_curves(faces, policy, **options).assign(feature=ALL, group=ALL)]
    for name, column in results.features.items():
        if column in faces and faces[column].notna().any():
            found = gate_curves(faces, policy, column, **options)
            parts.append(found.rename(columns={column: "group"}).astype({"group": str}).assign(feature=name))
    table = pd.concat(parts, ignore_index=True)
    return table[["feature", "group", *table.columns.drop(["feature", "group"])]]


def _long(curves: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """All limits, the usual one first, so that places in its table are places in this one."""
    order = [LIMIT, *(limit for limit in curves if limit != LIMIT)]
    table = pd.concat([curves[limit].assign(limit=limit) for limit in order], ignore_index=True)
    return table[["limit", *table.columns.drop("limit")]]


def _groups(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(table[["feature", "group"]].drop_duplicates().itertuples(index=False, name=None))


def _named(feature: str, group: str) -> str:
    return EVERYBODY if feature == ALL else f"{feature}: {group}"


def _asked(limit: int) -> dict[str, str]:
    """The ages of which the slider tells, by what it tells of them."""
    below, _, near, above, *_ = bands(Policy(age=limit))
    return {"passed": below.label, "near": near.label, "refused": above.label}


def _json(curves: dict[int, pd.DataFrame]) -> dict:
    """What the slider moves through: of each limit and group n, and at each threshold the share with its interval."""
    found = {}
    for limit, table in curves.items():
        told = found[limit] = {}
        for what, ages in _asked(limit).items():
            rows = table[table["ages"] == ages]
            shares = rows[["share", "low", "high"]].to_numpy(dtype=float).reshape(-1, len(THRESHOLDS), 3)
            n = rows["n"].to_numpy().reshape(-1, len(THRESHOLDS))[:, 0]
            told[what] = {
                "ages": ages,
                "n": n.tolist(),
                # Nine digits: with fewer, 36.4999 % becomes 36.5 here, and 37 where the page rounds it again.
                "shares": np.where(np.isnan(shares), None, shares.round(9)).tolist(),
            }
    return {"first": THRESHOLDS[0], "limits": found}


def _chart(table: pd.DataFrame, below: str, above: str) -> Chart:
    scales = charts.plane((THRESHOLDS[0], THRESHOLDS[-1]), (0, 1))
    marks = [charts.upright(scales, at, "mark") for at in (LIMIT, CHALLENGE)]
    marks.append(charts.upright(scales, CHALLENGE, "now"))
    alt = []
    for look, ages, words in (("a passed", below, "pass"), ("b refused", above, "are refused")):
        rows = table[(table["feature"] == ALL) & (table["ages"] == ages)]
        marks += [
            charts.band(scales, rows["threshold"], rows["low"], rows["high"], look.split()[1]),
            charts.line(scales, rows["threshold"], rows["share"], look),
        ]
        told = (
            filled("{:.0%} at {}", *rows.set_index("threshold").loc[at, ["share"]], at) for at in (LIMIT, CHALLENGE)
        )
        alt.append(f"Of faces labelled {ages} {' and '.join(told)} {words}")
    titles = "threshold: the estimate that is asked for (years)", "share of faces"
    told = f"Two curves over the threshold. {'. '.join(alt)}."
    svg = charts.picture(scales, marks, titles, told, percent=True)
    names = charts.legend([(f"labelled {below}, pass", "a"), (f"labelled {above}, refused", "b")])
    caption = f"Limit {LIMIT}, all faces, with 95 % intervals; upright lines: thresholds of {LIMIT} and {CHALLENGE}."
    return Chart(svg + names, caption)


def _at_two(table: pd.DataFrame, below: str, near: str, above: str) -> Table:
    """A row a group: what happens at the limit, and with Challenge 25."""
    wide = pd.DataFrame(_groups(table), columns=["feature", "group"])
    shown = {"feature": "of", "group": "group"}
    shares = []
    for ages, n, verb in ((below, "n_below", "pass"), (near, "n_near", "near_refused"), (above, "n_above", "refused")):
        shown[n] = f"labelled {ages}"
        for threshold in (LIMIT, CHALLENGE):
            rows = table[(table["ages"] == ages) & (table["threshold"] == threshold)].reset_index(drop=True)
            wide[n] = rows["n"]
            name = f"{verb}_at_{threshold}"
            wide[[name, f"{name}_low", f"{name}_high"]] = rows[["share", "low", "high"]]
            shown[name] = f"{verb.removeprefix('near_')} at {threshold}, %"
            shares.append(name)
    caption = (
        f"A limit of {LIMIT} at two thresholds, by group; no number where there are fewer than {LEAST_SHOWN} faces"
    )
    return Table("gate-at-two", caption, wide, shown, dict.fromkeys(shares, 0), folded=False, percent=shares)


def _worst(results: Results, faces: pd.DataFrame, tables: list[Table], resampling: Resampling) -> list[Claim]:
    policy, claims = Policy("Challenge 25", LIMIT, CHALLENGE - LIMIT, ERROR), []
    features = {name: column for name, column in results.features.items() if column in faces}
    features = {name: column for name, column in features.items() if faces[column].dropna().unique().size > 1}
    asked = faces[within(faces, bands(policy)[0])]
    for name, column in features.items():
        copies = copies_in(faces)
        table = worst_groups(faces, policy, column, resampling=resampling, clusters=copies)
        caption = (
            f"Challenge 25: the groups by {name} that are furthest apart; none at equal ages where mean ages in strata "
            "still differ by more than a year"
        )
        tables.append(Table(f"gate-gap-{file_stem(name)}", caption, table, digits=2))
        if table.loc[0, "adjustment"] != AS_THEY_ARE or not np.isfinite(table.loc[0, "gap"]):
            continue
        confidence = 1 - (1 - resampling.confidence) / len(features)  # of several features one is apart by chance
        options = {"resampling": replace(resampling, confidence=confidence), "clusters": copies}
        wide = worst_groups(asked, policy, column, **options)
        claims.append(_worst_claim(name, table, adjusted=bool(wide.loc[0, "gap_low"] > 0)))
    return claims


def _worst_claim(name: str, table: pd.DataFrame, adjusted: bool) -> Claim:
    row, equal = table.loc[0], table.loc[1]
    points = {end: 100 * row[end] for end in ("gap", "gap_low", "gap_high", "by_chance")}
    # Between a name and a number stands a word: after a name written from right to left the number would be before it.
    sentence = filled(
        "At {threshold}, {highest:.0%} of faces labelled {ages} pass where {name} is {highest_group}, but "
        "{lowest:.0%} where it is {lowest_group}. In points that is {gap:.0f} ({gap_low:.0f} to {gap_high:.0f}), by "
        "chance alone {by_chance:.0f}",
        known=dict(row) | points | {"threshold": CHALLENGE, "name": name},
    )
    if np.isfinite(equal["gap"]):
        told = ", at equal ages {:.0f} ({:.0f} to {:.0f})"
        sentence += filled(told, *(100 * equal[end] for end in ("gap", "gap_low", "gap_high")))
    else:
        sentence += "; ages differ: not comparable at equal ages"
    sentence += "." if row["gap_low"] > 0 else ": not told apart."
    # Who is nearer to the limit passes more often: firm is what is there at equal ages too.
    adjusted = adjusted and bool(equal["gap_low"] > 0)
    sure = verdict(row["gap_low"] > 0, adjusted, min(row["highest_n"], row["lowest_n"]))
    return Claim(sentence, sure, f"gate-gap-{file_stem(name)}", 0)


def _buffers(results: Results, faces: pd.DataFrame, tables: list[Table]) -> list[Claim]:
    name, column = next(((name, column) for name, column in results.features.items() if column in faces), ("", ""))
    policy = Policy(age=LIMIT, not_found=ERROR)
    table = buffers_needed(faces, policy, [column] if name else [], clusters=copies_in(faces))
    tables.append(
        Table("gate-buffers", "The smallest buffer that holds every group, and what it costs", table, digits=2)
    )
    place = row_of(table, target=0.05, held_by=SURELY)
    row = table.loc[place]
    if not row["groups"]:
        return []
    asked = f"{FEW_FACES} faces or more just below the limit"
    whose = f"of every group by {name} that has {asked}" if name else "of all faces"
    if np.isnan(row["buffer"]):
        sentence = (
            f"No buffer is shown to hold the false passes {whose} at 5 %: it takes at least {row['n_needed']:,} such "
            "faces" + (" of each." if name else ".")
        )
        return [Claim(sentence, verdict(True, adjusted=False), "gate-buffers", place)]
    sentence = (
        f"A buffer of {row['buffer']:.0f} years holds the false passes {whose} at 5 %, at the upper end of the interval"
    )
    if np.isfinite(row["refused"]):
        sentence += f"; it refuses {percent(row['refused'], row['refused_low'], row['refused_high'])} of adults"
    return [Claim(f"{sentence}.", verdict(True, adjusted=not row["left_out"], n=row["n"]), "gate-buffers", place)]


def _labels(results, faces, images, tables: list[Table], resampling: Resampling) -> list[Claim]:
    """How much of the false passes could be wrong labels, with as much noise as copies say, or an assumed one."""
    noise, origin = NOISE, "an assumption"
    if images is not None:
        below, _, near, *_ = bands(Policy(age=LIMIT))
        ages = f"{below.low}–{near.high}"  # those near the limit, as the notebook on the gate has it
        table = label_disagreement(images, [], ranges=[(below.low, near.high)], resampling=resampling)
        implied = table[table[["copies", "age_range", "measure"]].eq(["all", ages, "label_sd"]).all(axis=1)]
        if len(implied) == 1 and implied["value"].iloc[0] > 0 and implied["pairs"].iloc[0] >= LEAST_PAIRS:
            noise = max(0.1, round(float(implied["value"].iloc[0]), 1))
            origin = f"as labels of {ages} do of {implied['pairs'].iloc[0]} pairs of copies of one picture"
    table = passes_under_noise(faces, Policy(age=LIMIT, not_found=ERROR), sorted({1.0, noise, 5.0}))
    tables.append(Table("gate-labels", f"How much of the false passes at {LIMIT} could be labels", table, digits=2))
    place = row_of(table, noise_sd=noise, ages=bands(Policy(age=LIMIT))[0].label)
    row = table.loc[place]
    if not np.isfinite(row[["least_low", "could_be_labels"]].astype(float)).all():  # or nobody passes
        return []
    sentence = filled(
        "If labels scatter by {:.1f} years ({}), up to {:.0%} of those who pass at {} could be adults labelled as "
        "children; at least {:.0%} of children would pass ({:.0%} at the lower end of the interval).",
        *(noise, origin, row["could_be_labels"], LIMIT, row["least"], row["least_low"]),
    )
    return [Claim(sentence, verdict(True, adjusted=False), "gate-labels", place)]
