"""Write docs/model_cards.md from the predictions that ship: a card for each estimator.

python -m tools.model_cards            # write the page
python -m tools.model_cards --check    # say whether the page is that of the results
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from age_audit.core.paths import ROOT
from age_audit.core.randomness import Resampling
from age_audit.data.results import Results, find_results, results_of_all
from age_audit.report.model_card import model_card
from age_audit.store.files import write_atomically

PAGE = ROOT / "docs" / "model_cards.md"
FIRST = ("dex-wrn", "published", "utkface")
HEAD = """# Model cards

What each estimator is, what it is for, and how wrong it is for whom, on the faces whose predictions ship; after
Mitchell et al. (2019), *Model Cards for Model Reporting*. Means with 95 % intervals (bootstrap over faces); *few*:
fewer than 30 faces. A face without a label, or older than the ranges, counts in the first row alone. Groups differ
in ages, so a difference between two rows is not yet one between groups: [results.md](results.md) holds ages equal.
`python -m tools.model_cards` writes this page from [metadatasets/](../metadatasets/README.md).
"""


def shipped() -> list[Results]:
    """Results on aligned faces, one an estimator."""
    found = results_of_all(ROOT / "metadatasets", find_results(ROOT / "metadatasets", *FIRST))
    return [results for results in found.values() if results.aligned]


def page() -> str:
    """The page, of the results that ship."""
    cards = [model_card(results, resampling=Resampling(seed=42)) for results in shipped()]
    return "\n".join([HEAD, *(f"{card}\n" for card in cards)])


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.model_cards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare the page with the results")
    text = page()
    if parser.parse_args(argv).check:
        if PAGE.read_text(encoding="utf-8") != text:
            parser.exit(2, f"error: expected {PAGE} to be of the results, it is of others; run without --check\n")
    else:
        write_atomically(PAGE, text.encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
