"""The model, all of it: config, arithmetic, parameters, attention, encoder, heads, losses."""
