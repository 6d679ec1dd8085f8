"""How does GitHub answer? Its REST and GraphQL end points over the sample world."""
