"""A miniature world: drawn scenes, sentences about them, and a detector that sees only pixels."""
