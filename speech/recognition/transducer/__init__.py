"""Recognition by a Mandarin transducer over initials and finals: every phrase of the menu is scored exactly."""
