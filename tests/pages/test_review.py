"""The review's main job in a browser, by mouse and by keys, with scripts and without."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from spk.config import Settings
from spk.desk import Desk
from spk.workbench import Workbench

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from conftest import Open, Served


def open_here(page: Page, audio: Path) -> None:
    """Open a recording of this device on a recording's page, once its tools are there."""
    file = page.get_by_label("open the recording here")
    expect(file).to_be_visible()
    file.set_input_files(audio)


def log_in(page: Page, token: str) -> None:
    """Show a key on the page that asks for one."""
    page.get_by_label("Key", exact=True).fill(token)
    page.get_by_role("button", name="Log in").click()


def test_a_stranger_gets_a_name_and_the_old_recording_follows(
    service: Served, tab: Open, dialogue: dict[str, Path]
) -> None:
    page = tab(service)
    page.goto("/review")
    page.get_by_role("link", name="Jobs").click()
    page.wait_for_url("**/jobs")  # and for its scripts: without them a form leads to a page of its own

    page.get_by_label("Name", exact=True).fill("ann")
    page.get_by_label("Recordings of this person alone").set_input_files(dialogue["ann"])
    page.get_by_role("button", name="Enroll").click()
    expect(page.locator("#upload-result")).to_contain_text("1 new sample", timeout=60_000)

    page.get_by_label("Recording", exact=True).set_input_files(dialogue["talk"])
    page.get_by_role("button", name="Identify").click()
    row = page.locator("#upload-result").get_by_role("row", name=re.compile("unknown-"))
    expect(row).to_be_visible(timeout=60_000)
    expect(page.locator("#upload-result").get_by_role("row", name=re.compile("ann.*known"))).to_be_visible()
    stranger = row.get_by_role("link").inner_text()

    page.get_by_role("link", name="Unknowns").click()
    page.wait_for_url("**/unknowns")
    card = page.get_by_role("article", name=stranger)
    card.get_by_label("Who is it?").fill("bob")
    card.get_by_role("button", name=re.compile("^Name")).click()
    changes = card.get_by_role("group", name="Labels that change")
    expect(changes).to_contain_text(re.compile(rf"talk.wav.*{stranger}.*bob", re.DOTALL))
    assert service.who() != ["ann", "bob"]  # nothing was changed yet
    card.get_by_role("button", name=re.compile("^Yes")).click()
    expect(page.locator("#done")).to_contain_text("name an unknown")
    assert sorted(service.who()) == ["ann", "bob"]

    page.goto(service.recording())
    expect(page.get_by_role("group", name="Voices")).to_contain_text("bob")
    page.get_by_role("link", name="History").click()
    page.get_by_role("row", name=re.compile("name an unknown")).get_by_role("button", name="Undo").click()
    expect(page.locator("#done")).to_be_visible()
    assert sorted(service.who()) == ["ann", stranger]
    page.goto(service.recording())
    expect(page.get_by_role("group", name="Voices")).to_contain_text(stranger)


def test_everything_by_keys(heard: Served, tab: Open) -> None:
    page = tab(heard)
    page.goto("/review/default/unknowns")
    [stranger] = [who for who in heard.who() if who != "ann"]
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.get_by_role("article", name=stranger)).to_be_focused()
    page.keyboard.press("d")
    expect(page.get_by_role("button", name=f"Yes, discard {stranger}")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("bob")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Yes, name"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_be_focused()  # by the script, which hears keys then
    assert sorted(heard.who()) == ["ann", "bob"]
    page.keyboard.press("u")
    expect(page.locator("#done")).to_contain_text("undo")
    assert sorted(heard.who()) == ["ann", stranger]


def test_shortcuts_can_be_switched_off(full: Served, tab: Open) -> None:
    page = tab(full)
    page.goto("/review/default/unknowns")
    page.keyboard.press("?")
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(".current")).to_have_count(0)


def test_clips_play(full: Served, tab: Open) -> None:
    page, asked = tab(full), []
    page.on("request", lambda request: asked.append(request.url) if "/clips/" in request.url else None)
    page.goto("/review/default/unknowns")
    play = page.get_by_role("button", name=re.compile("^Play clip"))
    expect(play).to_be_visible()
    expect(page.locator(".clip .number")).to_have_text(re.compile(r"\d\.\d s"))
    play.click()
    expect(play).to_have_attribute("aria-pressed", "true")
    assert len(asked) == 1


def test_names_are_completed(full: Served, tab: Open) -> None:
    page = tab(full)
    page.goto("/review/default/unknowns")
    for field in ("Who is it?", "Another stranger, or a name"):
        page.get_by_label(field).press_sequentially("nn")
        expect(page.locator("#names option")).to_have_count(1)
        expect(page.locator("#names option[value=ann]")).to_be_attached()
        page.get_by_label(field).fill("")
        expect(page.locator("#names option")).not_to_have_count(1)


def test_turns_are_corrected_by_dragging_or_by_numbers(heard: Served, tab: Open) -> None:
    page = tab(heard, viewport={"width": 1280, "height": 1600})
    page.goto(heard.recording())
    first = page.get_by_label("Turn 1 to", exact=True)
    before = float(first.input_value())
    handle = page.locator("#wave [part~=region-handle-right]").first
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 20, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    dragged = float(first.input_value())
    assert dragged < before
    page.get_by_label("Turn 2 from", exact=True).press("ArrowUp")
    page.get_by_label("Turn 2 by", exact=True).fill("carol")
    page.get_by_label("Turn 2 by", exact=True).press("Tab")
    page.get_by_role("button", name="Correct…").click()
    preview = page.locator("#turns-result")
    expect(preview).to_contain_text("carol")
    preview.get_by_role("button", name="Yes, correct them").click()
    expect(page.locator("#done")).to_be_visible()
    expect(page.get_by_label("Turn 1 to", exact=True)).to_have_value(f"{dragged:.3f}")
    expect(page.get_by_label("Turn 2 by", exact=True)).to_have_value("carol")


def retext(page: Page, pattern: str, by: str) -> None:
    """Edit the turns as text."""
    text = page.get_by_label("A turn a line")
    before = text.input_value()
    assert re.search(pattern, before)
    text.fill(re.sub(pattern, by, before))
    text.press("Tab")


def test_what_was_typed_before_the_script_counts(full: Served, tab: Open) -> None:
    page, held = tab(full), []
    page.route("**/timeline.js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    page.goto(full.recording(), wait_until="commit")
    retext(page, r"\S+$", "carol")
    held.pop().continue_()
    page.wait_for_load_state()
    expect(page.locator("[data-who]").last).to_have_value("carol")
    page.get_by_role("button", name="Correct…").click()
    expect(page.locator("#turns-result")).to_contain_text("carol")


def test_the_text_and_the_table_of_turns_follow_each_other(full: Served, tab: Open) -> None:
    page = tab(full)
    page.goto(full.recording())
    regions = page.locator("#wave [part~=region]")
    rows = page.locator("#editor tbody tr")
    count = rows.count()
    expect(regions).to_have_count(count)
    page.get_by_text("As text", exact=True).click()
    retext(page, r"\Z", "\n0.5 1.5 - carol")
    expect(rows).to_have_count(count + 1)
    expect(regions).to_have_count(count + 1)
    expect(page.get_by_label("New turn by")).to_have_value("carol")
    page.get_by_label("Turn 1 by", exact=True).fill("dora")
    page.get_by_label("Turn 1 by", exact=True).press("Tab")
    expect(page.get_by_label("A turn a line")).to_have_value(re.compile(r" dora\n.*\n0.5 1.5 - carol$", re.DOTALL))


def test_turns_can_be_added_when_none_is_left(full: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    page = tab(full)
    page.goto(full.recording())
    remove = page.get_by_role("button", name=re.compile("^Remove turn"))
    expect(page.locator("#wave [part~=region]")).to_have_count(remove.count())
    for _ in range(remove.count()):
        remove.first.click()
    page.get_by_role("button", name="Add a turn").click()
    expect(page.locator("#editor tbody tr")).to_have_count(1)
    expect(page.get_by_label("New turn by")).to_be_focused()
    play = page.get_by_role("button", name="Play new turn")
    expect(play).to_be_disabled()
    open_here(page, dialogue["talk"])
    expect(play).to_be_enabled()
    page.get_by_role("button", name="Add a turn").click()
    expect(play.last).to_be_enabled()


def test_files_that_were_listened_to_are_let_go(full: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    page, names = tab(full), []
    page.add_init_script(
        """for (const name of ["createObjectURL", "revokeObjectURL"]) {
          const was = URL[name];
          URL[name] = (what) => { console.debug(name); return was.call(URL, what); };
        }"""
    )
    page.on("console", lambda said: names.append(said.text))
    page.goto(full.recording())
    for name in ("talk", "ann"):
        with page.expect_console_message(lambda said: said.text == "createObjectURL"):
            open_here(page, dialogue[name])
        expect(page.get_by_role("button", name="Play", exact=True)).to_be_enabled()
    assert names.count("revokeObjectURL") == 1


def test_space_is_the_pages_own_where_nothing_can_be_played(full: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    page = tab(full)
    page.goto(full.recording())
    play = page.get_by_role("button", name="Play", exact=True)
    expect(play).to_be_disabled()
    space = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true, cancelable: true}))"
    assert page.evaluate(space)  # what scrolls is not prevented
    open_here(page, dialogue["talk"])
    expect(play).to_be_enabled()
    assert not page.evaluate(space)


def leaves(page: Page) -> bool:
    """Whether the page can be left without a warning."""
    return bool(page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))"))


def test_what_is_not_corrected_yet_is_not_left_without_a_warning(heard: Served, tab: Open) -> None:
    page = tab(heard)
    page.goto(heard.recording())
    who, correct = page.get_by_label("Turn 2 by", exact=True), page.get_by_role("button", name="Correct…")
    result = page.locator("#turns-result")
    assert leaves(page)
    who.fill("")
    who.press("Tab")
    assert not leaves(page)
    correct.click()
    expect(result.get_by_role("alert")).to_contain_text("turn 2")
    assert not leaves(page)
    who.fill("carol")
    correct.click()
    expect(result.get_by_role("button", name="Yes, correct them")).to_be_focused()
    assert not leaves(page)
    page.route("**/correct", lambda route: route.abort())
    result.get_by_role("button", name="Yes, correct them").click()
    expect(result).to_contain_text("does not answer")
    assert not leaves(page)
    page.unroute("**/correct")
    correct.click()
    result.get_by_role("button", name="Yes, correct them").click()
    expect(page.locator("#done")).to_be_visible()  # nothing stood in the way
    assert leaves(page)


def test_turns_are_exported(full: Served, tab: Open) -> None:
    page = tab(full)
    page.goto(full.recording())
    with page.expect_download() as waiting:
        page.get_by_role("link", name="rttm").click()
    assert waiting.value.suggested_filename == "talk.rttm"
    assert waiting.value.path().read_text().startswith("SPEAKER talk 1 ")


def test_without_scripts(heard: Served, tab: Open) -> None:
    page = tab(heard, java_script_enabled=False)
    page.goto("/review/default/unknowns")
    page.get_by_label("Who is it?").fill("bob")
    page.get_by_role("button", name=re.compile("^Name")).click()
    page.get_by_role("button", name=re.compile("^Yes")).click()
    assert sorted(heard.who()) == ["ann", "bob"]
    page.get_by_role("button", name="Undo").click()
    assert "bob" not in heard.who()


def test_turns_are_corrected_without_scripts(heard: Served, tab: Open) -> None:
    page = tab(heard, java_script_enabled=False)
    page.goto(heard.recording())
    expect(page.get_by_role("group", name="Turns")).to_be_hidden()  # nothing in it would be sent
    retext(page, r"\S+\s*$", "carol")
    page.get_by_role("button", name="Correct…").click()
    page.get_by_role("button", name="Yes, correct them").click()
    assert "carol" in heard.who()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_nearest_is_named_by_a_click(full: Served, tab: Open, scripts: bool) -> None:
    page = tab(full, java_script_enabled=scripts)
    page.goto("/review/default/unknowns")
    page.get_by_label("Who is it?").fill("bob")
    page.get_by_role("button", name=re.compile("^ann LLR")).first.click()
    expect(page.get_by_role("button", name=re.compile("^Yes, name unknown-.* ann$"))).to_be_visible()


def test_a_key_uploads_without_scripts(service: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    from spk.store.keys import Scope

    page = tab(service, java_script_enabled=False)
    page.goto("/login")
    log_in(page, service.store.create_key("front-desk", [Scope.ADMIN]).token)
    page.goto("/review/default/jobs")
    page.get_by_label("Name", exact=True).fill("ann")
    page.get_by_label("Recordings of this person alone").set_input_files(dialogue["ann"])
    page.get_by_role("button", name="Enroll").click()
    expect(page.get_by_role("main")).to_contain_text("1 new sample", timeout=60_000)


def test_one_person(heard: Served, tab: Open) -> None:
    page = tab(heard)
    page.goto("/review/default/speakers")
    page.get_by_label("Search by name").press_sequentially("an")
    expect(page.get_by_role("link", name=re.compile("unknown-"))).to_have_count(0)
    page.get_by_role("link", name="ann").click()
    expect(page.get_by_role("group", name="Look-alikes")).to_contain_text("unknown-")
    page.get_by_label("Another name").fill("Ann Lee")
    page.get_by_role("button", name="Rename…").click()
    page.get_by_role("button", name="Rename to Ann Lee").click()
    expect(page.get_by_role("heading", name="Ann Lee", exact=True)).to_be_visible()
    page.get_by_text("Note a consent").click()
    page.get_by_label("Purpose").fill("recognition in calls")
    page.get_by_role("button", name="Note it").click()
    expect(page.get_by_text("valid", exact=True)).to_be_visible()
    page.get_by_role("link", name="Erase…").click()
    page.get_by_label("I am sure").check()
    page.get_by_role("button", name="Erase Ann Lee").click()
    expect(page.get_by_text("proved:")).to_be_visible()
    assert "Ann Lee" not in heard.who()


def test_who_is_gone_with_the_last_sample_comes_back(heard: Served, tab: Open) -> None:
    page = tab(heard)
    page.goto("/review/default/speakers/ann")
    for box in page.get_by_role("group", name="Samples").get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Withdraw those ticked…").click()
    expect(page.locator("#samples-result")).to_contain_text("will be gone")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_role("heading", name="Speakers")).to_be_visible()
    expect(page.locator("#done")).to_contain_text("withdraw: ann")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="ann", exact=True)).to_be_visible()


def test_the_last_change_is_undone_by_key_wherever_one_is(heard: Served, tab: Open) -> None:
    page = tab(heard)
    page.goto("/review/default/unknowns")
    page.keyboard.press("j")
    page.keyboard.press("d")
    page.get_by_role("button", name=re.compile("^Yes")).click()
    expect(page.locator("#done")).to_contain_text("discard an unknown: ")
    page.goto("/review/default/recordings")
    page.keyboard.press("u")
    page.wait_for_url("**/changes")  # and what it loads: before that, nobody hears the key
    page.keyboard.press("u")
    expect(page.locator("#done")).to_contain_text("undo 3")


def test_links_lead_to_recordings_that_were_named_by_a_path(
    service: Served, tab: Open, dialogue: dict[str, Path]
) -> None:
    with Workbench(Settings(service.store.path)) as bench:
        desk = Desk(bench)
        desk.enroll("ann", [dialogue["ann"]])
        desk.identify(dialogue["talk"], name="calls/talk.wav", enroll_unknown=True)
        [heard] = desk.recordings.list().items
        [stranger] = [voice for voice in heard.voices if voice.who != "ann"]
        page = tab(service)
        page.goto(f"/review/default/unknowns/{stranger.speaker_id}")
        page.get_by_role("group", name="Where this voice is heard").get_by_role("link", name="talk.wav").click()
        page.wait_for_url(f"**{service.recording()}")
        assert desk.recordings.label("talk.wav", [stranger.label], "ann").held
        page.goto("/review/default/unknowns")
        page.get_by_role("group", name="Not learnt from").get_by_role("link", name="talk.wav").click()
        page.wait_for_url(f"**{service.recording()}")


def test_what_is_refused_is_said(full: Served, tab: Open) -> None:
    page = tab(full)
    page.goto("/review/default/unknowns")
    page.get_by_label("Another stranger, or a name").fill("nobody")
    page.get_by_role("button", name=re.compile("^Merge")).click()
    expect(page.get_by_role("alert")).to_contain_text('no speaker "nobody"')
    page.goto("/review/nowhere/unknowns")
    expect(page.get_by_role("alert")).to_contain_text('no gallery "nowhere"')


def test_what_stands_before_the_pages_is_said_as_theirs(heard: Served, tab: Open) -> None:
    page = tab(heard)
    page.goto("/review/default/unknowns")
    problem = {"detail": "too many requests: <b>wait</b>"}
    page.route(
        "**/discard", lambda route: route.fulfill(status=429, json=problem, content_type="application/problem+json")
    )
    page.get_by_role("button", name=re.compile("^Discard")).click()
    expect(page.get_by_role("alert")).to_have_text("too many requests: <b>wait</b>")


def wait(served: Served, audio: Path) -> None:
    """Leave a recording to a job, which nobody works on."""
    with audio.open("rb") as file:
        asked = served.http.post(
            "/v1/galleries/default/identify", files={"audio": ("talk.wav", file)}, headers={"Prefer": "respond-async"}
        )
    assert asked.status_code == 202


def test_a_job_waits_and_is_cancelled(full: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    wait(full, dialogue["talk"])
    page = tab(full)
    page.goto("/review/default/jobs")
    page.get_by_role("group", name="Recent jobs").get_by_role("link").first.click()
    expect(page.locator("#job")).to_contain_text("queued")
    address = page.url
    page.get_by_role("button", name="Cancel").focus()
    for _ in range(2):  # the second one is asked for when the first is shown
        page.wait_for_event("request", lambda request: request.url == address)
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#job")).to_contain_text("cancelled")
    expect(page.locator("[hx-trigger^=every]")).to_have_count(0)


def test_a_list_of_jobs_that_changes_keeps_the_focus(service: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    wait(service, dialogue["talk"])
    page = tab(service)
    page.goto("/review/default/jobs")
    links = page.get_by_role("group", name="Recent jobs").get_by_role("link")
    first = links.inner_text()
    links.focus()
    wait(service, dialogue["talk"])
    expect(links).to_have_count(2)
    expect(page.get_by_role("link", name=first)).to_be_focused()


def test_a_key_lets_in(service: Served, tab: Open, dialogue: dict[str, Path]) -> None:
    from spk.store.keys import Scope

    token = service.store.create_key("front-desk", [Scope.ADMIN]).token
    page = tab(service)
    page.goto("/review/default/jobs")
    expect(page).to_have_url(re.compile("/login"))
    log_in(page, "spk_000000000000_" + 64 * "0")
    expect(page.get_by_role("alert")).to_contain_text("not known here")
    log_in(page, token)
    page.wait_for_url("**/review/default/jobs")
    page.get_by_label("Name", exact=True).fill("ann")
    page.get_by_label("Recordings of this person alone").set_input_files(dialogue["ann"])
    page.get_by_role("button", name="Enroll").click()
    expect(page.locator("#upload-result")).to_contain_text("1 new sample", timeout=60_000)
    page.get_by_role("button", name="Log out").click()
    page.goto("/review/default/speakers")
    expect(page).to_have_url(re.compile("/login"))


def test_what_was_typed_outlasts_the_login(heard: Served, tab: Open) -> None:
    from spk.store.keys import Scope

    address = heard.recording()
    token = heard.store.create_key("reviewer", [Scope.REVIEW]).token
    page = tab(heard)
    page.goto(address)
    log_in(page, token)
    page.wait_for_url(f"**{address}")
    page.get_by_label("Turn 2 by", exact=True).fill("carol")
    page.get_by_label("Turn 2 by", exact=True).press("Tab")
    page.context.clear_cookies()
    page.get_by_role("button", name="Correct…").click()
    expect(page.get_by_role("alert")).to_contain_text("your login has ended")
    with page.expect_popup() as waiting:
        page.get_by_role("alert").get_by_role("link", name="Log in").click()
    log_in(waiting.value, token)
    expect(waiting.value.get_by_role("heading", name="Unknowns")).to_be_visible()
    page.get_by_role("button", name="Correct…").click()
    expect(page.locator("#turns-result")).to_contain_text("carol")
