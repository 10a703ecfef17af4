"""Further tables on a gate: policies as examples, three outcomes, and NIST's rates in NIST's own definition."""

from __future__ import annotations

import pandas as pd

from age_audit.audit.gate.aev import NOT_COMPARABLE, aev_rates
from age_audit.audit.gate.outcomes import three_outcomes, widths
from age_audit.audit.gate.rates import bands, gate_rates
from age_audit.core.policy import ERROR, Policy
from age_audit.data.policies import read_policies
from age_audit.report.page.errors import copies_in
from age_audit.report.page.parts import Table


def further_tables(faces: pd.DataFrame, images: pd.DataFrame, limit: int) -> list[Table]:
    """What policies would have done; pass, refuse, or ask for a document; and what NIST's tables ask.

    Parameters
    ----------
    faces : DataFrame
        Those with an estimate.
    images : DataFrame
        All, which are asked about policies, for these say what becomes of a face that is not found.
    limit : int
        Years.
    """
    policy = Policy(age=limit, not_found=ERROR)
    sex = "gender_real" if "gender_real" in faces and faces["gender_real"].notna().any() else None
    return [
        _policies(images),
        Table(
            "gate-outcomes",
            f"Pass, refuse, or ask for a document, at a limit of {limit}, with bands of doubt",
            three_outcomes(faces, policy, widths(faces, policy)),
            digits=2,
        ),
        Table("gate-nist", f"Rates as NIST defines them; {NOT_COMPARABLE}", aev_rates(faces, sex), digits=2),
    ]


def _policies(images: pd.DataFrame) -> Table:
    rows = []
    for policy in read_policies().values():
        below, _, near, *_ = bands(policy)
        row = {"policy": policy.name, "asked": f"{policy.age}, with an estimate of {policy.ask_below:g}"}
        found = gate_rates(images, policy, ages=[below, near], clusters=copies_in(images)).to_dict("records")
        for name, rate in zip(("let_through", "refused"), found, strict=True):
            row |= {f"{name}_ages": rate["ages"], f"{name}_n": rate["n"], name: rate["share"]}
            row |= {f"{name}_low": rate["low"], f"{name}_high": rate["high"]}
        rows.append(row | {"not_found": policy.not_found, "source": policy.source})
    shown = {"policy": "policy", "asked": "age asked", "let_through_ages": "labelled", "let_through": "let through, %"}
    shown |= {"refused_ages": "labelled (old enough)", "refused": "refused, %", "not_found": "face not found"}
    shares = ["let_through", "refused"]
    caption = "What policies like these would have done with these faces: examples, not legal advice"
    return Table("gate-policies", caption, pd.DataFrame(rows), shown, dict.fromkeys(shares, 0), percent=shares)
