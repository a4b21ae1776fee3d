"""Work is bounded: so much at once, so much that waits, and no more."""

from __future__ import annotations

from threading import Event, get_ident

import anyio
import pytest
from starlette.requests import ClientDisconnect, Request

from spk.api.admission import Admission
from spk.api.problems import ProblemError


class Work:
    """Work that goes on until it is told to end."""

    def __init__(self):
        self.began, self.end = Event(), Event()

    def __call__(self):
        self.began.set()
        assert self.end.wait(30)
        return get_ident()


async def until(condition):
    with anyio.fail_after(30):
        while not condition():
            await anyio.sleep(0.01)


def asked(*messages):
    """A request whose sender says these things, and then nothing."""
    left = list(messages)

    async def receive():
        if not left:
            await anyio.sleep_forever()
        return left.pop(0)

    return Request({"type": "http", "headers": []}, receive)


def test_so_many_work_so_many_wait_and_the_next_is_told_when_to_come_again():
    async def main():
        admission, work = Admission(running=2, waiting=1), [Work() for _ in range(3)]
        done = []

        async def one(index):
            done.append(await admission.run(work[index], asked()))

        async with anyio.create_task_group() as tasks:
            for index in range(3):
                tasks.start_soon(one, index)
                await until(lambda count=index: admission.inside == count + 1)
            await until(lambda: work[0].began.is_set() and work[1].began.is_set())
            assert (admission.inside, admission.waiting) == (3, 1)
            assert not work[2].began.is_set()
            with pytest.raises(ProblemError, match="too many requests are waiting") as caught:
                await admission.run(Work())
            assert caught.value.kind.status == 503
            assert (
                int(caught.value.headers["Retry-After"]) == 2
            )  # three, two at a time, a second each as far as is known
            assert admission.refused == 1
            work[0].end.set()
            await until(work[2].began.is_set)
            work[1].end.set()
            work[2].end.set()
        assert len(done) == 3
        assert get_ident() not in done
        assert (admission.inside, admission.waiting) == (0, 0)

    anyio.run(main)


def test_who_leaves_while_waiting_gives_up_the_place():
    async def main():
        admission, busy, never = Admission(running=1, waiting=1), Work(), Work()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(admission.run, busy)
            await until(busy.began.is_set)
            with pytest.raises(ClientDisconnect):
                await admission.run(never, asked({"type": "http.request"}, {"type": "http.disconnect"}))
            assert admission.inside == 1
            tasks.start_soon(admission.run, never, asked())  # there is room again
            await until(lambda: admission.inside == 2)
            busy.end.set()
            await until(never.began.is_set)
            never.end.set()
        assert admission.inside == 0

    anyio.run(main)


def test_who_leaves_when_the_work_has_begun_does_not_end_it():
    async def main():
        admission, work = Admission(running=1, waiting=0), Work()
        work.end.set()
        gone = asked({"type": "http.disconnect"})
        assert await admission.run(work, gone) > 0
        assert admission.inside == 0

    anyio.run(main)


def test_work_that_fails_leaves_its_place():
    def fail():
        raise KeyError("mine")

    async def main():
        admission = Admission(running=1, waiting=0)
        for _ in range(3):
            with pytest.raises(KeyError, match="mine"):
                await admission.run(fail)
        assert admission.inside == 0
        assert admission.retry_after == 1

    anyio.run(main)


def test_what_is_given_up_while_it_waits_leaves_its_place():
    async def main():
        admission, busy = Admission(running=1, waiting=5), Work()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(admission.run, busy)
            await until(busy.began.is_set)
            for request in (None, asked()):
                with anyio.move_on_after(0.05):
                    await admission.run(Work(), request)
            assert admission.inside == 1
            busy.end.set()
        assert admission.inside == 0

    anyio.run(main)
