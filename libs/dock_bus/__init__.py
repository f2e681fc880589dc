"""EventBus: how services tell one another that something happened."""

from dock_bus.port import DeadLetter, Delivery, EventBus, Message, Subscription, UnreadableError

__all__ = ["DeadLetter", "Delivery", "EventBus", "Message", "Subscription", "UnreadableError"]
