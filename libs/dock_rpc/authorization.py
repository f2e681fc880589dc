"""Who may call what: the one table. An RPC that is not in it is refused, to everybody.

docs/reference/authorization.md is written from it; tests/security/test_matrix.py calls every RPC of every service as
everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from dock_rpc.principal import Principal

SCOPES: Mapping[str, str] = {
    "search": "search, and see what there is",
    "pull": "fetch packages of published learnwares",
    "predict": "have published learnwares predict in the dock",
    "push": "submit learnwares and new versions of one's own",
    "delete": "delete learnwares of one's own",
    "admin": "all of these with anybody's learnwares, and submit for others",
    "service": "what services of the dock ask of one another; for no person",
}
"""What a token may be for."""
READ = frozenset({"search", "pull", "predict", "push", "delete"})
"""Every user needs the records of learnwares, whatever for."""


class Reach(Enum):
    """Whose things a call may touch. Nobody's reach ends outside of the own tenant."""

    ALL = "nothing that is anybody's"
    TENANT = "any learnware of the tenant"
    PUBLISHED = "published learnwares, and one's own"
    MEMBERS = "published learnwares, and one's own, each of those named"
    OWN = "one's own learnwares"
    DECLARED = "an upload under one's own name"
    UPLOAD = "one's own uploads"


@dataclass(frozen=True)
class Rule:
    """One of `scopes` is needed; `reach` binds everybody but admin and service. `changes` makes it an audited call."""

    scopes: frozenset[str]
    reach: Reach
    changes: bool = False

    def lets(self, principal: Principal) -> bool:
        """Whether the scopes suffice."""
        users = self.scopes - {"service"}
        return bool(self.scopes & principal.scopes) or bool(users and "admin" in principal.scopes)

    def binds(self, principal: Principal) -> bool:
        """Whether `reach` holds for them."""
        return not ({"admin", "service"} & principal.scopes)


def _for(*scopes: str) -> frozenset[str]:
    return frozenset(scopes)


_SERVICE_READS = READ | {"service"}
_INGESTION = "dockapi.ingestion.v1.IngestionService"
_CHECKING = "dockapi.checking.v1.CheckingService"
_SPECIFICATION = "dockapi.specification.v1.SpecificationService"
_SEARCH = "dockapi.search.v1.SearchService"
_REUSE = "dockapi.reuse.v1.ReuseService"

RULES: Mapping[tuple[str, str], Rule] = {
    (_INGESTION, "BeginUpload"): Rule(_for("push"), Reach.DECLARED, changes=True),
    (_INGESTION, "WriteUpload"): Rule(_for("push"), Reach.UPLOAD, changes=True),
    (_INGESTION, "QueryUpload"): Rule(_for("push"), Reach.UPLOAD),
    (_INGESTION, "CommitUpload"): Rule(_for("push"), Reach.UPLOAD, changes=True),
    (_INGESTION, "GetLearnware"): Rule(_SERVICE_READS, Reach.TENANT),
    (_INGESTION, "ListLearnwares"): Rule(READ, Reach.ALL),
    (_INGESTION, "DownloadPackage"): Rule(_for("pull", "service"), Reach.PUBLISHED),
    (_INGESTION, "DeleteLearnware"): Rule(_for("delete"), Reach.OWN, changes=True),
    (_INGESTION, "WatchLearnware"): Rule(READ, Reach.TENANT),
    (_INGESTION, "ReportBreach"): Rule(_for("service"), Reach.ALL, changes=True),
    (_INGESTION, "ListBreaches"): Rule(READ, Reach.OWN),
    (_INGESTION, "GetPrincipal"): Rule(_SERVICE_READS, Reach.ALL),
    (_CHECKING, "GetVerdict"): Rule(READ, Reach.PUBLISHED),
    (_CHECKING, "GetVerdictRecord"): Rule(READ, Reach.PUBLISHED),
    (_CHECKING, "WatchCheck"): Rule(READ, Reach.PUBLISHED),
    (_SPECIFICATION, "GetSpecification"): Rule(_SERVICE_READS, Reach.PUBLISHED),
    (_SPECIFICATION, "ListIslands"): Rule(READ, Reach.ALL),
    (_SEARCH, "Search"): Rule(_for("search"), Reach.ALL),
    (_SEARCH, "GetIndex"): Rule(READ, Reach.ALL),
    (_REUSE, "Predict"): Rule(_for("predict"), Reach.MEMBERS),
}
