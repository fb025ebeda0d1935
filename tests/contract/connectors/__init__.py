"""What every connector must keep to, run against each, straight and through a wire that breaks."""
