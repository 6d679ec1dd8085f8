"""How fast and how lean is the product on this machine, compared with the baselines and a peer?"""
