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
from dock_rpc.address import Address
from dock_rpc.peers import PEERS, peer_addresses
from dock_rpc.tls import ClientTls
from dock_search.settings import SearchSettings
from dock_server.adapters import check_adapters
from dock_server.backup.schedule import check_schedule
from dock_server.security import check_security, tls_of
from dock_server.settings import BackupSettings, DatabaseSettings, DockSettings, PackageSettings
from dock_server.targets import PEERS_OF, WITH_BLOBS, WITH_DATABASE, check_peers, check_targets
from dock_server.urls import HIDDEN, masked
from dock_specification.settings import SpecificationSettings
from learndock.errors import DockError, InvalidInput
from learndock.plugins import SEARCHERS, load

_OF_TARGET: Mapping[str, type[BaseSettings]] = {
    "ingestion": IngestionSettings,
    "checking": CheckingSettings,
    "specification": SpecificationSettings,
    "search": SearchSettings,
    "reuse": ReuseSettings,
}
_OF_CLIENTS = frozenset(
    {"DOCK_URL", "DOCK_OWNER", "DOCK_DEBUG", "DOCK_KEY", "DOCK_FAILPOINTS", "DOCK_TOKEN", "DOCK_TOKEN_FILE"}
    | {"DOCK_TLS_CA", "DOCK_TLS_CLIENT_CERT", "DOCK_TLS_CLIENT_KEY"}
)
_OF_OTHERS = "DOCK_TEST_"
"""Read by clients, by peers as clients of each other, and by our own tests."""
_Settings = TypeVar("_Settings", bound=BaseSettings)


@dataclass(frozen=True)
class Finding:
    """Something about the settings.

    `exit_code` is the one that `dock serve` would end with: 0 for a note or good news, 2 for a mistake, 1 for what was
    refused elsewhere; 3 for what it would wait for.
    """

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


def _read_well(cls: type[_Settings]) -> _Settings | None:
    """None where something is wrong with them, which is told where all are read."""
    try:
        return read_settings(cls)
    except InvalidInput:
        return None


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
        wrong = [Finding(each.reason, f"{each.message} {each.hint}".strip(), 2, "WRONG") for each in self._mistakes()]
        return [*wrong, *self._oddities()]

    def refuse_mistakes(self) -> None:
        """InvalidInput for the first thing that is wrong, with its own reason."""
        for error in self._mistakes():
            raise InvalidInput(error.message, reason=error.reason, hint=error.hint) from error

    def unread(self) -> list[Finding]:
        """Variables of the environment that look like settings, and that nobody reads."""
        return list(_unknown_variables(self._known()))

    def connections(self) -> list[Finding]:
        """Whether each thing that the settings name answers."""
        from dock_server.reaching import reach  # noqa: PLC0415 - only for those who ask

        return [
            Finding(
                each.name.replace(" ", "-"),
                f"{each.text.removesuffix('.')}. {each.remedy}" if each.remedy else each.text,
                each.exit_code if each.needed and not each.ok else 0,
                "ok" if each.ok else "FAILED" if each.needed else "note",
            )
            for each in reach(self.process, self.targets)
        ]

    def _mistakes(self) -> Iterator[DockError]:
        yield from self._missing_files()
        checks: list[Callable[[], object]] = [
            lambda: check_adapters(self.process),
            lambda: check_peers(self.targets, peer_addresses()),
            *(lambda where=where: Address.parse(where) for where in peer_addresses().values() if where),
            lambda: check_security(self.process, self.targets, peer_addresses()),
            self._check_certificate,
            self._check_line_to_peers,
            self._check_bus,
            self._check_store,
            *(lambda cls=cls: read_settings(cls) for cls in self._classes()[1:]),
            self._check_searcher,
            self._check_backups,
        ]
        for check in checks:
            try:
                check()
            except DockError as error:
                yield error

    def _oddities(self) -> Iterator[Finding]:
        if not self.process.embedded and not self.process.bus_url:
            yield Finding("DOCK_BUS_URL", "is unset: other processes' work is only found by polling the database")
        yield from self.unread()

    def _check_certificate(self) -> None:
        files = (self.process.tls_cert, self.process.tls_key, self.process.tls_client_ca)
        if all(file is None or file.is_file() for file in files) and (tls := tls_of(self.process)) is not None:
            tls.read()

    def _check_line_to_peers(self) -> None:
        if any(peer in peer_addresses() for target in self.targets for peer in PEERS_OF.get(target, ())):
            ClientTls.of_environment().credentials()

    def _check_searcher(self) -> None:
        if "search" in self.targets and (searcher := _read_well(SearchSettings)) is not None:
            load(SEARCHERS, searcher.searcher)

    def _check_backups(self) -> None:
        if "ingestion" in self.targets and (backups := _read_well(BackupSettings)) is not None:
            check_schedule(backups)

    def _check_bus(self) -> None:
        if self.process.bus_url and not self.process.bus_url.startswith("inproc") and WITH_DATABASE & set(self.targets):
            from dock_bus.access import options  # noqa: PLC0415 - brings the NATS client

            options(self.process.bus_url, read_settings(BusSettings))

    def _check_store(self) -> None:
        if self.process.blob_url.startswith("s3:") and WITH_BLOBS & set(self.targets):
            from dock_blob.address import Address  # noqa: PLC0415 - as above

            Address.parse(self.process.blob_url, read_settings(BlobSettings))

    def _missing_files(self) -> Iterator[DockError]:
        for cls in self._classes():
            settings = self.process if cls is DockSettings else _read_well(cls)
            if settings is None:
                continue
            for name in cls.model_fields:
                value = getattr(settings, name)
                is_file = name.startswith("tls_") or name.endswith(("_file", "credentials", "advisories"))
                if is_file and name != "address_file" and value and not Path(str(value)).is_file():
                    yield InvalidInput(
                        f"{_variable(cls, (name,))} names no file: {value}.",
                        reason="SETTING_FILE_MISSING",
                        hint="Give the path of a file that this user may read.",
                    )

    def _classes(self) -> list[type[BaseSettings]]:
        found: list[type[BaseSettings]] = [DockSettings]
        mine = set(self.targets)
        if self.process.db_url and WITH_DATABASE & mine:
            found.append(DatabaseSettings)
        if self.process.blob_url.startswith("s3:") and WITH_BLOBS & mine:
            found.append(BlobSettings)
        if self.process.bus_url and WITH_DATABASE & mine:
            found.append(BusSettings)
        if "ingestion" in mine:
            found.append(BackupSettings)
        return [*found, PackageSettings, *(_OF_TARGET[name] for name in _OF_TARGET if name in mine)]

    def _known(self) -> set[str]:
        every: list[type[BaseSettings]] = [
            DockSettings,
            DatabaseSettings,
            BlobSettings,
            BusSettings,
            BackupSettings,
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
