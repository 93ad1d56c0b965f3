"""From a photograph to objects: the detector whose features LXMERT was trained on, from pixels to boxes.

Bottom-up attention (Anderson et al., CVPR 2018, arXiv 1707.07998): a Faster R-CNN with ResNet-101 in its C4 form,
trained on Visual Genome. In reading order: recipes, with the resizing; network, a stage a function; frcnn, which puts
them together.
    detector = FasterRcnn.from_pretrained("frcnn-vg-finetuned")
    objects = detector(read_picture("photo.jpg"), "authors")

Letters, beside those of ops.py:
    N pictures or boxes   H, W rows and columns of a map   C channels   A anchors a cell   K classes
Maps are (N, H, W, C); boxes are x0 y0 x1 y1 in pixels of the resized picture, widths x1 - x0."""
