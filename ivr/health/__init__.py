"""How lines, boards and nodes stand: what is seen of them, what that means, and what is done about it."""
