"""The computational graph as a picture: `draw` in draw.py; laid out here, without any program but Python.

picture    what is drawn: shapes, the edges between them, their texts
folding    repeated blocks, found in the order of computation
ranking    which column each shape stands in, and in which order within it
placing    coordinates
scene      the drawing's primitives, which svg and png write down; dot leaves the layout to Graphviz
"""
