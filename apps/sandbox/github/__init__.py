"""How does GitHub answer? These are its REST and GraphQL end points on the sample world."""
