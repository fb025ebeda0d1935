"""The people who work with the console: who they are, what their roles allow, how they prove it. No pages in here."""
