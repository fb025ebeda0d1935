"""The operators' console: pages behind sign-in. Each module is one subject: its routes, what they ask of the store."""
