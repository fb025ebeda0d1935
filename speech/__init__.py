"""Prompts and their voices, recognition, spoken numbers and names. Never imports `ivr` or `admin`."""
