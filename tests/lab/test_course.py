"""docs/course.md and the lab agree row by row, in both directions; the glossary has every term."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from madi.lab import experiment, names

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROW = re.compile(r"^\| ([A-E]\d+) \| (.*) \| (.*) \| ?(.*?) ?\|$", re.MULTILINE)
ROWS = {found[1]: found.groups()[1:] for found in ROW.finditer((DOCS / "course.md").read_text(encoding="utf-8"))}
COUNTS = {"A": 10, "B": 13, "C": 5, "D": 10, "E": 8}
KOREAN = [
    "퍼셉트론",
    "편향",
    "계단",
    "항등",
    "내적",
    "배치",
    "회귀",
    "분류",
    "로지스틱",
    "구조화",
    "비구조화",
    "손실",
    "미니배치",
    "수치",
    "기울기",
    "경사",
    "벡터화",
    "변수",
    "하이퍼파라미터",
    "오차역전파법",
    "계산",
    "연쇄법칙",
    "확인",
    "학습률",
    "초기값",
    "정규화",
    "오버피팅",
    "가중치",
    "드롭아웃",
    "합성곱",
    "풀링",
    "앙상블",
    "확장",
    "활성화",
]


def labs(row: str) -> set[str]:
    """The names of experiments in the last column of a row."""
    return set(re.findall(r"`([a-z][a-z0-9_]*)`", ROWS[row][2]))


def test_every_row_of_the_course_is_there():
    wanted = [f"{chapter}{number}" for chapter, count in COUNTS.items() for number in range(1, count + 1)]
    assert list(ROWS) == wanted


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_its_experiments_or_its_interface(row):
    of_the_lab = {name for name in names() if row in experiment(name).rows}
    assert labs(row) == of_the_lab
    assert of_the_lab or re.search(r"`[^`]+`", ROWS[row][1]), f"{row} names neither a lab nor an interface"


def test_every_experiment_has_a_row():
    assert {row for name in names() for row in experiment(name).rows} <= ROWS.keys()


def test_the_glossary_has_the_terms_of_the_course_once_and_in_order():
    lines = (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
    entries = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]
    terms, korean = [entry[0].lower() for entry in entries], " ".join(entry[1] for entry in entries)
    both = " ".join(entry[1] + " " + entry[2] for entry in entries)
    assert len(terms) > 120
    assert terms == sorted(set(terms))
    assert all(len(entry) == 3 and all(entry) for entry in entries)
    assert [term for term in KOREAN if term not in korean + both] == []
