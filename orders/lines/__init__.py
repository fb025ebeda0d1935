"""The line registry: which lines there are, how they stand, what staff does with them. Knows no Asterisk."""
