"""How often is it right? Measures of speaker identification, verification and diarization on labelled recordings."""

from __future__ import annotations

from spk.evaluate.compare import Comparison, compare
from spk.evaluate.listening import Listener, Parts
from spk.evaluate.material import Material, check_people, read_material
from spk.evaluate.measures import Measures, measure
from spk.evaluate.results import Evaluation

__all__ = [
    "Comparison",
    "Evaluation",
    "Listener",
    "Material",
    "Measures",
    "Parts",
    "check_people",
    "compare",
    "measure",
    "read_material",
]
