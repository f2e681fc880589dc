"""gRPC as every part of the dock speaks it.

    servicer ── server (threads, health, reflection)          channel ── stub
                  │ trace id, log, metrics, errors out  ══►  errors back in, deadlines, retries │

Server side (extra `server`): `server`, `metrics`, `logs`. Client side (core install): `channel`, `convert`, `peers`,
`status`. An error raised in a servicer is raised again, as the same class, where the stub was called.
"""

import os

# Errors of ours say why a handshake failed; gRPC says it besides, five times and in its own words.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
