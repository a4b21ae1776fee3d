"""How the client asks: again where that may help, bit by bit, and what it says when nobody answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import httpx
import pytest

from spk.client import Client
from spk.errors import AccessError, ConflictError, InputError, NotFoundError, RefusedError, ServiceError, SpkError

JOB = {
    "id": str(uuid4()),
    "kind": "identify",
    "gallery": "default",
    "state": "running",
    "stage": "embedding",
    "done": 3,
    "total": 12,
    "attempts": 1,
    "created": "2026-11-20T12:00:00+00:00",
    "started": "2026-11-20T12:00:01+00:00",
    "finished": None,
    "problem": None,
    "url": "/v1/jobs/1",
    "result": None,
    "cancel": "/v1/jobs/1/cancel",
}
PERSON = {
    "speaker_id": str(uuid4()),
    "state": "enrolled",
    "created": "2026-11-20T12:00:00+00:00",
    "samples": 1,
    "recordings": 1,
    "net_speech": 9.5,
    "provisional": True,
}
GALLERIES = httpx.Response(200, json=[{"name": "default", "people": 2, "unknown": 0}])


class Script(httpx.BaseTransport):
    """A server that answers as it is told to, one request after the other."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers: Iterator[httpx.Response | Exception] = iter(answers)
        self.asked: list[httpx.Request] = []
        self.pieces: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.pieces += [len(piece) for piece in request.stream]
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **how: object) -> Client:
        return Client("http://spk.example", transport=self, **how)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have waited."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    return pauses


def problem(status: int, kind: str, detail: str = "no", **more: object) -> httpx.Response:
    body = {"type": f"/problems/{kind}", "title": kind, "status": status, "detail": detail, "request_id": "1", **more}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


@pytest.mark.parametrize(("status", "kind"), [(429, "too-many-requests"), (503, "overloaded")])
def test_it_comes_again_when_it_is_told_to(status: int, kind: str, slept: list[float]) -> None:
    busy = problem(status, kind)
    busy.headers["Retry-After"] = "7"
    script = Script(busy, busy, GALLERIES)
    assert script.client().galleries.list()[0].people == 2
    assert [int(seconds) for seconds in slept] == [7, 7]
    script = Script(*[busy] * 3)
    with pytest.raises(ServiceError, match="no"):
        script.client(retries=2).galleries.list()
    assert len(script.asked) == 3


def test_it_asks_again_with_the_same_key_when_the_answer_is_lost(slept: list[float]) -> None:
    working = problem(409, "conflict", "still being worked on")
    working.headers["Retry-After"] = "1"
    made = httpx.Response(201, json={"name": "calls", "people": 0, "unknown": 0})
    script = Script(httpx.ReadError("cut"), *[working] * 20, made)
    assert script.client().galleries.create("calls").name == "calls"
    assert len({request.headers["Idempotency-Key"] for request in script.asked}) == 1
    assert len(slept) == 21
    script = Script(working)  # of somebody else's making
    with pytest.raises(ConflictError):
        script.client().galleries.create("calls")
    script = Script(httpx.ReadError("cut"), *[working] * 900)
    with pytest.raises(ConflictError):
        script.client(timeout=30.0).galleries.create("calls")


def test_it_does_not_delete_twice() -> None:
    gone = httpx.Response(200, json={"deleted": "ann", "speaker_id": PERSON["speaker_id"]})
    script = Script(httpx.ConnectError("refused"), httpx.ConnectTimeout(""), gone)
    assert script.client().speakers.delete("ann").deleted == "ann"
    script = Script(httpx.ReadError("cut"), problem(404, "not-found", 'no speaker "ann"'))
    with pytest.raises(ServiceError, match="does not answer"):
        script.client().speakers.delete("ann")
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(400, "bad-input"), InputError),
        (problem(401, "no-key"), AccessError),
        (problem(403, "not-allowed"), AccessError),
        (problem(404, "not-found"), NotFoundError),
        (problem(409, "conflict"), ConflictError),
        (problem(413, "too-large"), InputError),
        (problem(422, "invalid"), InputError),
        (problem(500, "fault"), ServiceError),
        (httpx.Response(200, text="<html>Welcome</html>"), ServiceError),
        (httpx.Response(301, headers={"Location": "https://spk.example/"}), ServiceError),
        (httpx.Response(404, text="<html>Not Found</html>"), ServiceError),
        (httpx.Response(502, text="<html>Bad Gateway</html>"), ServiceError),
        (httpx.ConnectError("[Errno 111] Connection refused"), ServiceError),
        (httpx.ReadTimeout(""), ServiceError),
    ],
)
def test_whatever_goes_wrong_is_one_line(answer: httpx.Response | Exception, error: type[SpkError]) -> None:
    with pytest.raises(error) as raised:
        Script(*[answer] * 4).client().galleries.list()
    assert type(raised.value) is error
    assert len(str(raised.value).splitlines()) == 1


def test_what_was_refused_says_why(tmp_path: Path) -> None:
    audio = tmp_path / "ann.wav"
    audio.write_bytes(b"RIFF")
    script = Script(problem(422, "refused", "ann.wav: too short; too loud", reasons=["too short", "too loud"]))
    with pytest.raises(RefusedError, match=r"^ann\.wav: too short; too loud$") as raised:
        script.client().enroll("ann", [audio])
    assert raised.value.reasons == ("too short", "too loud")


@pytest.mark.parametrize("url", ["127.0.0.1:8720", "ftp://spk.example", "http://", "http://[::1", ""])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(InputError, match="http://host:8720"):
        Client(url)
    with pytest.raises(InputError, match="no key has"):
        Client("http://spk.example", "clé")


def test_names_may_hold_anything() -> None:
    script = Script(problem(404, "not-found"))
    with pytest.raises(NotFoundError):
        script.client(gallery="a/b c").speakers.show("Zoë..?#%")
    expected = b"/v1/galleries/a%2Fb%20c/speakers/Zo%C3%AB..%3F%23%25"
    assert script.asked[0].url.raw_path == expected


def test_names_with_a_slash_are_looked_up() -> None:
    id_ = "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10"
    person = {"name": "A/2", "speaker_id": id_, "state": "enrolled", "samples": 1, "recordings": 1, "net_speech": 5.0}
    page = {"items": [{**person, "provisional": True, "created": "2026-11-20T12:00:00Z"}], "next": None}
    script = Script(httpx.Response(200, json=page), problem(404, "not-found"))
    with pytest.raises(NotFoundError):
        script.client().speakers.show("A/2")
    assert script.asked[0].url.params["q"] == "A/2"
    assert script.asked[1].url.path.endswith(f"/speakers/{id_}")
    for ask, place in (
        (lambda client: client.consents.list("A/2"), f"/speakers/{id_}/consents"),
        (lambda client: client.consents.give("A/2", "calls"), f"/speakers/{id_}/consents"),
        (lambda client: client.consents.withdraw("A/2"), f"/speakers/{id_}/consents/withdraw"),
        (lambda client: client.health.of("A/2"), f"/speakers/{id_}/health"),
    ):
        script = Script(httpx.Response(200, json=page), problem(404, "not-found"))
        with pytest.raises(NotFoundError):
            ask(script.client())
        assert script.asked[1].url.path.endswith(place)


def test_recordings_named_by_a_path_are_looked_up(tmp_path: Path) -> None:
    turns = tmp_path / "turns.rttm"
    turns.touch()

    def listed(*recordings: tuple[str, str]) -> httpx.Response:
        heard = {"hearing": str(uuid4()), "duration": 9.5, "heard": JOB["created"], "corrected": False, "voices": []}
        items = [heard | {"recording": name, "sha256": sha256} for name, sha256 in recordings]
        return httpx.Response(200, json={"items": items, "next": None})

    for ask, place in (
        (lambda some: some.show("calls/x.wav"), "ab12"),
        (lambda some: some.export("calls/x.wav", "rttm"), "ab12/turns"),
        (lambda some: some.waveform("calls/x.wav"), "ab12/waveform"),
        (lambda some: some.audio("calls/x.wav", "A"), "ab12/voices/A/audio"),
        (lambda some: some.label("calls/x.wav", ["A"], "ann"), "ab12/label"),
        (lambda some: some.forget("calls/x.wav"), "ab12/forget"),
        (lambda some: some.correct("calls/x.wav", turns), "ab12/turns"),
    ):
        script = Script(listed(("calls/x.wav", "ab12"), ("my/calls/x.wav", "cd34")), problem(404, "not-found"))
        with pytest.raises(NotFoundError):
            ask(script.client().recordings)
        assert script.asked[0].url.params["q"] == "calls/x.wav"
        assert script.asked[1].url.path.endswith(f"/recordings/{place}")
    for found, says in ((listed(), "nothing is kept"), (listed(("a/b", "ab12"), ("a/b", "cd34")), "for 2 recordings")):
        with pytest.raises(NotFoundError, match=says):
            Script(found).client().recordings.forget("a/b")


def test_a_file_of_turns_is_called_as_the_server_says() -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    named = headers | {"Content-Disposition": "attachment; filename*=UTF-8''Zo%C3%AB%20..%2Fa.txt"}
    script = Script(httpx.Response(200, text="1\t2\tann\n", headers=named))
    file = script.client().recordings.export("Zoë .wav", "audacity")
    assert (file.name, file.media_type, file.text) == ("a.txt", "text/plain", "1\t2\tann\n")
    assert len(script.asked) == 1
    with pytest.raises(ServiceError, match="newer spk"):
        Script(httpx.Response(200, text="", headers=headers)).client().recordings.export("x.wav", "rttm")


def test_recordings_are_sent_piece_by_piece(tmp_path: Path) -> None:
    audio = tmp_path / "long.wav"
    with audio.open("wb") as file:
        file.truncate(20_000_000)
    script = Script(httpx.ReadError("cut"), problem(400, "bad-input"))
    with pytest.raises(InputError):
        script.client().diarize(audio)
    assert sum(script.pieces) > 2 * 20_000_000  # all of it, both times
    assert max(script.pieces) <= 1 << 20
    assert b"filename" not in bytes(script.asked[0].url.raw_path)


def test_folders_are_nobodys_business(tmp_path: Path) -> None:
    audio = tmp_path / "Zoë \udce9.wav"
    audio.write_bytes(b"RIFF")
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return problem(400, "bad-input")

    with pytest.raises(InputError):
        Client("http://spk.example", transport=httpx.MockTransport(answer)).diarize(audio)
    assert 'filename="Zoë ?.wav"'.encode() in sent[0]
    with pytest.raises(InputError, match="cannot be read"):
        Client("http://spk.example", transport=httpx.MockTransport(answer)).diarize(tmp_path / "none.wav")


def test_a_job_is_waited_for_and_its_progress_told(tmp_path: Path) -> None:
    audio = tmp_path / "long.wav"
    audio.write_bytes(b"RIFF")
    seen: list[tuple[int, int, str]] = []
    found = {"schema": "spk-diarization/1", "recording": "long.wav", "duration": 90.0, "turns": []}
    done = JOB | {"state": "done", "finished": "2026-11-20T12:00:09+00:00"}
    script = Script(*(httpx.Response(202, json=one) for one in (JOB, JOB, done)), httpx.Response(200, json=found))
    client = script.client()
    client.progress = lambda *told: seen.append(told)
    assert client.diarize(audio).duration == 90.0
    assert seen == [(3, 12, "embedding")] * 2
    assert [request.url.path.rpartition("/")[2] for request in script.asked] == [
        "diarize",
        JOB["id"],
        JOB["id"],
        "result",
    ]


@pytest.mark.parametrize("away", [False, True])
def test_a_job_that_nobody_waits_for_is_cancelled(tmp_path: Path, away: bool) -> None:
    audio = tmp_path / "long.wav"
    audio.write_bytes(b"RIFF")
    last = httpx.ConnectError("gone") if away else httpx.Response(200, json=JOB)
    script = Script(*[httpx.Response(202, json=JOB)] * 2, *[last] * 4)
    client = script.client()
    client.progress = _interrupt
    with pytest.raises(KeyboardInterrupt):
        client.diarize(audio)
    assert script.asked[2].url.path == f"/v1/jobs/{JOB['id']}/cancel"


DETAIL = PERSON | {"name": "ann", "samples": [], "held": []}


class Broken(httpx.SyncByteStream):
    """An answer that breaks off after some megabytes, and sees what has become of it by then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(8):
            yield bytes(1 << 20)
        self.seen = sum(one.stat().st_size for one in self.folder.glob(".*.tmp"))
        raise httpx.ReadError("cut")


def zipped() -> bytes:
    with BytesIO() as written:
        with ZipFile(written, "w") as archive:
            archive.writestr("person.json", "{}")
        return written.getvalue()


def test_an_archive_goes_to_its_file_piece_by_piece(tmp_path: Path) -> None:
    place, link = tmp_path / "ann.zip", tmp_path / "link.zip"
    place.write_text("what was there before")
    link.symlink_to(place)
    broken, whole = Broken(tmp_path), zipped()
    script = Script(
        httpx.Response(200, json=DETAIL), httpx.Response(200, stream=broken), httpx.Response(200, content=whole)
    )
    done = script.client().speakers.disclose("ann", link)
    assert broken.seen > 7 << 20
    assert (done.bytes, done.files, done.sha256) == (len(whole), 1, hashlib.sha256(whole).hexdigest())
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (whole, 0o600)
    assert sorted(tmp_path.iterdir()) == [place, link]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ReadError("cut"), ServiceError),
        (problem(404, "not-found"), NotFoundError),
        (httpx.Response(200, text="<html>Welcome</html>"), ServiceError),
    ],
)
def test_no_half_of_an_archive_is_left(
    tmp_path: Path, answer: httpx.Response | Exception, error: type[SpkError]
) -> None:
    place = tmp_path / "ann.zip"
    place.write_text("what was there before")
    broken = httpx.Response(200, stream=Broken(tmp_path))
    script = Script(httpx.Response(200, json=DETAIL), broken, answer)
    with pytest.raises(error) as raised:
        script.client(retries=1).speakers.disclose("ann", place)
    assert len(str(raised.value).splitlines()) == 1
    assert [*tmp_path.iterdir()] == [place]
    assert place.read_text() == "what was there before"


@pytest.mark.parametrize("where", ["none/ann.zip", "."])
def test_an_archive_that_cannot_be_written(tmp_path: Path, where: str) -> None:
    script = Script(httpx.Response(200, json=DETAIL), httpx.Response(200, content=zipped()))
    with pytest.raises(InputError, match="cannot be written"):
        script.client().speakers.disclose("ann", tmp_path / where)
    assert not [*tmp_path.iterdir()]
    assert not [*tmp_path.parent.glob(".*.tmp")]


def test_lists_are_read_page_by_page() -> None:
    def page(names: str, following: str | None) -> httpx.Response:
        return httpx.Response(200, json={"items": [PERSON | {"name": one} for one in names], "next": following})

    script = Script(page("ab", "more"), page("c", None))
    assert [one.name for one in script.client().speakers.everybody()] == ["a", "b", "c"]
    assert script.asked[1].url.params["after"] == "more"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
