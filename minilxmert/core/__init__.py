"""The model, all of it: config, inputs, arithmetic, parameters, attention, encoder, heads, one pass, losses."""
