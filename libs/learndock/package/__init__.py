"""The package format: reading a learnware's zip without trusting it, unpacking, packing and repacking.

Owns the layout, `learnware.yaml`, the requested environment and the limits that hold while a zip is
inflated. Nothing that a package names is imported or run here.
"""

from learndock.package.agreement import check_agreement
from learndock.package.limits import PackageLimits
from learndock.package.parts import EnvironmentRequest, ModelEntry, Package, SpecificationEntry
from learndock.package.read import extract_package, read_package
from learndock.package.write import pack_folder, repack_package

__all__ = [
    "EnvironmentRequest",
    "ModelEntry",
    "Package",
    "PackageLimits",
    "SpecificationEntry",
    "check_agreement",
    "extract_package",
    "pack_folder",
    "read_package",
    "repack_package",
]
