"""The page Lab in a browser: turned by its knobs, compared, reopened from its address, in every experiment."""

from __future__ import annotations

from typing import Any

import pytest

from madi.lab import names
from tests.studio.conftest import expect_fits, screenshots, soon

FIGURE = ".lab-stage .lab-picture[src^=data]"
LOOKED_AT = 1200  # milliseconds for which a person looks at a figure: longer than the page asks for, to keep it


def figure(page: Any) -> str:
    """The figure that stands on the page."""
    page.wait_for_selector(FIGURE)
    return str(page.locator(FIGURE).get_attribute("src"))


def field(page: Any, name: str) -> Any:
    """The field of a knob."""
    return page.locator(f"[data-knob={name}] input")


def turned(page: Any, name: str, value: str) -> str:
    """Type a value into a knob's field; the figure that follows."""
    before = figure(page)
    field(page, name).fill(value)
    page.wait_for_function("([css, src]) => document.querySelector(css).src !== src", arg=[FIGURE, before])
    return figure(page)


def test_a_knob_changes_the_figure_an_earlier_one_stays_and_the_link_reopens_it(visit: Any) -> None:
    page = visit("/lab?experiment=gradient_field")
    first = figure(page)
    soon(page.get_by_role("heading", level=1)).to_have_text("The gradient")
    soon(page.locator(".lab-claims li")).to_have_count(4)
    page.wait_for_timeout(LOOKED_AT)
    second = turned(page, "arrows", "5")
    soon(page.locator(".lab-ghost .lab-picture")).to_have_attribute("src", first)
    page.wait_for_url("**/lab?*arrows=5*")

    again = visit(page.url.partition(page.url.split("/lab")[0])[2])
    assert figure(again) == second
    soon(field(again, "arrows")).to_have_value("5")

    page.locator(".lab-ghost").click()
    page.get_by_role("button", name="Put these settings back").click()
    page.wait_for_function("([css, src]) => document.querySelector(css).src === src", arg=[FIGURE, first])
    soon(field(page, "arrows")).to_have_value("10")
    page.wait_for_function("!location.search.includes('arrows')")


@pytest.mark.long
def test_wrong_values_are_refused_in_place(visit: Any) -> None:
    page = visit("/lab?experiment=gradient_field&reach=far&lang=ko")
    figure(page)
    wrong = page.locator("[data-knob=reach] [role=alert]")
    soon(wrong).to_contain_text("reach must be a number from 0.1 to 100, got 'far'")
    soon(field(page, "reach")).to_have_value("2.0")
    turned(page, "reach", "3")
    wrong.wait_for(state="hidden")
    field(page, "reach").fill("<b>1e9")
    soon(wrong).to_contain_text("got '<b>1e9'")
    page.wait_for_url("**reach=3*")


@pytest.mark.long
def test_a_slider_is_turned_by_keys_and_all_knobs_go_back(visit: Any) -> None:
    page = visit("/lab?experiment=optimizer_paths")
    first = figure(page)
    slider = page.locator("[data-knob=steps] .q-slider [tabindex]")
    slider.press("ArrowRight")
    page.wait_for_function("([css, src]) => document.querySelector(css).src !== src", arg=[FIGURE, first])
    soon(field(page, "steps")).not_to_have_value("30")
    page.get_by_role("button", name="Reset all").click()
    page.wait_for_function("([css, src]) => document.querySelector(css).src === src", arg=[FIGURE, first])
    soon(field(page, "steps")).to_have_value("30")


@pytest.mark.long
def test_a_long_computation_tells_the_time_and_can_be_cancelled(visit: Any) -> None:
    page = visit("/lab?experiment=planar")
    figure(page)
    page.locator(".lab-quick .q-toggle").click()
    page.get_by_text("of about 25 s").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()
    page.wait_for_url("**quick=no*")
    page.locator(".lab-quick .q-toggle").click()
    page.get_by_text("Computed in").wait_for()


@pytest.mark.long
def test_hours_are_asked_for(visit: Any) -> None:
    page = visit("/lab?experiment=deep_mnist&quick=no")
    recorded = figure(page)
    page.get_by_text("Recorded on").wait_for()
    field(page, "epochs").fill("3")
    page.get_by_text("about 12 min; it goes on").wait_for()
    assert figure(page) == recorded
    page.get_by_role("button", name="Compute, 12 min").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()


@pytest.mark.long
def test_the_list_is_searched_and_leads_to_an_experiment(visit: Any) -> None:
    page = visit("/lab?lang=ko")
    page.get_by_role("searchbox").fill("드롭아웃")
    link = page.get_by_role("link", name="드롭아웃", exact=True)
    page.get_by_role("link", name="과적합", exact=True).wait_for(state="hidden")
    link.click()
    page.wait_for_url("**experiment=dropout*")
    page.wait_for_url("**lang=ko*")
    page.wait_for_selector("text=가중치 감소")
    page.goto(page.url.replace("dropout", "nothing"))
    page.get_by_text("없는 실험입니다").wait_for()


@pytest.mark.long
@pytest.mark.parametrize("name", names())
def test_every_experiment_opens_and_fits_on_a_phone(visit: Any, name: str) -> None:
    page = visit(f"/lab?experiment={name}", size="phone")
    figure(page)
    page.wait_for_selector(".lab-claims li")
    expect_fits(page)
    soon(page.locator(".lab-stage [role=alert].notice:visible")).to_have_count(0)


@pytest.mark.long
def test_pictures_of_the_page(visit: Any) -> None:
    def prepare(page: Any) -> None:
        figure(page)
        page.wait_for_timeout(LOOKED_AT)
        turned(page, "learning_rate", "0.5")

    screenshots(visit, "lab", "/lab?experiment=optimizer_paths", prepare=prepare)
