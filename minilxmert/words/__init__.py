"""Words: from a text to the numbers of its tokens, and back."""
