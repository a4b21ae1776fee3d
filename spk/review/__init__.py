"""What people say of what was heard, and what follows: corrections, labels judged again, the way back."""

from __future__ import annotations

from spk.review.correcting import Corrections, LabelChange, Outcome
from spk.review.relabel import Judge, relabel
from spk.review.remembering import remember
from spk.review.settling import Learn

__all__ = ["Corrections", "Judge", "LabelChange", "Learn", "Outcome", "relabel", "remember"]
