"""The frame: links, languages, themes, the token, and the catalogue of texts."""

from __future__ import annotations

import re
import string
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from madi.studio.texts import CATALOGUE, Texts, preferred
from tests.studio.conftest import SIZES, expect_fits, soon

PAGES = {  # by what is there when a page is laid out
    "step": ".walk-step",
    "draw": ".draw-sheet canvas",
    "train": ".layers-total",
    "lab": ".lab-claims li",
    "runs": "main .card:visible",
}


def test_every_text_is_there_in_both_languages() -> None:
    for name, (english, korean) in CATALOGUE.items():
        assert all((english, korean)), name
        fields = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (english, korean)]
        assert fields[0] == fields[1], f"{name}: {fields}"
        hangul = re.search("[가-힣]", korean)
        assert hangul or not re.search("[a-zA-Z]{4,}", english), f"{name} is not in Korean: {korean}"


def test_the_language_is_the_one_asked_for_or_english() -> None:
    assert Texts("ko")("common.draw") == "그리기"
    assert Texts("xx")("common.draw") == "Draw"
    assert preferred("fr-FR,ko;q=0.8,en;q=0.5") == "ko"
    assert preferred("") == "en"
    with pytest.raises(KeyError, match=r"common\.nothing"):
        Texts("en")("common.nothing")


def test_pages_lead_to_each_other_and_keep_language_and_theme(visit: Any) -> None:
    page = visit("/step?lang=ko&theme=dark")
    soon(page.locator("body")).to_have_class(re.compile("body--dark"))
    page.get_by_role("link", name="그리기").click()
    page.wait_for_url("**/draw?*")
    soon(page.locator("nav a[aria-current=page]")).to_have_text("그리기")
    query = parse_qs(urlsplit(page.url).query)
    assert (query["lang"], query["theme"]) == (["ko"], ["dark"])


def test_the_framework_speaks_the_language_of_the_page_too(visit: Any) -> None:
    korean = visit("/runs?lang=ko")
    soon(korean.locator("html")).to_have_attribute("lang", "ko-KR")
    soon(korean.locator("#popup")).to_contain_text("연결")
    soon(korean).to_have_title("실행 기록 · 마디 스튜디오")
    english = visit("/runs")  # of another visitor, at the same time
    soon(english.locator("html")).to_have_attribute("lang", "en-US")
    soon(english.locator("#popup")).to_contain_text("Connection lost")


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(visit: Any, name: str, size: str) -> None:
    for language in ("en", "ko"):
        page = visit(f"/{name}?lang={language}", size=size)
        page.locator(PAGES[name]).first.wait_for()
        expect_fits(page)
