"""What the style of figures leaves behind."""

import re
from pathlib import Path

import matplotlib
import pytest

from age_audit.core.vocabulary import FEW_FACES, UNLABELLED
from age_audit.figures import style


@pytest.fixture
def interactive():
    before = matplotlib.is_interactive()
    yield matplotlib.interactive
    matplotlib.interactive(before)


def test_settings_are_the_users_own_afterwards():
    with matplotlib.rc_context({"font.size": 33.0}):
        with style.applied():
            assert matplotlib.rcParams["font.size"] == style.BASE
        assert matplotlib.rcParams["font.size"] == 33


def test_interactive_mode_that_the_first_figure_switches_on_stays_on(interactive):
    """A notebook's display does so when it is loaded, and shows no figure that is made while it is off."""
    interactive(False)
    with style.applied():
        interactive(True)
    assert matplotlib.is_interactive()
    with pytest.raises(KeyError), style.applied():
        interactive(False)
        raise KeyError
    assert not matplotlib.is_interactive()


def test_no_figure_is_larger_than_a_page():
    assert style.new_figure(16, 10).get_size_inches().tolist() == [style.FULL, style.TALLEST] == [7, 9]


@pytest.mark.parametrize(("asked", "width"), [(2, 3.4), (3.4, 3.4), (3.5, 7), (5.6, 7), (7, 7)])
def test_figures_are_as_wide_as_a_page_or_a_column(asked, width):
    assert style.new_figure(asked, 2).get_size_inches().tolist() == [width, 2]


def test_hollow_marks_are_drawn_in_one_way_and_mean_few_faces():
    """What is hollow otherwise would be so by a word of matplotlib that no other module here may have."""
    modules = {path.stem: path.read_text(encoding="utf-8") for path in Path(style.__file__).parent.glob("*.py")}
    drawn = "".join(text for name, text in modules.items() if name != "style")
    assert "style.HOLLOW" in drawn
    assert not re.search(r"markerfacecolor|fillstyle|\bmfc\b|facecolors?=.(none|white)", drawn)
    key = style.few_faces()
    assert key.get_markerfacecolor() == style.HOLLOW["markerfacecolor"]
    assert key.get_label() == f"hollow: fewer than {FEW_FACES} faces"


def test_fonts_are_embedded_as_outlines_that_journals_take():
    with style.applied():
        figure = style.new_figure(2, 1)
        figure.suptitle("Estimates")
    content = style.figure_bytes(figure, "pdf")
    assert b"/Subtype /Type0" in content and b"/Type3" not in content


def test_further_fonts_are_asked_for_letters_where_they_are_there(monkeypatch):
    monkeypatch.setattr(style, "get_font_names", lambda: ["Noto Sans CJK SC", "Comic Sans MS", "DejaVu Sans"])
    style.fonts.cache_clear()
    try:
        with style.applied():
            assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", "Noto Sans CJK SC"]
    finally:
        style.fonts.cache_clear()


def test_letters_that_no_font_has_are_told_once(monkeypatch):
    monkeypatch.setattr(style, "_letters", lambda: frozenset(range(0x3000)))
    style._tell_lacking.cache_clear()
    figure = style.new_figure(2, 1)
    figure.suptitle("\u4e2d\u56fd, \u4e2d")
    with pytest.warns(
        UserWarning, match="no font here has the letters \u4e2d\u56fd, tried: DejaVu Sans.*; install"
    ) as told:
        style.figure_bytes(figure)
        style.figure_bytes(figure, "pdf")
    assert len(told) == 1


def test_long_names_in_a_legend_go_on_in_another_line():
    figure = style.new_figure(style.FULL, 2)
    axes = figure.subplots()
    axes.plot([], [], label="Native Hawaiian or Other Pacific Islander (n = 1,234)")
    axes.plot([], [], label="Indian (n = 1,234)")
    style.legend(axes, 2)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "Native Hawaiian or Other\nPacific Islander\n(n = 1,234)",
        "Indian (n = 1,234)",
    ]


def test_groups_of_two_features():
    looks = style.crossed_looks(["Caucasian", "Asian"], ["Male", "Female"])
    assert [look["color"] for look in looks.values()] == [*style.GENDER_COLOURS.values()] * 2
    assert (
        looks["Asian", "Male"]["marker"] == looks["Asian", "Female"]["marker"] != looks["Caucasian", "Male"]["marker"]
    )
    assert style.crossed_looks(["Asian"]) == {("Asian",): style.group_look(["Asian"])["Asian"]}


def written(*texts, **look):
    with style.applied():
        figure = style.new_figure(3, 2)
        figure.set_layout_engine("none")
        for x, y, text in texts:
            figure.text(x, y, text, **look)
    return style.overlapping_texts(figure)


def test_texts_over_each_other_are_found():
    assert written((0.1, 0.5, "first"), (0.15, 0.5, "second"), (0.1, 0.9, "third")) == [("first", "second")]
    assert written((0.1, 0.5, "first"), (0.4, 0.5, "second"), (0.1, 0.6, "third")) == []
    assert written((0.1, 0.5, "first"), (0.1, 0.5, " "), (0.1, 0.5, "second"), visible=False) == []


def test_texts_off_the_page_are_found():
    assert written((0.9, 0.5, "much too long")) == [("much too long", style.PAGE_EDGE)]
    assert written((0.1, -0.05, "too low")) == [("too low", style.PAGE_EDGE)]


def test_turned_texts_overlap_only_where_they_lie_over_each_other():
    """The upright boxes around these two overlap."""
    assert written((0.3, 0.3, "a long text"), (0.36, 0.3, "another one"), rotation=45) == []
    assert written((0.3, 0.3, "a long text"), (0.31, 0.3, "another one"), rotation=45) == [
        ("a long text", "another one")
    ]


def test_ticks_count_where_they_are_drawn():
    with style.applied():
        figure = style.new_figure(3, 2)
        axes = figure.subplots()
        axes.set_xticks([0, 1, 2, 9], ["one", "two", "three", "outside of the view"])
        axes.set_xlim(0, 2)
    assert style.overlapping_texts(figure) == []
    axes.set_xticks([0, 0.1, 2], ["much longer", "names than room", "three"])
    assert style.overlapping_texts(figure) == [("much longer", "names than room")]
    axes.axis("off")
    assert style.overlapping_texts(figure) == []


def test_the_title_is_that_of_the_figure_or_of_its_first_panel():
    figure = style.new_figure(3, 2)
    figure.subplots().set_title("Errors\nfall")
    assert style.title_of(figure) == "Errors fall"
    figure.suptitle("Over all")
    assert style.title_of(figure) == "Over all"
    assert style.title_of(style.new_figure(3, 2)) == ""


def test_looks():
    assert style.group_look(["African", "Asian"])["Asian"]["color"] == style.RACE_COLOURS["Asian"]
    assert style.group_look(["Female"])["Female"] == style.group_look(["Male", "Female"])["Female"]
    nine = style.group_look([f"group {i}" for i in range(9)]).values()
    assert len({look["color"] for look in nine}) == len({look["marker"] for look in nine}) == 9
    many = style.group_look([f"group {i}" for i in range(45)]).values()
    assert len({(look["linestyle"], look["marker"]) for look in many}) == 45
    assert len({look["color"] for look in style.group_look(["Asian", "Black", "White"]).values()}) == 3


def test_groups_of_ones_own_take_the_colours_of_genders_last():
    """They often stand beside genders in one figure."""
    looks = style.group_look([f"tone {i}" for i in range(8)]).values()
    taken = [look["color"] in style.GENDER_COLOURS.values() for look in looks]
    assert taken == [False] * 7 + [True]


def test_who_is_not_labelled_takes_no_look_from_a_group():
    looks = style.group_look(["Male", "Female", UNLABELLED])
    assert {name: looks[name] for name in ("Male", "Female")} == style.group_look(["Male", "Female"])
    assert looks[UNLABELLED]["color"] == "0.45"


def test_one_thing_has_no_s():
    assert [style.counted(n, "face") for n in (0, 1, 1200)] == ["0 faces", "1 face", "1,200 faces"]


def test_findings_are_titles_in_lines_that_fit():
    figure = style.new_figure(style.FULL, 2)
    style.set_finding(figure, "word " * 15 + "and 95 % of all")
    assert figure.get_suptitle().splitlines() == ["word " * 14 + "word and", "95 % of all"]
    narrow = style.new_figure(style.COLUMN, 2)
    style.set_finding(narrow, "word " * 15)
    assert max(map(len, narrow.get_suptitle().splitlines())) <= 38


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.004, "0.4 %"),
        (0.0994, "9.9 %"),
        (0.0999, "10 %"),
        (0.502, "50 %"),
        (0.996, "99.6 %"),
    ],
)
def test_percent(share, words):
    assert style.percent(share) == words
    assert style.percent(float("nan")) == "–"
