"""What may have happened to a dock: its state machine in a reader's words, and a judge of recorded histories.

Written without a look at the product's own table of transitions, so that a mistake there is not believed here.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MOST_TRIES = 5
NEXT: Mapping[str, frozenset[str]] = {
    "": frozenset({"RECEIVED"}),
    "RECEIVED": frozenset({"CHECKING", "DELETED"}),
    "CHECKING": frozenset({"CHECKING", "ACCEPTED", "REJECTED", "FAILED_INTERNAL", "DELETED"}),
    "ACCEPTED": frozenset({"EMBEDDING", "DELETED"}),
    "EMBEDDING": frozenset({"EMBEDDING", "INDEXED", "FAILED_INTERNAL", "DELETED"}),
    "INDEXED": frozenset({"DEPRECATED", "SUSPENDED", "DELETED"}),
    "REJECTED": frozenset({"DELETED"}),
    "DEPRECATED": frozenset({"SUSPENDED", "DELETED"}),
    "SUSPENDED": frozenset({"INDEXED", "DEPRECATED", "DELETED"}),
    "FAILED_INTERNAL": frozenset({"RECEIVED", "ACCEPTED", "DELETED"}),
    "DELETED": frozenset(),
}
VERDICTS = frozenset({"ACCEPTED", "REJECTED"})
AT_REST = frozenset({"REJECTED", "INDEXED", "DEPRECATED", "SUSPENDED", "DELETED"})
Key = tuple[str, int]


@dataclass(frozen=True)
class Call:
    """A call of the driver. `acknowledged`: the dock answered that it is done."""

    kind: str  # "push" or "delete"
    sha256: str
    key: Key | None
    acknowledged: bool


@dataclass(frozen=True)
class Transition:
    """A committed transition of one version."""

    key: Key
    sha256: str
    state: str
    attempt: int
    revision: int


@dataclass(frozen=True)
class Verdict:
    """A recorded verdict, and whether its signed record holds and says the same."""

    key: Key
    attempt: int
    accepted: bool
    attested: bool


@dataclass
class Found:
    """What is in a dock that came to rest."""

    states: dict[Key, str]
    contents: dict[Key, str]
    verdicts: list[Verdict]
    blobs: dict[Key, str]  # digests of the bytes that versions refer to
    orphans: list[str] = field(default_factory=list)  # objects and uploads that nobody refers to
    searchable: frozenset[Key] = frozenset()
    unsent: int = 0


def judge(calls: Sequence[Call], history: Sequence[Transition], found: Found, bad: frozenset[str]) -> list[str]:
    """Everything that should not be, in words; empty where all is well. `bad`: packages that must be rejected."""
    paths: defaultdict[Key, list[Transition]] = defaultdict(list)
    for each in history:
        paths[each.key].append(each)
    return [
        *_order(history),
        *(breach for key, path in paths.items() for breach in _path(key, path)),
        *_rest(paths, found),
        *_accepted(calls, found, bad),
        *_deleted(calls, found),
        *_verdicts(paths, found),
        *_blobs(found),
        *_search(found),
    ]


def _order(history: Sequence[Transition]) -> Iterator[str]:
    revisions = [each.revision for each in history]
    if any(later <= before for before, later in itertools.pairwise(revisions)):
        yield "revisions do not grow"


def _path(key: Key, path: Sequence[Transition]) -> Iterator[str]:
    state, attempt, tries = "", 0, 0
    for each in path:
        if each.state not in NEXT[state]:
            yield f"{key} went from {state or 'nothing'} to {each.state}"
        claimed = each.attempt == attempt + 1
        entering = each.state in ("CHECKING", "EMBEDDING")
        if each.attempt != attempt and not (claimed and entering):
            yield f"{key} went to {each.state} with attempt {each.attempt} after {attempt}"
        if entering and not claimed and state != "EMBEDDING":
            yield f"{key} went to {each.state} without a claim"
        if each.state == "FAILED_INTERNAL" and tries < MOST_TRIES:
            yield f"{key} was given up after {tries} tries"
        tries = (tries + claimed if each.state == state else int(claimed)) if entering else 0
        state, attempt = each.state, each.attempt


def _rest(paths: Mapping[Key, Sequence[Transition]], found: Found) -> Iterator[str]:
    last = {key: path[-1].state for key, path in paths.items()}
    if last != found.states:
        yield f"the last transitions say {last}, the table {found.states}"
    for key, state in found.states.items():
        if state not in AT_REST:
            yield f"{key} is stuck: {state}"
    if found.unsent:
        yield f"{found.unsent} events were never published"


def _accepted(calls: Sequence[Call], found: Found, bad: frozenset[str]) -> Iterator[str]:
    pushed = {call.sha256 for call in calls if call.kind == "push"}
    gone = {call.key for call in calls if call.kind == "delete"}
    for call in calls:
        if call.kind == "push" and call.acknowledged:
            if call.key is None or found.contents.get(call.key) != call.sha256:
                yield f"{call.key} was accepted and is lost"
            elif (state := found.states.get(call.key)) == "DELETED" and call.key not in gone:
                yield f"{call.key} was accepted, nobody deleted it, and it is gone"
            elif state != "DELETED" and (state == "REJECTED") != (call.sha256 in bad):
                yield f"{call.key} ended {state}"
    alive = Counter(sha for key, sha in found.contents.items() if found.states.get(key) != "DELETED")
    for sha, count in alive.items():
        if count > 1:
            yield f"{count} learnwares hold the content {sha[:8]}"
        if sha not in pushed:
            yield f"nobody pushed the content {sha[:8]}"


def _deleted(calls: Sequence[Call], found: Found) -> Iterator[str]:
    asked = {call.key for call in calls if call.kind == "delete"}
    for call in calls:
        if call.kind == "delete" and call.acknowledged and call.key and found.states.get(call.key) != "DELETED":
            yield f"{call.key} was deleted and came back as {found.states.get(call.key)}"
    for key, state in found.states.items():
        if state == "DELETED" and key not in asked:
            yield f"{key} is deleted, and nobody asked"


def _verdicts(paths: Mapping[Key, Sequence[Transition]], found: Found) -> Iterator[str]:
    recorded = Counter((each.key, each.attempt, each.accepted) for each in found.verdicts)
    passed: Counter[tuple[Key, int, bool]] = Counter()
    for key, path in paths.items():
        before = ""
        for each in path:
            if each.state in VERDICTS and before == "CHECKING":
                passed[key, each.attempt, each.state == "ACCEPTED"] += 1
            before = each.state
    if recorded != passed:
        yield f"verdicts {dict(recorded)} for transitions {dict(passed)}"
    for key, count in Counter(each.key for each in found.verdicts).items():
        if count > 1:
            yield f"{key} has {count} verdicts"
    for verdict in found.verdicts:
        if not verdict.attested:
            yield f"the record of {verdict.key}'s verdict does not hold"


def _blobs(found: Found) -> Iterator[str]:
    for key, state in found.states.items():
        if state != "DELETED" and found.blobs.get(key) != found.contents.get(key):
            yield f"the package of {key} is not what was accepted"
    for orphan in found.orphans:
        yield f"{orphan} belongs to nobody"


def _search(found: Found) -> Iterator[str]:
    indexed = {key for key, state in found.states.items() if state == "INDEXED"}
    if indexed != found.searchable:
        yield f"search has {sorted(found.searchable)}, the database {sorted(indexed)}"
