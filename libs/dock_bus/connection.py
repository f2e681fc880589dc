"""One connection to NATS on a thread of its own: made again for ever, with everything a dock needs on the server."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NoStreamResponseError

from dock_bus.access import options, shown
from dock_bus.durability import require_write_through
from dock_bus.settings import BusSettings
from dock_bus.streams import ensure_consumer, ensure_streams, stream_configs
from dock_bus.wire import Wire
from learndock.errors import DockError, Unavailable

_log = logging.getLogger(__name__)
_SAY_AGAIN_S = 30.0
_LONGEST_PAUSE_S = 2.0
_DISCONNECT_S = 2.0
T = TypeVar("T")


class _Client(Client):
    """nats-py's client, but where TLS is asked for and the server offers none it says nothing in the clear."""

    def _connect_command(self) -> bytes:
        here = self._current_server
        over_tls = self._server_info.get("tls_required") or (here is not None and here.uri.scheme == "wss")
        if self.options.get("tls") is not None and not over_tls:
            raise nats.errors.Error("the server speaks no TLS")
        return super()._connect_command()


@dataclass(eq=False)
class Session:
    """One connection's life. Whoever waits for something in it is woken by a None in its queue when it ends."""

    client: Client
    js: JetStreamContext
    waiting: set[asyncio.Queue[Any]] = field(default_factory=set)
    repairing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_alive(self) -> bool:
        """Whether the connection stands."""
        return bool(self.client.is_connected)


class Connection:
    """Keeps a session. Its coroutines run on its own loop; other threads call them through `wait`."""

    def __init__(self, url: str, settings: BusSettings, wire: Wire, *, name: str = "") -> None:
        self.wire = wire
        self.settings = settings
        self._where = shown(url)
        self._configs = stream_configs(wire, settings)
        self._options = options(url, settings) | {"name": name or "dock"}
        self._session: Session | None = None
        self._ending: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._refused: DockError | None = None
        self._told = ("", 0.0)
        self._born: dict[str, object] = {}
        self._closed = threading.Event()
        self._first = threading.Event()
        self.loop = asyncio.new_event_loop()  # the last thing made, for somebody must close it
        self._thread = threading.Thread(target=self._run, name="bus-nats", daemon=True)

    def start(self) -> None:
        """Connect, waiting for a moment; then go on in the background. FailedPrecondition BUS_NOT_DURABLE."""
        self._thread.start()
        self._first.wait(self.settings.timeout_s)
        if self._refused is not None:
            self.close()
            raise self._refused

    @property
    def is_up(self) -> bool:
        """Whether there is a session at the moment."""
        return self._up.is_set()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it. Unavailable BUS_DOWN where the connection was closed."""
        if self._closed.is_set():
            work.close()
            raise self.is_closed_error()
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop).result()
        except (concurrent.futures.CancelledError, RuntimeError):
            raise self.is_closed_error() from None

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function on the loop some time, without waiting."""
        if not self._closed.is_set():
            self.loop.call_soon_threadsafe(function)

    async def session(self, timeout_s: float) -> Session:
        """The session, waited for. Unavailable BUS_DOWN, or why the server was refused."""
        end = time.monotonic() + timeout_s
        while self._session is None:  # it may be lost again between its coming and our turn
            try:
                await asyncio.wait_for(self._up.wait(), end - time.monotonic())
            except asyncio.TimeoutError:
                raise self._refused or self.is_down_error() from None
        return self._session

    async def repair(self, session: Session) -> None:
        """Make streams again that are gone, as when everything the server had was wiped."""
        async with session.repairing:
            await ensure_streams(session.js, self._configs)

    async def ensure(self, session: Session, stream: str, config: ConsumerConfig) -> None:
        """Have a consumer, and its stream."""
        async with session.repairing:
            await ensure_streams(session.js, self._configs)
            born = (await session.js.stream_info(stream)).created
            if self._born.setdefault(stream, born) != born:
                # All that is in a stream made anew came after this durable's last look, however it began.
                config = config.evolve(deliver_policy=DeliverPolicy.ALL)
            made = await ensure_consumer(session.js, stream, config)
        if made:
            _log.info("made the consumer %s of %s", config.durable_name, stream)

    async def attempt(self, call: Callable[[Session], Awaitable[T]]) -> T:
        """Do something on the session, again once where a stream was gone; what goes wrong is Unavailable BUS_DOWN."""
        session = await self.session(self.settings.timeout_s)
        try:
            try:
                return await call(session)
            except NoStreamResponseError:
                await self.repair(session)
                return await call(session)
        except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
            raise self.is_down_error(said(error)) from error

    def close(self) -> None:
        """Send what is under way, disconnect and end the thread."""
        if not self._closed.is_set() and self._thread.is_alive():
            self._closed.set()
            self.loop.call_soon_threadsafe(self._keeper.cancel)
            self._thread.join()

    def is_down_error(self, detail: str = "") -> Unavailable:
        """The error for callers."""
        return Unavailable(
            f"The bus at {self._where} cannot be used{': ' + detail if detail else ' at the moment'}.",
            reason="BUS_DOWN",
            hint="The dock goes on trying; events wait in the database meanwhile.",
            retry_after_s=1.0,
        )

    @staticmethod
    def is_closed_error() -> Unavailable:
        """The error for callers that come too late."""
        return Unavailable("The bus is closed.", reason="BUS_DOWN", hint="The dock is stopping; start it again.")

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self._keeper = self.loop.create_task(self._keep())
        try:
            self.loop.run_until_complete(self._keeper)
        except asyncio.CancelledError:
            pass
        finally:
            self._closed.set()
            if self._ending is not None:
                self.loop.run_until_complete(self._ending)
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    async def _keep(self) -> None:
        pause = 0.1
        while True:
            ended = asyncio.Event()
            client: Client = _Client()
            try:
                await self._open(client, ended)
                pause = 0.1
                await ended.wait()
                _log.warning("the connection to the bus at %s is lost; connecting again", self._where)
            except (nats.errors.Error, OSError, asyncio.TimeoutError, DockError) as error:
                self._say(error)
            except Exception:  # noqa: BLE001 - whatever it is, the dock goes on trying
                _log.exception("the connection to the bus at %s failed", self._where)
            finally:
                self._lose()
                self._ending = self.loop.create_task(_disconnect(client))
                await asyncio.shield(self._ending)  # it must not be cut short by our own end
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - many shall not come at once
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _open(self, client: Client, ended: asyncio.Event) -> None:
        async def on_end() -> None:
            ended.set()

        problems: list[Exception] = []

        async def on_error(error: Exception) -> None:
            problems[:] = [error]
            _log.debug("the bus's connection: %s", said(error))

        try:
            await client.connect(
                **self._options,
                allow_reconnect=False,  # we connect anew ourselves: what hangs on the connection is made anew with it
                max_reconnect_attempts=1,  # of each address
                reconnect_time_wait=0,
                connect_timeout=5,
                ping_interval=10,
                closed_cb=on_end,
                disconnected_cb=on_end,
                error_cb=on_error,
            )
        except nats.errors.NoServersError as error:
            raise (problems[0] if problems else error) from None
        self._refused = None
        try:
            await asyncio.to_thread(require_write_through, self.settings)
        except DockError as error:
            self._refused = error
            self._first.set()
            raise
        session = Session(client, client.jetstream(timeout=self.settings.timeout_s))
        await self.repair(session)
        if client.is_connected:
            self._session = session
            self._up.set()
            self._first.set()
            self._told = ("", 0.0)
            _log.info("connected to the bus at %s", self._where)

    def _lose(self) -> None:
        self._up.clear()
        session, self._session = self._session, None
        for queue in session.waiting if session else ():
            queue.put_nowait(None)

    def _say(self, error: Exception) -> None:
        words = error.message if isinstance(error, DockError) else said(error)
        last, moment = self._told
        if words != last or time.monotonic() - moment > _SAY_AGAIN_S:
            self._told = (words, time.monotonic())
            _log.warning("waiting for the bus at %s: %s", self._where, words)


async def _disconnect(client: Client) -> None:
    try:
        # After a TLS handshake that failed nats-py waits for ever for its transport to be closed.
        await asyncio.wait_for(client.close(), _DISCONNECT_S)
    except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
        _log.debug("the bus's connection did not end well: %s", said(error))


def said(error: BaseException) -> str:
    """What an error says, or its kind where it says nothing."""
    return str(error) or type(error).__name__
