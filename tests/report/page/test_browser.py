"""The page in a real browser: it opens without a complaint, what moves tells the right numbers, no text is covered."""

import warnings

import pytest

from age_audit.data.results import find_results
from age_audit.report.page.command import ReportConfig, report
from age_audit.report.page.content import build
from age_audit.report.page.html import page_html
from age_audit.report.page.parts import percent_of
from tests.browser import NAMES, Browser, found
from tests.report.page.made import HOSTILE, document, gate_faces, write, write_hostile

SCREENS = {
    "phone": (390, "screen"),
    "desk": (1280, "screen"),
    "paper": (680, "print"),
}  # pixels; A4 less margins
# Two pieces of text that lie on each other by more than their lines' spacing, and text that leaves the page.
COVERED = """(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pieces = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE", "TITLE", "title", "OPTION"].includes(parent.tagName)) continue;
    if (parent.closest(".hidden, .skip") || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const scroll = parent.closest(".scroll")?.getBoundingClientRect();
    for (const {left, right, top, bottom} of range.getClientRects()) {
      const end = scroll ? Math.min(right, scroll.right) : right;
      const fifth = (bottom - top) / 5;
      if (end - left > 1) pieces.push({node, left, right: end, top: top + fifth, bottom: bottom - fifth});
    }
  }
  pieces.sort((one, two) => one.top - two.top);
  const said = [];
  for (const [i, one] of pieces.entries()) {
    if (one.right > innerWidth + 1 || one.left < -1) said.push(`beyond the page: ${one.node.data.trim().slice(0, 40)}`);
    for (let k = i + 1; k < pieces.length && pieces[k].top < one.bottom; k++) {
      const two = pieces[k];
      const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
      if (two.node !== one.node && across > 1 && Math.min(one.bottom, two.bottom) - two.top > 1)
        said.push(`${one.node.data.trim().slice(0, 40)} | ${two.node.data.trim().slice(0, 40)}`);
    }
  }
  return {pieces: pieces.length, said};
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if found() is None:
        told = f"THE PAGE WAS NOT SEEN BY A BROWSER: none of {', '.join(NAMES)} is here; install chromium"
        warnings.warn(told)
        pytest.skip(told)
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A page whose gate was counted by hand: see ``gate_faces``."""
    folder = tmp_path_factory.mktemp("counted")
    ages, estimates = gate_faces()
    write(folder, document(ages, estimates, {"gender_real": ["Male", "Female"]}, lost=4))
    path = folder / "page.html"
    path.write_text(page_html(build(folder, find_results(folder, "own", "published", "mine"))))
    return path


@pytest.fixture
def page(browser, counted):
    browser.look(1280)
    browser.open(counted)
    return browser


def told(page, what):
    return page.run(f"document.querySelector('[data-share={what}] strong').textContent").replace("\u00a0", " ")


def move(page, element, value):
    page.run(
        f"(() => {{ const e = document.getElementById('gate-{element}'); e.value = {value!r};"
        " e.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_it_opens_without_a_complaint_and_asks_for_nothing(page, counted):
    assert page.run("document.title") == "May it guard a door? own on 60 faces of mine"
    assert page.errors == []
    assert {url for url in page.requests if not url.startswith("data:")} == {counted.as_uri()}


def test_the_slider_moves_to_the_numbers_that_were_counted(page):
    assert (told(page, "passed"), told(page, "near")) == ("10 %", "75 %")  # at 25
    move(page, "threshold", "18")
    assert (told(page, "passed"), told(page, "near"), told(page, "refused")) == ("25 %", "25 %", "25 %")
    assert page.run("document.getElementById('gate-at').textContent") == "18"
    hover = page.run("document.querySelector('#gate-chart title').textContent").replace("\u00a0", " ")
    assert "threshold 18; labelled 13–17, let through: 25 % (11 % to 47 %), n = 20; labelled 18 and over" in hover
    move(page, "limit", "21")
    assert (told(page, "passed"), told(page, "refused")) == ("58 %", "–")  # 35 of all 60; nobody is older
    assert page.errors == []


def test_the_slider_rounds_halves_as_tables_do(browser, tmp_path):
    write(tmp_path, document([16] * 16 + [20] * 16, [15.0] * 14 + [20.0] * 2 + [17.0] * 6 + [21.0] * 10))
    path = tmp_path / "page.html"
    path.write_text(page_html(build(tmp_path, find_results(tmp_path, "own", "published", "mine"))))
    browser.open(path)
    move(browser, "threshold", "18")
    assert (
        (told(browser, "passed"), told(browser, "near")) == (percent_of(2 / 16), percent_of(6 / 16)) == ("12 %", "38 %")
    )


def test_a_group_is_told_by_itself(page):
    move(page, "threshold", "18")
    names = page.run("[...document.getElementById('gate-group').options].map((o) => o.textContent)")
    assert names == ["all faces", "gender: Male", "gender: Female"]
    move(page, "group", "1")
    # Men are every second face: of those labelled 16 numbers 0, 2 … 18, of which 16 and 18 are judged 20 and 30.
    assert told(page, "passed") == "20 %"
    rows = page.run("[...document.querySelectorAll('#gate-groups tbody tr')].map((r) => r.cells[2].textContent)")
    assert [row.split("\u00a0")[0] for row in rows] == ["25", "20", "30"]


def test_the_line_of_the_picture_follows_the_slider(page):
    move(page, "threshold", "10")
    first = float(page.run("document.querySelector('#gate-chart .now').getAttribute('x1')"))
    move(page, "threshold", "40")
    last = float(page.run("document.querySelector('#gate-chart .now').getAttribute('x1')"))
    assert (first, last) == (48, 468)


def test_the_slider_obeys_the_keyboard(page):
    page.run("document.getElementById('gate-threshold').focus()")
    page.press("ArrowRight", 39)
    assert page.run("document.getElementById('gate-at').textContent") == "26"


def test_tables_sort_by_number_either_way_and_by_keyboard(page):
    head = "document.querySelector('#gate-at-two th:nth-child(4) button')"
    cells = "[...document.querySelectorAll('#gate-at-two tbody tr')].map((r) => r.cells[3].textContent.split(' ')[0])"
    assert page.run(cells) == ["25", "20", "30"]
    page.run(f"{head}.click()")
    assert page.run(cells) == ["20", "25", "30"]
    page.run(f"{head}.focus()")
    page.press("Enter", 13)
    page.run(f"{head}.click()")
    assert page.run(cells) in (["30", "25", "20"], ["20", "25", "30"])
    assert page.run(f"{head}.parentElement.getAttribute('aria-sort')") in ("ascending", "descending")


def test_a_claim_leads_to_its_number_and_opens_its_table(page):
    page.run("document.querySelector('.claims a[href^=\"#errors-along-age-\"]').click()")
    assert page.run("new Promise((done) => setTimeout(() => done(true), 100))")
    assert page.run("document.querySelector('#errors-along-age details').open") is True
    assert page.run("document.querySelector(':target').closest('.table').id") == "errors-along-age"


def test_the_switch_shows_groups_as_they_are(page):
    seen = "['groups-gender', 'groups-gender-unadjusted'].map((id) => document.getElementById(id).checkVisibility())"
    assert page.run(seen) == [True, False]
    page.run("document.getElementById('view-plain').click()")
    assert page.run(seen) == [False, True]


def test_without_scripts_the_numbers_at_18_and_25_are_there(browser, counted):
    browser.without_script()
    try:
        browser.open(counted)
    finally:
        browser.without_script(off=False)
    assert browser.run("document.getElementById('gate-form').checkVisibility()") is False
    row = browser.run("[...document.querySelector('#gate-at-two tbody tr').cells].map((c) => c.textContent)")
    assert [cell.split(" ")[0] for cell in row] == ["all", "all", "20", "25", "10", "40", "25", "75", "40", "25", "75"]


def test_hostile_names_run_nothing(browser, tmp_path):
    write_hostile(tmp_path)
    path = tmp_path / "page.html"
    results = find_results(tmp_path, HOSTILE, "published", "mine", ["100 % cam", "gender"])
    path.write_text(page_html(build(tmp_path, results)))
    browser.errors.clear()
    browser.open(path)
    links = "document.querySelectorAll('a[href^=\"#\"]')"
    browser.run(
        f"(async () => {{ for (const a of {links}) {{ a.click(); await new Promise((on) => setTimeout(on, 5)); }} }})()"
    )
    assert browser.run("document.querySelectorAll('script').length") == 2 and browser.errors == []
    assert browser.run("document.querySelector('.subject').textContent").startswith(HOSTILE)


@pytest.mark.parametrize("screen", SCREENS)
def test_no_text_is_covered_on_a_small_page(browser, counted, screen):
    width, media = SCREENS[screen]
    browser.look(width, media=media)
    browser.open(counted)
    assert_nothing_is_covered(browser, width)


def assert_nothing_is_covered(browser, width):
    answer = browser.run(COVERED)
    assert answer["pieces"] > 200 and answer["said"] == []
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_covered_text_would_be_told(page):
    page.run("document.querySelector('h1').style.marginBottom = '-2rem'")
    assert any("May it guard a door? | own on 60 faces" in pair for pair in page.run(COVERED)["said"])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    path = tmp_path_factory.mktemp("shipped") / "page.html"
    report(ReportConfig(output=path))
    return path


@pytest.mark.long
@pytest.mark.parametrize("screen", SCREENS)
def test_no_text_is_covered_on_the_page_of_the_results_that_ship(browser, shipped, screen):
    width, media = SCREENS[screen]
    browser.look(width, media=media)
    browser.errors.clear()
    browser.open(shipped)
    assert_nothing_is_covered(browser, width)
    if media == "screen":  # on paper what is folded stays so
        browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert_nothing_is_covered(browser, width)
    assert browser.errors == []


@pytest.mark.long
def test_it_prints(browser, shipped):
    browser.look(1280)
    browser.open(shipped)
    pdf = browser.print()
    assert pdf.startswith(b"%PDF-") and 4 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 9
    browser.look(680, media="print")
    assert "Answers: Explanations" in browser.run("document.querySelector('#explanations').innerText")
    browser.look(1280)
    assert "Answers: Explanations" not in browser.run("document.querySelector('#explanations').innerText")
