"""What corrections did, as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.messages.outcomes import Called, LabelChange, Outcome, PersonRef

if TYPE_CHECKING:
    from spk import review

__all__ = ["label_change", "outcome"]


def outcome(done: review.Outcome, *, dry_run: bool) -> Outcome:
    """What a correction did, or would do."""
    return Outcome(
        dry_run=dry_run,
        change=done.change or None,
        speakers=[PersonRef(speaker_id=one.id, name=one.name, label=one.label) for one in done.speakers],
        recordings=done.recordings,
        labels=[label_change(one) for one in done.labels],
        held=list(done.held),
    )


def label_change(one: review.LabelChange) -> LabelChange:
    """A label that changed, or would."""
    return LabelChange(
        recording=one.recording,
        hearing=one.hearing,
        voice=one.voice,
        net_speech=round(one.seconds, 3),
        before=Called(who=one.before, verdict=one.verdict_before),
        after=Called(who=one.after, verdict=one.verdict_after),
    )
