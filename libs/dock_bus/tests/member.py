"""A member in a process of its own, which says what it was given: member.py URL PREFIX DURABLE MODE [ACK_WAIT_S TRIES].

MODE is `take`, which answers, or `die`, which ends the process by SIGKILL with the message in hand.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from dock_bus import Delivery, Subscription
from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings


def main() -> None:
    url, prefix, durable, mode, *numbers = sys.argv[1:]
    ack_wait_s, max_deliver = (float(numbers[0]), int(numbers[1])) if numbers else (5.0, 3)

    def handler(delivery: Delivery) -> None:
        print(delivery.message.event_id, delivery.count, flush=True)
        if mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)

    bus = NatsBus.connect(url, BusSettings(prefix=prefix, max_bytes=16 << 20))
    bus.subscribe(
        Subscription(durable=durable, subjects=["dock.>"], ack_wait_s=ack_wait_s, max_deliver=max_deliver), handler
    )
    print("ready", flush=True)
    sys.stdin.read()
    bus.close()


if __name__ == "__main__":
    main()
