"""Reusers by name, plug-ins among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learndock import plugins
from learndock.reuse.member import Member


def make_reuser(name: str, members: Sequence[Member], **parameters: Any) -> Any:
    """Make the reuser of that name (`learndock.plugins.names(REUSERS)` lists them) for members.

    `parameters` go to its constructor: task, n_classes and what else it takes. NotFound PLUGIN_UNKNOWN;
    Unavailable PLUGIN_BROKEN.
    """
    return plugins.load(plugins.REUSERS, name)(members, **parameters)
