"""Every RPC of every service, called as everybody: who gets in is written down here a second time, by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dock_rpc.authorization import RULES
from dock_rpc.bearer import no_token
from dock_rpc.channel import channel
from dockapi.checking.v1 import checking_pb2 as checking
from dockapi.ingestion.v1 import ingestion_pb2 as ingestion
from dockapi.learnware.v1 import learnware_pb2
from dockapi.reuse.v1 import reuse_pb2 as reuse
from dockapi.search.v1 import search_pb2 as search
from dockapi.specification.v1 import specification_pb2 as specification
from learndock.errors import DockError, PermissionDenied, Unauthenticated
from tests.security.conftest import USERS, Guarded

AREAS = (ingestion, checking, specification, search, reuse)
Make = Callable[[str, int], Any]


@dataclass(frozen=True)
class Door:
    """What a method asks for: one of `scopes`; and whether strangers get in to what is published, and what is not."""

    make: Make
    scopes: frozenset[str]
    stranger: bool
    stranger_unpublished: bool
    service: bool = False
    admin: bool = True


def anybody(make: Make, *scopes: str, **others: bool) -> Door:
    return Door(make, frozenset(scopes) or USERS, stranger=True, stranger_unpublished=True, **others)


def published(make: Make, *scopes: str, **others: bool) -> Door:
    return Door(make, frozenset(scopes) or USERS, stranger=True, stranger_unpublished=False, **others)


def owners(make: Make, *scopes: str, **others: bool) -> Door:
    return Door(make, frozenset(scopes) or USERS, stranger=False, stranger_unpublished=False, **others)


def _of(cls: Any) -> Make:
    return lambda learnware_id, version: cls(learnware_id=learnware_id, version=version)


def _predict(learnware_id: str, version: int) -> Any:
    inputs = learnware_pb2.Tensor(dtype="f8", shape=[1, 1], data=bytes(8))
    return reuse.PredictRequest(members=[reuse.Member(learnware_id=learnware_id, version=version)], inputs=inputs)


def _begin(learnware_id: str, version: int) -> Any:
    return ingestion.BeginUploadRequest(upload_id="matrix-1", size_bytes=3, sha256="0" * 64, owner="ann")


DOORS = {
    # A stranger who declares ann as owner is refused; ids of uploads are one's own, so nobody meets another's.
    "BeginUpload": Door(_begin, frozenset({"push"}), stranger=False, stranger_unpublished=False),
    "WriteUpload": anybody(lambda *_: iter([ingestion.WriteUploadRequest(upload_id="matrix-1", data=b"x")]), "push"),
    "QueryUpload": anybody(lambda *_: ingestion.QueryUploadRequest(upload_id="matrix-1"), "push"),
    "CommitUpload": anybody(lambda *_: ingestion.CommitUploadRequest(upload_id="matrix-1"), "push"),
    "GetLearnware": anybody(_of(ingestion.GetLearnwareRequest), service=True),
    "ListLearnwares": anybody(lambda *_: ingestion.ListLearnwaresRequest()),
    "DownloadPackage": published(_of(ingestion.DownloadPackageRequest), "pull", service=True),
    "DeleteLearnware": owners(_of(ingestion.DeleteLearnwareRequest), "delete"),
    "WatchLearnware": anybody(_of(ingestion.WatchLearnwareRequest)),
    "ReportBreach": Door(_of(ingestion.ReportBreachRequest), frozenset(), False, False, service=True, admin=False),
    "ListBreaches": owners(_of(ingestion.ListBreachesRequest)),
    "GetPrincipal": anybody(lambda *_: ingestion.GetPrincipalRequest(), service=True),
    "GetVerdict": published(_of(checking.GetVerdictRequest)),
    "GetVerdictRecord": published(_of(checking.GetVerdictRecordRequest)),
    "WatchCheck": published(_of(checking.WatchCheckRequest)),
    "GetSpecification": published(_of(specification.GetSpecificationRequest), service=True),
    "ListIslands": anybody(lambda *_: specification.ListIslandsRequest()),
    "Search": anybody(lambda *_: search.SearchRequest(), "search"),
    "GetIndex": anybody(lambda *_: search.GetIndexRequest()),
    "Predict": published(_predict, "predict"),
}

METHODS = [
    (service.full_name, method)
    for area in AREAS
    for service in area.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
NAMES = [method.name for _, method in METHODS]
every_method = pytest.mark.parametrize(("service", "method"), METHODS, ids=NAMES)


def test_every_rpc_has_its_line_in_the_table_and_here():
    assert {(service, method.name) for service, method in METHODS} == set(RULES)
    assert set(NAMES) == set(DOORS)
    assert len(NAMES) == len(set(NAMES))


def outcome(guarded: Guarded, service: str, method: Any, request: Any, secret: str = "") -> str:
    """ "in", or the reason for which the call stayed out."""
    area = next(each for each in AREAS if each.DESCRIPTOR.package == service.rpartition(".")[0])
    answers = getattr(area, method.output_type.name).FromString
    arity = (
        ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
    )
    with channel(guarded.address, token=(lambda: secret) if secret else no_token) as link:
        call = getattr(link, arity)(
            f"/{service}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answers,
        )
        try:
            answer = call(request, timeout=60)
            if method.server_streaming:
                next(iter(answer), None)
        except (Unauthenticated, PermissionDenied) as error:
            return error.reason
        except DockError:
            return "in"  # what comes after the door is another matter
        except StopIteration:
            return "in"
    return "in"


@pytest.fixture
def target(guarded, service, method):
    """Calls the method about a fresh learnware of ann's."""
    door = DOORS[method.name]

    def call(secret: str = "", *, is_published: bool = True) -> str:
        row = guarded.learnware("ann", published=is_published)
        return outcome(guarded, service, method, door.make(row.learnware_id, row.version), secret)

    call.door = door
    return call


@every_method
def test_nobody_comes_in_without_a_token_that_counts(guarded, service, method, target):
    everything = [*sorted(USERS), "admin"]
    good = guarded.token("ann", *everything)
    revoked, expired = guarded.token("ann", *everything), guarded.token("ann", *everything, lasts_s=-1.0)
    guarded.revoke(revoked)
    assert target() == "TOKEN_MISSING"
    assert target("dock_pat_nonsense") == "TOKEN_UNKNOWN"
    assert target(good.secret[:-1] + ("0" if good.secret[-1] != "0" else "1")) == "TOKEN_UNKNOWN"
    assert target(type(good).mint().secret) == "TOKEN_UNKNOWN"
    assert target(expired.secret) == "TOKEN_EXPIRED"
    assert target(revoked.secret) == "TOKEN_REVOKED"
    assert target(guarded.token("ann", *everything, tenant="other").secret) == "TENANT_OTHER"


@every_method
def test_each_scope_opens_its_doors_and_no_other(guarded, service, method, target):
    for scope in sorted(USERS):
        expected = "in" if scope in target.door.scopes else "SCOPE_MISSING"
        assert target(guarded.token("ann", scope).secret) == expected, scope
    assert target(guarded.token("ann").secret) == "SCOPE_MISSING"


@every_method
def test_strangers_stay_out_of_what_is_not_theirs(guarded, service, method, target):
    stranger = guarded.token("bob", *USERS)
    for is_published, expected in ((True, target.door.stranger), (False, target.door.stranger_unpublished)):
        assert (target(stranger.secret, is_published=is_published) == "in") is expected


@every_method
def test_an_admin_comes_in_everywhere_but_where_services_talk(guarded, service, method, target):
    admin = guarded.token("root", "admin")
    for is_published in (True, False):
        assert (target(admin.secret, is_published=is_published) == "in") is target.door.admin


@every_method
def test_services_come_in_where_they_must_and_nowhere_else(guarded, service, method, target):
    own = guarded.token("dock", "service")
    for is_published in (True, False):
        assert (target(own.secret, is_published=is_published) == "in") is target.door.service
