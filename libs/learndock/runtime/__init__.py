"""What runs beside a package's model: the worker, its wire format, and a stand-in for the peer's base class.

The worker, the launcher and the wire format run under the interpreter of the package's own environment, so
they need Python 3.8 and, for the worker, numpy; nothing else of this library is there.
"""

from learndock.runtime.folder import LAUNCHER, RUNTIME_DIR, WORKER

__all__ = ["LAUNCHER", "RUNTIME_DIR", "WORKER"]
