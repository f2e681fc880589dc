"""How long a token is believed, what outlasts it, and what happens to methods that nobody thought of."""

from __future__ import annotations

import threading

import grpc
import pytest

from dock_rpc.bearer import HEADER, Token, header, redact, sent_in, token_file
from dock_rpc.channel import channel
from dock_rpc.gate import Gate
from dock_rpc.principal import Principal, current_principal
from dock_rpc.recognition import FRESH_S, Recognition, Standing
from dock_rpc.server import build_server
from dockapi.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from learndock.errors import FailedPrecondition, InvalidInput, PermissionDenied, Unauthenticated, Unavailable

INGESTION = "dockapi.ingestion.v1.IngestionService"


@pytest.fixture
def recognition(known, clock):
    return Recognition(known, tenant="default", clock=clock)


def test_a_token_is_looked_up_again_after_three_seconds_and_revoked_then(known, clock, recognition):
    token = known.add("search")
    assert recognition.principal(token.secret).owner == "ann"
    known.revoke(token)
    clock.now += FRESH_S - 0.01
    assert recognition.principal(token.secret).owner == "ann"
    assert known.lookups == 1
    clock.now += 0.02
    with pytest.raises(Unauthenticated) as caught:
        recognition.principal(token.secret)
    assert caught.value.reason == "TOKEN_REVOKED"
    assert FRESH_S < 5.0, "what is promised"


def test_a_token_that_expires_sooner_is_believed_no_longer(known, clock, recognition):
    token = known.add("search", left_s=1.0)
    recognition.principal(token.secret)
    clock.now += 1.01
    recognition_again = known.standings[token.token_id]
    known.standings[token.token_id] = Standing(
        recognition_again.digest, recognition_again.principal, 0.0, revoked=False
    )
    with pytest.raises(Unauthenticated) as caught:
        recognition.principal(token.secret)
    assert caught.value.reason == "TOKEN_EXPIRED"


def test_nobody_comes_in_unseen_where_the_directory_does_not_answer(known, clock, recognition):
    token = known.add("search")
    recognition.principal(token.secret)
    known.fault = Unavailable("Gone.", reason="DATABASE_DOWN")
    clock.now += FRESH_S + 1
    with pytest.raises(Unavailable):
        recognition.principal(token.secret)


def test_another_secret_under_a_known_id_is_unknown_even_while_the_good_one_is_remembered(known, recognition):
    token = known.add("search")
    recognition.principal(token.secret)
    forged = Token.mint()
    known.standings[forged.token_id] = known.standings[token.token_id]
    with pytest.raises(Unauthenticated) as caught:
        recognition.principal(forged.secret)
    assert caught.value.reason == "TOKEN_UNKNOWN"


class Endless(ingestion_pb2_grpc.IngestionServiceServicer):
    def __init__(self) -> None:
        self.principals: list[Principal | None] = []
        self.more = threading.Semaphore(1)

    def WatchLearnware(self, request, context):  # noqa: N802 - the proto's name
        while context.is_active() and self.more.acquire(timeout=20):
            self.principals.append(current_principal())
            yield ingestion_pb2.WatchLearnwareResponse()

    def _unheard_of(self, request, context):
        return request


@pytest.fixture
def guarded(known, recognition):
    """An endless stream behind the gate, and a method that is in no table."""
    servicer = Endless()

    def add(each, server):
        ingestion_pb2_grpc.add_IngestionServiceServicer_to_server(each, server)
        method = grpc.unary_unary_rpc_method_handler(each._unheard_of)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(f"{INGESTION}Next", {"Forget": method}),))

    services = [(INGESTION, add, servicer), (f"{INGESTION}Next", lambda *_: None, servicer)]
    with build_server(services, address="127.0.0.1:0", gate=Gate(recognition, known)) as server:
        yield f"127.0.0.1:{server.port}", servicer


def test_a_stream_ends_when_its_token_counts_no_more(known, clock, guarded):
    address, servicer = guarded
    token = known.add("search")
    with channel(address, token=lambda: token.secret) as link:
        stream = ingestion_pb2_grpc.IngestionServiceStub(link).WatchLearnware(ingestion_pb2.WatchLearnwareRequest())
        next(stream)
        known.revoke(token)
        clock.now += FRESH_S + 1
        servicer.more.release()
        with pytest.raises(Unauthenticated) as caught:
            next(stream)
    assert caught.value.reason == "TOKEN_REVOKED"
    assert {each.owner for each in servicer.principals if each} == {"ann"}
    assert current_principal() is None


def test_a_method_that_is_in_no_table_is_for_nobody(known, guarded):
    address, _ = guarded
    for scopes in (("admin",), ("service",), ("search", "push")):
        token = known.add(*scopes)
        with (
            channel(address, token=lambda secret=token.secret: secret) as link,
            pytest.raises(PermissionDenied) as caught,
        ):
            link.unary_unary(f"/{INGESTION}Next/Forget")(b"")
        assert caught.value.reason == "METHOD_NOT_LISTED"


def test_two_headers_do_not_make_one_principal(known, guarded):
    address, _ = guarded
    token = known.add("search")
    with grpc.insecure_channel(address) as link:
        stub = ingestion_pb2_grpc.IngestionServiceStub(link)
        metadata = ((HEADER, "Bearer nonsense"), header(token.secret))
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.WatchLearnware(ingestion_pb2.WatchLearnwareRequest(), metadata=metadata))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_tokens_are_told_from_what_is_none():
    token = Token.mint()
    assert Token.parse(token.secret) == token
    assert Token.mint().secret != token.secret
    for other in (
        "",
        token.secret[:-1],
        token.secret + "x",
        token.secret.upper(),
        f" {token.secret}",
        token.secret + "\n",
    ):
        assert Token.parse(other) is None
    assert sent_in([("authorization", f"bearer {token.secret}")]) == token.secret
    assert sent_in([("authorization", f"Basic {token.secret}")]) == ""


def test_only_the_id_of_a_token_is_left_in_texts():
    token = Token.mint()
    text = redact(f'{{"a": "Bearer {token.secret}", "b": "{token.secret}"}}')
    assert token.secret[23:] not in text
    assert text.endswith('"}')
    assert redact("the bearer of news") == "the bearer of news"


def test_a_token_goes_over_no_line_that_others_can_read():
    token = Token.mint()
    for address in ("10.1.2.3:1", "127.evil.example:1", "localhost.evil.example:1", "dns:///dock.example:1"):
        with channel(address, token=lambda: token.secret) as link, pytest.raises(FailedPrecondition) as caught:
            link.unary_unary("/a/b")(b"", timeout=1)
        assert caught.value.reason == "TOKEN_IN_CLEAR"
        assert token.secret not in str(caught.value)


def test_what_is_no_token_is_not_sent_and_not_repeated():
    for secret in ("a b", "ü", "a\nx-admin: 1"):
        with channel("127.0.0.1:1", token=lambda secret=secret: secret) as link, pytest.raises(InvalidInput) as caught:
            link.unary_unary("/a/b")(b"", timeout=1)
        assert caught.value.reason == "TOKEN_MALFORMED"
        assert secret not in str(caught.value)


def test_a_file_with_a_token_is_read_again_when_it_changes(tmp_path):
    path = tmp_path / "token"
    path.write_text("one\n")
    secret = token_file(path)
    assert secret() == "one"
    path.write_text("another\n")
    assert secret() == "another"
    path.unlink()
    with pytest.raises(InvalidInput) as caught:
        secret()
    assert caught.value.reason == "TOKEN_FILE_UNREADABLE"
