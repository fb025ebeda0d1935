"""Understanding: spoken numbers, yes and no, article names, what to do with what was heard."""
