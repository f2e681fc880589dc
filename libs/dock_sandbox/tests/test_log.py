from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dock_sandbox.log import Log, clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain ünïcode\ttab\n", "plain ünïcode\ttab\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\u202eb\u2066c\u200fd\ufeff", "abcd"),
        ("bell\x07 back\x08 nul\x00", "bell back nul"),
        ("c1 \x9b31m", "c1 31m"),
    ],
)
def test_what_could_fool_a_reader_is_gone(text, clean):
    assert clean_text(text) == clean


@given(st.text(max_size=60))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_no_control_or_format_character_is_left(text):
    clean = clean_text(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in clean)
    assert clean_text(clean) == clean


@given(st.lists(st.binary(max_size=30), max_size=10))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_the_first_bytes_are_kept_and_no_more(parts):
    log = Log(40)
    fits = [log.add(part) for part in parts]
    total = sum(map(len, parts))
    assert all(fits) == (total <= 40)
    assert log.text() == clean_text(b"".join(parts)[:40].decode("utf-8", "replace"))
