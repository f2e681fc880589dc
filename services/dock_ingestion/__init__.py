"""ingestion: takes packages in, keeps their records, and gives the bytes back."""
