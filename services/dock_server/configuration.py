"""The settings in force for chosen targets: where each is from, what is wrong with them, and whom they reach."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings

from dock_blob.settings import BlobSettings
from dock_bus.settings import BusSettings
from dock_checking.settings import CheckingSettings
from dock_ingestion.settings import IngestionSettings
from dock_reuse.settings import ReuseSettings
from dock_rpc.peers import PEERS, peer_addresses
from dock_search.settings import SearchSettings
from dock_server.adapters import check_adapters
from dock_server.security import check_security
from dock_server.settings import DatabaseSettings, DockSettings, PackageSettings
from dock_server.targets import WITH_BLOBS, WITH_DATABASE, check_peers, check_targets
from dock_server.urls import HIDDEN, masked
from dock_specification.settings import SpecificationSettings
from learndock.errors import DockError, InvalidInput

_OF_TARGET: Mapping[str, type[BaseSettings]] = {
    "ingestion": IngestionSettings,
    "checking": CheckingSettings,
    "specification": SpecificationSettings,
    "search": SearchSettings,
    "reuse": ReuseSettings,
}
_OF_CLIENTS = frozenset({"DOCK_URL", "DOCK_OWNER", "DOCK_DEBUG", "DOCK_KEY", "DOCK_TOKEN", "DOCK_FAILPOINTS"})
_OF_OTHERS = ("DOCK_TLS_", "DOCK_TOKEN", "DOCK_TEST_")
"""Read by clients, by peers as clients of each other, and by our own tests."""
_Settings = TypeVar("_Settings", bound=BaseSettings)


@dataclass(frozen=True)
class Finding:
    """Something about the settings. `exit_code` 0 is a warning or good news, 2 a mistake, 3 nobody there."""

    what: str
    text: str
    exit_code: int = 0
    mark: str = "note"

    @property
    def serious(self) -> bool:
        """Whether the process would not run."""
        return self.exit_code > 0


@dataclass(frozen=True)
class Value:
    """One setting in force, with secrets masked; `origin` is option, environment or default."""

    name: str
    value: str
    origin: str


def read_settings(cls: type[_Settings], given: Mapping[str, Any] | None = None) -> _Settings:
    """Settings from options and environment. InvalidInput SETTING_INVALID names the variable, not its value."""
    try:
        return cls(**(given or {}))
    except ValidationError as error:
        wrong = "; ".join(f"{_variable(cls, each['loc'])}: {each['msg']}" for each in error.errors())
        raise InvalidInput(
            f"A setting is wrong: {wrong}.",
            reason="SETTING_INVALID",
            hint="docs/reference/settings.md lists each with its unit and bounds.",
        ) from None


class Configuration:
    """Settings of the whole process and of `targets`, options before the environment."""

    def __init__(self, targets: Sequence[str], given: Mapping[str, Any]) -> None:
        check_targets(targets)
        self.targets = list(targets)
        self._given = dict(given)
        self.process = read_settings(DockSettings, self._given)

    def values(self) -> list[Value]:
        """Every setting in force."""
        found = []
        for cls in self._classes():
            options = self._given if cls is DockSettings else {}
            settings = read_settings(cls, options)
            for name in cls.model_fields:
                variable = _variable(cls, (name,))
                found.append(Value(variable, _shown(_in_force(settings, name)), _origin(variable, name, options)))
        for name in PEERS:
            address = peer_addresses().get(name)
            if address:
                found.append(Value(f"DOCK_PEERS_{name.upper()}", address, "environment"))
        return found

    def printed(self) -> str:
        """The settings as lines that a shell reads, each with its origin as a comment."""
        values = self.values()
        lines = [f"{each.name}={shlex.quote(each.value) if each.value else ''}" for each in values]
        width = min(60, max(map(len, lines)))
        return "\n".join(f"{line:<{width}}  # {each.origin}" for line, each in zip(lines, values, strict=True))

    def findings(self) -> list[Finding]:
        """What is wrong with the settings, or odd; nothing is connected and no folder is made."""
        return [*self._mistakes(), *_unknown_variables(self._known())]

    def connections(self) -> list[Finding]:
        """Whether each thing that the settings name answers."""
        from dock_server.reaching import reach  # noqa: PLC0415 - only for those who ask

        return [
            Finding(
                each.name.replace(" ", "-"),
                f"{each.text.removesuffix('.')}. {each.remedy}" if each.remedy else each.text,
                3 if each.needed and not each.ok else 0,
                "ok" if each.ok else "FAILED" if each.needed else "note",
            )
            for each in reach(self.process, self.targets)
        ]

    def _mistakes(self) -> Iterator[Finding]:
        checks: list[Callable[[], object]] = [
            lambda: check_adapters(self.process),
            lambda: check_peers(self.targets, peer_addresses()),
            lambda: check_security(self.process, self.targets, peer_addresses()),
            self._check_bus,
            self._check_store,
            *(lambda cls=cls: read_settings(cls) for cls in self._classes()[1:]),
        ]
        for check in checks:
            try:
                check()
            except DockError as error:
                yield Finding(error.reason, f"{error.message} {error.hint}".strip(), 2, "WRONG")
        yield from self._missing_files()
        if not self.process.embedded and not self.process.bus_url:
            yield Finding("DOCK_BUS_URL", "is unset: other processes' work is only found by polling the database")

    def _check_bus(self) -> None:
        if self.process.bus_url and not self.process.bus_url.startswith("inproc"):
            from dock_bus.access import options  # noqa: PLC0415 - brings the NATS client

            options(self.process.bus_url, read_settings(BusSettings))

    def _check_store(self) -> None:
        if self.process.blob_url.startswith("s3:") and WITH_BLOBS & set(self.targets):
            from dock_blob.address import Address  # noqa: PLC0415 - as above

            Address.parse(self.process.blob_url, read_settings(BlobSettings))

    def _missing_files(self) -> Iterator[Finding]:
        for cls in self._classes():
            try:
                settings = read_settings(cls, self._given if cls is DockSettings else {})
            except InvalidInput:
                continue  # told already
            for name in cls.model_fields:
                value = getattr(settings, name)
                is_file = name.startswith("tls_") or name.endswith(("_file", "credentials", "advisories"))
                if is_file and name != "address_file" and value and not Path(str(value)).is_file():
                    yield Finding(_variable(cls, (name,)), f"names no file: {value}", 2, "WRONG")

    def _classes(self) -> list[type[BaseSettings]]:
        found: list[type[BaseSettings]] = [DockSettings]
        mine = set(self.targets)
        if self.process.db_url and WITH_DATABASE & mine:
            found.append(DatabaseSettings)
        if self.process.blob_url.startswith("s3:") and WITH_BLOBS & mine:
            found.append(BlobSettings)
        if self.process.bus_url and WITH_DATABASE & mine:
            found.append(BusSettings)
        return [*found, PackageSettings, *(_OF_TARGET[name] for name in _OF_TARGET if name in mine)]

    def _known(self) -> set[str]:
        every: list[type[BaseSettings]] = [
            DockSettings,
            DatabaseSettings,
            BlobSettings,
            BusSettings,
            PackageSettings,
        ]
        every += _OF_TARGET.values()
        names = {_variable(cls, (name,)) for cls in every for name in cls.model_fields}
        return names | _OF_CLIENTS | {f"DOCK_PEERS_{name.upper()}" for name in PEERS}


def _unknown_variables(known: set[str]) -> Iterator[Finding]:
    for name in sorted(os.environ):
        if name.upper().startswith("DOCK_") and not name.upper().startswith(_OF_OTHERS) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            yield Finding(name, f"is read by nobody here{f'; is {near[0]} meant?' if near else ''}")


def _variable(cls: type[BaseSettings], where: Sequence[Any]) -> str:
    name = str(where[0]) if where else ""
    return name if name.startswith("DOCK_") else f"{cls.model_config.get('env_prefix', '')}{name}".upper()


def _origin(variable: str, name: str, given: Mapping[str, Any]) -> str:
    if name in given:
        return "option"
    return "environment" if any(each.upper() == variable for each in os.environ) else "default"


def _in_force(settings: BaseSettings, name: str) -> object:
    """A setting's value; where it is unset, what that stands for."""
    if isinstance(settings, DockSettings) and name == "drain_s":
        return settings.drain_seconds
    if isinstance(settings, DockSettings) and name == "max_connection_age_s":
        return settings.connection_age_seconds
    return getattr(settings, name)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if value is None:
        return ""
    return masked(str(value))
