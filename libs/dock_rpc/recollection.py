"""What is remembered under a key, the last so many."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")


class Recollection(Generic[_Thing]):
    """Holds `most` things; where one more comes, the one goes that was asked for longest ago. Not safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[str, _Thing] = OrderedDict()

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: str) -> _Thing | None:
        """What is remembered under the key."""
        found = self._things.get(key)
        if found is not None:
            self._things.move_to_end(key)
        return found

    def keep(self, key: str, thing: _Thing) -> None:
        """Remember it."""
        self._things[key] = thing
        self._things.move_to_end(key)
        if len(self._things) > self._most:
            self._things.popitem(last=False)

    def forget(self, key: str) -> None:
        """Remember nothing under the key."""
        self._things.pop(key, None)
