//! What the black-box tests and the benchmark share: the real binary as a child, wire clients, OTLP messages.
//!
//! | file | what |
//! |---|---|
//! | `process` | the binary as a child process on free ports |
//! | `http` | blocking HTTP/1.1 client |
//! | `canaries` | made-up secrets of each format that redaction knows |
//! | `grpc` | unary gRPC client that sends ready-made bytes |
//! | `otlp` | OTLP requests written field by field |
//! | `rng` | seeded random numbers |
//! | `servers` | real Redis and PostgreSQL servers for tests |
//! | `wait` | polling with a deadline |
//!
//! Deliberately not here: our own decoders. A test that reads our answers with our own code would prove nothing.

pub mod canaries;
pub mod grpc;
pub mod http;
pub mod otlp;
pub mod process;
pub mod rng;
pub mod servers;
pub mod wait;
