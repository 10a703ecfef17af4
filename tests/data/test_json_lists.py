"""Lists read in windows, against json.loads of the whole text: the same items, and the same complaints."""

import io
import json

import numpy as np
import pytest

from age_audit.data.json_lists import NotAListError, read_list

ROW = '{"fname": "ä\\u00e9\\ud83d\\ude00\\"}, {.jpg", "age": -12.5e+2, "none": null, "deep": [{"a": [1]}], "": true}'
LISTS = [
    "[]",
    " [ ] \n",
    "[1]",
    "[123456789, -0.5, 1e5, 12E-3, true, false, null, NaN, Infinity, -Infinity]",
    '["a", "", "}, {", "]", "\\\\", "\\u00e9"]',
    f"[{ROW}, {ROW},{ROW}\n,\r\n\t {ROW} ]\n",
    json.dumps([{"fname": "a.jpg", "age": 3}, {"fname": "b.jpg", "age": None}], indent=4),
    "[[], [[]], {}]",
]
DAMAGED = [
    "",
    " ",
    "[1,]",
    "[1 2]",
    "[1]]",
    "[1]\n x",
    "[,1]",
    '[{"a": 1,}]',
    '[{"a" 1}]',
    "[{a: 1}]",
    '[1,\n 2,\n {"a": tru}]',
    '["a\nb"]',
    '["\\x"]',
    '["\\u12g4"]',
    "[01]",
    "[1., 2]",
    "[-]",
    "[nul, 1]",
    '[{"a": 1}, {"b": 2} {"c": 3}]',
]


def read(text, chunk, quick=None):
    parts = read_list(io.BytesIO(text.encode()), quick, chunk)
    return [item for part in parts for item in part]


def outcome(read_text, *arguments):
    """What came of reading: the items as text, for NaN is not equal to itself, or the complaint."""
    try:
        items = read_text(*arguments)
    except ValueError as error:
        return str(error)
    return repr(items)


@pytest.mark.parametrize("text", LISTS)
def test_the_same_items_whatever_the_windows(text):
    for chunk in [*range(1, 40), 1000]:
        assert outcome(read, text, chunk) == repr(json.loads(text)), chunk


@pytest.mark.parametrize("text", LISTS)
def test_every_truncation_gets_the_words_of_json(text):
    for end in range(len(text.rstrip())):
        for chunk in (1, 3, 17, 1000):
            assert outcome(read, text[:end], chunk) == outcome(json.loads, text[:end]), (end, chunk)


@pytest.mark.parametrize("text", DAMAGED)
def test_damage_gets_the_words_of_json_and_the_same_place(text):
    for chunk in [*range(1, 30), 1000]:
        assert outcome(read, text, chunk) == outcome(json.loads, text), chunk


def test_damage_far_into_the_file():
    whole = json.dumps([{"a": i} for i in range(500)], indent=1)
    for at in (10, 3000, len(whole) - 20):
        text = whole[:at] + "#" + whole[at + 1 :]
        assert outcome(read, text, 100) == outcome(json.loads, text)


def test_random_flat_rows():
    rng = np.random.default_rng(1)
    rows = [
        {
            str(rng.choice(["a", "b", "ß", '"', "}, {"])): [None, 1, 2.5, "x\\", "}, {"][rng.integers(5)]
            for _ in range(3)
        }
        for _ in range(60)
    ]
    for separators in ((", ", ": "), (",", ":"), (" ,\n", " : ")):
        text = json.dumps(rows, separators=separators, ensure_ascii=bool(rng.integers(2)))
        for chunk in (1, 7, 50, 400):
            assert read(text, chunk) == rows


@pytest.mark.parametrize(
    ("text", "name"), [('{"a": [1]}', "dict"), (" 1.5", "float"), ("null", "NoneType"), ('"["', "str")]
)
def test_another_document_is_named(text, name):
    with pytest.raises(NotAListError, match=f"^{name}$"):
        read(text, 1)


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert list(read_list(io.BytesIO(b"\xef\xbb\xbf[1]"))) == [[1]]


def test_bytes_that_are_no_text():
    content = b'["' + b"a" * 50 + b'\xff"]'
    with pytest.raises(ValueError, match="can't decode byte 0xff: invalid start byte, after character"):
        list(read_list(io.BytesIO(content), chunk=10))


def test_brackets_without_end():
    with pytest.raises(RecursionError):
        list(read_list(io.BytesIO(b"[" * 100_000), chunk=64))


def test_parts_are_read_as_they_are_needed():
    stream = io.BytesIO(json.dumps([{"a": i} for i in range(100_000)]).encode())
    parts = read_list(stream, chunk=100)
    next(parts)
    assert stream.tell() < 20_000  # Python's text streams take 8 KB at a time


class TestQuick:
    def test_is_offered_whole_objects_and_what_it_answers_is_a_part(self):
        rows = [{"a": i} for i in range(40)]
        offered = []

        def quick(text):
            offered.append(json.loads(f"[{text}]"))
            return "answered", len(offered[-1])

        parts = list(read_list(io.BytesIO(json.dumps(rows).encode()), quick, chunk=100))
        again = iter(offered)
        items = [item for part in parts for item in (part if isinstance(part, list) else next(again))]
        assert items == rows
        assert sum(map(len, offered)) > 30

    def test_what_it_refuses_is_read_item_by_item(self):
        rows = [{"a": i} for i in range(40)]
        refused = []
        for chunk in (1, 30, 100, 10_000):
            assert read(json.dumps(rows), chunk, refused.append) == rows
        assert refused
