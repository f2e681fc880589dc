"""Addresses of docks and services: what gRPC is given, whether TLS is spoken there, and whether it is this machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from learndock.errors import InvalidInput

_RESOLVED = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:")


@dataclass(frozen=True)
class Address:
    """Where a server listens, or several replicas of it do.

    `hosts` are their names or numbers, none where it is a file; `ports` are those of the hosts, 0 where it is not said.
    """

    target: str
    secure: bool
    hosts: tuple[str, ...]
    ports: tuple[int, ...] = ()

    @property
    def on_this_machine(self) -> bool:
        """Whether nothing that is sent there leaves the machine."""
        return all(is_loopback(host) for host in self.hosts)

    @property
    def authority(self) -> str:
        """The name that all replicas' certificates have to be for; "" where the target itself says it."""
        if len(self.hosts) < 2:
            return ""
        return f"[{self.hosts[0]}]" if ":" in self.hosts[0] else self.hosts[0]

    def __str__(self) -> str:
        return f"https://{self.target}" if self.secure else self.target

    @classmethod
    def parse(cls, text: str, *, secure: bool = False) -> Address:
        """From host:port, https://host:port (TLS), http://host:port (none), or a name of gRPC's such as dns:///host:port.

        `secure` says whether TLS is spoken where the text does not say; to a file it never is. InvalidInput
        ADDRESS_INVALID.
        """
        scheme, _, rest = text.partition("://")
        if scheme in ("http", "https"):
            return cls._of_pair(text, rest.rstrip("/"), secure=scheme == "https")
        if text.startswith(_RESOLVED):
            return cls._of_name(text, secure)
        return cls._of_pair(text, text, secure)

    @classmethod
    def _of_pair(cls, text: str, pair: str, secure: bool) -> Address:
        pairs = [_host_and_port(text, each) for each in pair.split(",")]
        hosts, ports = tuple(host for host, _ in pairs), tuple(port for _, port in pairs)
        if len(hosts) == 1:
            return cls(pair, secure, hosts, ports)
        return cls(f"{_family(text, hosts)}:{pair}", secure, hosts, ports)

    @classmethod
    def _of_name(cls, text: str, secure: bool) -> Address:
        scheme, _, rest = text.partition(":")
        if scheme.startswith("unix"):
            return cls(text, False, ())  # a dock speaks TLS at its port alone
        pairs = [each.rpartition("/")[2] for each in rest.split(",")]
        hosts = tuple(pair.rpartition(":")[0].strip("[]") or pair for pair in pairs)
        ports = tuple(int(port) if (port := pair.rpartition(":")[2]).isdecimal() else 0 for pair in pairs)
        return cls(text, secure, hosts, ports)


def _host_and_port(text: str, pair: str) -> tuple[str, int]:
    host, colon, port = pair.rpartition(":")
    bare = host.strip("[]")
    good = colon and port.isdecimal() and int(port) <= 65535 and not set(pair) & set("/@? \t\r\n")
    if not good or (":" in bare and not host.startswith("[")):
        raise _invalid(text)
    return bare, int(port)


def _family(text: str, hosts: tuple[str, ...]) -> str:
    """What gRPC calls several numeric addresses; of names it takes one, which may stand for several addresses."""
    try:
        versions = {ipaddress.ip_address(host).version for host in hosts}
    except ValueError:
        raise _invalid(text) from None
    if len(versions) != 1:
        raise _invalid(text)
    return f"ipv{versions.pop()}"


def is_loopback(host: str) -> bool:
    """Whether a name or number is this very machine: 127.0.0.1 is, 127.evil.example is not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _invalid(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r} is no address of a dock.",
        reason="ADDRESS_INVALID",
        hint="Give host:port, such as 127.0.0.1:50051, https://host:port where it speaks TLS, or dns:///name:port "
        "for several replicas.",
    )
