"""A dock as separate processes over PostgreSQL, NATS and S3, with the face of one that is a single process."""

from __future__ import annotations

from pathlib import Path

from tools.services.house import House

from dock_blob.s3 import S3BlobStore
from learndock.client import Dock


class SeparateDock:
    """The services of a house, spoken to as if they were one dock; its folder holds what they share on this machine."""

    def __init__(self, house: House, blob_url: str) -> None:
        self.house = house
        self._blob_url = blob_url

    @property
    def data(self) -> Path:
        """The folder that all of them were given."""
        return self.house.folder / "data"

    @property
    def address(self) -> str:
        """Where what is not named elsewhere is looked for."""
        return self.address_of("ingestion")

    def address_of(self, target: str) -> str:
        """Where a service listens."""
        return self.house[target].address

    @property
    def metrics_urls(self) -> list[str]:
        """Where each process tells its metrics."""
        return [f"{member.metrics_url}/metrics" for member in self.house.members]

    @property
    def addresses(self) -> dict[str, str]:
        """The variables by which a command finds all services."""
        return {"DOCK_URL": self.address, **self.house.peers()}

    def client(self, owner: str = "tester") -> Dock:
        """A client that knows where each service is."""
        peers = {name.removeprefix("DOCK_PEERS_").lower(): where for name, where in self.house.peers().items()}
        return Dock(self.address, owner=owner, peers=peers)

    def keys(self) -> set[str]:
        """What lies in the store."""
        store = S3BlobStore.connect(self._blob_url)
        try:
            return {info.key for info in store.list()} | {info.key for info in store.list_unfinished()}
        finally:
            store.close()

    def start(self) -> SeparateDock:
        """Start every service and wait until all are ready."""
        self.house.start()
        return self

    def stop(self) -> int:
        """End all as an operator would; 0 where each went by itself."""
        went = self.house.stop()
        return 0 if went and all(member.exit_status == 0 for member in self.house.members) else 1

    def last_lines(self) -> str:
        """The end of each log."""
        return "\n".join(f"{member.name}:\n{member.last_lines()}" for member in self.house.members)
