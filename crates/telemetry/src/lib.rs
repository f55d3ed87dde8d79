//! The SDK that services use: one line to start, traces, metrics and logs over OTLP, and layers for axum, reqwest, sqlx, redis and tonic.
