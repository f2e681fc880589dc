"""Pictures: the dock as a map. Importing this imports no matplotlib; drawing needs the extra `plot`."""

from __future__ import annotations

from learndock.plot.audit import audit_picture
from learndock.plot.dockmap import dock_map
from learndock.plot.exhibit import COLOUR_BY, Exhibit, map_exhibits
from learndock.plot.folder import map_folder
from learndock.plot.layout import Layout, lay_out, stress
from learndock.plot.panel import DockMap, Panel, Spot

__all__ = [
    "COLOUR_BY",
    "DockMap",
    "Exhibit",
    "Layout",
    "Panel",
    "Spot",
    "audit_picture",
    "dock_map",
    "lay_out",
    "map_exhibits",
    "map_folder",
    "stress",
]
