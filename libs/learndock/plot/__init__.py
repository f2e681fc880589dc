"""Pictures: the dock as a map. Importing this imports no matplotlib; drawing needs the extra `plot`."""

from __future__ import annotations

from learndock.plot.dockmap import dock_map
from learndock.plot.layout import Layout, lay_out, stress
from learndock.plot.panel import DockMap, Panel, Spot

__all__ = ["DockMap", "Layout", "Panel", "Spot", "dock_map", "lay_out", "stress"]
