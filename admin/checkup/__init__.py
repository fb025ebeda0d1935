"""What `orderline doctor` looks at: each check gives findings, a finding says what to do. Nothing is repaired here."""
