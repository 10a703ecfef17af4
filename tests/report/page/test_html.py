"""The file: nothing in it is code but the page's own, every table comes back out of it, and no word of data is lost."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from age_audit.data.results import find_results
from age_audit.report.page.content import build
from age_audit.report.page.html import download, page_html, rows_of
from age_audit.report.page.parts import Table
from tests.report.page.made import FORMULA, HOSTILE, QUOTED, write_hostile


class Seen(HTMLParser):
    """Elements with their attributes, ids, links and texts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.ids, self.links, self.texts, self.closed = [], set(), [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder)
    results = find_results(folder, HOSTILE, "published", "mine", ["cam", "gender"])
    return page_html(build(folder, results))


def test_hostile_names_stay_words(hostile):
    seen = Seen(hostile)
    assert seen.tags.count("script") == 2  # the page's own, and its data
    assert not {name for name in seen.attributes if name.startswith("on")}
    told = " ".join(seen.texts)
    for name in (HOSTILE, FORMULA, QUOTED):
        assert name in told
    assert HOSTILE not in hostile


def test_every_link_leads_within_the_page_and_every_id_is_there_once(hostile):
    seen = Seen(hostile)
    assert len(seen.ids) == len(set(seen.ids))
    inside = [link[1:] for link in seen.links if link.startswith("#")]
    assert len(inside) > 20 and set(inside) <= set(seen.ids)
    assert {link.split(",")[0] for link in seen.links if link[0] != "#"} == {
        "data:",
        "data:text/csv;charset=utf-8;base64",
    }
    assert not {"src", "srcset", "action", "data"} & seen.attributes and "url(" not in hostile.split("</style>")[0]


def test_no_cell_of_a_download_is_a_formula(hostile):
    files = [link for link in Seen(hostile).links if link.startswith("data:text/csv")]
    assert len(files) > 10
    for link in files:
        table = pd.read_csv(io.BytesIO(base64.b64decode(link.split(",", 1)[1])), dtype=str, keep_default_na=False)
        texts = table.map(str.strip).to_numpy().ravel().tolist() + list(table)
        words = [text for text in texts if text and np.isnan(pd.to_numeric(text, errors="coerce"))]
        assert words and not [text for text in words if text[0] in "=+-@"]
    assert any(f"'{FORMULA}" in base64.b64decode(link.split(",", 1)[1]).decode() for link in files)


def test_the_same_results_give_the_same_bytes(hostile, tmp_path):
    write_hostile(tmp_path / "elsewhere")
    results = find_results(tmp_path / "elsewhere", HOSTILE, "published", "mine", ["cam", "gender"])
    assert page_html(build(tmp_path / "elsewhere", results)) == hostile
    assert str(tmp_path) not in hostile and len(hostile.encode()) < 3_000_000


def test_a_download_is_the_whole_table_whatever_is_shown():
    frame = pd.DataFrame({"group": ["a", "=b"], "value": [1.5, np.nan]})
    heads, rows = rows_of(Table("t", "T", frame, {"group": "who"}, rows=[False, True]))
    assert heads == ["who"] and [(row.place, row.cells[0].text) for row in rows] == [(1, "=b")]
    content = base64.b64decode(download(frame).split(",", 1)[1]).decode()
    assert content == "group,value\na,1.5\n'=b,\n"


def test_shares_are_shown_in_per_cent_and_sorted_as_they_are():
    frame = pd.DataFrame({"share": [0.25], "share_low": [0.1], "share_high": [0.5]})
    heads, [row] = rows_of(Table("t", "T", frame, {"share": "passes, %"}, {"share": 0}, percent=["share"]))
    assert heads == ["passes, %"] and row.cells[0].text == "25 (10 to 50)" and row.cells[0].value == 0.25
