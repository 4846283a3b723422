"""The same mathematics written in different ways, each a pass over a design."""
