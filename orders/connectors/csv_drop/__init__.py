"""Orders as CSV files in a folder that the sales system empties, and its acknowledgements read back."""
