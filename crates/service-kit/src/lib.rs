//! Boot of a service: configuration, listener, health, shutdown, middleware, database, cache, HTTP client.
