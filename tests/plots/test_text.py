"""Names in any script, with fonts that are installed or not; what a font has is seen from the pixels."""

import json
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageDraw

from nnexp.metrics.ranking import ThresholdCounts
from nnexp.plots import draw_all, fonts
from nnexp.plots.run.confusion import confusion
from nnexp.plots.run.multilabel import label_scores
from nnexp.plots.run.roc import roc_and_precision_recall
from nnexp.plots.style import save
from nnexp.plots.text import (
    LEGEND,
    draw_text,
    drawable,
    escape,
    numbered,
    numbering_note,
    shorten,
    text_width,
)
from nnexp.run_folder import RunFolder

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
SYMBOLS = str(FONTS / "STIXGeneral.ttf")  # the second of two fonts; matplotlib brings both
WATCH = "\u231a"  # which only that one has
NAMES = (
    "猫 cat",
    "日本語",
    "قطة",
    "חתול",
    "हिन्दी",
    "แมว",
    "🐱🚀",
    "e\u0301te\u0301",
    "$x_1^2$ \\alpha $",
    "two\nlines",
)
NAMES += ("_x", "한국어", "👩‍🚀", "😀 ok", "a\x07b", "long " * 2000, f"{WATCH} watch", "\ue000 private")
MISSING = [0, 1, 4, 5, 6, 11, 12, 17]  # of these, without an installed font


@pytest.fixture
def installed(monkeypatch):
    """Set the fonts that are installed; nothing is remembered from before, or afterwards."""
    monkeypatch.setattr(fonts, "_font_by_character", {})
    monkeypatch.setitem(mpl.rcParams, "font.family", ["sans-serif"])
    return lambda *files: monkeypatch.setattr(fonts, "_installed_fonts", lambda: files)


def test_names_that_no_font_has_are_numbered(installed):
    installed(SYMBOLS, __file__, str(FONTS / "missing.ttf"))  # files that are no fonts are skipped
    shown = numbered(NAMES, "class")
    assert [i for i, name in enumerate(shown) if name == f"class {i}"] == MISSING
    assert shown[7] == "été"
    assert shown[9] == "two lines"
    assert shown[14] == "ab"
    assert numbered(("a", " ", "b c", "b\nc"), "label") == ("a", "label 1", "label 2", "label 3")


def test_names_that_look_alike_are_numbered(installed):
    installed()
    names = ("yes", "yes\u200b", "\ufeff", "soft\u00adware")
    assert numbered(names, "class") == ("class 0", "class 1", "class 2", "soft\u00adware")
    assert "names.txt" in numbering_note(names)[0]
    assert numbering_note(("a", "two\nlines", "e\u0301")) == ()


@pytest.mark.parametrize("files", [(), (SYMBOLS,)], ids=["none", "one"])
def test_pictures_of_any_names_have_neither_warnings_nor_boxes(files, installed, tmp_path, monkeypatch):
    installed(*files)
    drawn = []
    with monkeypatch.context() as patch:
        patch.setattr(ImageDraw.ImageDraw, "text", lambda _, xy, text, *args: drawn.append((text, args[1])))
        confusion(np.eye(len(NAMES), dtype=int), NAMES, "test").draw()
    assert [text for text, font in drawn if not fonts.has_glyphs(font.path, text)] == []
    labels = [{"label": name, "support": 1, "precision": 0.5, "recall": 0.5, "f1": 0.5} for name in NAMES]
    curve = ThresholdCounts.of(np.array([True, False]), np.array([0.1, 0.2]))
    curves = dict.fromkeys(numbered(NAMES[:4] + NAMES[8:11] + NAMES[16:], "label"), curve)
    assert "names.txt" in confusion(np.eye(2, dtype=int), ("猫", "a"), "test").notes[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of glyphs that are missing
        report = {"per_label": labels, "accuracy": 0.5, "exact_match": 0.5}
        save(label_scores(report, "test"), tmp_path / "a.png")
        figure = roc_and_precision_recall(curves, "test")
        save(figure, tmp_path / "b.svg")
    assert len(figure.legends[0].texts) == len(curves)  # a name that begins with _ too


def test_an_installed_font_that_has_the_glyphs_is_used(installed):
    installed()
    without = drawable(f"{WATCH} 12")
    assert without == "? 12"
    installed(str(FONTS / "cmr10.ttf"), SYMBOLS)
    fonts._font_by_character.clear()
    assert drawable(f"{WATCH} 12") == f"{WATCH} 12"
    assert fonts.split_by_font(f"Uhr ß {WATCH}") == [(f"Uhr ß {WATCH}", SYMBOLS)]
    runs = fonts.split_by_font(f"{WATCH} 😀")
    assert [Path(font).stem for _, font in runs] == ["STIXGeneral", "DejaVuSans"]
    assert "".join(run for run, _ in runs) == f"{WATCH} 😀"
    escape(WATCH)
    assert mpl.rcParams["font.family"] == ["sans-serif", "STIXGeneral"]


@pytest.mark.parametrize("anchor", ["la", "ls", "lm", "rm", "rs", "mm", "ms"])
def test_text_of_several_fonts_is_placed_as_that_of_one(anchor, installed):
    installed(SYMBOLS)
    boxes = []
    for text in ("HH", f"H{WATCH}😀"):
        image = Image.new("L", (200, 100))
        draw_text(ImageDraw.Draw(image), (100, 50), text, 255, 20, anchor)
        boxes.append(image.getbbox())
    one, several = boxes
    side = {"l": 0, "r": 2}.get(anchor[0])
    if side is None:
        assert abs(sum(one[::2]) / 2 - sum(several[::2]) / 2) <= 2
    else:
        assert abs(one[side] - several[side]) <= 3
    assert abs(one[3] - several[3]) <= 6  # the emoji reaches below the line


def test_names_from_right_to_left_stay_before_what_follows_them():
    texts = [f"{escape(name)}: 0.5" for name in ("קט", "قط")]
    for text in texts:
        image = Image.new("L", (200, 40))
        draw_text(ImageDraw.Draw(image), (0, 0), text, 255, 20)
        digits = Image.new("L", (200, 40))
        draw_text(ImageDraw.Draw(digits), (0, 0), "0.5", 255, 20)
        width = digits.getbbox()[2]
        end = image.crop((image.getbbox()[2] - width, 0, image.getbbox()[2], 40))
        assert np.mean(np.asarray(end) != np.asarray(digits.crop((0, 0, width, 40)))) < 0.1


@pytest.mark.parametrize("tail", [0.0, 0.4])
def test_a_name_of_a_page_is_cut_at_once_and_as_wide_as_allowed(tail):
    cut = shorten("wide name " * 5000, 14, 150, tail)
    assert 120 < text_width(cut, 14) <= 150
    assert "…" in cut


def test_a_run_with_such_names_has_a_legend_and_a_message(installed, alone):
    installed()
    classes = ["猫", "dog"]
    (alone / "dataset.json").write_text(json.dumps({"task": "classification", "classes": classes}), "utf-8")
    (alone / "confusion").mkdir()
    report = json.dumps({"matrix": [[3, 1], [1, 3]], "classes": classes})
    (alone / "confusion" / "val.json").write_text(report, "utf-8")
    (alone / "journal.jsonl").write_text("", "utf-8")
    drawn, notes = draw_all(RunFolder(alone))
    assert drawn == ["confusion/val.png", LEGEND]
    assert (alone / LEGEND).read_text(encoding="utf-8") == "class 0\t猫\ndog\tdog\n"
    assert notes[0].startswith("猫: no font has these characters; names.txt")
    assert "apt-get install fonts-noto-cjk" in notes[0]


@pytest.mark.parametrize(
    ("character", "package"), [("ひ", "fonts-noto-cjk"), ("🚀", "fonts-symbola"), ("ह", "fonts-noto-core")]
)
def test_a_package_with_the_script_is_named(character, package):
    assert fonts.package_for(character) == package


def test_names_in_latin_greek_and_cyrillic_need_no_search(monkeypatch):
    monkeypatch.setattr(fonts, "_face", None)
    assert numbered(("Größe", "Ελλάδα", "Россия", "a → b …"), "class") == (
        "Größe",
        "Ελλάδα",
        "Россия",
        "a → b …",
    )
    assert text_width("Größe Ελλάδα Россия", 12) > 100
