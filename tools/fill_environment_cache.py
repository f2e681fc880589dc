"""Put the wheels that sandbox environments of the tests and of the demo need into uv's cache."""
