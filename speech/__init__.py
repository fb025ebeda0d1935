"""Prompts and their voices, recognition, spoken numbers and names. Imports `orders` values at most, never `ivr` or `admin`."""
