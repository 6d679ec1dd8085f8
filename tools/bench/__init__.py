"""How fast and how lean is the product, beside the plain limits and a peer, on this machine?"""
