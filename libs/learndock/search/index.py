"""Index: learnwares in memory, searched exactly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from learndock.errors import InvalidInput
from learndock.search.answer import SearchResult
from learndock.search.island import Island, island_of
from learndock.search.null import Nulls
from learndock.search.query import search_shelves, search_words
from learndock.search.shelf import Entry, Shelf
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from learndock.specification.threads import one_thread

_Place = tuple[Island, float]
MIXTURES = ("greedy", "weights", "none")


class Index:
    """Learnwares by key. Thread-safe: a search sees the learnwares of one moment while others come and go.

    Islands are islands of one gamma; a task is compared with those of its own gamma only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._members: dict[_Place, dict[str, Entry]] = {}
        self._shelves: dict[_Place, Shelf] = {}
        self._changed: set[_Place] = set()
        self._nulls = Nulls()

    def add(self, key: str, semantic: SemanticSpecification, specification: TableSpecification | None) -> None:
        """Put a learnware in, or in the place of the one with its key. Without a specification only words find it."""
        entry = Entry.of(key, semantic, specification)
        place = _place(entry)
        with self._lock:
            self._take_out(key)
            self._entries[key] = entry
            if place is not None:
                self._members.setdefault(place, {})[key] = entry
                self._changed.add(place)

    def remove(self, key: str) -> None:
        """Take a learnware out; one that is not there is out already."""
        with self._lock:
            self._take_out(key)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def panel(self, key: str, size: int) -> list[tuple[str, TableSpecification]]:
        """At most `size` learnwares of the island where `key` stands, without itself, evenly spaced by key."""
        with self._lock:
            entry = self._entries.get(key)
            place = _place(entry) if entry else None
            others = sorted((self._members[place].keys() if place else set()) - {key})
            chosen = (
                others if len(others) <= size else [others[int(at)] for at in np.linspace(0, len(others) - 1, size)]
            )
            found = [(each, self._entries[each].specification) for each in chosen]
        return [(each, specification) for each, specification in found if specification is not None]

    def islands(self) -> Mapping[Island, int]:
        """How many learnwares with a specification stand on each island."""
        found: Counter[Island] = Counter()
        with self._lock:
            for (island, _), members in self._members.items():
                found[island] += len(members)
        return dict(found)

    def search(
        self,
        task: TableSpecification | None,
        query: SemanticSpecification,
        text: str = "",
        *,
        limit: int = 10,
        mixture: str = "greedy",
        mixture_size: int = 5,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> SearchResult:
        """Find the learnwares nearest to a task among those that fit the query, and a mixture of them.

        Compared are learnwares of the task's width and gamma. Data type, task type and output domain restrict the
        hits where the query says them; the mixture is made on the best hit's island only. With no task the words
        decide alone. `cancelled` is asked between blocks; True ends it with DeadlineExceeded SEARCH_CANCELLED.
        `progress` is told the share done, 0 to 1, now and then. Both are called by the caller's thread alone.
        InvalidInput SEARCH_LIMIT_OUT_OF_RANGE or MIXTURE_UNKNOWN.
        """
        _check(limit, mixture, mixture_size)
        if task is None:
            with self._lock:
                entries = list(self._entries.values())
            return search_words(entries, query, text, limit, cancelled)
        shelves, neighbours, notes = self._shelves_for(task, query)
        wanted = {"none": 0}.get(mixture, mixture_size)
        with one_thread():
            return search_shelves(
                shelves, neighbours, self._nulls, task, query, text, limit, mixture, wanted, notes, cancelled, progress
            )

    def _shelves_for(
        self, task: TableSpecification, query: SemanticSpecification
    ) -> tuple[dict[Island, Shelf], list[Shelf], list[str]]:
        with self._lock:
            fitting = [place for place in self._members if _may_be_offered(place[0], task, query)]
            places = [place for place in fitting if place[1] == task.gamma]
            others = sum(len(self._members[place]) for place in fitting if place not in places)
            alike = sorted(each for each in self._members if _comparable(each, task))
            for place in alike:
                if place in self._changed:
                    members = list(self._members[place].values())
                    self._shelves[place] = Shelf(members, older=self._shelves.get(place))
                    self._changed.discard(place)
            shelves = {place[0]: self._shelves[place] for place in sorted(places)}
            neighbours = [self._shelves[place] for place in alike]
        note = f"{others} learnwares were left out: their kernel is not the task's (gamma {task.gamma:g})."
        return shelves, neighbours, [note] if others else []

    def _take_out(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        place = _place(entry) if entry else None
        if place is None:
            return
        members = self._members[place]
        del members[key]
        self._changed.add(place)
        if not members:
            del self._members[place]
            self._shelves.pop(place, None)
            self._changed.discard(place)


def _place(entry: Entry) -> _Place | None:
    if entry.specification is None:
        return None
    return island_of(entry.semantic, entry.specification), entry.specification.gamma


def _comparable(place: _Place, task: TableSpecification) -> bool:
    return place[0].input_dimension == task.dimension and place[1] == task.gamma


def _may_be_offered(island: Island, task: TableSpecification, query: SemanticSpecification) -> bool:
    return (
        island.input_dimension == task.dimension
        and query.data_type in ("", island.data_type)
        and query.task_type in ("", island.task_type)
        and query.output_dimension in (None, island.output_dimension)
    )


def _check(limit: int, mixture: str, mixture_size: int) -> None:
    if limit < 1 or mixture_size < 1:
        raise InvalidInput(
            f"limit and mixture_size are at least 1, not {limit} and {mixture_size}.",
            reason="SEARCH_LIMIT_OUT_OF_RANGE",
            hint='For no mixture say mixture="none".',
        )
    if mixture not in MIXTURES:
        raise InvalidInput(
            f"There is no mixture strategy {mixture!r}.", reason="MIXTURE_UNKNOWN", hint=f"Use {', '.join(MIXTURES)}."
        )
