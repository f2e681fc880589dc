"""Asking a server of this machine by HTTP how it is."""

from __future__ import annotations

import http.client
import ssl


def ask(port: int, path: str, *, tls: bool = False) -> tuple[int, bytes]:
    """Status and body of GET `path` at a port of the loopback; status 0 where nobody answers.

    With `tls` any certificate is taken, for what is asked is only whether the server is there.
    """
    address = ("127.0.0.1", port)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(*address, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
