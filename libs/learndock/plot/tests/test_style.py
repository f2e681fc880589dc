from __future__ import annotations

import subprocess
import sys

import pytest

from learndock.errors import InvalidInput
from learndock.plot import style


def drawn():
    figure, (axes,) = style.new_figure(3, 2)
    axes.plot([0, 1], [0, 1], color=style.PALETTE[0])
    style.literal(axes.set_title("costs $5 or \\frac{ $"))
    return figure


@pytest.mark.parametrize("suffix, start", [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_a_picture_is_of_the_kind_its_name_says_and_always_the_same(tmp_path, suffix, start):
    first = style.save(drawn(), tmp_path / f"a{suffix}").read_bytes()
    second = style.save(drawn(), tmp_path / f"b{suffix}").read_bytes()
    assert first.startswith(start)
    assert first == second
    assert len(list(tmp_path.iterdir())) == 2  # nothing half-written is left


def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InvalidInput) as caught:
        style.save(drawn(), tmp_path / "map.gif")
    assert caught.value.reason == "PICTURE_FORMAT_UNKNOWN"
    assert list(tmp_path.iterdir()) == []


def test_a_failed_picture_leaves_the_old_one(tmp_path):
    target = style.save(drawn(), tmp_path / "a.png")
    before = target.read_bytes()
    broken = drawn()
    broken.axes[0].text(0, 0, "$\\frac{$")  # mathematics that matplotlib can't read
    with pytest.raises(ValueError, match="frac"):
        style.save(broken, target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_letters_that_the_font_lacks_do_no_harm(tmp_path):
    figure = drawn()
    figure.axes[0].set_xlabel("雨量 ก")
    assert style.save(figure, tmp_path / "a.png").stat().st_size > 0


def test_strangers_text_is_one_short_line():
    assert style.printable("a\x1b[31m\nb\t c") == "a [31m b c"
    assert style.printable("Digit reader of the bank (low)", 20) == "Digit read…ank (low)"
    assert style.printable("x" * 20, 20) == "x" * 20


def test_without_matplotlib_the_error_says_what_to_install():
    code = """
import sys
sys.modules["matplotlib"] = None
from learndock.errors import FailedPrecondition
from learndock.plot import style
try:
    style.new_figure()
except FailedPrecondition as error:
    print(error.reason, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("EXTRA_MISSING")
    assert "learndock[plot]" in done.stdout
