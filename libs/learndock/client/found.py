"""What a search found, as one looks at it and loads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dockapi.search.v1 import search_pb2
from learndock.client.display import html_table, plain, text_table
from learndock.client.loading import OpenMembers
from learndock.client.records import LearnwareRecord
from learndock.client.reusing import reuser_over, task_of
from learndock.errors import FailedPrecondition, InvalidInput, NotFound

Weighted = Sequence[tuple[LearnwareRecord, float]]
Loader = Callable[[Weighted, str], OpenMembers]
_HITS = ("#", "name", "learnware", "owner", "score", "distance", "fits")
_MEMBERS = ("weight", "name", "learnware")
_FITS = {
    search_pb2.FIT_FITS: "fits",
    search_pb2.FIT_IN_PART: "fits in part",
    search_pb2.FIT_NOT: "does not fit",
    search_pb2.FIT_CANNOT_TELL: "cannot tell",
}


@dataclass(frozen=True, repr=False)
class FoundLearnware:
    """One hit.

    `score` (0..1, higher is better) and `distance` (MMD) are on the island's scale; the peer_* values are what the
    peer's software would have said. `fits` says whether the task's rows are like those it was trained on: "fits",
    "fits in part", "does not fit", "cannot tell", or nothing where no task was given.
    """

    record: LearnwareRecord
    score: float
    distance: float
    peer_distance: float = 0.0
    peer_score: float = 0.0
    peer_rank: int = 0
    fits: str = ""

    def __repr__(self) -> str:
        return f"<{plain(self.record.learnware_id)} {plain(self.record.name)!r} score {self.score:.3f}>"


@dataclass(frozen=True, repr=False)
class MixtureMember:
    """A learnware of a mixture and its share of it."""

    record: LearnwareRecord
    weight: float

    def __repr__(self) -> str:
        return f"<{self.weight:.3f} of {plain(self.record.learnware_id)}>"


@dataclass(frozen=True, repr=False)
class FoundMixture:
    """Learnwares that cover the task together; the weights sum to 1."""

    members: tuple[MixtureMember, ...]
    distance: float
    score: float

    def __repr__(self) -> str:
        return f"<Mixture of {len(self.members)}, distance {self.distance:.4f}, score {self.score:.3f}>"

    def _repr_html_(self) -> str:
        return html_table(_MEMBERS, _member_rows(self), caption=f"mixture, distance {self.distance:.4f}")


@dataclass(frozen=True)
class FoundVerdict:
    """Whether anything fits the task, one learnware or the mixture.

    `word` is "fits", "fits in part", "nothing fits" or "cannot tell", and `reason` says why. `ratio` is the number
    behind it: MMD^2 over what is tolerated, the error of specifications so small plus a tenth of MMD^2 to learnwares
    that cannot fit, of which there were `strangers`. Up to 0.6 fits, from 1.2 nothing does.
    """

    word: str
    reason: str
    ratio: float
    strangers: int

    def __str__(self) -> str:
        return f"{self.word}: {plain(self.reason)}"


@dataclass(frozen=True, repr=False)
class Found:
    """The answer to a search: hits, best first, a mixture or None, a verdict, and sentences worth reading.

    The verdict is None where no task was given. `stale` says that the dock's database was away: what was deleted after
    `revision` may be among the hits, and a note says so too.
    """

    hits: list[FoundLearnware] = field(default_factory=list)
    mixture: FoundMixture | None = None
    notes: list[str] = field(default_factory=list)
    compared: int = 0
    revision: int = 0
    loader: Loader | None = field(default=None, compare=False)
    verdict: FoundVerdict | None = None
    stale: bool = False

    @classmethod
    def from_message(cls, message: search_pb2.SearchResponse, loader: Loader | None = None) -> Found:
        """From the dock's message; `loader` opens what is loaded."""
        mixture = _mixture(message.mixture) if message.HasField("mixture") else None
        hits = [_hit(each) for each in message.hits]
        verdict = _verdict(message.verdict) if message.HasField("verdict") else None
        notes = list(message.notes)
        return cls(hits, mixture, notes, message.compared, message.revision, loader, verdict, message.stale)

    @property
    def nothing_fits(self) -> bool:
        """Whether the verdict is that nothing fits: the hits are merely the nearest."""
        return self.verdict is not None and self.verdict.word == "nothing fits"

    def load(self, which: str | Sequence[object] = "mixture", *, where: str = "local") -> OpenMembers:
        """Open models: "mixture", "single" (the best hit), or ids or hits of this answer; close by `with`.

        where="local" pulls the packages and runs them here, each in a sandbox; where="dock" lets the dock run them.
        A learnware that does not open is left out, with a DockWarning and a note, and the others share its weight.
        Where the verdict is that nothing fits, only what is named is opened: "single", or ids.
        InvalidInput LOAD_WHERE, LOAD_WHICH; NotFound NOTHING_FOUND, NOT_AMONG_FOUND; FailedPrecondition NOTHING_FITS,
        DOCK_CLOSED.
        """
        check_where(where)
        if self.loader is None:
            raise FailedPrecondition(
                "This answer belongs to no dock.", reason="DOCK_CLOSED", hint="Search again with a Dock."
            )
        opened = self.loader(self._chosen(which), where)
        self.notes.extend(opened.notes)
        return opened

    def reuser(
        self,
        name: str | type = "averaging",
        which: str | Sequence[object] = "mixture",
        *,
        where: str = "local",
        **parameters: Any,
    ) -> Any:
        """Open what `load` opens and make a reuser of it; close by `with`, or its `close()`.

        `name` is averaging, job-selector, ensemble-pruning, feature-augmentation, one that a plug-in brings, or a class
        of reusers. The task, the number of classes and the names of the labels are those of the learnwares;
        `parameters` go to the reuser. Those that learn need `fit(X, y)` before `predict(X)`.
        NotFound PLUGIN_UNKNOWN; InvalidInput MEMBERS_DIFFER; and as `load`.
        """
        records = [record for record, _ in self._chosen(which)]
        task_of(records)
        return reuser_over(name, self.load(which, where=where), records, parameters)

    def _chosen(self, which: str | Sequence[object]) -> Weighted:
        if not self.hits and self.mixture is None:
            raise NotFound(
                "The search found nothing that could be loaded.",
                reason="NOTHING_FOUND",
                hint=" ".join(self.notes) or "Ask for less: fewer tags, no task type.",
            )
        if which == "mixture" and self.nothing_fits:
            raise FailedPrecondition(
                f"Nothing here fits the task. {plain(self.verdict.reason) if self.verdict else ''}".strip(),
                reason="NOTHING_FITS",
                hint="Train a model of your own; to use the nearest one all the same, name it ('single', or its id).",
            )
        if which == "mixture" and self.mixture is not None:
            return [(member.record, member.weight) for member in self.mixture.members]
        if which in ("mixture", "single"):
            return [(self._records()[0], 1.0)]
        if isinstance(which, str):
            raise InvalidInput(
                f"{which!r} is neither 'mixture' nor 'single'.", reason="LOAD_WHICH", hint="Ids go in a list."
            )
        known = {record.learnware_id: record for record in reversed(self._records())}
        return [(_pick(known, each), 1.0) for each in which]

    def _records(self) -> list[LearnwareRecord]:
        members = self.mixture.members if self.mixture is not None else ()
        return [hit.record for hit in self.hits] + [member.record for member in members]

    def __repr__(self) -> str:
        parts = [f"{len(self.hits)} found of {self.compared} compared"]
        if self.verdict is not None:
            parts.append(str(self.verdict))
        if self.hits:
            parts.append(text_table(_HITS, _hit_rows(self)))
        if self.mixture is not None:
            parts.append(f"mixture, distance {self.mixture.distance:.4f}")
            parts.append(text_table(_MEMBERS, _member_rows(self.mixture)))
        return "\n".join([*parts, *(f"note: {plain(note)}" for note in self.notes)])

    def _repr_html_(self) -> str:
        caption = f"{len(self.hits)} found of {self.compared} compared"
        mixture = self.mixture._repr_html_() if self.mixture is not None else ""
        notes = html_table(("notes",), [(note,) for note in self.notes]) if self.notes else ""
        said = html_table(("verdict", "reason"), [(self.verdict.word, self.verdict.reason)]) if self.verdict else ""
        return said + html_table(_HITS, _hit_rows(self), caption=caption) + mixture + notes


def check_where(where: str) -> None:
    """InvalidInput LOAD_WHERE for a place that is neither "local" nor "dock"."""
    if where not in ("local", "dock"):
        raise InvalidInput(f"where={where!r} is neither 'local' nor 'dock'.", reason="LOAD_WHERE")


def id_of(item: object) -> str:
    """The id that an id, a record, a hit or a member stands for. InvalidInput LOAD_WHICH."""
    record = getattr(item, "record", item)
    learnware_id = getattr(record, "learnware_id", record)
    if not isinstance(learnware_id, str) or not learnware_id:
        raise InvalidInput(
            f"{type(item).__name__} is no learnware.", reason="LOAD_WHICH", hint="Give ids, records, hits or members."
        )
    return learnware_id


def _pick(known: dict[str, LearnwareRecord], item: object) -> LearnwareRecord:
    if isinstance(item, FoundLearnware | MixtureMember):
        return item.record
    learnware_id = id_of(item)
    if learnware_id not in known:
        raise NotFound(
            f"{plain(learnware_id)} is not among what was found.",
            reason="NOT_AMONG_FOUND",
            hint=f"Found were {', '.join(list(known)[:10])}.",
        )
    return known[learnware_id]


def _hit(message: search_pb2.Hit) -> FoundLearnware:
    return FoundLearnware(
        record=LearnwareRecord.from_message(message.learnware),
        score=message.score,
        distance=message.distance,
        peer_distance=message.peer_distance,
        peer_score=message.peer_score,
        peer_rank=message.peer_rank,
        fits=_FITS.get(message.fit, ""),
    )


def _verdict(message: search_pb2.Verdict) -> FoundVerdict:
    word = "nothing fits" if message.fit == search_pb2.FIT_NOT else _FITS.get(message.fit, "cannot tell")
    return FoundVerdict(word, message.reason, message.ratio, message.strangers)


def _mixture(message: search_pb2.Mixture) -> FoundMixture:
    members = (MixtureMember(LearnwareRecord.from_message(each.learnware), each.weight) for each in message.members)
    return FoundMixture(tuple(members), message.distance, message.score)


def _hit_rows(found: Found) -> list[tuple[object, ...]]:
    return [
        (
            place,
            hit.record.name,
            hit.record.learnware_id,
            hit.record.owner,
            f"{hit.score:.3f}",
            f"{hit.distance:.4f}",
            hit.fits,
        )
        for place, hit in enumerate(found.hits, 1)
    ]


def _member_rows(mixture: FoundMixture) -> list[tuple[object, ...]]:
    return [(f"{each.weight:.3f}", each.record.name, each.record.learnware_id) for each in mixture.members]
