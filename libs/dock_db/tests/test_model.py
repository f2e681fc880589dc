"""The state machine against a model that a reader can hold in mind, on random walks with several workers."""

from __future__ import annotations

import contextlib
import itertools
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from dock_db import Database, LearnwareRow, Outbox, Reconciler, State, Verdicts
from dock_db.tests.conftest import Clock
from dock_db.tests.making import LEARNWARES, claim, finish, insert, store, verdict
from dock_db.transitions import LEGAL, MAX_TRIES, WORKING_ON, serialise
from learndock.errors import FailedPrecondition

WORKING = {working: waiting for waiting, working in WORKING_ON.items()}


@dataclass
class Version:
    state: State = State.RECEIVED
    attempt: int = 0
    tries: int = 0
    lease_until: float = 0.0
    embedded: bool = False
    verdicts: int = 0
    path: list[State] = field(default_factory=lambda: [State.RECEIVED])

    def go(self, state: State) -> None:
        assert state in LEGAL[self.state]
        self.state = state
        self.path.append(state)


class StateMachine(RuleBasedStateMachine):
    versions: Bundle[tuple[str, int]] = Bundle("versions")
    claims: Bundle[LearnwareRow] = Bundle("claims")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.clock = Clock()
        self.database = Database(url, clock=self.clock)
        self.database.create()
        self.model: dict[tuple[str, int], Version] = {}
        self.revision = 0

    def teardown(self) -> None:
        self.database.close()

    @rule(target=versions, owner=st.sampled_from(["ann", "bob"]))
    def push(self, owner: str) -> tuple[str, int]:
        with self.database.transaction() as session:
            row = insert(session, owner=owner, content=f"c{len(self.model)}")
        key = row.learnware_id, row.version
        self.model[key] = Version()
        return key

    @rule(target=versions, key=versions)
    def update(self, key: tuple[str, int]):
        mine = {version: each for (learnware_id, version), each in self.model.items() if learnware_id == key[0]}
        if all(each.state is State.DELETED for each in mine.values()):
            return multiple()
        with self.database.transaction() as session:
            owner = LEARNWARES.get(session, key[0]).owner
            row = insert(session, owner=owner, learnware_id=key[0], content=f"c{len(self.model)}")
        assert row.version == max(mine) + 1
        self.model[key[0], row.version] = Version()
        return key[0], row.version

    @rule(target=claims, key=versions, working=st.sampled_from(list(WORKING)))
    def claim(self, key: tuple[str, int], working: State):
        with self.database.transaction() as session:
            row = claim(session, LEARNWARES.get(session, *key), working)
        each = self.model[key]
        again = each.state is working and each.lease_until <= self.clock.now and not each.embedded
        if again and each.tries >= MAX_TRIES:
            each.go(State.FAILED_INTERNAL)
            again = False
        if not again and each.state is not WORKING[working]:
            assert row is None
            return multiple()
        each.tries = each.tries + 1 if again else 1
        each.go(working)
        each.attempt += 1
        each.lease_until = self.clock.now + 60
        assert (row.attempt, row.tries, row.state) == (each.attempt, each.tries, working)
        return row

    @rule(held=claims, to=st.sampled_from([State.ACCEPTED, State.REJECTED]))
    def finish_check(self, held: LearnwareRow, to: State) -> None:
        each = self.model[held.learnware_id, held.version]
        current = each.attempt == held.attempt and each.state is held.state is State.CHECKING
        if held.state is not State.CHECKING:
            return
        with self.database.transaction() as session:
            counted = finish(session, held, to, verdict_id="v")
            recorded = counted and Verdicts().record(session, verdict(held, accepted=to is State.ACCEPTED))
        assert counted == recorded == current
        if current:
            each.go(to)
            each.verdicts += 1
            each.tries = 0

    @rule(held=claims)
    def embed(self, held: LearnwareRow) -> None:
        each = self.model[held.learnware_id, held.version]
        current = each.attempt == held.attempt and each.state is held.state is State.EMBEDDING
        if held.state is not State.EMBEDDING:
            return
        with self.database.transaction() as session:
            assert store(session, held) == current
        each.embedded |= current

    @rule(key=versions)
    def index(self, key: tuple[str, int]) -> None:
        each = self.model[key]
        ready = each.state is State.EMBEDDING and each.embedded
        with self.database.transaction() as session:
            assert LEARNWARES.mark_indexed(session, *key) == ready
        if ready:
            each.go(State.INDEXED)
            each.tries = 0
            served = [k for k, v in self.model.items() if k[0] == key[0] and v.state is State.INDEXED]
            for old in sorted(served)[:-1]:
                self.model[old].go(State.DEPRECATED)

    @rule(key=versions)
    def suspend(self, key: tuple[str, int]) -> None:
        each = self.model[key]
        with self.database.transaction() as session:
            serialise(session)
            if each.state in (State.INDEXED, State.DEPRECATED):
                LEARNWARES.suspend(session, LEARNWARES.get(session, *key), "It broke rules.")
                each.go(State.SUSPENDED)
            else:
                with pytest.raises(FailedPrecondition, match="cannot become SUSPENDED"):
                    LEARNWARES.suspend(session, LEARNWARES.get(session, *key), "It broke rules.")

    @rule(key=versions)
    def reinstate(self, key: tuple[str, int]) -> None:
        each = self.model[key]
        with self.database.transaction() as session:
            if each.state is not State.SUSPENDED:
                with pytest.raises(FailedPrecondition, match="cannot become INDEXED"):
                    LEARNWARES.reinstate(session, *key)
                return
            row = LEARNWARES.reinstate(session, *key)
        each.go(State.INDEXED)
        served = [k for k, v in self.model.items() if k[0] == key[0] and v.state is State.INDEXED]
        for old in sorted(served)[:-1]:
            self.model[old].go(State.DEPRECATED)
        assert row.state is each.state and row.reason == ""

    @rule(key=versions, whole=st.booleans())
    def delete(self, key: tuple[str, int], whole: bool) -> None:
        gone = [k for k in self.model if k[0] == key[0]] if whole else [key]
        alive = [k for k in gone if self.model[k].state is not State.DELETED]
        with self.database.transaction() as session:
            assert LEARNWARES.delete(session, key[0], 0 if whole else key[1]) == len(alive)
        for each in alive:
            self.model[each].go(State.DELETED)

    @rule(held=claims)
    def renew(self, held: LearnwareRow) -> None:
        each = self.model[held.learnware_id, held.version]
        current = each.attempt == held.attempt and each.state is held.state
        with self.database.transaction() as session:
            assert LEARNWARES.renew(session, held, 60) == current
        if current:
            each.lease_until = self.clock.now + 60

    @rule()
    def reconcile(self) -> None:
        Reconciler(self.database, grace_s=30).scan()
        with self.database.read() as session:
            for key, each in self.model.items():
                if LEARNWARES.get(session, *key).state is State.FAILED_INTERNAL and each.state in WORKING:
                    assert each.tries >= MAX_TRIES and each.lease_until <= self.clock.now
                    each.go(State.FAILED_INTERNAL)

    @rule(seconds=st.sampled_from([1, 31, 61]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    @rule(state=st.sampled_from(list(WORKING_ON)))
    def look_who_waits(self, state: State) -> None:
        with self.database.read() as session:
            proposed = {(r.learnware_id, r.version) for r in LEARNWARES.next_waiting(session, state, 1000)}
        assert proposed == {key for key, each in self.model.items() if self._waits(each, state)}

    def _waits(self, each: Version, state: State) -> bool:
        silent = each.state is WORKING_ON[state] and each.lease_until <= self.clock.now and not each.embedded
        return each.state is state or silent

    @invariant()
    def database_and_model_agree(self) -> None:
        with self.database.read() as session:
            rows = LEARNWARES.changed_since(session, 0, 10_000)
            revision = LEARNWARES.revision(session)
            told = Outbox().pending(session, 10_000)
            verdicts = [Verdicts().get(session, *key) for key in self.model]
        assert {(row.learnware_id, row.version) for row in rows} == set(self.model)
        for row in rows:
            each = self.model[row.learnware_id, row.version]
            assert (row.state, row.attempt) == (each.state, each.attempt)
        revisions = [row.revision for row in rows]
        assert revisions == sorted(set(revisions)) and max(revisions, default=0) == revision >= self.revision
        self.revision = revision
        assert len(told) >= sum(len(each.path) for each in self.model.values())
        assert all(each.verdicts <= 1 for each in self.model.values())
        assert sum(found is not None for found in verdicts) == sum(each.verdicts for each in self.model.values())

    @invariant()
    def at_most_one_version_serves(self) -> None:
        serving = [key[0] for key, each in self.model.items() if each.state is State.INDEXED]
        assert len(serving) == len(set(serving))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request, tmp_path):
    """Gives the URL of an empty database, as often as it is asked."""
    if request.param == "postgresql":
        return request.getfixturevalue("emptied_postgres")
    numbers = itertools.count()
    return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"


def test_random_steps_agree_with_the_model(new_url):
    few = settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=8,
        stateful_step_count=30,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: StateMachine(new_url()), settings=few)


def walk(machine: StateMachine, rng: random.Random, steps: int) -> None:
    """Many steps that mostly get somewhere, checked against the model after each."""
    keys = [machine.push("ann")]
    held: list[LearnwareRow] = []

    def claim_one() -> None:
        row = machine.claim(rng.choice(keys[-4:]), rng.choice(list(WORKING)))
        if isinstance(row, LearnwareRow):
            held.append(row)

    def advance_one() -> None:
        key = rng.choice(keys[-4:])
        row = machine.claim(key, WORKING_ON.get(machine.model[key].state, State.CHECKING))
        if not isinstance(row, LearnwareRow):
            return
        if row.state is State.CHECKING:
            machine.finish_check(row, rng.choice([State.ACCEPTED] * 4 + [State.REJECTED]))
        else:
            machine.embed(row)

    def neglect_one() -> None:
        key = rng.choice(keys[-4:])
        for _ in range(rng.choice([1, 2, MAX_TRIES + 1])):
            machine.wait(61)
            state = machine.model[key].state
            row = machine.claim(key, WORKING_ON.get(state, state if state in WORKING else State.CHECKING))
            held.extend([row] if isinstance(row, LearnwareRow) else [])

    def update_one() -> None:
        key = machine.update(rng.choice(keys[-6:]))
        if isinstance(key, tuple):
            keys.append(key)

    def index_one() -> None:
        ready = [key for key, each in machine.model.items() if each.state is State.EMBEDDING and each.embedded]
        machine.index(rng.choice(ready if rng.random() < 0.5 else keys[-6:]))

    def suspend_or_reinstate_one() -> None:
        machine.suspend(rng.choice(keys))
        out = [key for key, each in machine.model.items() if each.state is State.SUSPENDED]
        served = [key for key, each in machine.model.items() if each.state in (State.INDEXED, State.DEPRECATED)]
        if rng.random() < 0.5:
            machine.reinstate(rng.choice(out))
        else:
            machine.suspend(rng.choice(served))

    actions = {
        claim_one: 20,
        advance_one: 30,
        neglect_one: 5,
        update_one: 4,
        lambda: keys.append(machine.push(rng.choice(["ann", "bob"]))): 3,
        lambda: machine.finish_check(rng.choice(held[-8:]), rng.choice([State.ACCEPTED] * 4 + [State.REJECTED])): 12,
        lambda: machine.embed(rng.choice(held[-8:])): 15,
        index_one: 15,
        lambda: machine.delete(rng.choice(keys), rng.random() < 0.3): 2,
        suspend_or_reinstate_one: 4,
        lambda: machine.renew(rng.choice(held[-8:])): 3,
        machine.reconcile: 3,
        lambda: machine.wait(rng.choice([1, 30, 31, 60])): 8,
        lambda: machine.look_who_waits(rng.choice(list(WORKING_ON))): 3,
    }
    for _ in range(steps):
        [action] = rng.choices(list(actions), weights=list(actions.values()))
        with contextlib.suppress(IndexError):  # nothing is held yet
            action()
        machine.database_and_model_agree()
        machine.at_most_one_version_serves()


def test_long_walks_reach_everything(new_url):
    reached: set[State] = set()
    for seed in range(3):
        machine = StateMachine(new_url())
        try:
            walk(machine, random.Random(seed), 200)
            reached |= {state for each in machine.model.values() for state in each.path}
        finally:
            machine.teardown()
    assert reached == set(State)
