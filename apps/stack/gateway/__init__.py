"""What answers when there is no Qdrant server? This gateway. It is not Qdrant's server.

A small HTTP server over ``qdrant_edge``, Qdrant's own storage and search engine as a Python package. It speaks the part
of Qdrant's REST API that the product uses. So the unmodified ``QdrantClient(url=…, api_key=…)`` works, and only
``QDRANT_URL`` differs from that of a real server.

It has: collections (create, get, exists, delete, list), payload indexes (create), points (upsert in both forms,
retrieve, delete, set/overwrite/delete/clear payload, batch of these), query (nearest by vector or by id, also in
batch), scroll, count, facet, filters, the API key, ``/``, ``/healthz``, ``/livez``, ``/readyz``.

It has not: gRPC, named, sparse and multiple vectors, prefetch, fusion and the other kinds of query, grouping, ordering,
conditional upserts, geo conditions, aliases, snapshots, shards and replicas, telemetry, JWT. A request for one of them
gets 400 and a sentence, never a wrong answer. Settings that only concern speed and placement (HNSW, optimizers,
quantization, ``params`` of a search) are accepted and have no effect. No HNSW index is ever built, so every search is
exact. That costs about 4 ms at 60,000 vectors of 256; millions of vectors need a real Qdrant.
"""
