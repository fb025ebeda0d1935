"""Recognition by vosk (Kaldi), where a small model with a dynamic graph is installed."""
