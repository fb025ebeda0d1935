"""Voices: each turns words into sound behind `port.Voice`."""
