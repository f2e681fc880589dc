"""The composition root: every target in one process (`dock up`), or chosen ones (`dock serve`)."""

import os

# gRPC's core reads this when it is imported. What it logs about a taken port, the dock says better.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
