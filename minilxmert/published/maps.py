"""The attention maps of a pass, found in its cache."""

import functools

MAPS = {  # where a pass keeps its attention maps: an encoder, and the way into each of its layers
    "language_attentions": ("language", "attention", "attend"),
    "vision_attentions": ("vision", "attention", "attend"),
    "cross_encoder_attentions": ("cross", "cross", "lang"),
    "cross_encoder_vision_attentions": ("cross", "cross", "visn"),
    "cross_language_attentions": ("cross", "language", "attention", "attend"),
    "cross_vision_attentions": ("cross", "vision", "attention", "attend"),
}


def attention_maps(cache, entry="a"):
    """Every attention map of a pass, by output field; a tuple with one array a layer. After a backward, entry "da"
    gives the gradients of the maps in the same form."""

    def maps(encoder, *way):
        return tuple(functools.reduce(dict.get, way, layer)[entry] for layer in cache.get(encoder, {}).values())

    return {field: maps(*way) for field, way in MAPS.items()}
