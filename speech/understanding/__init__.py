"""What spoken words mean: numbers, units, yes and no, wishes, article names; and what to do when in doubt. Pure."""
