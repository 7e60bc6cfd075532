"""The page "Runs" as a person uses it, and the reports behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from madi.config import TrainConfig
from tests.studio.conftest import Studio, expect_fits, screenshots, soon

pytest.importorskip("nicegui")

from madi.studio.pages.runs.page import columns_of, row_of
from madi.studio.pages.runs.report import POLICY, _report, address
from madi.studio.records import Record
from madi.studio.texts import Texts
from madi.studio.workplace import Workplace

EVIL = "<img src=x onerror=alert(1)>"


def run(folder: Path, name: str, *, accuracy: float, interrupted: bool = False, **config: Any) -> None:
    """A run as `madi train` writes it; its curves go up to its accuracy."""
    path = folder / name
    path.mkdir(parents=True)
    (path / "config.toml").write_text(TrainConfig(epochs=4, **config).to_toml(), encoding="utf-8")
    (path / "model.safetensors").write_bytes(b"")
    measured = {part: {"loss": 1 - accuracy, "accuracy": accuracy} for part in ("training", "validation", "test")}
    results = {"epochs": 4, "seconds": 1.5, "interrupted": interrupted, **measured}
    (path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    rows = [
        {"epoch": e, "loss": 1 / e, "accuracy": accuracy * e / 4, "validation_loss": 1.2 / e, "seconds": 0.1}
        for e in range(1, 5)
    ]
    lines = [json.dumps(row) for row in [*rows, {"steps": {}, "notices": []}]]
    (path / "history.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = f"<!doctype html><title>report</title><h1>{name}</h1><script>document.title = 'ran'</script>"
    (path / "report.html").write_text(report, encoding="utf-8")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("runs")
    run(folder, "first", accuracy=0.75)
    run(folder, "more/second", accuracy=0.5, optimizer="sgd", interrupted=True)
    (folder / "more/second/checkpoints").mkdir()
    (folder / "more/second/checkpoints/checkpoint-000001.safetensors").touch()
    run(folder, "third", accuracy=0.25, dataset=EVIL)
    (folder / "bad").mkdir()
    (folder / "bad" / "results.json").write_text("{", encoding="utf-8")
    running = Studio(folder)
    yield running
    running.end()


# ---- reports


def test_a_report_can_do_nothing_and_no_other_file_is_given(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    run(inside, "a b/한글", accuracy=1.0)
    (tmp_path / "report.html").write_text("outside", encoding="utf-8")
    (inside / "report.html").write_text("the folder's own", encoding="utf-8")
    (inside / "link").symlink_to(tmp_path)
    workplace = Workplace(inside)
    answer = _report(workplace, "a b/한글")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert POLICY.startswith("sandbox;")
    assert "allow-" not in POLICY
    assert address("a b/한글") == "/runs/report?run=a+b%2F%ED%95%9C%EA%B8%80"
    for name in ("", "/", "..", "../in/a b/한글/../../..", "link", "missing", "a b", "\0", "a\\b", str(tmp_path)):
        refused = _report(workplace, name)
        assert refused.status_code == 404, name
        assert b"outside" not in refused.body
        assert str(tmp_path).encode() not in refused.body


@pytest.mark.long
def test_a_report_is_served_as_data(visit: Any, studio: Studio) -> None:
    page = visit("/runs?runs=first")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Report of first, in a new tab").click()
    report = opened.value
    report.wait_for_selector("h1")
    report.wait_for_load_state()
    assert report.title() == "report"  # its script, which stands behind the heading, did not run
    answer = page.request.get(f"{studio.address}/runs/report?run=first")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert page.request.get(f"{studio.address}/runs/report?run=nothing").status == 404


# ---- the page


@pytest.mark.long
def test_runs_are_listed_filtered_and_sorted(visit: Any) -> None:
    page = visit("/runs")
    names = page.locator(".runs-table tbody .runs-name")
    soon(names).to_have_count(4)
    assert sorted(names.all_inner_texts()) == ["bad", "first", "more/second", "third"]
    soon(page.locator(".runs-state.broken")).to_have_text("broken")
    soon(page.locator(".runs-state.interrupted")).to_have_text("interrupted")
    soon(page.locator(".runs-table td", has_text=EVIL)).to_have_count(1)  # text, no picture
    page.locator("th", has_text="accuracy (test)").press("Enter")
    soon(names.filter(has_not_text="bad")).to_have_text(["third", "more/second", "first"])
    page.get_by_label("Filter").fill("second")
    soon(names).to_have_text(["more/second"])


def test_what_is_measured_of_some_runs_has_a_column_in_the_pages_language(tmp_path: Path) -> None:
    record = Record("houses", tmp_path, "finished", results={"test": {"loss": 0.5, "r_squared": 0.25}})
    english, korean = ([column["label"] for column in columns_of([record], Texts(name))[7:]] for name in ("en", "ko"))
    assert english == ["R² (test)", "loss (test)"]
    assert korean == ["결정 계수 (테스트)", "손실 (테스트)"]
    assert row_of(record, Texts("en"), -1)["test r_squared"] == 0.25


@pytest.mark.long
def test_a_run_that_cannot_be_read_is_chosen_and_told(visit: Any) -> None:
    page = visit("/runs?runs=bad,first")
    soon(page.locator(".runs-who .notice")).to_contain_text("results.json")
    page.get_by_text("Configurations").wait_for()
    page.goto(page.url.split("?")[0] + "?runs=bad")
    page.get_by_text("None of the chosen runs has curves.").wait_for()
    soon(page.get_by_text("Something went wrong")).to_have_count(0)


@pytest.mark.long
def test_chosen_runs_stand_beside_each_other_and_in_the_address(visit: Any) -> None:
    page = visit("/runs?runs=first")
    page.locator(".runs-who li").first.wait_for()
    page.locator(".runs-table tbody tr", has_text="more/second").locator(".q-checkbox").click()
    page.wait_for_url("**runs=first%2Cmore%2Fsecond*")
    page.locator(".runs-who li").nth(1).wait_for()
    page.wait_for_function("document.querySelectorAll('.runs-chart path[stroke^=\"var(--run-1)\"]').length > 0")
    soon(page.locator(".runs-scroll tr.differs th")).to_have_text(["optimizer"])
    soon(page.locator(".runs-scroll tr.differs td")).to_have_text(["adam", "sgd"])
    soon(page.locator(".runs-who .notice")).to_contain_text("madi train --resume")
    page.get_by_text("Logarithmic").click()
    page.wait_for_url("**scale=log*")
    page.reload()
    page.locator(".runs-who li").nth(1).wait_for()
    page.get_by_role("button", name="Do not show first any more").click()
    page.wait_for_url("**runs=more%2Fsecond*")
    page.locator(".runs-who li").nth(1).wait_for(state="detached")


@pytest.mark.long
def test_a_new_run_appears_by_itself_and_one_that_is_gone_is_told(visit: Any, studio: Studio) -> None:
    page = visit("/runs?runs=first,gone")
    soon(page.locator(".notice", has_text="Not found")).to_contain_text("gone")
    run(studio.folder, "newest", accuracy=0.9)
    page.locator(".runs-table tbody .runs-name", has_text="newest").wait_for()


@pytest.mark.long
def test_the_page_fits_everywhere_and_is_looked_at(visit: Any) -> None:
    def prepare(page: Any) -> None:
        page.locator(".runs-chart svg").first.wait_for()

    for size in ("desk", "tablet", "phone"):
        page = visit("/runs?runs=first,more/second,bad", size=size)
        prepare(page)
        expect_fits(page)
    screenshots(visit, "runs", "/runs?runs=first,more/second", prepare=prepare)
