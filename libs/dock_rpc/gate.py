"""Lets calls in by the table of `authorization`, as the principal of their token, and writes down what was done."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc

from dock_rpc.authorization import RULES, Reach, Rule
from dock_rpc.bearer import sent_in
from dock_rpc.interception import Method, handler_like, threads_of
from dock_rpc.principal import Principal, acting_as
from dock_rpc.recognition import Directory, Holding, Recognition
from dock_trace import current_trace_id
from learndock.errors import DockError, Internal, InvalidInput, PermissionDenied, Unauthenticated

OPEN = frozenset({"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"})
"""Services for everybody: whether the dock is well, and, where it is served at all, which methods there are."""
_audit = logging.getLogger("dock_rpc.audit")
_LONGEST = 128
MOST_MEMBERS = 256
"""Each is looked up; services have smaller limits of their own."""


class Gate(grpc.ServerInterceptor):
    """Stands inside of the errors' mapping, so that refusals have words, and outside of everything that costs.

    Ids of uploads are made the caller's own before a servicer sees them: nobody can name another's, nor take the id
    that another's push will have. Version 0 becomes, for those whose the learnware is not, the version that is
    published, so that what was permitted and what is served cannot differ.
    """

    def __init__(self, recognition: Recognition, directory: Directory) -> None:
        self._recognition = recognition
        self._directory = directory

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Wrap the handler that the call goes to."""
        handler = continuation(handler_call_details)
        method = Method.parse(handler_call_details.method)
        if handler is None or method.service in OPEN:
            return handler
        return self._wrap(handler, method)

    def _wrap(self, handler: Any, method: Method) -> Any:
        behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        rule = RULES.get((method.service, method.name))

        def checked(passage: _Passage, request: Any) -> Any:
            if handler.request_streaming:
                return (passage.check(each) for each in request)
            return passage.check(request)

        def one(request: Any, context: grpc.ServicerContext) -> Any:
            with self._passage(method, rule, context) as passage:
                return behaviour(checked(passage, request), context)

        def many(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._passage(method, rule, context) as passage:
                for answer in behaviour(checked(passage, request), context):
                    passage.look_again()  # a stream may outlast its token
                    yield answer

        return handler_like(handler, one, many, threads=threads_of(behaviour))

    @contextmanager
    def _passage(self, method: Method, rule: Rule | None, context: grpc.ServicerContext) -> Iterator[_Passage]:
        passage = _Passage(self._recognition, self._directory, method, sent_in(context.invocation_metadata()), rule)
        with acting_as(passage.enter()):
            try:
                yield passage
            except GeneratorExit:
                raise
            except DockError as error:
                passage.ended(error.reason)
                if isinstance(error, Unauthenticated) and not passage.denied:  # it is not the caller who is unknown
                    message = f"Another service did not let this one in: {error}"
                    raise Internal(message, reason="INTERNAL") from error
                raise
            except BaseException:
                passage.ended("INTERNAL")
                raise
            passage.ended("OK")


@dataclass
class _Passage:
    """One call on its way in, and out."""

    recognition: Recognition
    directory: Directory
    method: Method
    secret: str
    rule: Rule | None
    principal: Principal | None = None
    subject: str = ""
    denied: bool = False

    def enter(self) -> Principal:
        """Who calls, if the scopes suffice."""
        self.principal = self._recognised()
        if self.rule is None:
            self._refuse("METHOD_NOT_LISTED", "Nobody may call this: it is not in the table of who may call what.", "")
        if not self.rule.lets(self.principal):
            need = " or ".join(sorted(self.rule.scopes))
            message = f"The token {self.principal.token_id} is not for this: it lacks the scope {need}."
            self._refuse("SCOPE_MISSING", message, "Ask the dock's operator for a token that has it.")
        return self.principal

    def look_again(self) -> None:
        """Raise if the token counts no more."""
        self.principal = self._recognised()

    def check(self, request: Any) -> Any:
        """The request, as it may be served."""
        assert self.rule is not None
        assert self.principal is not None
        self.look_again()
        self.subject = str(getattr(request, "learnware_id", "") or getattr(request, "upload_id", ""))
        bound = self.rule.binds(self.principal)
        if self.rule.reach is Reach.DECLARED:
            self._own_declaration(request, bound)
        if self.rule.reach in (Reach.DECLARED, Reach.UPLOAD):
            request.upload_id = own_id(self.principal, request.upload_id)
        elif self.rule.reach is Reach.MEMBERS:
            self.subject = ",".join(each.learnware_id for each in request.members[:MOST_MEMBERS])
            if len(request.members) > MOST_MEMBERS:
                raise InvalidInput(
                    f"{len(request.members)} learnwares are too many for one call.", reason="PREDICT_MEMBERS"
                )
            for each in request.members:
                self._published(each, bound)
        elif self.rule.reach is Reach.PUBLISHED:
            self._published(request, bound)
        elif self.rule.reach in (Reach.OWN, Reach.TENANT):
            self._own(request, bound and self.rule.reach is Reach.OWN)
        return request

    def ended(self, outcome: str) -> None:
        """Write down what came of a call that changes something."""
        if self.rule is not None and self.rule.changes and not self.denied:
            self._write_down(outcome)

    def _recognised(self) -> Principal:
        reading = self.rule is not None and not self.rule.changes
        try:
            return self.recognition.principal(self.secret, reading=reading)
        except (Unauthenticated, PermissionDenied) as error:
            self._write_down(error.reason, denied=True)
            raise

    def _own_declaration(self, request: Any, bound: bool) -> None:
        assert self.principal is not None
        if not request.owner:
            request.owner = self.principal.owner
        if bound and request.owner != self.principal.owner:
            message = f"The upload is declared as {request.owner[:_LONGEST]}'s, the token is {self.principal.owner}'s."
            self._refuse("OWNER_NOT_YOU", message, "Leave the owner out (unset DOCK_OWNER), or use that owner's token.")

    def _own(self, request: Any, bound: bool) -> None:
        found = self._held(request.learnware_id, request.version)
        if found is not None and bound and not self._is_mine(found):
            message = f"Learnware {request.learnware_id[:_LONGEST]} belongs to another owner."
            self._refuse("LEARNWARE_NOT_YOURS", message, "Ask its owner, or an operator.")

    def _published(self, request: Any, bound: bool) -> None:
        found = self._held(request.learnware_id, request.version)
        if found is None or not bound or self._is_mine(found):
            return
        if not found.published:
            message = f"Version {found.version} of {request.learnware_id[:_LONGEST]} is {found.state}: not published."
            self._refuse("LEARNWARE_NOT_PUBLISHED", message, "Only its owner sees more of it than its record.")
        request.version = found.version

    def _held(self, learnware_id: str, version: int) -> Holding | None:
        """The learnware; of another tenant's not even that it is there is told, so the servicer will not find it."""
        found = self.directory.learnware(learnware_id, version)
        assert self.principal is not None
        if found is not None and found.tenant != self.principal.tenant:
            self._refuse("TENANT_OTHER", "That learnware is not of this dock.", "`dock list` shows what there is.")
        return found

    def _is_mine(self, found: Holding) -> bool:
        return self.principal is not None and found.owner == self.principal.owner

    def _refuse(self, reason: str, message: str, hint: str) -> NoReturn:
        self._write_down(reason, denied=True)
        raise PermissionDenied(message, reason=reason, hint=hint)

    def _write_down(self, outcome: str, *, denied: bool = False) -> None:
        self.denied = self.denied or denied
        who = self.principal
        fields = {
            "target": self.method.target,
            "method": self.method.name,
            "subject": self.subject[:_LONGEST],
            "outcome": outcome,
            "denied": denied,
            "token_id": who.token_id if who else "",
            "owner": who.owner if who else "",
            "tenant": who.tenant if who else "",
            "trace_id": current_trace_id(),
        }
        line = "%s %s of %s by %s (%s): %s"
        _audit.info(
            line,
            fields["target"],
            fields["method"],
            fields["subject"] or "-",
            fields["owner"] or "nobody known",
            fields["token_id"] or "-",
            outcome,
            extra=fields,
        )


def own_id(principal: Principal, upload_id: str) -> str:
    """The id that an upload has in the dock: nobody else's id, whatever they choose, is the same."""
    parts = f"{principal.tenant}\x00{principal.owner}\x00{upload_id}"
    return "own-" + hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
