"""PostgreSQL, NATS and MinIO on this machine, and a dock's services as processes beside them."""
