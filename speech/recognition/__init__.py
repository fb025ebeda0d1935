"""Hearing callers: one port, three engines (vosk, transducer, keypad only), one model a process, light listenings."""
