"""The voices of one recording as a whole: which are one person's, and whose they are when no two are.

Each voice is somebody's of the gallery or a stranger's, and no two voices are one person. Of all namings ``f`` that
keep to this, each is as probable as the product over the voices of prior times likelihood, so that the probability
that voice ``v`` is person ``p`` is the share of those with ``f(v) = p``:

.. code-block:: text

    P(f) ~ prod_v w(v, f(v)),    w(v, p) = exp(llr(v, p)) (1 - prior_stranger) / people,    w(v, none) = prior_stranger

The sum over all namings is a permanent, and is taken exactly by dynamic programming over subsets: people come one
after another, and each takes one voice that is left, or none (Bellman, J. ACM 9, 1962, for the idea; forward and
backward sums give the marginals as in a hidden Markov model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.identify.posterior import PRIOR_STRANGER, Posterior, normalised, weights

__all__ = ["SAME_VOICE", "Naming", "assign", "one_voice_each", "together"]

SAME_VOICE = 4.0
"""LLR from which two voices of one recording are one person's: in one recording, two people sound more alike.

Measured on pieces of 18 recordings (meetings, telephone, mixes with noise, reverberation and music), with galleries of
0 to 51 people and three models. Of pairs of one person, 64 to 78 % reach it where each piece holds 1 s of speech, 92 to
95 % with 2 s, and at least 272 of 273 with 4 s; of pairs of two people at most 1.0 %, 0.2 % and 1 of 308. Where the
diarizer was made to find up to three people too many, at least 29 of 30 voices of enrolled people still got their own
names, and without it at most 12; nobody got a wrong one.
"""
EXACT_VOICES = 12  # of so many the sum over all namings takes a fraction of a second; each more doubles it
NEAREST = 20  # people whom a voice may not share with another, of a large gallery


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """Whose voices they are, when no two of them are one person's.

    Attributes:
        belief: Of each voice for itself, given all of them.
        given: The person (column) whose name a voice may bear; None where another voice has a better claim to the
            person who suits it best.
    """

    belief: Posterior
    given: tuple[int | None, ...]


def together(llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER, people: int | None = None) -> Naming:
    """Posteriors of voices that are different people's.

    Exact for up to ``EXACT_VOICES`` voices and ``NEAREST`` people. In a larger gallery each voice's ``NEAREST`` best
    people exclude one another as above; whoever is among nobody's best counts as "somebody else of the gallery":
    that option weighs what these people weigh together, several voices may take it, and its posterior is shared
    out among them in proportion to ``w``. Wrong is only what two voices gain from sharing a person who is not even
    the twentieth best for either. Of more voices, each is judged by itself, and :func:`assign` says who gets a name.

    Args:
        llr: (voices, people) LLRs of the voices of one recording.
        prior_stranger: How probable a stranger is before anything is heard.
        people: As for `spk.identify.posterior.posterior`.

    >>> naming = together(np.array([[9.0, 3.0], [9.0, 8.0]]))
    >>> naming.belief.people.round(3).tolist(), naming.given
    ([[0.992, 0.007], [0.007, 0.992]], (0, 1))
    """
    logs = weights(llr, prior_stranger, people)
    voices, columns = llr.shape
    if voices > EXACT_VOICES:
        return Naming(normalised(logs), tuple(assign(llr, prior_stranger, people)))
    if not voices or not columns:
        return Naming(normalised(logs), (None,) * voices)
    belief = _marginals(logs) if voices > 1 else normalised(logs)
    probability = belief.people
    best, owner = probability.argmax(axis=1), probability.argmax(axis=0)
    given = [int(person) if owner[person] == voice else None for voice, person in enumerate(best)]
    return Naming(belief, tuple(given))


def assign(llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER, people: int | None = None) -> list[int | None]:
    """One person at most for each voice of a recording, and one voice at most for each person.

    Finds the most probable such naming; a voice that is more probably a stranger's stays without a name. The
    arguments are those of :func:`together`.

    >>> assign(np.array([[12.0, 9.0], [11.0, -3.0], [-4.0, -5.0]]))
    [1, 0, None]
    """
    from scipy.optimize import linear_sum_assignment  # loads scipy: only where many voices are assigned

    logs = weights(llr, prior_stranger, people)
    voices, columns = llr.shape
    if not columns:
        return [None] * voices
    # A column of its own for every voice to stay without a name, which gains nothing.
    nobody = np.where(np.eye(voices, dtype=bool), 0.0, -np.inf)
    table = np.concatenate([logs[:, 1:] - logs[:, :1], nobody], axis=1)
    rows, chosen = linear_sum_assignment(np.maximum(table, -1e9), maximize=True)
    return [int(column) if column < columns else None for _, column in sorted(zip(rows, chosen, strict=True))]


def one_voice_each(llr: NDArray[Any], *, least: int = 1) -> list[tuple[int, ...]]:
    """Clusters of one recording, grouped by voice: one person's whom the diarization took for several.

    Groups grow by complete linkage: every two clusters of a group support that they are one voice's, by an LLR of at
    least :data:`SAME_VOICE` in either direction.

    Args:
        llr: (clusters, clusters) LLRs of the clusters with one another.
        least: So many voices there are, at least.

    >>> one_voice_each(np.array([[9.0, 6.0, 5.0], [6.0, 9.0, 1.0], [5.0, 1.0, 9.0]]))
    [(0, 1), (2,)]
    """
    link = np.minimum(llr, llr.T).astype(np.float64)
    np.fill_diagonal(link, -np.inf)
    groups: dict[int, tuple[int, ...]] = {number: (number,) for number in range(len(link))}
    while len(groups) > max(least, 1):
        one, other = sorted(int(place) for place in np.unravel_index(link.argmax(), link.shape))
        if link[one, other] < SAME_VOICE:
            break
        groups[one] += groups.pop(other)
        link[one] = link[:, one] = np.minimum(link[one], link[other])
        link[other] = link[:, other] = -np.inf
    return sorted(tuple(sorted(group)) for group in groups.values())


def _marginals(logs: NDArray[np.float64]) -> Posterior:
    """Posteriors for log weights (voices, 1 + people), the stranger first, when no person is two voices'."""
    voices, columns = len(logs), logs.shape[1] - 1
    near = np.zeros(1 + columns, dtype=bool)
    near[1 + np.argsort(-logs[:, 1:], axis=1, kind="stable")[:, :NEAREST]] = True
    nobody = np.logaddexp.reduce(logs[:, ~near], axis=1, keepdims=True)  # a stranger, or somebody else
    gain = logs[:, near] - nobody  # (voices, near people)
    people = gain.shape[1]

    # Sums in the log domain. before[p][S]: the first p people have taken exactly the voices S. after[p][S]: the people
    # from p on take some of the voices that are not in S. Each is seen by voice: subsets without it, and with it.
    before = np.full((people + 1, 2**voices), -np.inf)
    after = np.zeros((people + 1, 2**voices))
    before[0, 0] = 0.0
    sooner, later = _by_voice(before), _by_voice(after)
    for person in range(people):
        before[person + 1] = before[person]
        for voice, (free, taken) in enumerate(sooner):
            now = taken[person + 1]
            np.logaddexp(now, free[person] + gain[voice, person], out=now)
    for person in reversed(range(people)):
        after[person] = after[person + 1]
        for voice, (free, taken) in enumerate(later):
            now = free[person]
            np.logaddexp(now, taken[person + 1] + gain[voice, person], out=now)
    found = np.empty_like(gain)
    unnamed = np.empty((voices, 1))
    for voice, ((free, _), (_, taken)) in enumerate(zip(sooner, later, strict=True)):
        both = free[:-1] + (taken[1:] + gain[voice, :, None, None])
        found[voice] = np.logaddexp.reduce(both.reshape(people, -1), axis=1)
        unnamed[voice] = np.logaddexp.reduce(free[-1], axis=None)

    result = logs - nobody + unnamed  # right for the stranger and for somebody else
    result[:, near] = found
    return normalised(result)


def _by_voice(sums: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Views of sums (people, subsets): for each voice, those of the subsets without it, and of those with it."""
    cubes = (sums.reshape(len(sums), -1, 2, 2**voice) for voice in range(sums.shape[1].bit_length() - 1))
    return [(cube[:, :, 0], cube[:, :, 1]) for cube in cubes]
