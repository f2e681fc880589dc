"""EventBus: how services tell one another that something happened."""

from dock_bus.port import Delivery, EventBus, Message, Subscription

__all__ = ["Delivery", "EventBus", "Message", "Subscription"]
