"""BlobStore: where packages lie. Keys are never overwritten with other content."""

from dock_blob.port import BlobInfo, BlobStore, Whole

__all__ = ["BlobInfo", "BlobStore", "Whole"]
