"""Does the product stay truthful when an answer has a hole? Every kind of request × every hole, with the assertions."""
