"""What the page "Step through" shows, computed without a page.

networks   the networks by name, and the examples that go through them
walk       one run of one of them: its drawing, its steps forward and back
arrays     what of an array is shown: a number, the first rows of a matrix, channels as pictures
behind     the very sum behind one number of a run
windows    the same for convolution and pooling
"""
