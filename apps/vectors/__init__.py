"""How are texts embedded, kept in Qdrant and searched by meaning?"""
