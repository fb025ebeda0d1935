"""The web side: status page, browser phone, and the server that carries them. Reads and sends; touches no telephone."""
