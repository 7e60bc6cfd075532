"""What the programs over HTTP share: who may ask what, and how a server begins and ends."""
