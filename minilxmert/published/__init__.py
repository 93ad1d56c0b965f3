"""The faces that users of transformers know: models, their outputs, loading and saving."""
