"""A window into the model: attention maps, relevance, what removing things does, and a page to look at them."""
