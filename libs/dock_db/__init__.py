"""The database: learnwares and their state machine, uploads, verdicts, specifications, outbox and inbox."""

from dock_db.bell import Bell
from dock_db.breaches import Breaches
from dock_db.checks import CheckSteps, Verdicts
from dock_db.database import Database
from dock_db.dead_letters import DeadLetterRecorder, DeadLetters
from dock_db.flags import Flags
from dock_db.identity import Identity
from dock_db.leadership import Leadership
from dock_db.learnwares import Learnwares
from dock_db.options import DatabaseOptions
from dock_db.outbox import Outbox, forget_seen, once
from dock_db.reconciler import Reconciler
from dock_db.relay import Relay
from dock_db.rows import (
    BreachRow,
    LearnwareRow,
    OutboxRow,
    Overdue,
    SpecificationRow,
    State,
    StepRow,
    TokenRow,
    UploadRow,
    VerdictRow,
)
from dock_db.schema import SchemaStatus
from dock_db.set_aside import RELAY, SetAside
from dock_db.specifications import Specifications
from dock_db.standing import Standing, standing
from dock_db.tokens import Tokens
from dock_db.uploads import Uploads

__all__ = [
    "RELAY",
    "Bell",
    "BreachRow",
    "Breaches",
    "CheckSteps",
    "Database",
    "DatabaseOptions",
    "DeadLetterRecorder",
    "DeadLetters",
    "Flags",
    "Identity",
    "Leadership",
    "LearnwareRow",
    "Learnwares",
    "Outbox",
    "OutboxRow",
    "Overdue",
    "Reconciler",
    "Relay",
    "SchemaStatus",
    "SetAside",
    "SpecificationRow",
    "Specifications",
    "Standing",
    "State",
    "StepRow",
    "TokenRow",
    "Tokens",
    "UploadRow",
    "Uploads",
    "VerdictRow",
    "Verdicts",
    "forget_seen",
    "once",
    "standing",
]
