"""Dock: a running dock as a Python object."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dock_rpc.address import Address
from dock_rpc.convert import rkme_to_specification, specification_to_rkme
from dock_rpc.peers import Peers, peer_addresses
from dock_rpc.principal import Principal
from dock_trace import TraceContext, current, span
from dockapi.checking.v1 import checking_pb2
from dockapi.ingestion.v1 import ingestion_pb2
from dockapi.search.v1 import search_pb2
from dockapi.specification.v1 import specification_pb2
from learndock.client.account import user_name
from learndock.client.chosen import items_of, member_of
from learndock.client.download import Download, Progress, cache_folder, file_name
from learndock.client.found import Found, Weighted, check_where, id_of
from learndock.client.loading import Opened, Opener, OpenMembers, local_opener, open_members, table_or_none
from learndock.client.patience import Patience
from learndock.client.question import filter_text, specified, strategy
from learndock.client.records import Breach, CheckStep, LearnwareRecord, Verdict, state_number, warn_of_newer
from learndock.client.remote import RemoteModel, predict_blocks
from learndock.client.tokens import goes_in_clear, token_for
from learndock.client.upload import Upload, as_zip, make_parcel, semantic_text
from learndock.client.verifying import Attestation, Verifier, keep
from learndock.client.watching import follow_check, wait_for_end
from learndock.errors import FailedPrecondition, NotFound
from learndock.provenance import KnownDocks
from learndock.semantic import SemanticSpecification

if TYPE_CHECKING:
    from learndock.plot import DockMap
    from learndock.specification import Specification, TableSpecification

DEFAULT_ADDRESS = "127.0.0.1:50051"
PAGE = 200
_SERVABLE = frozenset({"ACCEPTED", "EMBEDDING", "INDEXED", "DEPRECATED"})


class Dock:
    """A dock at `address` ("host:port"; default DOCK_URL or 127.0.0.1:50051), spoken to as `owner`.

    `peers` are the addresses of services that are elsewhere, such as {"search": "dns:///search:50051"}; where `address`
    is not given, or is DOCK_URL, they are those of DOCK_PEERS_INGESTION, DOCK_PEERS_SEARCH and so on.
    Nothing is connected before the first call. Errors are those of `learndock.errors`; a dock that is down is
    Unavailable DOCK_UNREACHABLE. `patience_s` is how long push, pull and wait bear a dock that went away in the
    middle, and any call one that is overloaded. Safe for threads; close it, or use `with`.

    An address https://host:port speaks TLS, and any does where DOCK_TLS_CA names an authority. `token` (default
    DOCK_TOKEN, the file DOCK_TOKEN_FILE, what `dock login` kept for the address) says who speaks; `owner` is then whom
    it stands for. It is sent to other machines by TLS only: FailedPrecondition TOKEN_IN_CLEAR.
    """

    def __init__(
        self,
        address: str = "",
        owner: str = "",
        *,
        patience_s: float = 10.0,
        cache: Path | None = None,
        peers: Mapping[str, str] | None = None,
        token: str = "",
    ) -> None:
        usual = os.environ.get("DOCK_URL", "")
        if peers is None:
            peers = peer_addresses() if address in ("", usual) else {}
        self.address = _checked_address(address or usual or DEFAULT_ADDRESS)
        self._owner = owner or os.environ.get("DOCK_OWNER", "")
        self._token = token_for(self.address, token)
        self._patience_s = patience_s
        self._cache = cache
        elsewhere = {name: _checked_address(where) for name, where in peers.items()}
        self._peers = Peers.connect(
            self.address, elsewhere, patience_s=patience_s, token=self._token, token_in_clear=goes_in_clear()
        )

    @property
    def owner(self) -> str:
        """Whose name is on what is pushed: the one given, else the token's, else the user's on this machine."""
        if not self._owner:
            self._owner = (self.principal().owner if self._token() else "") or user_name()
        return self._owner

    def principal(self) -> Principal:
        """Whom the token stands for, as the dock sees it; all empty where the dock asks for none."""
        try:
            found = self._peers.ingestion.GetPrincipal(ingestion_pb2.GetPrincipalRequest())
        except FailedPrecondition as error:
            if error.reason != "METHOD_UNKNOWN":
                raise
            return Principal("", "", frozenset(), "")  # a dock from before tokens
        return Principal(found.tenant, found.owner, frozenset(found.scopes), found.token_id)

    def push(
        self,
        path: str | Path,
        *,
        semantic: SemanticSpecification | Mapping[str, Any] | str | None = None,
        learnware_id: str = "",
        on_progress: Progress | None = None,
    ) -> LearnwareRecord:
        """Submit a learnware's zip (or its folder, packed on the way); as a new version with `learnware_id`.

        Goes on where an earlier push of the same was cut; the same content again is the same learnware.
        `on_progress(persisted, total)` counts bytes the dock holds. Errors of the package are InvalidInput.
        """
        text = semantic_text(semantic)
        within = current() or TraceContext.of_environment()
        with span("push", kind="client", parent=within), as_zip(Path(path)) as zipped:
            parcel = make_parcel(zipped, owner=self.owner, learnware_id=learnware_id, semantic_json=text)
            upload = Upload(self._peers.ingestion, Patience(self._patience_s), on_progress)
            return LearnwareRecord.from_message(upload.push(parcel))

    def pull(
        self,
        learnware_id: str,
        into: str | Path = ".",
        version: int = 0,
        *,
        on_progress: Progress | None = None,
        verified: bool = True,
    ) -> Path:
        """Fetch a package (version 0: the `usable` one) into a folder or as a .zip; goes on after a cut.

        The dock's signed verdict is verified first and kept beside it, as `<file>.verdict.json`; the key is pinned when
        the dock is first met. Unless `verified`, what comes is only compared with the digest the dock states.
        FailedPrecondition VERDICT_UNSIGNED, VERDICT_REJECTED, DOCK_KEY_CHANGED, SIGNATURE_INVALID.
        """
        record = self.get(learnware_id, version) if version else self.usable(learnware_id)
        target = Path(into)
        if target.suffix != ".zip" or target.is_dir():
            target /= file_name(record)
        return self._pull(record, target, on_progress, verified=verified)

    def attestation(self, learnware_id: str, version: int = 0) -> Attestation:
        """The signed verdict of a version, verified, with the bill of the environment it was checked in."""
        return self._verifier().verify(self.get(learnware_id, version))

    def _verifier(self) -> Verifier:
        return Verifier(self._peers.checking, self.address, KnownDocks.of_user())

    def _pull(
        self, record: LearnwareRecord, target: Path, on_progress: Progress | None = None, *, verified: bool = True
    ) -> Path:
        found = self._verifier().verify(record) if verified else None
        path = self._download(on_progress).pull(record, target)
        if found is not None:
            keep(found, path)
        return path

    def get(self, learnware_id: str, version: int = 0) -> LearnwareRecord:
        """The record of a version (0: the newest). NotFound LEARNWARE_NOT_FOUND."""
        request = ingestion_pb2.GetLearnwareRequest(learnware_id=learnware_id, version=version)
        return LearnwareRecord.from_message(self._peers.ingestion.GetLearnware(request).learnware)

    def usable(self, learnware_id: str) -> LearnwareRecord:
        """The version to use where none is named: the indexed one, else the newest accepted one.

        A DockWarning says so where a newer one is there. FailedPrecondition LEARNWARE_SUSPENDED.
        """
        request = ingestion_pb2.GetLearnwareRequest(learnware_id=learnware_id, usable=True)
        record = LearnwareRecord.from_message(self._peers.ingestion.GetLearnware(request).learnware)
        warn_of_newer(record, self.get(learnware_id))
        return record

    def breaches(self, learnware_id: str, version: int = 0) -> tuple[Breach, ...]:
        """Predictions of a version (0: the newest) that broke rules, and reinstatements, newest first."""
        request = ingestion_pb2.ListBreachesRequest(learnware_id=learnware_id, version=version)
        return tuple(map(Breach.from_message, self._peers.ingestion.ListBreaches(request).breaches))

    def list(self, owner: str = "", states: Iterable[str] = (), name_contains: str = "") -> list[LearnwareRecord]:
        """Every record that fits, over all pages."""
        numbers = [state_number(name) for name in ([states] if isinstance(states, str) else states)]
        request = ingestion_pb2.ListLearnwaresRequest(
            owner=owner, states=numbers, name_contains=name_contains, page_size=PAGE
        )
        records: list[LearnwareRecord] = []
        while True:
            page = self._peers.ingestion.ListLearnwares(request)
            records += map(LearnwareRecord.from_message, page.learnwares)
            if not page.next_page_token:
                return records
            request.page_token = page.next_page_token

    def delete(self, learnware_id: str, version: int = 0) -> int:
        """Delete a version (0: all); the number deleted."""
        request = ingestion_pb2.DeleteLearnwareRequest(learnware_id=learnware_id, version=version)
        return int(self._peers.ingestion.DeleteLearnware(request).deleted_versions)

    def watch(self, learnware_id: str, version: int = 0) -> Iterator[CheckStep | Verdict]:
        """The steps of a check as they happen, from the first, then the verdict.

        While it waits its turn, a step named "queue" tells its place. Goes on where it was when the dock comes back.
        """
        request = checking_pb2.WatchCheckRequest(learnware_id=learnware_id, version=version)
        return follow_check(self._peers.checking, request, Patience(self._patience_s))

    def wait(self, learnware_id: str, version: int = 0, timeout: float = 600.0) -> LearnwareRecord:
        """The record when it is INDEXED, REJECTED or otherwise at an end. DeadlineExceeded WAIT_TIMEOUT (seconds)."""
        request = ingestion_pb2.WatchLearnwareRequest(learnware_id=learnware_id, version=version)
        return wait_for_end(self._peers.ingestion, request, Patience(self._patience_s), timeout)

    def verdict(self, learnware_id: str, version: int = 0) -> Verdict:
        """The verdict with its steps and log. NotFound VERDICT_NOT_FOUND while there is none."""
        request = checking_pb2.GetVerdictRequest(learnware_id=learnware_id, version=version)
        return Verdict.from_message(self._peers.checking.GetVerdict(request).verdict)

    def specification(self, learnware_id: str, version: int = 0) -> Specification:
        """The statistical specification of a learnware: a TableSpecification, or what a plug-in's type reads.

        NotFound SPECIFICATION_NOT_FOUND where it has none; FailedPrecondition SPECIFICATION_TYPE_UNKNOWN where the
        plug-in is not installed here.
        """
        request = specification_pb2.GetSpecificationRequest(learnware_id=learnware_id, version=version)
        return rkme_to_specification(self._peers.specification.GetSpecification(request).rkme)

    def flags(self, learnware_id: str, version: int = 0) -> tuple[str, ...]:
        """What the dock finds odd about a learnware's specification; none where it has no specification."""
        request = specification_pb2.GetSpecificationRequest(learnware_id=learnware_id, version=version)
        try:
            return tuple(self._peers.specification.GetSpecification(request).flags)
        except NotFound:
            return ()

    def search(
        self,
        task: Any = None,
        *,
        query: SemanticSpecification | Mapping[str, Any] | str | None = None,
        text: str = "",
        data_type: str = "",
        task_type: str = "",
        output_dimension: int | None = None,
        tags: Iterable[str] = (),
        limit: int = 10,
        mixture: str = "greedy",
        mixture_size: int = 5,
    ) -> Found:
        """Learnwares that fit a task: its specification (or its data (n, d), which is specified here and stays here).

        `query` or its parts filter; `tags` are scenarios; `text` is fuzzy. `mixture` is "greedy", "weights" or "none".
        """
        request = search_pb2.SearchRequest(
            mixture_strategy=strategy(mixture),
            semantic_query_json=filter_text(query, data_type, task_type, output_dimension, tags),
            text=text,
            limit=limit,
            mixture_size=mixture_size,
        )
        if task is not None:
            request.rkme.CopyFrom(specification_to_rkme(specified(task)))
        return Found.from_message(self._peers.search.Search(request), self._load)

    def map(
        self,
        task: Any = None,
        *,
        colour_by: str = "scenario",
        limit: int = 500,
        on_progress: Progress | None = None,
        **asked: Any,
    ) -> DockMap:
        """The dock as a picture: its learnwares by MMD, with the task and its mixture drawn in; `.save("map.png")`.

        Takes what `search` takes. Drawn are the `limit` learnwares (1 to 1,000) nearest to the task, without one the
        first. `colour_by` is scenario, owner, task-type, data-type, library, license or model. NotFound MAP_EMPTY;
        InvalidInput COLOUR_UNKNOWN. Saving or showing it needs the extra `plot`.
        """
        from learndock.client.mapping import map_found  # noqa: PLC0415 - numerical code, when needed
        from learndock.plot.exhibit import check_colour  # noqa: PLC0415

        check_colour(colour_by)
        task = None if task is None else specified(task)
        found = self.search(task, limit=limit, **asked)
        return map_found(
            found,
            lambda record: self.specification(record.learnware_id, record.version),
            task=task,
            colour_by=colour_by,
            on_progress=on_progress,
        )

    def load(self, learnwares: Any, *, where: str = "local") -> OpenMembers:
        """Open learnwares without a search, as `Found.load` does: ids, records, hits, or a mixture with its weights."""
        check_where(where)
        chosen = [(self._record(item), getattr(item, "weight", 1.0)) for item in items_of(learnwares)]
        return self._load(chosen, where)

    def predict(self, members: Any, X: Any, method: str = "mean") -> Any:
        """What the dock's own sandboxes predict for X (n, d), combined by `method`; a list, one a member, for "raw".

        `members` are ids, records, hits, or a mixture with its weights; methods are auto, mean, vote_by_label,
        vote_by_probability, job_selector and raw.
        """
        outputs = predict_blocks(self._peers.reuse, [member_of(item) for item in items_of(members)], method, X)
        return outputs if method == "raw" else outputs[0]

    def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        self._peers.close()

    def __enter__(self) -> Dock:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Dock at {self.address}{f' as {self._owner}' if self._owner else ''}>"

    def _download(self, on_progress: Progress | None = None) -> Download:
        return Download(self._peers.ingestion, Patience(self._patience_s), on_progress)

    def _record(self, item: object) -> LearnwareRecord:
        record = getattr(item, "record", item)
        return record if isinstance(record, LearnwareRecord) else self.usable(id_of(item))

    def _load(self, chosen: Weighted, where: str) -> OpenMembers:
        return open_members(chosen, self._remote_opener() if where == "dock" else self._local_opener())

    def _local_opener(self) -> Opener:
        return local_opener(self._cache or cache_folder(), self._pull)

    def _remote_opener(self) -> Opener:
        return self._open_remote

    def _open_remote(self, record: LearnwareRecord) -> Opened:
        state = self.get(record.learnware_id, record.version).state
        if state not in _SERVABLE:
            raise FailedPrecondition(
                f"{record.learnware_id} is {state} by now.",
                reason="LEARNWARE_NOT_SERVABLE",
                hint="Search again.",
            )
        model = RemoteModel(self._peers.reuse, record.learnware_id, record.version)
        return Opened(model, self._specification_or_none(record), lambda: None)

    def _specification_or_none(self, record: LearnwareRecord) -> TableSpecification | None:
        try:
            return table_or_none(self.specification(record.learnware_id, record.version))
        except NotFound:
            return None


def _checked_address(address: str) -> str:
    Address.parse(address)
    return address
