"""Recognition: port, endpointing, transducer, vosk, understanding of what was heard."""
