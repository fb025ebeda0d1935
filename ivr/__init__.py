"""Everything about a call: the pure dialogue, the lines, the media process, the runner, the exchange between them."""
