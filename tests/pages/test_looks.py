"""Every page: for screen readers by axe, on a phone, in the dark."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from conftest import Open, Served

NAMES = (
    "unknowns",
    "unknown",
    "recordings",
    "recording",
    "speakers",
    "speaker",
    "erase",
    "map",
    "evaluation",
    "report",
    "jobs",
    "changes",
    "service",
    "nowhere",
)


@pytest.fixture(scope="module")
def addresses(full: Served) -> dict[str, str]:
    """Where each page is."""
    people = full.http.get("/v1/galleries/default/speakers").json()["items"]
    ids = {one["state"]: one["speaker_id"] for one in people}
    folder = full.store.path / "reports"
    folder.mkdir(exist_ok=True)
    (folder / "spring.json").write_text(json.dumps(_results()))
    base = "/review/default"
    ways = {name: f"{base}/{name}" for name in NAMES}
    return ways | {
        "unknown": f"{base}/unknowns/{ids['unknown']}",
        "recording": full.recording(),
        "speaker": f"{base}/speakers/{ids['enrolled']}",
        "erase": f"{base}/speakers/{ids['enrolled']}/erase",
        "report": f"{base}/evaluation/spring",
    }


def _results() -> dict[str, object]:
    """What spk evaluate writes of a few trials."""
    claims = [
        {"enroll": f"p{n % 4}", "test": f"{n}.wav", "same": n % 2 == 0, "score": 0.6 - 0.4 * (n % 2) + 0.01 * n}
        | {
            "llr": 4.0 - 8.0 * (n % 2) + 0.1 * n,
            "claim": 3.0 - 8.0 * (n % 2) + 0.1 * n,
            "decision": "same" if n % 2 == 0 else "different",
            "net_seconds": 3.0,
        }
        for n in range(24)
    ]
    return {
        "schema": "spk-evaluation/1",
        "conditions": {"list": "trials.txt", "gallery": "default", "model": "ecapa", "created": "2026-03-01 12:00 UTC"},
        "claims": claims,
        "notes": [],
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*NAMES, "login"])
def test_axe_finds_nothing_serious(
    full: Served, tab: Open, axe: str, addresses: dict[str, str], name: str, scheme: str
) -> None:
    page = tab(full, color_scheme=scheme, bypass_csp=True)  # axe itself inserts styles
    page.goto(addresses.get(name, "/login"))
    page.wait_for_load_state("networkidle")
    for summary in page.locator("main summary").all():
        summary.click()
    assert not _serious(page, axe)


def _serious(page: Page, axe: str) -> list[tuple[str, str, list[str]]]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_of_what_opens(full: Served, tab: Open, axe: str, scheme: str) -> None:
    page = tab(full, color_scheme=scheme, bypass_csp=True)
    page.goto("/review/default/unknowns")
    page.get_by_label("Who is it?").fill("bob")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Yes"))).to_be_focused()
    assert not _serious(page, axe)
    page.get_by_role("button", name=re.compile("^Shortcuts")).click()
    assert not _serious(page, axe)


@pytest.mark.parametrize("name", [*NAMES, "login"])
def test_a_phone_shows_it_without_scrolling_sideways(
    full: Served, tab: Open, addresses: dict[str, str], name: str
) -> None:
    page = tab(full, viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    page.goto(addresses.get(name, "/login"))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_it_is_dark_in_the_dark(full: Served, tab: Open) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = tab(full, color_scheme=scheme)
        page.goto("/review/default/unknowns")
        colours.append(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert colours == ["rgb(245, 246, 248)", "rgb(17, 20, 26)"]


def test_the_first_tab_skips_to_the_content(full: Served, tab: Open) -> None:
    page = tab(full)
    page.goto("/review/default/speakers")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_plots_are_drawn(full: Served, tab: Open, addresses: dict[str, str]) -> None:
    page = tab(full)
    page.goto(addresses["report"])
    pictures = page.locator(".plots img")
    expect(pictures.first).to_be_visible()
    pictures.first.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.plots img').naturalWidth > 0")
