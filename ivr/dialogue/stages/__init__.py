"""The stages, grouped as a caller meets them. Each module exports its rows of the stage table."""
