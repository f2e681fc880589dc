"""The services of a dock as stubs, wherever each of them runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from dock_rpc.bearer import Secret, no_token
from dock_rpc.channel import channel
from dockapi.checking.v1.checking_pb2_grpc import CheckingServiceStub
from dockapi.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from dockapi.reuse.v1.reuse_pb2_grpc import ReuseServiceStub
from dockapi.search.v1.search_pb2_grpc import SearchServiceStub
from dockapi.specification.v1.specification_pb2_grpc import SpecificationServiceStub

_STUBS: dict[str, Any] = {
    "ingestion": IngestionServiceStub,
    "checking": CheckingServiceStub,
    "specification": SpecificationServiceStub,
    "search": SearchServiceStub,
    "reuse": ReuseServiceStub,
}
PEERS = tuple(_STUBS)


@dataclass(frozen=True)
class Peers:
    """A stub for each service. Services at one address share a channel."""

    ingestion: IngestionServiceStub
    checking: CheckingServiceStub
    specification: SpecificationServiceStub
    search: SearchServiceStub
    reuse: ReuseServiceStub
    channels: tuple[grpc.Channel, ...] = ()

    @classmethod
    def connect(
        cls,
        default: str,
        addresses: Mapping[str, str] | None = None,
        *,
        patience_s: float = 0.0,
        token: Secret = no_token,
        token_in_clear: bool = False,
    ) -> Peers:
        """Stubs for the services at `addresses` (by name), the others at `default`. Connects at the first call.

        `patience_s` is how long calls bear an overloaded service, `token` what they take along: see `channel`.
        """
        where = {name: (addresses or {}).get(name) or default for name in _STUBS}
        channels = {
            address: channel(
                address,
                patience_s=patience_s,
                token=token,
                token_in_clear=token_in_clear,
                named_by=_named_by(address, where),
            )
            for address in sorted(set(where.values()))
        }
        stubs = {name: stub(channels[where[name]]) for name, stub in _STUBS.items()}
        return cls(**stubs, channels=tuple(channels.values()))

    def close(self) -> None:
        """Close the channels; running calls are cancelled."""
        for each in self.channels:
            each.close()

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def peer_addresses(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The addresses set by DOCK_PEERS_INGESTION, DOCK_PEERS_CHECKING, and so on."""
    named = {name: environment.get(f"DOCK_PEERS_{name.upper()}", "").strip() for name in PEERS}
    return {name: address for name, address in named.items() if address}


def _named_by(address: str, where: Mapping[str, str]) -> str:
    """The variables that gave a channel its address; "" where it came from elsewhere."""
    given = peer_addresses()
    names = [name for name in PEERS if where[name] == address and given.get(name) == address]
    return " and ".join(f"DOCK_PEERS_{name.upper()}" for name in names)
