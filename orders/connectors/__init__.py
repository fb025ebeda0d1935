"""The sales systems that orders are handed to, each behind `orders.connectors.port.Connector`."""
