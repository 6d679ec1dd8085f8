"""How does GitHub answer? These are its REST and GraphQL endpoints on the sample world."""
