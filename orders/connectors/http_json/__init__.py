"""Orders to a sales system over HTTP and JSON, as `docs/sales-api.yaml` describes what the other side must offer."""
